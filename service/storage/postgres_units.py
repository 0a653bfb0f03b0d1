"""Units written to PostgreSQL in one statement each: one round trip, atomic by itself.

The statement moves the superseded versions, updates and inserts resources, takes away
and adds index rows and writes the audit entries, all from arrays. Where a version that
the unit was decided on is no longer current, the last part divides by zero, which rolls
the whole statement back; so does it where others no longer count on the definitions by which
the index rows were made. Versions of other resources that it relied on are locked against
change until it is committed.

Source: https://www.postgresql.org/docs/15/queries-with.html, ADR 0010
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table
from sqlalchemy.types import TypeEngine

from service.storage.audit import child_rows
from service.storage.export_tables import export_moment
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
_COUNTED_ON = (
    "EXISTS (SELECT 1 FROM index_writer WHERE definitions = ${})"
    " AND NOT EXISTS (SELECT 1 FROM index_writer WHERE definitions IS NULL FOR KEY SHARE)"
)

# Nothing is stored that bears no later time than the last moment of which an export was made. Source: ADR 0025
_LATER = f"NOT EXISTS (SELECT 1 FROM {export_moment.name} WHERE locality = $1 AND at >= ${{}})"

_MOVED = ("version", "type", "id", "updated", "method", "author", "child", "label", "body")


def array_type(type_: TypeEngine[Any]) -> str:
    """PostgreSQL's name of an array of values of the type."""
    name = type_.dialect_impl(POSTGRESQL).compile(dialect=POSTGRESQL)
    return name.split(" COLLATE ")[0] + "[]"


# Units: milliseconds; later than any time, in place of that of a unit that stores no version.
_NONE = 2**62

Columns = Sequence[tuple[str, str]]  # names, and the array types that hold their values

# The columns of each table behind `locality`, which stands first in each.
_COLUMNS: dict[str, Columns] = {
    table.name: [(column.name, array_type(column.type)) for column in columns][1:]
    for table, columns in (
        *((table, list(table.c)) for table in (resource, audit, audit_child)),
        # Those of an acknowledgement come later.
        (notice, [column for column in notice.c if not column.nullable]),
        *((table, row_columns(table)) for table in INDEXES),
    )
}
_SUPERSEDING: Columns = [
    (name, array_type(resource.c[column].type))
    for name, column in (
        ("rid", "rid"),
        ("before", "version"),
        ("version", "version"),
        ("updated", "updated"),
        ("method", "method"),
        ("child", "child"),
        ("label", "label"),
        ("body", "body"),
    )
]

_RELIED_ON: Columns = [(name, array_type(resource.c[name].type)) for name in ("rid", "version")]


@dataclass(slots=True)
class _Statement:
    """A statement in the making: its parts and the arrays that they unnest."""

    locality: int
    parts: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.arguments.append(self.locality)  # $1 everywhere

    def unnest(self, columns: Columns, rows: Sequence[Sequence[Any]]) -> str:
        """The rows as a FROM item with an alias `u` and these column names."""
        slots = []
        for (_, array), values in zip(columns, zip(*rows, strict=True), strict=True):
            self.arguments.append(values)
            slots.append(f"${len(self.arguments)}::{array}")
        names = ", ".join(name for name, _ in columns)
        return f"unnest({', '.join(slots)}) AS u ({names})"

    def text(self, checked: int, relied_on: int, definitions: str, stamp: int) -> str:
        """The whole; so many resources must have been superseded and updated, so many found as relied on.

        `stamp` is the earliest time that any of the versions bears, in milliseconds since 1970.
        """
        counts = {"updated": checked, "moved": checked, "relied": relied_on}
        self.arguments.append(definitions)
        held = [_COUNTED_ON.format(len(self.arguments))]
        self.arguments.append(stamp)
        held.append(_LATER.format(len(self.arguments)))
        held += [f"(SELECT count(*) FROM {part}) = {count}" for part, count in counts.items() if count]
        return f"WITH {', '.join(self.parts)} SELECT 1 / (CASE WHEN {' AND '.join(held)} THEN 1 ELSE 0 END)"


def statement(unit: PreparedUnit, stored: Sequence[Stored]) -> tuple[str, list[Any]]:
    """SQL and arguments that store the unit, whose versions are `stored`, in the order of its changes."""
    made = _Statement(unit.locality)
    changed = list(zip(unit.changes, stored, strict=True))
    new = [(p, s) for p, s in changed if p.change.before is None]
    later = [(p, s) for p, s in changed if p.change.before is not None]
    if new:
        _insert(
            made,
            "created",
            resource,
            [(*_row(p, s), unit.agency, p.child, p.label, s.body) for p, s in new],
        )
    if later:
        # In the order of rid, so that two units that change the same resources wait for
        # each other rather than for ever.
        later.sort(key=lambda pair: pair[1].key)
        _supersede(
            made,
            [
                (s.key, s.version - 1, s.version, s.updated, p.method, p.child, p.label, s.body)
                for p, s in later
            ],
        )
    audited = [prepared.audited(unit, version) for prepared, version in changed]
    _insert(made, "audited", audit, [row[1:] for row in audited])
    if children := [row[1:] for entry in audited for row in child_rows(entry)]:
        _insert(made, "audited_children", audit_child, children)
    for position, table in enumerate(INDEXES):
        removed = [(*row, s.key) for p, s in changed for row in p.difference.removed[position]]
        added = [(*row, s.key) for p, s in changed for row in p.difference.added[position]]
        conflict = " ON CONFLICT DO NOTHING"
        if table is index_text:
            # Its key leaves the words out, and all parts of a statement see the rows as they were before it: what
            # another takes the place of must be changed, or the new one would give way to it.
            replaced = {(row[0], row[-1]) for row in added}
            removed = [row for row in removed if (row[0], row[-1]) not in replaced]
            conflict = " ON CONFLICT (locality, parameter, rid) DO UPDATE SET words = excluded.words"
        if removed:
            _remove(made, table, removed)
        if added:
            _insert(made, f"{table.name}_added", table, added, conflict=conflict)
    if unit.notices:
        _insert(made, "noticed", notice, [told.row(stored) for told in unit.notices])
    if unit.relied_on:
        _rely(made, sorted(unit.relied_on))
    stamp = min([version.updated for version in stored], default=_NONE)
    return made.text(len(later), len(unit.relied_on), unit.definitions, stamp), made.arguments


def _row(prepared: PreparedChange, stored: Stored) -> tuple[Any, ...]:
    return (stored.key, prepared.type, prepared.id, stored.version, stored.updated, prepared.method)


def _insert(
    made: _Statement, name: str, table: Table, rows: Sequence[Sequence[Any]], *, conflict: str = ""
) -> None:
    columns = _COLUMNS[table.name]
    names = ", ".join(column for column, _ in columns)
    source = made.unnest(columns, rows)
    made.parts.append(
        f"{name} AS (INSERT INTO {table.name} (locality, {names}) SELECT $1::smallint, {names} FROM {source}{conflict})"
    )


def _supersede(made: _Statement, rows: Sequence[Sequence[Any]]) -> None:
    source = made.unnest(_SUPERSEDING, rows)
    current = f"{source} WHERE r.locality = $1::smallint AND r.rid = u.rid AND r.version = u.before"
    moved = ", ".join(_MOVED)
    made.parts.append(
        f"moved AS (INSERT INTO resource_version (locality, rid, {moved})"
        f" SELECT r.locality, r.rid, {', '.join('r.' + column for column in _MOVED)}"
        f" FROM resource r, {current} RETURNING 1)"
    )
    made.parts.append(
        # Who could see the resource can still see that it is gone.
        "updated AS (UPDATE resource r SET version = u.version, updated = u.updated, method = u.method,"
        f" child = CASE WHEN u.method = {DELETED} THEN r.child ELSE u.child END,"
        f" label = CASE WHEN u.method = {DELETED} THEN r.label ELSE u.label END,"
        f" body = u.body FROM {current} RETURNING 1)"
    )


def _rely(made: _Statement, versions: Sequence[tuple[int, int]]) -> None:
    """Whoever changes one of these waits until the unit is committed, and whoever is changing one is waited for."""
    # The limit tells the planner how few they are. It would guess ten, and then plan each unit anew to do better.
    source = f"(SELECT * FROM {made.unnest(_RELIED_ON, versions)} LIMIT {len(versions)}) AS u"
    made.parts.append(
        f"relied AS (SELECT 1 FROM {source} CROSS JOIN LATERAL (SELECT 1 FROM resource r"
        " WHERE r.locality = $1::smallint AND r.rid = u.rid AND r.version = u.version"
        " ORDER BY r.locality, r.rid LIMIT 1 FOR SHARE) AS held)"
    )


def _remove(made: _Statement, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    columns = _COLUMNS[table.name]
    source = made.unnest(columns, rows)
    same = " AND ".join(f"i.{name} = u.{name}" for name, _ in columns)
    made.parts.append(
        f"{table.name}_removed AS (DELETE FROM {table.name} i USING {source}"
        f" WHERE i.locality = $1::smallint AND {same})"
    )


def versions(unit: PreparedUnit, now: int, next_rid: Callable[[], int]) -> Iterator[Stored]:
    """The unit's versions as they will stand, new resources with rids from `next_rid`."""
    for prepared in unit.changes:
        before = prepared.change.before
        yield prepared.stored(next_rid() if before is None else before.key, now)
