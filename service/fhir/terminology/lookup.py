"""Lookup: what a code system says of a concept.

Source: https://hl7.org/fhir/R4/codesystem-operation-lookup.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir.terminology.descriptions import is_of_language, of_concept

if TYPE_CHECKING:
    from service.fhir.terminology.code_systems import CodeSystem, Concept

Json = dict[str, Any]

_BY_HIERARCHY: Final = frozenset({"parent", "child", "subsumedBy"})
_IN_LANGUAGE: Final = "lang."  # what a property that asks for designations in a language begins with


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a concept: `shape` is the JSON name of its value, such as valueCode."""

    code: str
    shape: str
    value: Any
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """A concept: the name and version of its code system, and what that says of it."""

    name: str
    version: str | None
    display: str
    designations: tuple[Json, ...]
    properties: tuple[Property, ...]


def details(
    system: CodeSystem,
    concept: Concept,
    *,
    language: str | None = None,
    asked: tuple[str, ...] = (),
) -> Details:
    """What is said of the concept: all, or the properties that are asked for by code.

    A concept without display is shown by its code.
    """
    described = of_concept(system, concept, language)
    tags = [code.removeprefix(_IN_LANGUAGE) for code in asked if code.startswith(_IN_LANGUAGE)]
    every = not asked or "designation" in asked
    return Details(
        system.title,
        system.version,
        described.display or concept.code,
        tuple(
            designation
            for designation in concept.designations
            if every or any(is_of_language(tag, designation.get("language", "")) for tag in tags)
        ),
        tuple(found for found in _properties(system, concept) if not asked or found.code in asked),
    )


def _properties(system: CodeSystem, concept: Concept) -> Iterator[Property]:
    yield Property("url", "valueUri", system.url)
    if concept.definition is not None:
        yield Property("definition", "valueString", concept.definition)
    yield Property("inactive", "valueBoolean", concept.inactive)
    for name, codes in (("parent", concept.parents), ("child", system.children.get(concept.code, ()))):
        for code in codes:
            other = system.concepts.get(code)
            yield Property(name, "valueCode", code, None if other is None else other.display)
    for code, shape, value in concept.properties:
        if system.standard_name(code) not in _BY_HIERARCHY | {"inactive"}:
            yield Property(code, shape, value)
