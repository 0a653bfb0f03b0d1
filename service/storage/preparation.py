"""Units of work made ready before the database is locked: bytes, index rows, names.

Source: ADR 0002
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.fhir import stamping
from service.fhir.search.extraction import Reading
from service.storage.audit import CREATED, DELETED, UPDATED, Row, packed, version_serial
from service.storage.indexing import NO_ROWS, Difference, Indexer, Rows, difference
from service.storage.names import Kind, Name, Names, pack_id
from service.storage.querying.said import AUTHOR
from service.storage.recent import Recent
from service.storage.sharing import CLOSED_CHILD, Facts, child_of, kept, pack_child, unpack_child
from service.storage.store import AuditEntry, Change, Expectation, Stored, Unit
from service.storage.tables import METHODS

# A large bundle is prepared in steps of so many changes, with other requests in between.
STEP = 50

FIRST_VERSION = 1

# HTTP's statuses of what makes a version; the first one is always a creation.
_STATUSES = {"POST": 200, "PUT": 200, "PATCH": 200, "DELETE": 204}
_CREATED_STATUS = 201


class Unregistered(Exception):  # noqa: N818 - a state: the process has to say again by what it indexes
    """Nothing was stored: others do not count on the definitions by which the unit's index rows were made."""


class PreparedChange(NamedTuple):
    """A change with all that is known of it before its version's time and, if new, its rid.

    `author` is the agency of the unit, whose number is that of a new resource's author. `child` and
    `label` are those of the new version; a deletion keeps what stands there, whatever is said here.
    `rows` are all index rows of the new version.
    """

    change: Change
    type: int
    id: bytes
    method: int
    head: bytes
    tail: bytes
    difference: Difference
    author: str = ""
    child: bytes | None = None
    label: int = 0
    rows: Rows = NO_ROWS

    @property
    def version(self) -> int:
        """The number of the version that it makes."""
        return FIRST_VERSION if self.change.before is None else self.change.before.version + 1

    def stored(self, rid: int, now: int) -> Stored:
        """The version as it will stand; `now` in milliseconds, never before the version it follows."""
        change, version = self.change, self.version
        updated = now if change.before is None else max(now, change.before.updated)
        body = b"" if change.resource is None else stamping.stamp(self.head, version, updated, self.tail)
        author = self.author if change.before is None else change.before.author
        child = unpack_child(self.child)
        return Stored(change.type, change.id, version, updated, change.method, body, rid, author, child)

    def audited(self, unit: PreparedUnit, stored: Stored) -> Row:
        """The row of the audit that tells of the version; `unit` is the one that it is a part of."""
        before = self.change.before
        ground = AUTHOR if before is None else before.ground
        former = None if before is None else before.child
        # Mostly it is about one young person, and was before.
        concerned = {stored.child, former} if former else (stored.child,)
        children = tuple([(child, ground) for child in sorted(filter(None, concerned))])
        return (
            unit.locality,
            stored.updated,
            version_serial(stored.key, stored.version),
            _action(stored),
            unit.interaction,
            unit.client,
            unit.agency,
            unit.person,
            unit.purpose,
            _STATUSES[stored.method] if stored.version > FIRST_VERSION else _CREATED_STATUS,
            self.type,
            self.id,
            stored.version,
            0,
            unit.request,
            unit.address,
            "",
            "",
            packed(children),
        )


def _action(stored: Stored) -> int:
    if stored.deleted:
        return DELETED
    return CREATED if stored.version == FIRST_VERSION else UPDATED


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
    person: int = 0
    purpose: int = 0
    address: str = ""
    notices: tuple[PreparedNotice, ...] = ()
    awaited: bool = True

    @property
    def weight(self) -> int:
        """About how many rows it writes."""
        return sum(1 + prepared.difference.size for prepared in self.changes)

    def versions(self, now: int, next_rid: Callable[[], int]) -> tuple[Stored, ...]:
        """The versions as they will stand, new resources with rids from `next_rid`; `now` in milliseconds."""
        befores = ((prepared, prepared.change.before) for prepared in self.changes)
        return tuple(
            [
                prepared.stored(next_rid() if before is None else before.key, now)
                for prepared, before in befores
            ]
        )


Intern = Callable[[set[Name]], Awaitable[None]]
Said = Callable[[int, int, bytes], Awaitable[set[tuple[object, ...]]]]  # of locality, rid and child: rows


def actors(entry: AuditEntry) -> list[Name]:
    """The names of who acts, and how."""
    found = (
        (Kind.CLIENT, entry.client),
        (Kind.AGENCY, entry.agency),
        (Kind.INTERACTION, entry.interaction),
        (Kind.PERSON, entry.person),
        (Kind.PURPOSE, entry.purpose),
    )
    return [name for name in found if name[1]]


async def prepare(
    locality: int,
    unit: Unit,
    indexer: Indexer,
    names: Names,
    intern: Intern,
    said: Said,
    recent: Recent | None = None,
) -> PreparedUnit:
    """The unit ready to be stored; `intern` gives numbers to the names that have none yet.

    `said` gives what a deleted resource still says of sharing; `recent` may know the index rows of what is changed.
    """
    formers = [None if recent is None else _known(recent, locality, change) for change in unit.changes]
    read, unknown = await _read(unit, formers, indexer)
    audit = unit.audit
    unknown |= names.unknown(actors(audit))
    if unit.notices:
        unknown |= names.unknown((Kind.AGENCY, notice.agency) for notice in unit.notices)
    if unknown:
        await intern(unknown)
    changes = []
    for position, (change, (both, told)) in enumerate(zip(unit.changes, read, strict=True)):
        if position and position % STEP == 0:
            await asyncio.sleep(0)
        prepared = _prepared(change, both, told, indexer, names, audit.agency, formers[position])
        before = change.before
        if before is not None and before.deleted and told[1] is not None:
            prepared = _brought_back(prepared, await said(locality, before.key, prepared.id))
        changes.append(prepared)
    return PreparedUnit(
        locality,
        indexer.definitions,
        tuple(changes),
        unit.expectations,
        tuple((stored.key, stored.version) for stored in unit.relied_on),
        client=names.known(Kind.CLIENT, audit.client) if audit.client else 0,
        agency=names.known(Kind.AGENCY, audit.agency) if audit.agency else 0,
        interaction=names.known(Kind.INTERACTION, audit.interaction),
        request=audit.request_id,
        person=names.known(Kind.PERSON, audit.person) if audit.person else 0,
        purpose=names.known(Kind.PURPOSE, audit.purpose) if audit.purpose else 0,
        address=audit.address,
        notices=_notices(unit, names) if unit.notices else (),
        awaited=unit.awaited,
    )


async def _read(
    unit: Unit, formers: Sequence[Rows | None], indexer: Indexer
) -> tuple[list[tuple[tuple[Reading, Reading], tuple[Facts | None, Facts | None]]], set[Name]]:
    """Search values and facts of sharing of what was and of what will be, by change, and names without a number.

    What was is not read where its index rows are known: `formers`.
    """
    read = []
    unknown: set[Name] = set()
    for position, change in enumerate(unit.changes):
        if position and position % STEP == 0:
            await asyncio.sleep(0)
        former = change.former if formers[position] is None else None
        pair = indexer.read(former), indexer.read(change.resource)
        told = indexer.facts(former), indexer.facts(change.resource)
        read.append((pair, told))
        if former is not None:
            unknown |= indexer.unknown(pair[0], told[0])
        if change.resource is not None:
            unknown |= indexer.unknown(pair[1], told[1])
    return read, unknown


def _known(recent: Recent, locality: int, change: Change) -> Rows | None:
    """The index rows of what is changed, where they are remembered; what was deleted has none."""
    before = change.before
    if before is None or change.former is None:
        return None
    return recent.rows(locality, before.key, before.version)


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


def _brought_back(prepared: PreparedChange, said: set[tuple[object, ...]]) -> PreparedChange:
    """The change of what was deleted, and still said something of sharing."""
    of = prepared.difference
    removed, added = (*of.removed[:-1], said - of.added[-1]), (*of.added[:-1], of.added[-1] - said)
    return prepared._replace(difference=Difference(removed, added))


def _prepared(
    change: Change,
    values: tuple[Reading, Reading],
    facts: tuple[Facts | None, Facts | None],
    indexer: Indexer,
    names: Names,
    author: str,
    known: Rows | None = None,
) -> PreparedChange:
    """The change, made of the values and the facts before and after it; `known` are the index rows before it."""
    (old, new), (former, told) = values, facts
    if told is None:
        before = change.before
        child, label = (CLOSED_CHILD if before is None else pack_child(before.child)), 0
    else:
        child, label = child_of(told, change.child), told.label
    if known is not None:
        old_rows = known
    else:
        old_rows = NO_ROWS if change.former is None else indexer.rows(change.type, old, former)
    new_rows = NO_ROWS if change.resource is None else indexer.rows(change.type, new, told)
    if change.resource is None:
        new_rows = (*NO_ROWS[:-1], kept(old_rows[-1]))
    head, tail = (b"", b"") if change.resource is None else stamping.parts(change.resource)
    return PreparedChange(
        change,
        names.known(Kind.TYPE, change.type),
        pack_id(change.id),
        METHODS[change.method],
        head,
        tail,
        difference(old_rows, new_rows),
        author,
        child,
        label,
        new_rows,
    )
