"""Moments of a PostgreSQL database, and what was there at them.

A unit's statement looks at the last moment and refuses itself where it would store anything that bears no
later time; it is then stamped anew. A unit that began to look before the moment was kept is waited for: from
before it looks until it is committed it holds a lock, as `Session.writing` knows too.

Source: ADR 0025, https://www.postgresql.org/docs/15/view-pg-locks.html
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import asyncpg

from service.fhir.problems import Unavailable
from service.fhir.search.sight import Sight
from service.storage.export_tables import export_moment
from service.storage.export_views import KEY, MOVED, Row, View, as_seen, body_of, moved_of, pages
from service.storage.exporting import CHUNK, NEVER, Chunk, Slice, cut
from service.storage.names import Kind, Names
from service.storage.postgres_connections import unreachable
from service.storage.postgres_readers import Readers
from service.storage.querying import decision
from service.storage.querying.said import GROUND
from service.storage.searching import LONGEST, MARGIN
from service.storage.sharing import Resource
from service.storage.tables import DELETED

# Units: seconds between two looks at whether a unit under way has ended.
_PAUSE: Final = 0.005
# Units: resources that are read at a time at first, and at most; and how much more than the last time.
_FIRST, _MOST, _GROWTH = 250, 2_000, 4

_LAST: Final = f"SELECT at FROM {export_moment.name} WHERE locality = $1"
_MOMENT: Final = (
    f"INSERT INTO {export_moment.name} AS kept (locality, at) SELECT $1, greatest($2,"
    " (SELECT max(of.newest) FROM (SELECT (SELECT max(r.updated) FROM resource AS r WHERE r.locality = $1"
    f" AND r.type = n.code AND r.updated <= $3) AS newest FROM name AS n WHERE n.kind = {Kind.TYPE:d}) AS of))"
    " ON CONFLICT (locality) DO UPDATE SET at = greatest(kept.at, excluded.at) RETURNING at"
)
_STORING: Final = (
    "SELECT virtualtransaction FROM pg_locks WHERE relation = 'index_writer'::regclass AND mode = 'RowShareLock' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()"
)
_COUNT: Final = "SELECT count(*) FROM resource WHERE locality = $1 AND type = $2{changed}"

_FORMER: Final = (
    "FROM resource_version AS v WHERE v.locality = $1 AND v.rid = {rid} AND v.updated <= {at}"
    " ORDER BY v.locality DESC, v.rid DESC, v.version DESC LIMIT 1"
)
# Whether anything of a type was there, or had changed after $4: one look into each of two indexes.
_ANY: Final = (
    "(SELECT 1 FROM resource WHERE locality = $1 AND type = $2 AND updated > $4 AND updated <= $3 LIMIT 1) UNION ALL"
    " (SELECT 1 FROM resource_version WHERE locality = $1 AND type = $2 AND updated > $4 AND updated <= $3 LIMIT 1)"
)
_THERE: Final = (
    "SELECT rid FROM resource WHERE locality = $1 AND type = $2 AND rid > $3 AND rid <= $4 AND rid NOT IN"
    " (SELECT r.rid FROM resource AS r WHERE r.locality = $1 AND r.type = $2 AND r.updated > $5"
    " AND NOT EXISTS (SELECT 1 FROM resource_version AS v WHERE v.locality = $1 AND v.rid = r.rid"
    " AND v.version = 1 AND v.updated <= $5))"
)
_CHANGED: Final = (
    "SELECT rid FROM resource WHERE locality = $1 AND type = $2 AND updated > $6 AND updated <= $5"
    " AND rid > $3 AND rid <= $4 UNION ALL SELECT r.rid FROM resource AS r WHERE r.locality = $1 AND r.type = $2"
    f" AND r.updated > $5 AND r.rid > $3 AND r.rid <= $4 AND (SELECT v.updated {_FORMER.format(rid='r.rid', at='$5')}) > $6"
)
_ENDS: Final = (
    "SELECT rid FROM (SELECT rid, row_number() OVER (ORDER BY rid) AS n FROM ({found}) AS found)"
    " AS numbered WHERE n % ${rows}::bigint = 0 ORDER BY rid"
)
# Of what is there this looks at no more than it asks for.
_END: Final = "{found} ORDER BY {order} LIMIT 1 OFFSET ${rows}::bigint - 1"
_LATER: Final = "SELECT rid FROM resource WHERE locality = $1 AND type = $2 AND updated > $3 AND rid > $4 AND rid <= $5 ORDER BY rid"
_SELECT: Final = (
    "SELECT {of}.rid, {of}.id, {of}.updated, {of}.method = {deleted}, {of}.child, {seen}, {body}, {moved}"
)
# The decision once for each resource, and for each kind of what stands side by side about a young person: OFFSET
# keeps it a query of its own, whose results the planner remembers. Nobody needs the bodies of what is not seen.
_DECIDED: Final = " CROSS JOIN LATERAL (SELECT {number} AS seen OFFSET 0) AS decided"
_SEEN_BODY: Final = f"CASE WHEN decided.seen & {GROUND} = 0 THEN ''::bytea ELSE r.body END"
_RANGE: Final = (
    "{select} FROM resource AS r{decided} WHERE r.locality = $1 AND r.type = {type} AND r.rid > {after} AND r.rid <= {high}"
    " ORDER BY r.locality, r.type, r.rid LIMIT {count}"
)
# Each is looked up for itself, whatever the planner knows or believes of the table.
_KEYS: Final = (
    "SELECT found.* FROM unnest({keys}) AS asked (rid) CROSS JOIN LATERAL ({select} FROM resource AS r{decided}"
    " WHERE r.locality = $1 AND r.rid = asked.rid ORDER BY r.locality, r.rid LIMIT 1) AS found"
)
_FORMERLY: Final = (
    "SELECT found.* FROM unnest({keys}) AS asked (rid) CROSS JOIN LATERAL ({select} {former}) AS found"
)
# The types of the arguments of the texts above.
_TYPES: Final = {
    **dict.fromkeys(("after", "high", "count", "at"), "bigint"),
    "type": "smallint",
    "keys": "bigint[]",
}


@dataclass(frozen=True, slots=True)
class PostgresExports:
    """Keeps the `Exports` protocol. `url` is the database's; `fetch` runs a statement on the store's connections."""

    names: Names
    clock: Callable[[], int]
    masked: Callable[[str, Resource], Resource]
    url: str
    fetch: Callable[..., Awaitable[Sequence[Any]]]
    located: Callable[[str], Awaitable[int]]
    acquainted: Callable[[Sight | None], Awaitable[None]]
    _readers: Readers = field(default_factory=Readers)

    async def close(self) -> None:
        """Closes the connections that were kept; those in use are closed as soon as they are not."""
        await self._readers.close()

    async def moment(self, locality: str) -> int:
        """As `Exports.moment`."""
        now = self.clock()
        # The clock of another machine may be ahead of ours: what it has stamped is there all the same.
        [(at,)] = await self.fetch(_MOMENT, await self.located(locality), now, now + MARGIN)
        return int(at)

    async def last(self, locality: int) -> int:
        """The last moment that was given out of the locality of that number; 0 where none was."""
        rows = await self.fetch(_LAST, locality)
        return int(rows[0][0]) if rows else 0

    async def settled(self) -> None:
        """As `Exports.settled`."""
        waited_for = {row[0] for row in await self.fetch(_STORING)}
        deadline = time.monotonic() + LONGEST
        while waited_for:
            if time.monotonic() > deadline:
                text = "Something has been storing for too long to tell what was there. Try again."
                raise Unavailable("store-unavailable", text)
            await asyncio.sleep(_PAUSE)
            waited_for &= {row[0] for row in await self.fetch(_STORING)}

    async def counts(self, locality: str, types: Sequence[str], since: int = NEVER) -> dict[str, int]:
        """As `Exports.counts`."""
        code = await self.located(locality)
        more = () if since == NEVER else (since,)
        text = _COUNT.format(changed=" AND updated > $3" if more else "")

        async def count(connection: asyncpg.Connection) -> dict[str, int]:
            return {
                type_: await connection.fetchval(text, code, self.names.known(Kind.TYPE, type_), *more)
                for type_ in types
            }

        counted: dict[str, int] = await self._read(count)
        return counted

    async def beginning(self, locality: str, whole: Slice, rows: int) -> Slice | None:
        """As `Exports.beginning`."""
        return next(iter(await self._cut(_END, locality, whole, rows)), None)

    async def slices(self, locality: str, whole: Slice, rows: int) -> tuple[Slice, ...]:
        """As `Exports.slices`."""
        return await self._cut(_ENDS, locality, whole, rows)

    async def _cut(self, text: str, locality: str, whole: Slice, rows: int) -> tuple[Slice, ...]:
        """What a slice falls into at the ends that are found; nothing where nothing of its type is there."""
        code, type_ = await self.located(locality), self.names.known(Kind.TYPE, whole.type)
        values = [code, type_, whole.low, whole.high, whole.at]
        # So that the first of them are found along the index of their type.
        there, order = _THERE, "locality, type, rid"
        if whole.since != NEVER:
            values.append(whole.since)
            there, order = _CHANGED, "rid"
        asked = text.format(found=there, order=order, rows=len(values) + 1)

        # Of many types there is nothing, which is told without a connection of its own.
        if not await self.fetch(_ANY, code, type_, whole.at, whole.since):
            return ()
        found = await self._read(lambda connection: connection.fetch(asked, *values, rows))
        return cut(whole, (row[0] for row in found))

    async def view(self, locality: str, sight: Sight | None = None) -> View:
        """As `Exports.view`."""
        await self.acquainted(sight)
        values = decision.values(sight, self.names, self.clock())
        of = (await self.located(locality), decision.slots(sight))
        return View(partial(self._reading, values, *of), self.masked, sight)

    @contextmanager
    def _reading(self, values: Mapping[str, Any], locality: int, slots: int) -> Iterator[_Reading]:
        with _told(), self._readers.reader(self.url) as (runner, connection):
            yield _Reading(runner, connection, self.names, values, locality, slots)

    async def _read(self, job: Callable[[asyncpg.Connection], Awaitable[Any]]) -> Any:
        """What the job comes to, on a connection that it has to itself: the store's own ones are for what is short."""
        with _told():
            async with self._readers.connection(self.url) as connection:
                return await job(connection)


@contextmanager
def _told() -> Iterator[None]:
    """The database's own faults as one that may pass."""
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as failure:
        raise unreachable() from failure


class _Reading:
    """Keeps the `Reading` protocol on one connection, in a thread that has an event loop of its own."""

    def __init__(
        self,
        runner: asyncio.Runner,
        connection: asyncpg.Connection,
        names: Names,
        values: Mapping[str, Any],
        locality: int,
        slots: int,
    ) -> None:
        self._run = runner.run
        self._connection = connection
        self._names = names
        self._values = {"locality": locality, **values}
        self._texts = {
            source: _text(source, of, slots) for source, of in ((_RANGE, "r"), (_KEYS, "r"), (_FORMERLY, "v"))
        }

    def changed(self, of: Slice, after: int) -> list[int]:
        """As `Reading.changed`."""
        found = (self._values["locality"], self._names.known(Kind.TYPE, of.type), after, of.low, of.high)
        return [row[0] for row in self._run(self._connection.fetch(_LATER, *found))]

    def listed(self, of: Slice, keys: Sequence[int]) -> list[Row]:
        """As `Reading.listed`."""
        return self._at(of, self._fetch(_KEYS, {"keys": keys, "at": of.at}))

    def following(self, of: Slice, after: int, count: int) -> tuple[list[Row], int | None]:
        """As `Reading.following`."""
        type_ = self._names.known(Kind.TYPE, of.type)
        given = {"type": type_, "after": after, "high": of.high, "count": count, "at": of.at}
        rows = self._fetch(_RANGE, given)
        return self._at(of, rows), rows[-1][KEY] if len(rows) == count else None

    def chunks(self, of: Slice, seen: Callable[[Sequence[Row]], Chunk]) -> Iterator[Chunk]:
        """As `Reading.chunks`."""
        if of.since != NEVER:
            yield from map(seen, pages(self, of))
            return
        after: int | None = of.low
        count = _FIRST
        while after is not None:
            rows, after = self.following(of, after, count)
            # What is read at a time follows the sizes of what was read.
            size = sum(map(len, map(body_of, rows)))
            count = max(1, min(count * CHUNK // max(size, 1), _GROWTH * count, _MOST))
            yield seen(rows)

    def _at(self, of: Slice, rows: Sequence[Any]) -> list[Row]:
        """The resources as they were at the moment, where they were there."""
        if not any(map(moved_of, rows)):
            return list(rows)
        moved = [row[KEY] for row in rows if row[MOVED]]
        former = {row[KEY]: row for row in self._fetch(_FORMERLY, {"keys": moved, "at": of.at})}
        found: list[Row] = []
        for row in rows:
            if not row[MOVED]:
                found.append(row)
            elif (was := former.get(row[KEY])) is not None:
                found.append(as_seen(row, was))
        return found

    def _fetch(self, source: str, given: Mapping[str, Any]) -> list[Any]:
        text, names = self._texts[source]
        values = {**self._values, **given}
        return self._run(self._connection.fetch(text, *(values[name] for name in names)))


def _text(source: str, of: str, slots: int) -> tuple[str, list[str]]:
    """The text of a statement that asks for versions, and the names of its arguments in order."""
    asked = ["locality"]

    def fill(name: str) -> str:
        if name not in asked:
            asked.append(name)
        type_ = _TYPES.get(name) or decision.TYPES.get(name, decision.PARTY)[1]
        return f"${asked.index(name) + 1}::{type_}"

    row = {name: f"{of}.{name}" for name in ("author", "child", "label", "type")}
    number = decision.number(row, slots, fill, sqlite=False)
    is_decided = of == "r" and slots > 0
    select = _SELECT.format(
        of=of,
        deleted=DELETED,
        seen="decided.seen" if is_decided else number,
        body=_SEEN_BODY if is_decided else f"{of}.body",
        moved=f"r.updated > {fill('at')}" if of == "r" else "true",
    )
    former = _FORMER.format(rid="asked.rid", at=fill("at"))
    parts = {name: fill(name) for name in _TYPES if f"{{{name}}}" in source}
    decided = _DECIDED.format(number=number) if is_decided else ""
    return source.format(select=select, decided=decided, former=former, **parts), asked
