"""Filters: which concepts of a code system that is held pass a filter of a value set.

Source: https://hl7.org/fhir/R4/valueset-filter-operator.html, docs/operations/expand.md
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from service.fhir.terminology.code_systems import CodeSystem, Concept

Json = dict[str, Any]
Passes = Callable[["Concept"], bool]

ITSELF: Final = frozenset({"concept", "code"})
"""What a filter calls the concept itself; R4's own value sets use both."""


def of_filter(filter_: Json, system: CodeSystem) -> Passes | None:
    """What concepts of the code system must be to pass; None where the filter is not understood."""
    property_, operator, value = (str(filter_.get(name, "")) for name in ("property", "op", "value"))
    if not (property_ and value):
        return None
    if operator in _HIERARCHY:
        return _HIERARCHY[operator](system, value) if property_ in ITSELF else None
    read = _reader(property_, system)
    return None if read is None else _of_values(operator, value, read)


def _of_values(operator: str, value: str, read: Callable[[Concept], list[str]]) -> Passes | None:
    """What a property's values must be, read from a concept as texts."""
    match operator:
        case "=":
            return lambda concept: value in read(concept)
        case "in":
            wanted = listed(value)
            return lambda concept: not wanted.isdisjoint(read(concept))
        case "not-in":
            unwanted = listed(value)
            return lambda concept: unwanted.isdisjoint(read(concept))
        case "exists" if value in {"true", "false"}:
            exists = value == "true"
            return lambda concept: bool(read(concept)) is exists
        case "regex":
            return _matching(value, read)
        case _:
            return None


def listed(value: str) -> frozenset[str]:
    """The codes of a list with commas."""
    return frozenset(code.strip() for code in value.split(","))


def _is_a(system: CodeSystem, code: str) -> Passes:
    codes = system.below(code) | {code}
    return lambda concept: concept.code in codes


def _descends(system: CodeSystem, code: str) -> Passes:
    codes = system.below(code)
    return lambda concept: concept.code in codes


def _is_not_a(system: CodeSystem, code: str) -> Passes:
    codes = system.below(code) | {code}
    return lambda concept: concept.code not in codes


def _generalizes(system: CodeSystem, code: str) -> Passes:
    codes = system.above(code) | {code}
    return lambda concept: concept.code in codes


_HIERARCHY: Final[dict[str, Callable[[CodeSystem, str], Passes]]] = {
    "is-a": _is_a,
    "descendent-of": _descends,
    "is-not-a": _is_not_a,
    "generalizes": _generalizes,
}


def _reader(property_: str, system: CodeSystem) -> Callable[[Concept], list[str]] | None:
    """What reads the property of a concept as texts; None where the code system has no such property."""
    if property_ in _EVERYWHERE:
        read = _EVERYWHERE[property_]
        return lambda concept: read(concept, system)
    if any(property_ == declared.get("code") for declared in system.content.get("property", ())):
        return lambda concept: [_text(value) for value in concept.values(property_)]
    return None


def _text(value: Any) -> str:
    """A property's value as a filter writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case dict():
            return str(value.get("code", ""))
        case _:
            return str(value)


def _matching(value: str, read: Callable[[Concept], list[str]]) -> Passes | None:
    """What passes where a whole value of the property matches; None where the pattern cannot be read."""
    try:
        pattern = re.compile(value)
    except (re.error, RecursionError, OverflowError):
        return None
    return lambda concept: any(pattern.fullmatch(text) for text in read(concept))


# Whether it is inactive or not selectable is known of every concept: where it does not say, it is not.
_EVERYWHERE: Final[dict[str, Callable[[Concept, CodeSystem], list[str]]]] = {
    "concept": lambda concept, _: [concept.code],
    "code": lambda concept, _: [concept.code],
    "display": lambda concept, _: [] if concept.display is None else [concept.display],
    "definition": lambda concept, _: [] if concept.definition is None else [concept.definition],
    "parent": lambda concept, _: list(concept.parents),
    "child": lambda concept, system: list(system.children.get(concept.code, ())),
    "inactive": lambda concept, _: [_text(concept.inactive)],
    "notSelectable": lambda concept, _: [_text(concept.abstract)],
}
"""The properties that concepts of any code system have, read as texts."""
