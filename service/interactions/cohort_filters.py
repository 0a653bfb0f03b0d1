"""Filters of a cohort: searches by which a Group says which young people are in it.

A filter is a search of one type. In the cohort is whose record has, for each of the filters, something that
meets it. Filters are read when the Group is written, so that one that cannot be asked is never stored.

Source: https://hl7.org/fhir/uv/bulkdata/en/group.html (3.0.0), docs/groups.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.problems import Issue, Malformed
from service.fhir.registry import APART, Registry
from service.fhir.search.asked import Setting
from service.fhir.search.compartments import of_record
from service.fhir.search.expressions import Expression
from service.fhir.search.grammar import FORMAT_PARAMETERS, parse
from service.fhir.search.results import RESULT_PARAMETERS
from service.interactions.context import Act, Context
from service.interactions.criteria import is_open, is_plain, pairs_of
from service.interactions.searching import setting, setting_of, stored_members
from service.storage.store import Change

GROUP: Final = "Group"
MEMBER_FILTER: Final = "http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter"
_SHOWING: Final = frozenset({*RESULT_PARAMETERS, *FORMAT_PARAMETERS})

Json = Mapping[str, Any]
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Filter:
    """What holds of some resource of the type, in the record of each young person of the cohort."""

    type: str
    where: Expression


def written(group: Json) -> dict[str, str]:
    """The filters of a Group as they are written, by the expression that leads to each.

    One without a text, which no profile would let in, is empty.
    """
    found = {}
    for place, extension in enumerate(group.get("modifierExtension", ())):
        if extension.get("url") == MEMBER_FILTER:
            text = extension.get("valueExpression", {}).get("expression", "")
            found[f"{GROUP}.modifierExtension[{place}].value.expression"] = text
    return found


def types(registry: Registry) -> tuple[str, ...]:
    """The types that a filter can search, sorted: Patient, and what is in a Patient's record."""
    return tuple(sorted(of_record(registry) - APART))


async def read(context: Context, act: Act, group: Json) -> tuple[Filter, ...]:
    """The filters of a stored Group, to be asked now; none where it is a list of members.

    Raises:
        Malformed: one of them cannot be asked, as parameters that it names are not indexed yet, or not known any more.
    """
    found = []
    for text in written(group).values():
        type_, pairs = _parts(context.registry, text)
        found.append(_read(await setting(context, act, pairs), type_, pairs))
    return tuple(found)


async def faults(context: Context, act: Act, change: Change) -> list[Issue]:
    """What is wrong with the filters of a Group that is to be stored; nothing for other changes."""
    if change.type != GROUP or change.resource is None:
        return []
    found = []
    for place, text in written(change.resource).items():
        try:
            type_, pairs = _parts(context.registry, text)
            # A parameter that is not indexed yet will be: it is no fault of the Group.
            _read(setting_of(context, await stored_members(context, act, pairs)), type_, pairs)
        except Malformed as problem:
            found += [
                Issue("error", "invalid", "cohort-filter", f"The filter cannot be asked: {issue.text}", place)
                for issue in problem.issues
            ]
    return found


def _parts(registry: Registry, text: str) -> tuple[str, Pairs]:
    """The type and the parameters of a filter.

    Raises:
        Malformed: it is no search of one type that is in a young person's record.
    """
    type_, mark, query = text.partition("?")
    known = types(registry)
    if not mark or type_ not in known:
        shown = f"It is a search of one type, as CarePlan?status=active; types: {', '.join(known)}."
        raise Malformed("cohort-filter", shown)
    pairs = pairs_of(query)
    showing = sorted({name.partition(":")[0] for name, _ in pairs} & _SHOWING)
    if showing:
        raise Malformed("cohort-filter", f"{', '.join(showing)} only says how resources are shown.")
    return type_, pairs


def _read(how: Setting, type_: str, pairs: Pairs) -> Filter:
    where = parse(how, type_, pairs, count_default=1, count_limit=1, lenient=False).query.where
    if is_open(where):
        raise Malformed("cohort-filter", f"It has no criterion: every {type_} would meet it.")
    if not is_plain(where):
        # Who is in a cohort is told of one moment; what a resource refers to may have been another then.
        text = (
            "It looks at one resource alone: chains, _has, _list and hierarchies of resources are not taken."
        )
        raise Malformed("cohort-filter", text)
    return Filter(type_, where)
