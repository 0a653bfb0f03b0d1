"""Literal references: their shape, and the resource types that an element may refer to.

A reference is relative (`Patient/1`, with or without `/_history/2`), a fragment (`#id`),
or absolute; an http URL that ends like a relative reference says its type as well.
`Patient?identifier=...` asks the server to find the resource and is for entries of a
Bundle only. What a fragment or a urn points to is not looked up here.

Source: https://hl7.org/fhir/R4/references.html#literal, https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir.validation.primitives import is_string

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID: Final = r"[A-Za-z0-9\-.]{1,64}"
RELATIVE: Final = re.compile(rf"([A-Za-z]+)/{_ID}(?:/_history/{_ID})?")
RESTFUL: Final = re.compile(rf"https?://[^\x00-\x20?#]+/([A-Za-z]+)/{_ID}(?:/_history/{_ID})?")
CONDITIONAL: Final = re.compile(r"([A-Za-z]+)\?[^\x00-\x20]+")
FRAGMENT: Final = re.compile(r"#[^\x00-\x20]*")  # what it leads to is checked where that stands
ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\x00-\x20]+")

_is_relative = RELATIVE.fullmatch


@dataclass(frozen=True, slots=True)
class ReferenceFault:
    """What is wrong with a Reference: our slug, the IssueType code, a sentence, and the element at fault."""

    slug: str
    code: str
    text: str
    element: str = "reference"


@dataclass(frozen=True, slots=True)
class Targets:
    """What the References of an element may refer to.

    `permitted` are resource types; `every` are all there are, the same where any may be
    referred to. `bundled`: it stands in a Bundle, so that conditional references may be used.
    """

    permitted: frozenset[str]
    every: frozenset[str]
    bundled: bool

    def accepts(self, value: Any) -> bool:
        """Whether `Reference.reference` is good; the usual case first."""
        relative = _is_relative(value)
        if relative is not None and relative[1] in self.permitted:
            return True
        return is_string(value) and self.fault(value) is None

    def fault(self, value: str) -> ReferenceFault | None:
        """What is wrong with `Reference.reference`, if anything."""
        if ABSOLUTE.fullmatch(value):
            type_ = target(value)
            if type_ is None or type_ not in self.every:
                return None  # some other server's own kind of address
            return self._of(type_)
        if FRAGMENT.fullmatch(value):
            return None
        match = RELATIVE.fullmatch(value) or CONDITIONAL.fullmatch(value)
        if match is None:
            return ReferenceFault(
                "reference-malformed",
                "value",
                "A reference must be like Patient/1, #contained-id, urn:uuid:... or an absolute URL.",
            )
        if "?" in value and not self.bundled:
            return ReferenceFault(
                "reference-conditional",
                "value",
                "A reference that searches (Type?parameter=value) may stand only in an entry of a Bundle.",
            )
        if match[1] not in self.every:
            return ReferenceFault(
                "reference-type-unknown", "value", f"R4 has no resource type {match[1][:64]}."
            )
        return self._of(match[1])

    def _of(self, type_: str) -> ReferenceFault | None:
        if type_ in self.permitted:
            return None
        names = ", ".join(sorted(self.permitted))
        return ReferenceFault("reference-target", "value", f"This may not refer to {type_}, only to {names}.")

    def fits(self, reference: Mapping[str, Any]) -> bool:
        """Whether `Reference.type` is permitted and agrees with the literal reference."""
        return self.misfit(reference) is None

    def misfit(self, reference: Mapping[str, Any]) -> ReferenceFault | None:
        """What is wrong with `Reference.type`, if anything. Its form is not looked at here."""
        type_ = reference.get("type")
        if type(type_) is not str or type_ not in self.every:
            return None
        fault = self._of(type_)
        if fault is not None:
            return ReferenceFault(fault.slug, fault.code, fault.text, "type")
        literal = reference.get("reference")
        said = target(literal) if type(literal) is str else None
        if said is None or said == type_ or said not in self.every:
            return None
        text = f"type says {type_}, but the reference is to {said}."
        return ReferenceFault("reference-type-differs", "value", text, "type")


def target(reference: str) -> str | None:
    """The type that a relative, conditional or RESTful reference names; None for all others."""
    match = RELATIVE.fullmatch(reference) or CONDITIONAL.fullmatch(reference) or RESTFUL.fullmatch(reference)
    return match[1] if match else None
