"""Expansion: a value set with the list of its codes, whole or a page of it.

The list is flat. Its text filter takes the beginnings of words: each word of the filter must
begin a word of the display, of a designation, or the code.

Source: https://hl7.org/fhir/R4/valueset-operation-expand.html, https://hl7.org/fhir/R4/valueset.html#expansion
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from service.fhir.problems import Invalid, Issue
from service.fhir.terminology.compositions import too_costly
from service.fhir.terminology.descriptions import Described, describe, is_of_language, spelt

if TYPE_CHECKING:
    from service.fhir.terminology.code_systems import CodeSystems
    from service.fhir.terminology.extents import Extent

Json = dict[str, Any]

CODES_LISTED: Final = 10_000
"""Codes in one answer; a longer list is asked for page by page."""

GAPS_LISTED: Final = 20
"""Reasons given for what cannot be expanded; nobody reads more."""

# Of the transient result only what it is of is kept, not how it is shown or defined.
_NOT_OF_THE_RESULT: Final = frozenset({"meta", "text", "compose", "expansion"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a value set shall be listed, and how.

    `text` is a filter; `offset` and `count` cut a page out, in codes; `designations` are
    tokens `system|code` of a use or `urn:ietf:bcp:47|language`, all if empty;
    `excluded_systems` are left out, `url` or `url|version`.
    """

    text: str | None = None
    offset: int | None = None
    count: int | None = None
    active_only: bool | None = None
    selectable_only: bool | None = None
    include_designations: bool | None = None
    designations: tuple[str, ...] = ()
    include_definition: bool | None = None
    language: str | None = None
    excluded_systems: tuple[str, ...] = ()

    def recorded(self) -> Iterator[Json]:
        """What was asked, as ValueSet.expansion.parameter has it."""
        for name, shape, value in (
            ("filter", "valueString", self.text),
            ("offset", "valueInteger", self.offset),
            ("count", "valueInteger", self.count),
            ("includeDesignations", "valueBoolean", self.include_designations),
            ("includeDefinition", "valueBoolean", self.include_definition),
            ("activeOnly", "valueBoolean", self.active_only),
            ("excludeNotForUI", "valueBoolean", self.selectable_only),
            ("displayLanguage", "valueCode", self.language),
        ):
            if value is not None:
                yield {"name": name, shape: value}
        for designation in self.designations:
            yield {"name": "designation", "valueString": designation}
        for system in self.excluded_systems:
            yield {"name": "exclude-system", "valueUri": system}


def expanded(
    code_systems: CodeSystems,
    value_set: Json,
    extent: Extent,
    wanted: Wanted,
    *,
    timestamp: str,
    identifier: str,
) -> Json:
    """The ValueSet with its expansion; without its definition unless that is wanted.

    `timestamp` is a dateTime, `identifier` a URI of this expansion.

    Raises:
        Invalid: its codes cannot be told all, or are too many for one answer.
    """
    page = wanted if wanted.count is None else replace(wanted, count=min(wanted.count, CODES_LISTED))
    extent = _without(code_systems, extent, wanted.excluded_systems)
    require_whole(extent)
    concepts = [
        concept
        for concept in (describe(code_systems, *member, wanted.language) for member in extent.sure.items())
        if _is_wanted(concept, page)
    ]
    if page.count is None and len(concepts) - (page.offset or 0) > CODES_LISTED:
        raise Invalid.of([too_costly()])
    expansion: Json = {"identifier": identifier, "timestamp": timestamp, "total": len(concepts)}
    if page.count is not None or page.offset is not None:
        expansion["offset"] = page.offset or 0
    expansion["parameter"] = [*page.recorded(), *_versions(code_systems, extent)]
    start = page.offset or 0
    end = None if page.count is None else start + page.count
    expansion["contains"] = [_entry(concept, page) for concept in concepts[start:end]]
    kept = {
        name: element
        for name, element in value_set.items()
        if name not in _NOT_OF_THE_RESULT or (name == "compose" and wanted.include_definition)
    }
    return {**kept, "expansion": {name: element for name, element in expansion.items() if element != []}}


def require_whole(extent: Extent) -> None:
    """Lets an extent pass that is known whole.

    Raises:
        Invalid: it is not; one issue for each reason.
    """
    if extent.is_whole:
        return
    gaps = list(dict.fromkeys(extent.gaps))[:GAPS_LISTED]
    raise Invalid.of(
        [
            Issue("error", "not-supported", "value-set-not-enumerable", gap.text, gap.expression)
            for gap in gaps
        ]
    )


def _without(code_systems: CodeSystems, extent: Extent, excluded: tuple[str, ...]) -> Extent:
    """The extent less the codes of the systems excluded."""
    systems = {canonical.partition("|")[0] for canonical in excluded if _is_meant(code_systems, canonical)}
    if not systems:
        return extent
    return replace(
        extent,
        sure={pair: listed for pair, listed in extent.sure.items() if pair[0] not in systems},
        possible=frozenset(pair for pair in extent.possible if pair[0] not in systems),
        open=extent.open - systems,
    )


def _is_meant(code_systems: CodeSystems, canonical: str) -> bool:
    url, _, version = canonical.partition("|")
    return not version or code_systems.find(url, version) is not None


def _is_wanted(concept: Described, wanted: Wanted) -> bool:
    if concept.inactive and wanted.active_only:
        return False
    if concept.abstract and wanted.selectable_only:
        return False
    return wanted.text is None or concept.has_words(spelt(wanted.text))


def _versions(code_systems: CodeSystems, extent: Extent) -> Iterator[Json]:
    """The versions of the code systems that the codes are from, as far as they are held."""
    for url in dict.fromkeys(system for system, _ in extent.sure):
        system = code_systems.find(url)
        if system is not None and system.version is not None:
            yield {"name": "version", "valueUri": f"{url}|{system.version}"}


def _entry(concept: Described, wanted: Wanted) -> Json:
    entry: Json = {"system": concept.system} if concept.system else {}
    if concept.abstract:
        entry["abstract"] = True
    if concept.inactive:
        entry["inactive"] = True
    entry["code"] = concept.code
    if concept.display is not None:
        entry["display"] = concept.display
    shown = [
        designation for designation in concept.designations if _is_shown(designation, wanted.designations)
    ]
    if shown and wanted.include_designations:
        entry["designation"] = shown
    return entry


LANGUAGES: Final = "urn:ietf:bcp:47"


def _is_shown(designation: Json, tokens: tuple[str, ...]) -> bool:
    """Whether one of the tokens names the designation's use or language; any does where there is none."""
    if not tokens:
        return True
    use = designation.get("use", {})
    for token in tokens:
        system, bar, code = token.rpartition("|")
        if is_of_language(code, designation.get("language", "")) and system in {"", LANGUAGES}:
            return True
        if use.get("code") == code and (not bar or use.get("system", "") == system):
            return True
    return False
