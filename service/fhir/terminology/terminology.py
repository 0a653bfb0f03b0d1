"""The terminology: which codes are in which value set, from the guide and from R4's own definitions.

Value sets of the guide go before R4's of the same address. Each is worked out when first
asked for; from then on a membership is one look into a set.

Source: https://hl7.org/fhir/R4/terminology-service.html, design.md section 6
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from service.fhir.problems import Missing
from service.fhir.terminology import expansion, extents, lookup, membership, subsumption
from service.fhir.terminology.code_systems import CodeSystem, CodeSystems, Concept
from service.fhir.terminology.compositions import WORK_ALLOWED, Composition
from service.fhir.terminology.extents import Extent, Gap, Pair

if TYPE_CHECKING:
    from service.fhir.guide import Guide
    from service.fhir.registry import Registry
    from service.fhir.terminology.expansion import Wanted
    from service.fhir.terminology.lookup import Details
    from service.fhir.terminology.membership import Asked, Verdict
    from service.fhir.terminology.subsumption import Outcome

Json = dict[str, Any]

NOT_HELD: Final = Gap("There is no such value set here.")
NOT_DRAWN: Final = "The value set that it draws on is not held here."


@dataclass(frozen=True, slots=True)
class Held:
    """A value set worked out: its extent, and what is certainly in it, plain codes under the system None.

    `settled` says that whatever is not in `members` is not in the value set.
    """

    extent: Extent
    members: frozenset[tuple[str | None, str]]
    settled: bool


class Terminology:
    """Value sets and code systems of the guide, and value sets of R4."""

    def __init__(self, registry: Registry, guide: Guide) -> None:
        """Takes R4's definitions and the guide."""
        self.guide = guide
        self.code_systems = CodeSystems(guide)
        self._registry = registry
        self._held: dict[str, Held] = {}
        self._members: dict[str, frozenset[Pair] | None] = {}

    def contains(self, value_set: str, system: str | None, code: str) -> bool | None:
        """Whether the code is in the value set; None where that cannot be told.

        `system` is None for an element of type code, which has none, and empty for a Coding
        that lacks it. What is asked is kept, so `value_set` is to come from definitions.
        """
        held = self._held.get(value_set) or self._keep(value_set, self.extent(value_set))
        if (system, code) in held.members:
            return True
        return False if held.settled else self.verdict(held.extent, system, code)

    def members(self, value_set: str) -> frozenset[Pair] | None:
        """The (system, code) pairs of the value set; None where they cannot be enumerated here."""
        if value_set not in self._members:
            extent = self.extent(value_set)
            self._members[value_set] = frozenset(extent.sure) if extent.is_whole else None
        return self._members[value_set]

    def extent(self, value_set: str) -> Extent:
        """What is known of the codes of a value set, `url` or `url|version`: nothing, if it is not held."""
        return self.find(value_set) or extents.unknown(NOT_HELD)

    def find(self, value_set: str) -> Extent | None:
        """What is known of the codes of a value set, `url` or `url|version`; None where there is no such one."""
        url = self._address(value_set)
        if url is None:
            return None
        held = self._held.get(url)
        return held.extent if held is not None else self._keep(url, self._worked_out(url, ())).extent

    def of_content(self, content: Json) -> Extent:
        """What is known of the codes of a value set that a client sent, its structure being sound.

        Raises:
            Invalid: it takes too much work.
        """
        composition = Composition(
            self.code_systems, self._imported_by_client, regexes=False, allowed=WORK_ALLOWED
        )
        return composition.extent(content)

    def expand(self, value_set: str | Json, wanted: Wanted, *, timestamp: str, identifier: str) -> Json:
        """The value set, named by its canonical or given, with the list of its codes.

        `timestamp` is a dateTime, `identifier` a URI of this expansion.

        Raises:
            Missing: there is no such value set here.
            Invalid: its codes cannot be told all, or are too many for one answer.
        """
        content, extent = self._asked(value_set)
        return expansion.expanded(
            self.code_systems, content, extent, wanted, timestamp=timestamp, identifier=identifier
        )

    def validate_code(self, value_set: str | Json, asked: Asked) -> Verdict:
        """Whether what is asked is right by a value set, named by its canonical or given.

        Raises:
            Missing: there is no such value set here.
            Invalid: that cannot be told here.
        """
        _, extent = self._asked(value_set)
        return membership.in_value_set(self.code_systems, extent, asked)

    def validate_in_system(self, system: CodeSystem, asked: Asked) -> Verdict:
        """Whether what is asked is right by a code system.

        Raises:
            Invalid: that cannot be told here.
        """
        return membership.in_code_system(system, asked)

    def lookup(
        self, system: CodeSystem, code: str, *, language: str | None = None, properties: tuple[str, ...] = ()
    ) -> Details:
        """What the code system says of a concept: all, or the properties that are asked for.

        Raises:
            Missing: it has no such code.
        """
        concept = require_concept(system, code)
        return lookup.details(system, concept, language=language, asked=properties)

    def subsumes(self, system: CodeSystem, one: str, other: str) -> Outcome:
        """How the first code stands to the other.

        Raises:
            Missing: the code system lacks one of them.
        """
        return subsumption.outcome(system, require_concept(system, one), require_concept(system, other))

    def require_system(self, system: str, version: str | None = None) -> CodeSystem:
        """The code system of that URI.

        Raises:
            Missing: it is not held here, or in another version.
        """
        found = self.code_systems.find(system, version)
        if found is None:
            raise Missing("code-system-missing", "The code system is not held here, or in another version.")
        return found

    def _asked(self, value_set: str | Json) -> tuple[Json, Extent]:
        """A value set as a resource, and what is known of its codes."""
        if not isinstance(value_set, str):
            return value_set, self.of_content(value_set)
        extent = self.find(value_set)
        if extent is None:
            raise Missing("value-set-missing", "The value set is not held here, or in another version.")
        url = value_set.partition("|")[0]
        # Of R4's own, codes alone are held; their status is not.
        stub = {"resourceType": "ValueSet", "url": url, "status": "unknown"}
        return self.guide.find("ValueSet", url) or stub, extent

    def verdict(self, extent: Extent, system: str | None, code: str) -> bool | None:
        """Whether an extent has the code, in any case where its code system does not mind."""
        known = self.code_systems.find(system) if system else None
        concept = known.find(code) if known is not None and known.folds_case else None
        return extent.has(system, code if concept is None else concept.code)

    def _keep(self, value_set: str, extent: Extent) -> Held:
        members = frozenset[tuple[str | None, str]](extent.sure) | {(None, code) for _, code in extent.sure}
        systems = {system for system, _ in extent.sure}
        folding = any(
            known is not None and known.folds_case for known in map(self.code_systems.find, systems)
        )
        held = Held(extent, members, settled=extent.is_whole and not folding)
        self._held[value_set] = held
        return held

    def _address(self, canonical: str) -> str | None:
        """The URL of a value set that is held; None where it is not, or in another version."""
        url, _, version = canonical.partition("|")
        if self.guide.find("ValueSet", url) is not None:
            return None if self.guide.find("ValueSet", canonical) is None else url
        if self._registry.codes(url) is not None:
            return url
        system = self.code_systems.of_value_set(url)
        return None if system is None or version not in {"", system.version} else url

    def _worked_out(self, url: str, on_the_way: tuple[str, ...]) -> Extent:
        """The extent of a value set that is held, drawn on by those `on_the_way`."""
        way = (*on_the_way, url)
        content = self.guide.find("ValueSet", url)
        codes = None if content is not None else self._registry.codes(url)
        if codes is not None:
            return extents.of_pairs((pair, {}) for pair in sorted(codes))  # the registry keeps no order
        if content is None and (system := self.code_systems.of_value_set(url)) is not None:
            content = {"compose": {"include": [{"system": system.url}]}}
        return Composition(self.code_systems, lambda named, where: self._imported(named, where, way)).extent(
            content or {}
        )

    def _imported(self, canonical: str, where: str, on_the_way: tuple[str, ...]) -> Extent:
        """The extent of a value set that others draw on; kept if it is whole, for then no circle is in it."""
        url = self._address(canonical)
        if url is None:
            return extents.unknown(Gap(NOT_DRAWN, where))
        if url in on_the_way:
            return extents.unknown(Gap("The value set draws on itself.", where))
        held = self._held.get(url)
        if held is not None:
            return _drawn_on(held.extent, where)
        extent = self._worked_out(url, on_the_way)
        return self._keep(url, extent).extent if extent.is_whole else _drawn_on(extent, where)

    def _imported_by_client(self, canonical: str, where: str) -> Extent:
        extent = self.find(canonical)
        return extents.unknown(Gap(NOT_DRAWN, where)) if extent is None else _drawn_on(extent, where)


def _drawn_on(extent: Extent, where: str) -> Extent:
    """The extent of a value set as one that draws on it has it: it is there that something is amiss."""
    if not extent.gaps:
        return extent
    return replace(extent, gaps=(Gap("The value set that it draws on cannot be told whole here.", where),))


def require_concept(system: CodeSystem, code: str) -> Concept:
    """The concept of that code.

    Raises:
        Missing: the code system, as it is held, lacks it.
    """
    concept = system.find(code)
    if concept is None:
        raise Missing("code-missing", "The code system has no such code, as far as it is held here.")
    return concept
