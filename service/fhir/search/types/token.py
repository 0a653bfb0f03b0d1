"""Token parameters: codes, identifiers, booleans and whatever else is matched whole.

Source: https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.fhir.definitions import Element
from service.fhir.registry import Registry
from service.fhir.search import refusals
from service.fhir.search.asked import Asked
from service.fhir.search.escapes import split, unescape
from service.fhir.search.expressions import Expression, Or, Token
from service.fhir.search.parameters import elements

MODIFIERS = ("not",)

Pairs = list[tuple[str, str]]

# The system that a boolean implies, in R4's words "never actually used".
SPECIAL_VALUES = frozenset(
    {"http://hl7.org/fhir/special-values", "http://terminology.hl7.org/CodeSystem/special-values"}
)

_FORM = "give a code as `code`, `system|code`, `|code` or `system|`"


def _coding(value: Mapping[str, Any]) -> Pairs:
    return [(value.get("system", ""), value.get("code", ""))]


def _concept(value: Mapping[str, Any]) -> Pairs:
    """Its codings; a concept in words alone is a value too, so that it does not count as missing."""
    codings = value.get("coding")
    if not codings:
        return [("", "")]
    return [(coding.get("system", ""), coding.get("code", "")) for coding in codings]


def _identifier(value: Mapping[str, Any]) -> Pairs:
    return [(value.get("system", ""), value.get("value", ""))]


def _contact_point(value: Mapping[str, Any]) -> Pairs:
    return [("", value.get("value", ""))]


def _code(value: str) -> Pairs:
    return [("", value)]


def _string(value: str) -> Pairs:
    """Folded: R4 has tokens of type string match without regard to case."""
    return [("", value.casefold())]


def _boolean(value: bool) -> Pairs:  # noqa: FBT001 - it is the value
    return [("", "true" if value else "false")]


def _number(value: int) -> Pairs:
    return [("", str(value))]


READERS: Mapping[str, Callable[[Any], Pairs]] = {
    "Coding": _coding, "CodeableConcept": _concept, "Identifier": _identifier, "ContactPoint": _contact_point,
    "code": _code, "id": _code, "uri": _code, "url": _code, "canonical": _code, "oid": _code, "uuid": _code,
    "string": _string, "markdown": _string,
    "boolean": _boolean, "System.Boolean": _boolean,
    "integer": _number, "positiveInt": _number, "unsignedInt": _number,
}  # fmt: skip


def read(asked: Asked) -> Expression:
    """The condition that a token value states.

    Raises:
        Malformed: it has neither system nor code, or more than the two.
    """
    parts = [unescape(part) for part in split(asked.text, "|")]
    match parts:
        case [code]:
            return _any_case(asked, None, code)
        case [system, code] if system and code:
            return _any_case(asked, None if _implies(asked, system, code) else system, code)
        case ["", code] if code:
            return _any_case(asked, "", code)
        case [system, ""] if system:
            return Token(asked.code, system, None)
        case _:
            raise refusals.unreadable(asked.name, "search-value-token", _FORM)


def _any_case(asked: Asked, system: str | None, code: str) -> Expression:
    """The token as asked, and folded as well where the parameter reads a plain string."""
    exact = Token(asked.code, system, code)
    folded = code.casefold()
    if folded == code or system or not _reads(asked, _FOLDED):
        return exact
    return Or((exact, Token(asked.code, system, folded)))


_FOLDED = frozenset({"string", "markdown"})


def _reads(asked: Asked, types: frozenset[str]) -> bool:
    return any(
        types.intersection(as_types) for _, as_types in elements(asked.setting.registry, asked.parameter)
    )


def _implies(asked: Asked, system: str, code: str) -> bool:
    """Whether the system is the one that the bare code stands for, wherever the parameter looks."""
    registry = asked.setting.registry
    read_as = elements(registry, asked.parameter)
    return bool(read_as) and all((system, code) in _implied(registry, *one, code) for one in read_as)


def _implied(
    registry: Registry, element: Element, types: tuple[str, ...], code: str
) -> frozenset[tuple[str, str]]:
    """The codes with their systems that a value without one stands for: those of its value set."""
    if types == ("boolean",):
        return frozenset((system, code) for system in SPECIAL_VALUES)
    if types != ("code",) or element.binding is None:
        return frozenset()
    return registry.codes(element.binding.value_set) or frozenset()
