"""Who is in the Group that is exported: the members that it lists, or who meets its filters.

Filters are asked once in an export, by its first task, of what there was at the moment of the export and with the
eyes of the export: somebody of whom the agency sees nothing that meets them is not in the cohort, and is neither
exported nor counted. What the first task found is kept with it, so that all tasks are about the same young people;
a permission that is withdrawn meanwhile holds all the same, for whatever is not written yet.

Source: https://hl7.org/fhir/uv/bulkdata/en/group.html (3.0.0), docs/groups.md, ADR 0025
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from service.access.needs import Need, Needs, require
from service.bulk import acting
from service.bulk.export_look import Look
from service.bulk.export_reading import Reading
from service.bulk.membership import is_of_people
from service.bulk.membership import members as listed
from service.fhir import codec
from service.fhir.problems import Gone, Invalid
from service.fhir.search.compartments import PATIENT
from service.fhir.search.references import Addresses
from service.fhir.search.sight import Seen, Sight
from service.interactions import cohort_filters
from service.interactions.cohort_filters import GROUP, MEMBER_FILTER, Filter
from service.interactions.context import Act, Context
from service.interactions.searching import setting_of
from service.storage.exporting import LAST, Slice
from service.storage.jobs import Task
from service.storage.store import HistoryQuery

# So many young people are looked up at a time.
_AT_ONCE: Final = 500
_FIRST: Final = 0  # the number of the task that finds the members
_MEMBERS: Final = "members"

Json = dict[str, Any]


async def require_cohort(context: Context, act: Act, group: Json) -> tuple[Filter, ...]:
    """The filters of a Group that can be exported; none where it lists its members.

    Raises:
        Invalid: it is one that has no young people, or says more of them than is understood here.
        Malformed: one of its filters cannot be asked.
        InsufficientScope: the token does not read what the filters look at; of a young person who is in a cohort it
            would be known that they are met.
    """
    if any(extension.get("url") != MEMBER_FILTER for extension in group.get("modifierExtension", ())):
        text = (
            "The Group has a modifier extension that is not known here, so that it is not known who is in it."
        )
        raise Invalid("cohort-not-understood", text, f"{GROUP}.modifierExtension")
    filters = await cohort_filters.read(context, act, group)
    if not is_of_people(group) or (group.get("actual") is not True and not filters):
        text = (
            "The Group has no young people: it is of type person, and either lists its members (actual is true)"
            " or has filters."
        )
        raise Invalid("cohort-without-members", text, GROUP)
    if filters:
        wanted = sorted({PATIENT, *(each.type for each in filters)})
        require(act.caller, Needs(tuple(Need(type_, acting.READING) for type_ in wanted)))
    return filters


@dataclass(frozen=True, slots=True)
class Members:
    """The ids of the young people whom an export is about, in their order; None where it is about all.

    `result` is what the first task keeps of them, nothing where every task finds the same by itself.
    """

    ids: tuple[str, ...] | None
    result: bytes = b""


async def members(look: Look, task: Task) -> Members:
    """Whom the export is about. Of one with filters the first task is asked first.

    Raises:
        Gone: the Group was not there at the moment, or is not to be seen any more.
        Problem: as `require_cohort`.
        Lost: the task is ours no longer.
    """
    if look.request.level != GROUP:
        return Members(look.request.patients or None)
    group = await _group(look)
    if not cohort_filters.written(group):
        addresses = Addresses(look.registry, look.context.base_url)
        return Members(look.request.patients or listed(group, addresses, look.at))
    kept = await _kept(look, task) if task.number != _FIRST else None
    if kept is not None:
        return Members(kept)
    act = Act(acting.decode(task.job.caller, setting_of(look.context)), task.job.id)
    filters = await require_cohort(look.context, act, group)
    reading = Reading(look, task, asyncio.get_running_loop())
    found = await asyncio.to_thread(_asked, reading, filters)
    return Members(found, codec.encode({_MEMBERS: list(found)}))


async def _kept(look: Look, task: Task) -> tuple[str, ...] | None:
    results = dict(await look.context.store.jobs.results(look.locality, task.job.id))
    return tuple(codec.restore(results[_FIRST])[_MEMBERS]) if _FIRST in results else None


async def _group(look: Look) -> Json:
    """The Group as it was at the moment, with the agency's eyes: clients may export one that their token does not read.

    Raises:
        Gone: it was not there, or is not to be seen any more.
    """
    eyes = look.sight and Sight(
        look.sight.agency, look.sight.sectors, look.sight.purpose, every=look.sight.every
    )
    store = look.context.store.whole.seen_by(look.locality, eyes, Seen())
    page = await store.history(look.locality, HistoryQuery(GROUP, look.request.group, 1, until=look.at + 1))
    if not page.items or page.items[0].deleted:
        raise Gone("export-group-gone", "The Group that was to be exported is not there any more.")
    group: Json = codec.restore(page.items[0].body)
    return group


def _asked(reading: Reading, filters: Iterable[Filter]) -> tuple[str, ...]:
    """Who meets all of the filters; runs in a thread."""
    named = reading.look.request.patients
    found = set(named) if named else None
    for each in filters:
        met = _meeting(reading, each)
        found = met if found is None else found & met
        if not found:
            return ()
    return _seen(reading, found or set())


def _seen(reading: Reading, ids: set[str]) -> tuple[str, ...]:
    """Those of the young people who are to be seen, and were at the moment, in the order of keys."""
    look = reading.look
    there: dict[int, str] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), _AT_ONCE):
        some = [(PATIENT, id_) for id_ in ordered[start : start + _AT_ONCE]]
        found = reading.ask(look.store.read_many(look.locality, some)).values()
        there |= {one.key: one.id for one in found if one.updated <= look.at and not one.deleted}
    # Asked for afterwards: who moved on in between is found here.
    moved = reading.moved(Slice(PATIENT, 0, LAST, look.at))
    there |= {one.key: one.id for one in moved if one.id in ids}
    return tuple(there[key] for key in sorted(there))


def _meeting(reading: Reading, filter_: Filter) -> set[str]:
    """The ids of those in whose records something meets the filter."""
    records = reading.searched(Slice(filter_.type, 0, LAST, reading.look.at), filter_.where)
    if filter_.type == PATIENT:  # not who is linked to them
        return {one.id for one in records}
    compartments = reading.look.compartments(filter_.type)
    found: set[str] = set()
    for one in records:
        found |= compartments.of(one)
    return found
