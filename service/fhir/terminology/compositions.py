"""Compositions: the extent of a value set from its `compose`, or from an expansion stored with it.

One include is what its system gives and all of its value sets hold; the includes together,
less the excludes, are the value set.

Source: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from service.fhir.problems import Invalid, Issue
from service.fhir.terminology import extents
from service.fhir.terminology.extents import Extent, Gap, Pair
from service.fhir.terminology.filters import of_filter

if TYPE_CHECKING:
    from service.fhir.terminology.code_systems import CodeSystem, CodeSystems

Json = dict[str, Any]
Import = Callable[[str, str], Extent]
"""The extent of another value set, from its canonical and the place where it is named."""

UNCLOSED: Final = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
WORK_ALLOWED: Final = 200_000
"""Concepts looked at for one value set that a client sent: about a tenth of a second of one core."""
INCLUDE_COST: Final = 200
"""What an include costs before anything is in it, in concepts looked at; so a value set has 1,000 at most."""


class Composition:
    """Works out one value set; counts what it costs."""

    def __init__(
        self, code_systems: CodeSystems, imported: Import, *, regexes: bool = True, allowed: int | None = None
    ) -> None:
        """Takes the code systems that are held and where other value sets are found.

        `regexes` says whether a filter's pattern may be run: one sent by a client could run for
        years. `allowed` is how many concepts may be looked at; None for as many as it takes.
        """
        self._code_systems = code_systems
        self._imported = imported
        self._regexes = regexes
        self._left = allowed

    def extent(self, value_set: Json) -> Extent:
        """The extent of a value set whose structure is sound.

        Raises:
            Invalid: it costs more work than is allowed.
        """
        compose = value_set.get("compose")
        found = None if compose is None else self._composed(compose)
        if "expansion" in value_set and (found is None or not found.is_whole):
            return expanded(value_set["expansion"], found)
        return found or extents.unknown(Gap("It says by no composition and no expansion what is in it."))

    def _composed(self, compose: Json) -> Extent:
        active_only = compose.get("inactive") is False

        def joined(name: str) -> Extent:
            return extents.union(
                self._included(include, f"ValueSet.compose.{name}[{place}]", active_only=active_only)
                for place, include in enumerate(compose.get(name, ()))
            )

        included = joined("include")
        return extents.difference(included, joined("exclude")) if "exclude" in compose else included

    def _included(self, include: Json, where: str, *, active_only: bool) -> Extent:
        self._spend(INCLUDE_COST)
        parts = [
            self._imported(url, f"{where}.valueSet[{place}]")
            for place, url in enumerate(include.get("valueSet", ()))
            if url is not None
        ]
        if "system" in include:
            parts.insert(0, self._of_system(include, where, active_only=active_only))
        if not parts:
            return extents.unknown(Gap("It names neither a code system nor a value set.", where))
        self._spend(sum(part.size for part in parts) + parts[0].size * len(parts))
        return reduce(extents.intersection, parts)

    def _of_system(self, include: Json, where: str, *, active_only: bool) -> Extent:
        url = include["system"]
        system = self._code_systems.find(url, include.get("version"))
        if "concept" in include:
            self._spend(len(include["concept"]))
            return extents.of_pairs(_listed(include, system, active_only=active_only))
        if system is None:
            return Extent(open=frozenset({url}), gaps=(Gap("The code system is not held here.", where),))
        filters = include.get("filter", ())
        self._spend(len(system.concepts) * (1 + len(filters)))
        concepts = [concept for concept in system.concepts.values() if not (active_only and concept.inactive)]
        gaps: list[Gap] = []
        for place, filter_ in enumerate(filters):
            passes = of_filter(filter_, system) if self._regexes or filter_.get("op") != "regex" else None
            if passes is None:
                gaps.append(Gap("The filter is not understood here.", f"{where}.filter[{place}]"))
            else:
                concepts = [concept for concept in concepts if passes(concept)]
        pairs = [(system.url, concept.code) for concept in concepts]
        found = (
            Extent(possible=frozenset(pairs), gaps=tuple(gaps))
            if gaps
            else extents.of_pairs((pair, {}) for pair in pairs)
        )
        return found if system.is_whole else extents.union((found, _rest_of(system, where)))

    def _spend(self, concepts: int) -> None:
        if self._left is not None:
            self._left -= concepts
            if self._left < 0:
                raise Invalid.of([too_costly()])


def _rest_of(system: CodeSystem, where: str) -> Extent:
    """What a code system that is held in part may have besides."""
    return Extent(
        open=frozenset({system.url}), gaps=(Gap("The code system is held here in part only.", where),)
    )


def too_costly() -> Issue:
    """The fault of a value set that takes too much work to be worked out."""
    return Issue(
        "error", "too-costly", "value-set-too-costly", "The value set takes too much work to be expanded."
    )


def _listed(include: Json, system: CodeSystem | None, *, active_only: bool) -> Iterator[tuple[Pair, Json]]:
    """The concepts that an include lists; of a system that is held whole, those that it has."""
    for listed in include["concept"]:
        code = listed.get("code")
        if code is None:
            continue
        concept = None if system is None else system.find(code)
        if concept is None:
            if system is None or not system.is_whole:
                yield (include["system"], code), listed
        elif not (active_only and concept.inactive):
            yield (include["system"], concept.code), listed


def expanded(expansion: Json, composed: Extent | None = None) -> Extent:
    """The extent that an expansion stored with the value set lists.

    If it says that it is a part, what else there may be is as far as the composition tells, which
    is not whole.
    """
    members: list[tuple[Pair, Json]] = []
    waiting = list(reversed(expansion.get("contains", ())))
    count = 0
    while waiting:
        entry = waiting.pop()
        waiting += reversed(entry.get("contains", ()))
        if "code" in entry:
            count += 1
            if not entry.get("abstract"):
                members.append(((entry.get("system", ""), entry["code"]), entry))
    is_part = count < expansion.get("total", 0) or any(
        extension.get("url") == UNCLOSED and extension.get("valueBoolean")
        for extension in expansion.get("extension", ())
    )
    listed = extents.of_pairs(members)
    if not is_part:
        return listed
    gap = Gap("The expansion stored with the value set is a part of it.", "ValueSet.expansion")
    return extents.union((listed, composed or extents.unknown(gap)))
