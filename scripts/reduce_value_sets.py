"""Expands value sets to their codes, as far as the package itself holds them.

A set is left out (None) where it draws on a code system that is not whole in the
package (UCUM, ISO 3166 and 4217, media types), or names codes of SNOMED CT or LOINC,
which FHIR's CC0 does not cover.

Source: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NOT_COVERED_BY_CC0 = frozenset({"http://snomed.info/sct", "http://loinc.org"})


class Unknown(Exception):  # noqa: N818 - an answer, not an error: the set cannot be enumerated
    """The set cannot be enumerated from the package."""


class Terminology:
    """The package's value sets and code systems, by URL."""

    def __init__(self, value_sets: dict[str, Json], code_systems: dict[str, Json]) -> None:
        """Takes both as the package has them."""
        self.value_sets = value_sets
        self.code_systems = code_systems

    def codes(self, url: str) -> dict[str, list[str]] | None:
        """The codes of a value set by system, in the order of the code system; None where not enumerable."""
        try:
            members = self._members(url)
        except Unknown:
            return None
        by_system: dict[str, list[str]] = {}
        for system, code in members:
            by_system.setdefault(system, []).append(code)
        return by_system

    def _members(self, url: str) -> list[tuple[str, str]]:
        value_set = self.value_sets.get(url.partition("|")[0])
        if value_set is None or "compose" not in value_set:
            raise Unknown
        members: dict[tuple[str, str], None] = {}
        for include in value_set["compose"]["include"]:
            members |= dict.fromkeys(self._include(include))
        for exclude in value_set["compose"].get("exclude", []):
            for member in self._include(exclude):
                members.pop(member, None)
        return list(members)

    def _include(self, include: Json) -> list[tuple[str, str]]:
        """The members of one include or exclude: what its system gives and every named set holds."""
        parts = []
        if "system" in include:
            parts.append([(include["system"], code) for code in self._of_system(include)])
        parts += [self._members(url) for url in include.get("valueSet", [])]
        first, *others = parts
        return [member for member in first if all(member in other for other in others)]

    def _of_system(self, include: Json) -> list[str]:
        system = include["system"]
        if system in NOT_COVERED_BY_CC0:
            raise Unknown
        if "concept" in include:
            return [concept["code"] for concept in include["concept"]]
        code_system = self.code_systems.get(system)
        if code_system is None or code_system["content"] != "complete":
            raise Unknown
        ancestors = lineage(code_system)
        return [
            code
            for code in ancestors
            if all(passes(filter_, code, ancestors[code]) for filter_ in include.get("filter", []))
        ]


def lineage(code_system: Json) -> dict[str, set[str]]:
    """Every code with itself and all the codes above it, in the order of the code system."""
    parents: dict[str, set[str]] = {}

    def descend(concepts: list[Json], above: str | None) -> None:
        for concept in concepts:
            code = concept["code"]
            own = parents.setdefault(code, set())
            if above is not None:
                own.add(above)
            own |= {item["valueCode"] for item in concept.get("property", []) if item["code"] == "subsumedBy"}
            descend(concept.get("concept", []), code)

    descend(code_system.get("concept", []), None)

    def ancestors(code: str) -> set[str]:
        return {code}.union(*(ancestors(parent) for parent in parents.get(code, ())))

    return {code: ancestors(code) for code in parents}


def passes(filter_: Json, code: str, ancestors: set[str]) -> bool:
    """Whether a concept passes a filter of ValueSet.compose.include."""
    match filter_["property"], filter_["op"]:
        case "concept", "is-a":
            return filter_["value"] in ancestors
        case "concept", "is-not-a":
            return filter_["value"] not in ancestors
        case "concept", "descendent-of":
            return filter_["value"] in ancestors and filter_["value"] != code
        case _:
            raise Unknown
