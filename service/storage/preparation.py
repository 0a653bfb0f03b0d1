"""Units of work made ready before the database is locked: bytes, index rows, names.

Source: ADR 0002
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from service.fhir import stamping
from service.fhir.search.values import SearchValues
from service.storage.indexing import NO_ROWS, Difference, Indexer, difference
from service.storage.names import Kind, Name, Names, pack_id
from service.storage.store import Change, Expectation, Stored, Unit
from service.storage.tables import METHODS

# A large bundle is prepared in steps of so many changes, with other requests in between.
STEP = 50

FIRST_VERSION = 1


class Unregistered(Exception):  # noqa: N818 - a state: the process has to say again by what it indexes
    """Nothing was stored: others do not count on the definitions by which the unit's index rows were made."""


@dataclass(frozen=True, slots=True)
class PreparedChange:
    """A change with all that is known of it before its version's time and, if new, its rid."""

    change: Change
    type: int
    id: bytes
    method: int
    head: bytes
    tail: bytes
    difference: Difference

    @property
    def version(self) -> int:
        """The number of the version that it makes."""
        return FIRST_VERSION if self.change.before is None else self.change.before.version + 1

    def stored(self, rid: int, now: int) -> Stored:
        """The version as it will stand; `now` in milliseconds, never before the version it follows."""
        change, version = self.change, self.version
        updated = now if change.before is None else max(now, change.before.updated)
        body = b"" if change.resource is None else stamping.stamp(self.head, version, updated, self.tail)
        return Stored(change.type, change.id, version, updated, change.method, body, rid)


@dataclass(frozen=True, slots=True)
class PreparedNotice:
    """A notice with its numbers; `position` is that of the change that it is about."""

    id: bytes
    agency: int
    event: str
    position: int

    def row(self, stored: Sequence[Stored]) -> tuple[bytes, int, str, int, int, int]:
        """Its columns behind the locality, up to those of its acknowledgement; `stored` are the unit's versions."""
        about = stored[self.position]
        return (self.id, self.agency, self.event, about.key, about.version, about.updated)


@dataclass(frozen=True, slots=True)
class PreparedUnit:
    """A unit with its numbers: `locality`, `client`, `agency` and `interaction` as names' numbers.

    `definitions` is the digest of those by which its index rows were made.
    """

    locality: int
    definitions: str
    changes: tuple[PreparedChange, ...]
    expectations: tuple[Expectation, ...]
    relied_on: tuple[tuple[int, int], ...]  # rid and version
    client: int
    agency: int
    interaction: int
    request: str
    notices: tuple[PreparedNotice, ...] = ()

    @property
    def weight(self) -> int:
        """About how many rows it writes."""
        return sum(
            1 + sum(map(len, prepared.difference.added)) + sum(map(len, prepared.difference.removed))
            for prepared in self.changes
        )


Intern = Callable[[set[Name]], Awaitable[None]]


async def prepare(locality: int, unit: Unit, indexer: Indexer, names: Names, intern: Intern) -> PreparedUnit:
    """The unit ready to be stored; `intern` gives numbers to the names that have none yet."""
    values: list[tuple[SearchValues, SearchValues]] = []
    unknown: set[Name] = set()
    for position, change in enumerate(unit.changes):
        if position and position % STEP == 0:
            await asyncio.sleep(0)
        pair = indexer.values(change.former), indexer.values(change.resource)
        values.append(pair)
        for side in pair:
            unknown |= names.unknown(indexer.systems(side))
    audit = unit.audit
    actors = ((Kind.CLIENT, audit.client), (Kind.AGENCY, audit.agency), (Kind.INTERACTION, audit.interaction))
    unknown |= names.unknown(actors)
    if unit.notices:
        unknown |= names.unknown((Kind.AGENCY, notice.agency) for notice in unit.notices)
    if unknown:
        await intern(unknown)
    changes = []
    for position, (change, (old, new)) in enumerate(zip(unit.changes, values, strict=True)):
        if position and position % STEP == 0:
            await asyncio.sleep(0)
        changes.append(_prepared(change, old, new, indexer, names))
    return PreparedUnit(
        locality,
        indexer.definitions,
        tuple(changes),
        unit.expectations,
        tuple((stored.key, stored.version) for stored in unit.relied_on),
        client=names.known(Kind.CLIENT, audit.client),
        agency=names.known(Kind.AGENCY, audit.agency),
        interaction=names.known(Kind.INTERACTION, audit.interaction),
        request=audit.request_id,
        notices=_notices(unit, names) if unit.notices else (),
    )


def _notices(unit: Unit, names: Names) -> tuple[PreparedNotice, ...]:
    positions = {(change.type, change.id): position for position, change in enumerate(unit.changes)}
    return tuple(
        PreparedNotice(
            pack_id(notice.id),
            names.known(Kind.AGENCY, notice.agency),
            notice.event,
            positions[notice.about],
        )
        for notice in unit.notices
    )


def _prepared(
    change: Change, old: SearchValues, new: SearchValues, indexer: Indexer, names: Names
) -> PreparedChange:
    head, tail = (b"", b"") if change.resource is None else stamping.parts(change.resource)
    return PreparedChange(
        change,
        names.known(Kind.TYPE, change.type),
        pack_id(change.id),
        METHODS[change.method],
        head,
        tail,
        difference(
            NO_ROWS if change.former is None else indexer.rows(change.type, old),
            NO_ROWS if change.resource is None else indexer.rows(change.type, new),
        ),
    )
