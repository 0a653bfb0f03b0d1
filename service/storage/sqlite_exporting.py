"""Moments of an SQLite file, and what was there at them.

Whoever writes holds the file's one lock, and stamps what it writes while it does: so a moment that is given
out under the same lock divides what was stored before it from what is stored after it.

Source: ADR 0025
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from service.fhir.problems import Unavailable
from service.fhir.search.sight import Sight
from service.storage.export_tables import export_moment
from service.storage.export_views import KEY, MOVED, Row, View, as_seen, body_of, moved_of, pages
from service.storage.exporting import CHUNK, NEVER, Chunk, Slice, cut
from service.storage.names import Kind, Names
from service.storage.querying import decision
from service.storage.searching import MARGIN
from service.storage.sharing import Resource
from service.storage.tables import DELETED

# So many resources are taken over from SQLite at a time.
_TAKEN: Final = 250

_NEWEST: Final = (
    "SELECT max(of.newest) FROM (SELECT (SELECT max(r.updated) FROM resource AS r WHERE r.locality = ?1"
    f" AND r.type = n.code AND r.updated <= ?2) AS newest FROM name AS n WHERE n.kind = {Kind.TYPE:d}) AS of"
)
_KEEP: Final = (
    f"INSERT INTO {export_moment.name} (locality, at) VALUES (?1, ?2)"
    " ON CONFLICT (locality) DO UPDATE SET at = max(at, excluded.at) RETURNING at"
)
_COUNT: Final = "SELECT count(*) FROM resource INDEXED BY {index} WHERE locality = ? AND type = ?{changed}"

# The newest version no later than the moment, of a resource `r` that has moved on.
_AT: Final = (
    "FROM resource_version AS v WHERE v.locality = :locality AND v.rid = {rid} AND v.updated <= :at"
    " ORDER BY v.version DESC LIMIT 1"
)
# Whether anything of a type was there, or had changed: one look into each of two indexes.
_ANY: Final = " UNION ALL ".join(
    f"SELECT 1 FROM {table} WHERE locality = :locality AND type = :type AND updated > :since AND updated <= :at"
    for table in ("resource", "resource_version")
)
# Every resource of the type that was there at the moment: all that there are now, but for those that are new.
_THERE: Final = (
    "SELECT rid FROM resource INDEXED BY resource_type WHERE locality = :locality AND type = :type"
    " AND rid > :low AND rid <= :high AND rid NOT IN"
    " (SELECT r.rid FROM resource AS r INDEXED BY resource_updated WHERE r.locality = :locality AND r.type = :type"
    " AND r.updated > :at AND NOT EXISTS (SELECT 1 FROM resource_version AS v WHERE v.locality = :locality"
    " AND v.rid = r.rid AND v.version = 1 AND v.updated <= :at))"
)
_CHANGED: Final = (
    "SELECT rid FROM resource INDEXED BY resource_updated WHERE locality = :locality AND type = :type"
    " AND updated > :since AND updated <= :at AND rid > :low AND rid <= :high"
    " UNION ALL SELECT r.rid FROM resource AS r INDEXED BY resource_updated WHERE r.locality = :locality"
    " AND r.type = :type AND r.updated > :at AND r.rid > :low AND r.rid <= :high"
    f" AND (SELECT v.updated {_AT.format(rid='r.rid')}) > :since"
)
_ENDS: Final = (
    "SELECT rid FROM (SELECT rid, row_number() OVER (ORDER BY rid) AS n FROM ({found}))"
    " WHERE n % :rows = 0 ORDER BY rid"
)
# Of what is there this looks at no more than it asks for.
_END: Final = "{found} ORDER BY rid LIMIT 1 OFFSET :rows - 1"
_LATER: Final = (
    "SELECT rid FROM resource INDEXED BY resource_updated WHERE locality = ? AND type = ? AND updated > ?"
    " AND rid > ? AND rid <= ? ORDER BY rid"
)
_SELECT: Final = (
    "SELECT {of}.rid, {of}.id, {of}.updated, {of}.method = {deleted}, {of}.child, {seen}, {of}.body, {moved}"
)
_FOLLOWING: Final = (
    " FROM resource AS r INDEXED BY resource_type WHERE r.locality = :locality AND r.type = :type"
    " AND r.rid > :after AND r.rid <= :high ORDER BY r.rid LIMIT :count"
)
_LISTED: Final = " FROM resource AS r WHERE r.locality = :locality AND r.rid IN (SELECT value FROM json_each(:keys)) ORDER BY r.rid"


class Fetch(Protocol):
    """Rows of a statement in the event loop, or a job of the writer's."""

    def __call__(self, job: Callable[[sqlite3.Connection], Any], /) -> Awaitable[Any]:
        """What the job comes to."""
        ...


@dataclass(frozen=True, slots=True)
class SqliteExports:
    """Keeps the `Exports` protocol. `connect` opens a connection to read by, `write` runs a job of the writer's."""

    names: Names
    clock: Callable[[], int]
    masked: Callable[[str, Resource], Resource]
    connect: Callable[[], sqlite3.Connection]
    write: Fetch
    located: Callable[[str], Awaitable[int]]
    acquainted: Callable[[Sight | None], Awaitable[None]]

    async def moment(self, locality: str) -> int:
        """As `Exports.moment`."""
        code = await self.located(locality)

        def take(connection: sqlite3.Connection) -> int:
            now = self.clock()
            # A clock that was put back stamps what is new with times that lie before those of what is there.
            [(newest,)] = connection.execute(_NEWEST, (code, now + MARGIN)).fetchall()
            [(at,)] = connection.execute(_KEEP, (code, max(now, newest or 0))).fetchall()
            return int(at)

        at: int = await self.write(take)
        return at

    async def settled(self) -> None:
        """As `Exports.settled`: nobody stored anything when a moment was given out."""

    async def counts(self, locality: str, types: Sequence[str], since: int = NEVER) -> dict[str, int]:
        """As `Exports.counts`."""
        code = await self.located(locality)
        changed = " AND updated > ?" if since != NEVER else ""
        text = _COUNT.format(index="resource_updated" if changed else "resource_type", changed=changed)
        more = (since,) if changed else ()

        def count(connection: sqlite3.Connection) -> dict[str, int]:
            found = {}
            for type_ in types:
                of = (code, self.names.known(Kind.TYPE, type_), *more)
                [(found[type_],)] = connection.execute(text, of).fetchall()
            return found

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
        values = await self._values(locality, whole) | {"rows": rows}
        there = _THERE if whole.since == NEVER else _CHANGED

        def ends(connection: sqlite3.Connection) -> list[int] | None:
            if connection.execute(_ANY, values).fetchone() is None:
                return None
            return [end for (end,) in connection.execute(text.format(found=there), values)]

        found: list[int] | None = await self._read(ends)
        return () if found is None else cut(whole, found)

    async def view(self, locality: str, sight: Sight | None = None) -> View:
        """As `Exports.view`."""
        await self.acquainted(sight)
        values = {
            "locality": await self.located(locality),
            **decision.values(sight, self.names, self.clock()),
        }
        return View(partial(self._reading, values, decision.slots(sight)), self.masked, sight)

    @contextmanager
    def _reading(self, values: Mapping[str, Any], slots: int) -> Iterator[_Reading]:
        try:
            with closing(self.connect()) as connection:
                yield _Reading(connection, self.names, values, slots)
        except sqlite3.OperationalError as failure:
            raise Unavailable("store-unavailable", "The store cannot be read now. Try again.") from failure

    async def _read(self, job: Callable[[sqlite3.Connection], Any]) -> Any:
        """What the job comes to, done in a thread."""

        def read() -> Any:
            with closing(self.connect()) as connection:
                return job(connection)

        try:
            return await asyncio.to_thread(read)
        except sqlite3.OperationalError as failure:
            raise Unavailable("store-unavailable", "The store cannot be read now. Try again.") from failure

    async def _values(self, locality: str, of: Slice) -> dict[str, Any]:
        code, type_ = await self.located(locality), self.names.known(Kind.TYPE, of.type)
        where = {"low": of.low, "high": of.high, "at": of.at, "since": of.since}
        return {"locality": code, "type": type_, **where}


class _Reading:
    """Keeps the `Reading` protocol on one connection."""

    def __init__(
        self, connection: sqlite3.Connection, names: Names, values: Mapping[str, Any], slots: int
    ) -> None:
        self._connection = connection
        self._names = names
        self._values = values
        select = {of: _select(of, slots) for of in ("r", "v")}
        self._following = select["r"] + _FOLLOWING
        self._listed = select["r"] + _LISTED
        self._former = f"{select['v']} {_AT.format(rid=':rid')}"

    def changed(self, of: Slice, after: int) -> list[int]:
        """As `Reading.changed`."""
        found = (self._values["locality"], self._type(of), after, of.low, of.high)
        return [key for (key,) in self._connection.execute(_LATER, found)]

    def listed(self, of: Slice, keys: Sequence[int]) -> list[Row]:
        """As `Reading.listed`."""
        values = self._of(of) | {"keys": json.dumps(keys)}
        return self._at(of, self._connection.execute(self._listed, values).fetchall())

    def following(self, of: Slice, after: int, count: int) -> tuple[list[Row], int | None]:
        """As `Reading.following`."""
        values = self._of(of) | {"after": after, "count": count}
        rows = self._connection.execute(self._following, values).fetchall()
        return self._at(of, rows), rows[-1][KEY] if len(rows) == count else None

    def chunks(self, of: Slice, seen: Callable[[Sequence[Row]], Chunk]) -> Iterator[Chunk]:
        """As `Reading.chunks`."""
        found = pages(self, of) if of.since != NEVER else self._measured(of)
        for rows in found:
            yield seen(rows)

    def _measured(self, of: Slice) -> Iterator[list[Row]]:
        """All of the slice, in pieces of some megabytes."""
        values = self._of(of)
        after: int | None = of.low
        while after is not None:
            values["after"], values["count"] = after, -1
            cursor = self._connection.execute(self._following, values)
            rows: list[Any] = []
            size = 0
            while size < CHUNK and (taken := cursor.fetchmany(_TAKEN)):
                size += sum(map(len, map(body_of, taken)))
                rows += taken
            # Nothing is held open: what is read longest would keep the log of the file from beginning anew.
            cursor.close()
            after = rows[-1][KEY] if size >= CHUNK else None
            yield self._at(of, rows)

    def _at(self, of: Slice, rows: Sequence[Any]) -> list[Row]:
        """The resources as they were at the moment, where they were there."""
        if not any(map(moved_of, rows)):
            return list(rows)
        found: list[Row] = []
        values = self._of(of)
        for row in rows:
            if not row[MOVED]:
                found.append(row)
                continue
            values["rid"] = row[KEY]
            found += [as_seen(row, was) for was in self._connection.execute(self._former, values)]
        return found

    def _of(self, of: Slice) -> dict[str, Any]:
        return {**self._values, "type": self._type(of), "at": of.at, "high": of.high}

    def _type(self, of: Slice) -> int:
        return self._names.known(Kind.TYPE, of.type)


def _select(of: str, slots: int) -> str:
    """What is asked of each version, of the table with that alias."""
    row = {name: f"{of}.{name}" for name in ("author", "child", "label", "type")}
    seen = decision.number(row, slots, lambda name: f":{name}", ":type", sqlite=True)
    return _SELECT.format(of=of, deleted=DELETED, seen=seen, moved="r.updated > :at" if of == "r" else "1")
