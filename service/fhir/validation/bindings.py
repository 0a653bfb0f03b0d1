"""Bindings: whether a coded value is in the value set that its element is bound to.

Only required and extensible bindings are looked at, and only where the value set can be
enumerated. Of media types and currencies, which cannot, the form is checked.

A CodeableConcept fits when one of its codings is in the set. Where the binding is
extensible, text alone says that no code was suitable; where it is required, only an
extension (such as data-absent-reason) may stand in place of the code.

Source: https://hl7.org/fhir/R4/terminologies.html#strength
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from service.fhir.definitions import Element
    from service.fhir.registry import Registry

MEDIA_TYPES: Final = "http://hl7.org/fhir/ValueSet/mimetypes"
CURRENCIES: Final = "http://hl7.org/fhir/ValueSet/currencies"

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+\-]*"
# BCP 13, and what FHIR itself says in places bound to it: CapabilityStatement.format json, Signature.sigFormat image/*.
MEDIA_TYPE: Final = re.compile(
    rf"json|xml|ttl|{_NAME}/(?:{_NAME}|\*)(?: ?; ?{_NAME}=(?:{_NAME}|\"[^\"]*\"))*"
)
CURRENCY: Final = re.compile(r"[A-Z]{3}")  # ISO 4217

FORMS: Final = {MEDIA_TYPES: MEDIA_TYPE, CURRENCIES: CURRENCY}

PLAIN: Final = frozenset({"code", "string", "uri"})
CODED: Final = PLAIN | {"Coding", "CodeableConcept"}  # R4 binds no Quantity in its base definitions

SHOWN_CODES: Final = 12  # a sentence with more is not read

Shape = Literal["plain", "coding", "concept"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A value set bound to an element: its (system, code) pairs, or the form that its codes have."""

    value_set: str
    required: bool
    shape: Shape
    members: frozenset[tuple[str, str]]
    codes: frozenset[str]
    form: re.Pattern[str] | None = None

    def fits(self, value: Any) -> bool:
        """Whether the value, the structure of which is sound, is in the set."""
        match self.shape:
            case "plain":
                return self._has_code(value)
            case "coding":
                return self._has_coding(value, or_extension=True)
            case "concept":
                codings = value.get("coding")
                if not codings:
                    return not self.required or "extension" in value
                return any(self._has_coding(coding, or_extension=False) for coding in codings)

    def _has_code(self, code: Any) -> bool:
        if self.form is not None:
            return self.form.fullmatch(code) is not None
        # A uri bound to an extensible set may be of somebody's own making.
        return code in self.codes or (not self.required and ":" in code)

    def _has_coding(self, coding: Mapping[str, Any], *, or_extension: bool) -> bool:
        if "code" not in coding:
            return not self.required or (or_extension and "extension" in coding)
        return (coding.get("system"), coding["code"]) in self.members

    def is_missing(self, value: Any) -> bool:
        """Whether a value that does not fit has no code at all."""
        match self.shape:
            case "plain":
                return False
            case "coding":
                return "code" not in value
            case "concept":
                return not any("code" in coding for coding in value.get("coding", ()))

    def listed(self) -> str:
        """The set in words, to end a sentence with: its codes if they are few, else its URL."""
        if self.form is CURRENCY:
            return "a currency of ISO 4217 such as GBP"
        if self.form is MEDIA_TYPE:
            return "a media type such as application/pdf"
        if len(self.codes) > SHOWN_CODES:
            return f"from {self.value_set}"
        systems = {system for system, _ in self.members}
        codes = f"one of {', '.join(sorted(self.codes))}"
        return codes if self.shape == "plain" or len(systems) > 1 else f"{codes} of {next(iter(systems))}"


def bound(registry: Registry, element: Element, type_: str) -> Bound | None:
    """What an element of that type is bound to; None where there is nothing to check."""
    binding = element.binding
    if binding is None or type_ not in CODED or binding.strength not in {"required", "extensible"}:
        return None
    form = FORMS.get(binding.value_set)
    members: Collection[tuple[str, str]] | None = registry.codes(binding.value_set)
    if members is None and form is None:
        return None
    shape: Shape = "plain" if type_ in PLAIN else "concept" if type_ == "CodeableConcept" else "coding"
    pairs = frozenset(members or ())
    codes = frozenset(code for _, code in pairs)
    return Bound(binding.value_set, binding.strength == "required", shape, pairs, codes, form)
