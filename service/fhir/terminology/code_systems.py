"""Code systems: their concepts by code, each with its properties and the concepts above it.

Only the guide's are held whole. Supplements define no codes and are passed over.

Source: https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/codesystem-concept-properties.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from service.fhir.guide import Guide

Json = dict[str, Any]

STANDARD: Final = "http://hl7.org/fhir/concept-properties#"
"""What the URIs of the properties that every code system may use begin with."""

_UPWARD: Final = frozenset({"parent", "subsumedBy"})
_RETIRED: Final = frozenset({"retired", "inactive"})
SHAPES: Final = tuple(
    f"value{name}" for name in ("Code", "Coding", "String", "Integer", "Boolean", "DateTime", "Decimal")
)


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept as its code system defines it, without the concepts below it.

    `parents` are the codes directly above it; `properties` are code and value as JSON has
    them (`valueCode` and so on), in order.
    """

    code: str
    display: str | None
    definition: str | None
    designations: tuple[Json, ...]
    properties: tuple[tuple[str, str, Any], ...]  # property code, shape such as valueCode, value
    parents: tuple[str, ...]
    inactive: bool
    abstract: bool

    def values(self, property_: str) -> list[Any]:
        """The values of a property, in order."""
        return [value for code, _, value in self.properties if code == property_]


class CodeSystem:
    """The concepts of one CodeSystem."""

    def __init__(self, content: Json) -> None:
        """Takes a CodeSystem whose structure is sound."""
        self.content = content
        self.url: str = content.get("url", "")
        self.version: str | None = content.get("version")
        self.is_whole: bool = content.get("content") == "complete"
        self.folds_case: bool = content.get("caseSensitive") is False
        self._standard: dict[str, str] = {
            property_["uri"].removeprefix(STANDARD): property_["code"]
            for property_ in content.get("property", ())
            if property_.get("uri", "").startswith(STANDARD) and "code" in property_
        }

    @property
    def title(self) -> str:
        """The name to show for it."""
        return str(self.content.get("title") or self.content.get("name") or self.url)

    @cached_property
    def concepts(self) -> Mapping[str, Concept]:
        """The concepts by code, in order, those above before those below."""
        parents: dict[str, list[str]] = {}
        listed: dict[str, Json] = {}
        for concept, above in _walk(self.content.get("concept", ()), None):
            code = concept["code"]
            listed.setdefault(code, concept)
            own = parents.setdefault(code, [])
            if above is not None:
                own.append(above)
            for property_ in concept.get("property", ()):
                name, value = self.standard_name(property_.get("code")), property_.get("valueCode")
                if name in _UPWARD and value is not None:
                    own.append(value)
                elif name == "child" and value is not None:
                    parents.setdefault(value, []).append(code)
        return {
            code: self._concept(concept, tuple(dict.fromkeys(parents[code])))
            for code, concept in listed.items()
        }

    @cached_property
    def _folded(self) -> Mapping[str, str]:
        return {code.casefold(): code for code in self.concepts}

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """The codes directly below each code that has any."""
        below: dict[str, list[str]] = {}
        for concept in self.concepts.values():
            for parent in concept.parents:
                below.setdefault(parent, []).append(concept.code)
        return {code: tuple(codes) for code, codes in below.items()}

    def find(self, code: str) -> Concept | None:
        """The concept of that code, whatever its case where the code system does not mind."""
        found = self.concepts.get(code)
        if found is None and self.folds_case:
            spelt = self._folded.get(code.casefold())
            return None if spelt is None else self.concepts[spelt]
        return found

    def above(self, code: str) -> frozenset[str]:
        """The codes above a code, however far; not the code itself, even if it comes round to it."""
        return self._reached(code, lambda at: self.concepts[at].parents if at in self.concepts else ())

    def below(self, code: str) -> frozenset[str]:
        """The codes below a code, however far; not the code itself."""
        return self._reached(code, lambda at: self.children.get(at, ()))

    @staticmethod
    def _reached(start: str, step: Any) -> frozenset[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for code in step(waiting.pop()):
                if code not in seen:
                    seen.add(code)
                    waiting.append(code)
        return frozenset(seen - {start})

    def standard_name(self, property_: str | None) -> str | None:
        """The standard name of a property of this code system; its own code where it has none."""
        for standard, code in self._standard.items():
            if code == property_:
                return standard
        return property_

    def _concept(self, listed: Json, parents: tuple[str, ...]) -> Concept:
        properties = tuple(_properties(listed))
        standard: dict[str | None, list[Any]] = {}
        for code, _, value in properties:
            standard.setdefault(self.standard_name(code), []).append(value)
        return Concept(
            listed["code"],
            listed.get("display"),
            listed.get("definition"),
            tuple(listed.get("designation", ())),
            properties,
            parents,
            inactive=True in standard.get("inactive", ())
            or not _RETIRED.isdisjoint(standard.get("status", ())),
            abstract=True in standard.get("notSelectable", ()),
        )


class CodeSystems:
    """The code systems of a guide, each made when first asked for."""

    def __init__(self, guide: Guide) -> None:
        """Takes the guide."""
        self._guide = guide
        self._made: dict[str, CodeSystem] = {}

    def find(self, system: str, version: str | None = None) -> CodeSystem | None:
        """The code system of that URI, `uri` or `uri|version`; None where it is not held, or of another version."""
        canonical = f"{system}|{version}" if version else system
        content = self._guide.find("CodeSystem", canonical)
        if content is None or content.get("content") == "supplement":
            return None
        url = content["url"]
        made = self._made.get(url)
        if made is None:
            made = self._made[url] = CodeSystem(content)
        return made

    def of_value_set(self, value_set: str) -> CodeSystem | None:
        """The code system that says of itself that the value set of that URL is all its codes."""
        for url, content in self._guide.all("CodeSystem").items():
            if content.get("valueSet", "").partition("|")[0] == value_set:
                return self.find(url)
        return None


def _walk(concepts: Any, above: str | None) -> Iterator[tuple[Json, str | None]]:
    """Every concept with the code that it stands under, in the order of the document.

    FHIR lets an extension stand in place of any value; a concept without code, and what is below it, is none.
    """
    waiting = [(concept, above) for concept in reversed(concepts)]
    while waiting:
        concept, parent = waiting.pop()
        if "code" in concept:
            yield concept, parent
            waiting += [(below, concept["code"]) for below in reversed(concept.get("concept", ()))]


def _properties(concept: Json) -> Iterator[tuple[str, str, Any]]:
    for property_ in concept.get("property", ()):
        for shape in SHAPES:
            if shape in property_ and "code" in property_:
                yield property_["code"], shape, property_[shape]
