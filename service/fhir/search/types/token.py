"""Token parameters: codes, identifiers, booleans and whatever else is matched whole.

Source: https://hl7.org/fhir/R4/search.html#token
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from service.fhir.definitions import Element
from service.fhir.registry import Registry
from service.fhir.search import refusals
from service.fhir.search.asked import Asked, any_code
from service.fhir.search.derived import IDENTIFIER, OF_TYPE, TEXT
from service.fhir.search.escapes import split, unescape
from service.fhir.search.expressions import Expression, Or, String, Token
from service.fhir.search.parameters import elements
from service.fhir.search.strings import fold

NOT = "not"
MODIFIERS = (NOT,)

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


def _concept_text(value: Mapping[str, Any]) -> Pairs:
    found = []
    for coding in value.get("coding", ()):
        text = coding.get("display")
        if text is not None:
            found.append((fold(text), text))
    text = value.get("text")
    if text is not None:
        found.append((fold(text), text))
    return found


def _coding_text(value: Mapping[str, Any]) -> Pairs:
    text = value.get("display")
    return [] if text is None else [(fold(text), text)]


def _identifier_text(value: Mapping[str, Any]) -> Pairs:
    text = value.get("type", {}).get("text")
    return [] if text is None else [(fold(text), text)]


# What `:text` searches: strings, folded and as they are.
# Source: https://hl7.org/fhir/R4/search.html#token (:text)
TEXT_READERS: Mapping[str, Callable[[Any], Pairs]] = {
    "CodeableConcept": _concept_text, "Coding": _coding_text, "Identifier": _identifier_text,
}  # fmt: skip


def _identifier_of_type(value: Mapping[str, Any]) -> Pairs:
    number = value.get("value")
    if number is None:
        return []
    return [
        (coding.get("system", ""), f"{coding['code']}|{number}")
        for coding in value.get("type", {}).get("coding", ())
        if "code" in coding
    ]


# What `:of-type` searches: the system of an identifier's type, and the type's code with the value.
OF_TYPE_READERS: Mapping[str, Callable[[Any], Pairs]] = {"Identifier": _identifier_of_type}


def read(asked: Asked) -> Expression:
    """The condition that a token value states.

    Raises:
        Malformed: it has neither system nor code, or more than the two.
    """
    system, code = pair(asked)
    if code is None:
        return Token(asked.code, system, None)
    return _any_case(asked, None if system and _implies(asked, system, code) else system, code)


def read_text(asked: Asked) -> Expression:
    """The condition that a text of the concept begins with the value (`:text`).

    Raises:
        Malformed: nothing is left of the value once it is folded.
    """
    folded = fold(asked.value)
    if not folded:
        raise refusals.unreadable(asked.name, "search-value-string", "give letters or digits")
    return any_code(asked, TEXT, lambda of: String(of, folded, "starts"))


def read_of_type(asked: Asked) -> Expression:
    """The condition that there is an identifier of a type with a value (`:of-type`).

    Raises:
        Malformed: it is not the type's system and code, and the value.
    """
    parts = [unescape(part) for part in split(asked.text, "|")]
    if len(parts) != 3 or not all(parts):
        raise refusals.unreadable(
            asked.name,
            "search-value-token",
            "`:of-type` wants `system|code|value`, of the type and the identifier",
        )
    system, code, value = parts
    return any_code(asked, OF_TYPE, lambda of: Token(of, system, f"{code}|{value}"))


def read_identifier(asked: Asked) -> Expression:
    """The condition that a reference bears an identifier (`:identifier`).

    Raises:
        Malformed: it is no token.
    """
    system, code = pair(asked)
    return any_code(asked, IDENTIFIER, lambda of: Token(of, system, code))


def pair(asked: Asked) -> tuple[str | None, str | None]:
    """System and code of a token as it is asked for: None is any, and a system "" is none.

    Raises:
        Malformed: it has neither system nor code, or more than the two.
    """
    parts = [unescape(part) for part in split(asked.text, "|")]
    match parts:
        case [code]:
            return None, code
        case [system, code] if code:
            return system, code
        case [system, ""] if system:
            return system, None
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
    return bool(read_as) and all((system, code) in implied(registry, *one, code) for one in read_as)


def implied(
    registry: Registry, element: Element, types: tuple[str, ...], code: str
) -> frozenset[tuple[str, str]]:
    """The codes with their systems that a value without one may stand for: those of its value set."""
    if types == ("boolean",):
        return frozenset((system, code) for system in SPECIAL_VALUES)
    if types != ("code",) or element.binding is None:
        return frozenset()
    return registry.codes(element.binding.value_set) or frozenset()
