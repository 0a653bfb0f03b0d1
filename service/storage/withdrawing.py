"""What was given out and is not to be seen any more, as both databases are asked.

Source: ADR 0027
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final, Protocol

from service.fhir.problems import Unavailable
from service.fhir.search.sight import Sight
from service.storage.names import Kind, Names, pack_id, unpack_id
from service.storage.querying import decision
from service.storage.querying.said import GROUND, WITHHELD
from service.storage.withdrawals import Given, Key, Suspects

SKEW: Final = 30_000
"""Units: milliseconds by which the clock of whoever read something may have been behind the moment that it is of."""
TOGETHER: Final = 1_000
"""Values of a list that one statement takes; so many are asked of in one look."""

_Values = Mapping[str, Any]


class Dialect(Protocol):
    """How a statement names its arguments, and who runs it."""

    @property
    def sqlite(self) -> bool:
        """Whether it is SQLite's."""
        ...

    def fill(self, name: str) -> str:
        """The argument of that name."""
        ...

    def among(self, name: str) -> str:
        """That something is one of the list of that name."""
        ...

    def each(self, name: str) -> str:
        """The list of that name as a table of one column, `value`."""
        ...


Statement = Callable[[Dialect], str]
Ask = Callable[[Statement, _Values], Awaitable[Sequence[Any]]]
"""Runs a statement; the lists among its values have `TOGETHER` entries at most, and one at least."""

# The packed ids of young people, and small numbers, that stand in lists.
_LISTS: Final = {"children": "bytea[]", "ids": "bytea[]", "rids": "bigint[]", "types": "smallint[]"}
_SINGLE: Final = {"at": "bigint", "since": "bigint", "begun": "bigint", "type": "smallint"}


def _said_since(by: Dialect) -> str:
    """Whose record is meant by what has changed since, in any of its versions."""
    changed = (
        f"FROM resource AS r{_indexed(by)} {{join}}WHERE r.locality = {by.fill('locality')}"
        f" AND r.type {by.among('types')} AND r.updated > {by.fill('since')}"
    )
    join = "JOIN resource_version AS v ON v.locality = r.locality AND v.rid = r.rid "
    return f"SELECT r.child {changed.format(join='')} UNION SELECT v.child {changed.format(join=join)}"


def _held_since(by: Dialect) -> str:
    """Of whom something began or ended to hold since."""
    begun, now = by.fill("begun"), by.fill("now")
    return (
        f"SELECT DISTINCT s.child FROM index_sharing AS s WHERE s.locality = {by.fill('locality')}"
        f" AND s.child {by.among('children')}"
        f" AND (s.low > {begun} AND s.low <= {now} OR s.high > {begun} AND s.high <= {now})"
    )


def _facts_since(by: Dialect) -> str:
    """What has a label since that it had not, or is about somebody else."""
    differs = "IS NOT" if by.sqlite else "IS DISTINCT FROM"
    return (
        f"SELECT r.type, r.id FROM resource AS r{_indexed(by)}"
        f" JOIN resource_version AS v ON v.locality = r.locality AND v.rid = r.rid AND v.version = {_newest('r', 'since', by)}"
        f" WHERE r.locality = {by.fill('locality')} AND r.type {by.among('types')}"
        f" AND r.updated > {by.fill('since')} AND (r.label & ~v.label <> 0 OR r.child {differs} v.child)"
    )


def _named(by: Dialect) -> str:
    """What is known of resources without looking whether they are seen."""
    return _each(by, "SELECT r.rid, r.id, r.child, r.updated FROM resource AS r", ("type",), "r.id", "ids")


def _now(slots: int) -> Statement:
    """Who sees what these resources are now."""
    return lambda by: _each(
        by, f"SELECT r.rid, r.child, {_number('r', slots, by)} FROM resource AS r", (), "r.rid", "rids"
    )


def _then(slots: int) -> Statement:
    """Who sees what these resources were at the moment, now."""

    def text(by: Dialect) -> str:
        select = f"SELECT v.rid, v.child, {_number('v', slots, by)} FROM resource_version AS v"
        where = f"WHERE v.locality = {by.fill('locality')} AND v.rid"
        if by.sqlite:
            return f"{select} {where} {by.among('rids')} AND v.version = {_newest('v', 'at', by)}"
        newest = "ORDER BY v.locality DESC, v.rid DESC, v.version DESC LIMIT 1"
        found = f"{select} {where} = asked.value AND v.updated <= {by.fill('at')} {newest}"
        return f"SELECT found.* FROM {by.each('rids')} AS asked CROSS JOIN LATERAL ({found}) AS found"

    return text


def _each(by: Dialect, select: str, columns: Sequence[str], key: str, name: str) -> str:
    """Resources `r` by a key; each is looked up for itself, whatever a planner knows or believes of the table."""
    where = "".join(f" AND r.{column} = {by.fill(column)}" for column in columns)
    where = f" WHERE r.locality = {by.fill('locality')}{where} AND {key}"
    if by.sqlite:
        return f"{select}{where} {by.among(name)}"
    # The first behind the key in its index, and that only if it has it: by equality the planner would take any index
    # that begins alike, of a table of which it believes that it is empty.
    order = ", ".join(("r.locality", *(f"r.{column}" for column in columns), key))
    found = f"{select}{where} >= asked.value ORDER BY {order} LIMIT 1"
    return (
        f"SELECT found.* FROM {by.each(name)} AS asked CROSS JOIN LATERAL ({found}) AS found"
        f" WHERE found.{key.removeprefix('r.')} = asked.value"
    )


def _of_children(slots: int) -> Statement:
    """Who sees what has no label of these types about these young people, if others made it."""

    def text(by: Dialect) -> str:
        row = {"author": "0", "child": "c.value", "label": "0", "type": "t.value"}
        number = decision.number(row, slots, by.fill, sqlite=by.sqlite)
        return f"SELECT c.value, {number} FROM {by.each('children')} AS c CROSS JOIN {by.each('types')} AS t"

    return text


def _indexed(by: Dialect) -> str:
    return " INDEXED BY resource_updated" if by.sqlite else ""


def _newest(of: str, moment: str, by: Dialect) -> str:
    return (
        f"(SELECT max(w.version) FROM resource_version AS w WHERE w.locality = {of}.locality AND w.rid = {of}.rid"
        f" AND w.updated <= {by.fill(moment)})"
    )


def _number(of: str, slots: int, by: Dialect) -> str:
    row = {name: f"{of}.{name}" for name in ("author", "child", "label", "type")}
    return decision.number(row, slots, by.fill, sqlite=by.sqlite)


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """Keeps the `Withdrawals` protocol."""

    names: Names
    clock: Callable[[], int]
    located: Callable[[str], Awaitable[int]]
    acquainted: Callable[[Sight | None], Awaitable[None]]
    ask: Ask

    async def suspects(self, locality: str, given: Given, speaking: Collection[str]) -> Suspects:
        """As `Withdrawals.suspects`."""
        at = {"locality": await self.located(locality), "since": given.since}
        said = {
            row[0]
            for row in await self._all(_said_since, at, "types", self.names.numbers(Kind.TYPE, speaking))
        }
        times = at | {"begun": given.since - SKEW, "now": self.clock()}
        held = await self._all(_held_since, times, "children", given.children)
        facts = await self._all(_facts_since, at, "types", self.names.numbers(Kind.TYPE, given.types))
        return Suspects(
            frozenset({*said.intersection(given.children), *(row[0] for row in held)}),
            frozenset((self.names.text(Kind.TYPE, type_), unpack_id(id_)) for type_, id_ in facts),
        )

    async def hidden(
        self, locality: str, sight: Sight, given: Given, suspects: Suspects, keys: Collection[Key]
    ) -> bool:
        """As `Withdrawals.hidden`."""
        values = await self._eyes(locality, sight) | {"at": given.at}
        slots = decision.slots(sight)
        by_type: dict[str, list[bytes]] = {}
        for type_, id_ in keys:
            by_type.setdefault(type_, []).append(pack_id(id_))
        for type_, ids in by_type.items():
            code = self.names.code(Kind.TYPE, type_)
            if code is None:
                continue
            named = await self._all(_named, values | {"type": code}, "ids", ids)
            told = {pack_id(id_) for of, id_ in suspects.keys if of == type_}
            moved = {rid for rid, _, _, updated in named if updated > given.at}
            asked = moved | {rid for rid, id_, child, _ in named if child in suspects.children or id_ in told}
            changed = {rid for rid, id_, _, _ in named if id_ in told}
            rows = [
                *await self._all(_now(slots), values, "rids", asked),
                *await self._all(_then(slots), values, "rids", moved),
            ]
            if any(
                not seen & GROUND or (seen & WITHHELD and (child in suspects.children or rid in changed))
                for rid, child, seen in rows
            ):
                return True
        return False

    async def closed(
        self, locality: str, sight: Sight, types: Collection[str], children: Collection[bytes]
    ) -> bool:
        """As `Withdrawals.closed`."""
        codes = self.names.numbers(Kind.TYPE, types)
        if not codes:
            return False
        values = await self._eyes(locality, sight) | {"types": codes}
        rows = await self._all(_of_children(decision.slots(sight)), values, "children", children)
        return any(not seen & GROUND or seen & WITHHELD for _, seen in rows)

    async def _eyes(self, locality: str, sight: Sight) -> dict[str, Any]:
        await self.acquainted(sight)
        eyes = decision.values(sight, self.names, self.clock())
        return {"locality": await self.located(locality), **eyes}

    async def _all(
        self, statement: Statement, values: _Values, name: str, of: Collection[Any]
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement about everything in a list."""
        found: list[tuple[Any, ...]] = []
        for part in _parts(list(of)):
            found += await self.ask(statement, {**values, name: part})
        return found


def _parts(of: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(of), TOGETHER):
        yield of[start : start + TOGETHER]


@dataclass(frozen=True, slots=True)
class _Named:
    """Arguments by name, and those of lists one by one, as SQLite has them. `sizes` are those of the lists."""

    sizes: Mapping[str, int]
    sqlite: bool = True

    def fill(self, name: str) -> str:
        return f":{name}"

    def among(self, name: str) -> str:
        return f"IN ({', '.join(self._members(name))})"

    def each(self, name: str) -> str:
        return " UNION ALL ".join(f"SELECT {one} AS value" for one in self._members(name)).join("()")

    def _members(self, name: str) -> list[str]:
        return [f":{name}{index}" for index in range(self.sizes[name])]


@dataclass(frozen=True, slots=True)
class _Numbered:
    """Arguments by number, and lists as arrays, as PostgreSQL has them; `names` are the arguments in order."""

    names: list[str]
    sqlite: bool = False

    def fill(self, name: str) -> str:
        return f"{self._argument(name)}::{_SINGLE.get(name) or decision.TYPES.get(name, decision.PARTY)[1]}"

    def among(self, name: str) -> str:
        return f"= ANY ({self._argument(name)}::{_LISTS[name]})"

    def each(self, name: str) -> str:
        return f"(SELECT unnest({self._argument(name)}::{_LISTS[name]}) AS value)"

    def _argument(self, name: str) -> str:
        if name not in self.names:
            self.names.append(name)
        return f"${self.names.index(name) + 1}"


def asked_in_thread(connect: Callable[[], sqlite3.Connection]) -> Ask:
    """Runs statements of SQLite on a connection of their own: reads of many rows keep nobody else waiting."""

    async def ask(statement: Statement, values: _Values) -> Sequence[Any]:
        lists = {name: value for name, value in values.items() if name in _LISTS}
        text = statement(_Named({name: len(value) for name, value in lists.items()}))
        flat = {name: value for name, value in values.items() if name not in lists}
        flat |= {f"{name}{index}": one for name, value in lists.items() for index, one in enumerate(value)}

        def read() -> list[Any]:
            with closing(connect()) as connection:
                return connection.execute(text, flat).fetchall()

        try:
            return await asyncio.to_thread(read)
        except sqlite3.OperationalError as failure:
            raise Unavailable("store-unavailable", "The store cannot be read now. Try again.") from failure

    return ask


def asked_by(fetch: Callable[..., Awaitable[Sequence[Any]]]) -> Ask:
    """Runs statements of PostgreSQL."""

    async def ask(statement: Statement, values: _Values) -> Sequence[Any]:
        names: list[str] = []
        text = statement(_Numbered(names))
        return await fetch(text, *(values[name] for name in names))

    return ask
