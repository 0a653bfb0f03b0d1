"""Units written to PostgreSQL in one statement each: one round trip, atomic by itself.

The statement moves the superseded versions, updates and inserts resources, takes away
and adds index rows and writes the audit entries, all from arrays. Where a version that
the unit was decided on is no longer current, the last part divides by zero, which rolls
the whole statement back; so does it where others no longer count on the definitions by which
the index rows were made. Versions of other resources that it relied on are locked against
change until it is committed.

The text of a statement is put together of parts that stand here, with `?` for each value: there are few texts,
which the connections keep prepared, and none is made twice.

Source: https://www.postgresql.org/docs/15/queries-with.html, ADR 0010
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Table
from sqlalchemy.types import TypeEngine

from service.storage.audit import child_rows
from service.storage.export_tables import export_moment
from service.storage.indexing import gather, gathering
from service.storage.postgres_arrays import Flat
from service.storage.preparation import PreparedChange, PreparedUnit
from service.storage.statements import POSTGRESQL
from service.storage.store import Stored
from service.storage.tables import (
    DELETED,
    INDEXES,
    audit,
    audit_child,
    index_text,
    notice,
    resource,
    row_columns,
)

# The second part holds for no row, and so locks none. But the lock on the table that goes with it is held until
# the unit is committed, and is taken before the statement looks at anything: `Session.writing` waits for it.
_COUNTED_ON: Final = (
    "EXISTS (SELECT 1 FROM index_writer WHERE definitions = ?)"
    " AND NOT EXISTS (SELECT 1 FROM index_writer WHERE definitions IS NULL FOR KEY SHARE)"
)

# Nothing is stored that bears no later time than the last moment of which an export was made. Source: ADR 0025
_LATER: Final = f"NOT EXISTS (SELECT 1 FROM {export_moment.name} WHERE locality = $1 AND at >= ?)"

_MOVED: Final = ("version", "type", "id", "updated", "method", "author", "child", "label", "body")

# Units: milliseconds; later than any time, in place of that of a unit that stores no version.
_NONE: Final = 2**62
# So many texts are remembered: of a day's units there are some dozens.
_TEXTS: Final = 500

Rows = Sequence[Sequence[Any]]
Changed = Sequence[tuple[PreparedChange, Stored]]


def array_type(type_: TypeEngine[Any]) -> str:
    """PostgreSQL's name of an array of values of the type."""
    name = type_.dialect_impl(POSTGRESQL).compile(dialect=POSTGRESQL)
    return name.split(" COLLATE ")[0] + "[]"


class _Part(NamedTuple):
    """A part of a statement, and of each column that it takes whether its value is the same in all rows."""

    text: str
    same: tuple[bool, ...]


def _selected(columns: Sequence[tuple[str, TypeEngine[Any]]], same: Sequence[str] = ()) -> str:
    """A list to select: the values of the arrays side by side, those that are the same in all rows given once."""
    return ", ".join(
        f"?::{array_type(type_)[:-2]} AS {name}"
        if name in same
        else f"unnest(?::{array_type(type_)}) AS {name}"
        for name, type_ in columns
    )


def _insertion(
    name: str, table: Table, columns: Sequence[Column[Any]], same: Sequence[str] = (), conflict: str = ""
) -> _Part:
    """Inserts rows; the columns are those behind the locality, which stands first in each table."""
    names = ", ".join(column.name for column in columns)
    values = _selected([(column.name, column.type) for column in columns], same)
    return _Part(
        f"{name} AS (INSERT INTO {table.name} (locality, {names}) SELECT $1::smallint, {values}{conflict})",
        tuple(column.name in same for column in columns),
    )


def _behind_locality(table: Table) -> list[Column[Any]]:
    return list(table.c)[1:]


def _rid_first(table: Table) -> list[Column[Any]]:
    """The columns of an index table in the order in which rows are gathered."""
    _, *values, rid = row_columns(table)
    return [rid, *values]


def _addition(table: Table, conflict: str = "") -> _Part:
    return _insertion(f"{table.name}_added", table, _rid_first(table), (), conflict)


def _removal(table: Table) -> _Part:
    columns = _rid_first(table)
    names = ", ".join(column.name for column in columns)
    slots = ", ".join(f"?::{array_type(column.type)}" for column in columns)
    same = " AND ".join(f"i.{column.name} = u.{column.name}" for column in columns)
    return _Part(
        f"{table.name}_removed AS (DELETE FROM {table.name} i USING unnest({slots}) AS u ({names})"
        f" WHERE i.locality = $1::smallint AND {same})",
        (False,) * len(columns),
    )


def _insertions(name: str, table: Table, same: Sequence[str] = ()) -> tuple[_Part, _Part]:
    """Inserts several rows of all columns, or one: that needs no arrays, of which most of a create would consist."""
    columns = _behind_locality(table)
    every = [column.name for column in columns]
    return _insertion(name, table, columns, same), _insertion(name, table, columns, every)


_CREATED: Final = _insertions("created", resource, ("version", "updated", "author"))
_AUDITED: Final = _insertions(
    "audited",
    audit,
    # Of the unit, and not of a version.
    ("what", "client", "agency", "person", "purpose", "delay", "request", "address", "query", "reason"),
)
_CHILDREN: Final = _insertions("audited_children", audit_child)
# The columns of an acknowledgement come later.
_NOTICED: Final = _insertion(
    "noticed", notice, [column for column in _behind_locality(notice) if not column.nullable]
)

_LATER_VERSION: Final = {"before": "version"} | {
    name: name for name in ("rid", "version", "updated", "method", "child", "label", "body")
}
_SUPERSEDING: Final = _Part(
    f"superseding AS (SELECT {_selected([(name, resource.c[of].type) for name, of in _LATER_VERSION.items()])})",
    (False,) * len(_LATER_VERSION),
)
_OF_CURRENT: Final = (
    "superseding u WHERE r.locality = $1::smallint AND r.rid = u.rid AND r.version = u.before"
)
_SUPERSEDED: Final = (
    f"moved AS (INSERT INTO resource_version (locality, rid, {', '.join(_MOVED)})"
    f" SELECT r.locality, r.rid, {', '.join('r.' + column for column in _MOVED)}"
    f" FROM resource r, {_OF_CURRENT} RETURNING 1)"
)
_UPDATED: Final = (
    # Who could see the resource can still see that it is gone.
    "updated AS (UPDATE resource r SET version = u.version, updated = u.updated, method = u.method,"
    f" child = CASE WHEN u.method = {DELETED} THEN r.child ELSE u.child END,"
    f" label = CASE WHEN u.method = {DELETED} THEN r.label ELSE u.label END,"
    f" body = u.body FROM {_OF_CURRENT} RETURNING 1)"
)

# Whoever changes one of these waits until the unit is committed, and whoever is changing one is waited for.
_RELIED: Final = _Part(
    "relied AS (SELECT 1 FROM unnest(?::bigint[], ?::integer[]) AS u (rid, version)"
    " CROSS JOIN LATERAL (SELECT 1 FROM resource r"
    " WHERE r.locality = $1::smallint AND r.rid = u.rid AND r.version = u.version"
    " ORDER BY r.locality, r.rid LIMIT 1 FOR SHARE) AS held)",
    (False, False),
)

# What is new has no rows yet; of what was there before some may be: `reindex` makes them too.
_NEW: Final = [_addition(table) for table in INDEXES]
_ADDED: Final = [
    _addition(
        table,
        # Its key leaves the words out.
        " ON CONFLICT (locality, parameter, rid) DO UPDATE SET words = excluded.words"
        if table is index_text
        else " ON CONFLICT DO NOTHING",
    )
    for table in INDEXES
]
_REMOVED: Final = [_removal(table) for table in INDEXES]
_TEXT: Final = INDEXES.index(index_text)


class _Statement:
    """A statement in the making: its parts, what must hold, and the arguments of both."""

    def __init__(self, locality: int) -> None:
        self.parts: list[str] = []
        self._held: list[str] = []
        self._arguments: list[Any] = [locality]  # $1 everywhere
        self._beside: list[Any] = []

    def add(self, part: _Part, rows: Rows) -> None:
        """A part, and its rows."""
        self.parts.append(part.text)
        self._arguments += [
            values[0] if same else Flat(values)
            for same, values in zip(part.same, zip(*rows, strict=True), strict=True)
        ]

    def hold(self, condition: str, argument: Any) -> None:
        """A condition, without which nothing is stored."""
        self._held.append(condition)
        self._beside.append(argument)

    def count(self, part: str, count: int) -> None:
        """The part must come to so many rows."""
        self.hold(f"(SELECT count(*) FROM {part}) = ?", count)

    def finished(self) -> tuple[str, list[Any]]:
        """The text and its arguments."""
        return _text(tuple(self.parts), tuple(self._held)), [*self._arguments, *self._beside]


@lru_cache(_TEXTS)
def _text(parts: tuple[str, ...], held: tuple[str, ...]) -> str:
    """The whole; it divides by zero where a condition does not hold."""
    whole = f"WITH {', '.join(parts)} SELECT 1 / (CASE WHEN {' AND '.join(held)} THEN 1 ELSE 0 END)"
    first, *others = whole.split("?")
    return first + "".join(f"${number}{text}" for number, text in enumerate(others, 2))


def statement(unit: PreparedUnit, stored: Sequence[Stored]) -> tuple[str, list[Any]]:
    """SQL and arguments that store the unit, whose versions are `stored`, in the order of its changes."""
    made = _Statement(unit.locality)
    changed = list(zip(unit.changes, stored, strict=True))
    new = [(p, s) for p, s in changed if p.change.before is None]
    later = [(p, s) for p, s in changed if p.change.before is not None]
    made.hold(_COUNTED_ON, unit.definitions)
    made.hold(_LATER, min([version.updated for version in stored], default=_NONE))
    if new:
        rows = [(*_row(p, s), unit.agency, p.child, p.label, s.body) for p, s in new]
        made.add(_CREATED[len(rows) == 1], rows)
    if later:
        _supersede(made, later)
    audited = [prepared.audited(unit, version) for prepared, version in changed]
    made.add(_AUDITED[len(audited) == 1], [row[1:] for row in audited])
    if children := [row[1:] for entry in audited for row in child_rows(entry)]:
        made.add(_CHILDREN[len(children) == 1], children)
    _index(made, new, later)
    if unit.notices:
        made.add(_NOTICED, [told.row(stored) for told in unit.notices])
    if unit.relied_on:
        made.add(_RELIED, sorted(unit.relied_on))
        made.count("relied", len(unit.relied_on))
    return made.finished()


def _row(prepared: PreparedChange, stored: Stored) -> tuple[Any, ...]:
    return (stored.key, prepared.type, prepared.id, stored.version, stored.updated, prepared.method)


def _supersede(made: _Statement, later: list[tuple[PreparedChange, Stored]]) -> None:
    # In the order of rid, so that two units that change the same resources wait for
    # each other rather than for ever.
    later.sort(key=lambda pair: pair[1].key)
    made.add(
        _SUPERSEDING,
        [(s.version - 1, s.key, s.version, s.updated, p.method, p.child, p.label, s.body) for p, s in later],
    )
    made.parts += (_SUPERSEDED, _UPDATED)
    made.count("updated", len(later))
    made.count("moved", len(later))


def _index(made: _Statement, new: Changed, later: Changed) -> None:
    first, added, removed = gathering(), gathering(), gathering()
    for prepared, stored in new:
        gather(first, (stored.key,), prepared.difference.added)
    for prepared, stored in later:
        gather(added, (stored.key,), prepared.difference.added)
        gather(removed, (stored.key,), prepared.difference.removed)
    # All parts of a statement see the rows as they were before it: words that others take the place of must be
    # changed, or the new ones would give way to them.
    replaced = {row[:2] for row in added[_TEXT]}
    removed[_TEXT][:] = [row for row in removed[_TEXT] if row[:2] not in replaced]
    for position in range(len(INDEXES)):
        if removed[position]:
            made.add(_REMOVED[position], removed[position])
        if added[position]:
            made.add(_ADDED[position], [*first[position], *added[position]])
        elif first[position]:
            made.add(_NEW[position], first[position])
