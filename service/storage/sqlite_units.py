"""Units written to SQLite within a transaction that somebody else begins, commits or rolls back.

Source: ADR 0002, ADR 0010
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update

from service.storage.audit import child_rows
from service.storage.export_tables import export_moment
from service.storage.indexing import NO_ROWS
from service.storage.names import unpack_id
from service.storage.preparation import PreparedChange, PreparedUnit, Unregistered
from service.storage.querying.searches import Searches
from service.storage.rows import INSERT, REMOVE
from service.storage.statements import SQLITE, positional
from service.storage.store import Stale, Stored
from service.storage.tables import (
    INDEXES,
    METHODS,
    audit,
    audit_child,
    locality_keys,
    notice,
    resource,
    resource_version,
)

# rids are handed out from blocks, so that most units need not touch their counter.
RID_BLOCK = 1000

Outcome = tuple[Stored, ...] | Stale
Rows = list[tuple[Any, ...]]

# Those of an acknowledgement come later.
NOTICE_COLUMNS = ("locality", "id", "agency", "event", "rid", "version", "at")
_VERSION_COLUMNS = tuple(column.name for column in resource_version.c)


def _insert(table: Table) -> str:
    return positional(insert(table), SQLITE, [column.name for column in table.c])


_INSERT = _insert(resource)
_AUDIT = _insert(audit)
_AUDIT_CHILD = _insert(audit_child)
_MOVE = positional(
    insert(resource_version).from_select(
        _VERSION_COLUMNS,
        select(*(resource.c[column] for column in _VERSION_COLUMNS)).where(
            resource.c.locality == bindparam("locality"),
            resource.c.rid == bindparam("rid"),
            resource.c.version == bindparam("version"),
        ),
    ),
    SQLITE,
    ("locality", "rid", "version"),
)


def _update(*columns: str) -> str:
    return positional(
        update(resource)
        .where(resource.c.locality == bindparam("of_locality"), resource.c.rid == bindparam("of_rid"))
        .values({column: bindparam(column) for column in columns}),
        SQLITE,
        (*columns, "of_locality", "of_rid"),
    )


_UPDATE = _update("version", "updated", "method", "child", "label", "body")
# Who could see the resource can still see that it is gone.
_DELETE = _update("version", "updated", "method", "body")
_CURRENT = positional(
    select(resource.c.version).where(
        resource.c.locality == bindparam("locality"), resource.c.rid == bindparam("rid")
    ),
    SQLITE,
    ("locality", "rid"),
)
_ALLOCATE = positional(
    update(locality_keys)
    .where(locality_keys.c.locality == bindparam("of_locality"))
    .values(next_rid=locality_keys.c.next_rid + bindparam("block"))
    .returning(locality_keys.c.next_rid),
    SQLITE,
    ("block", "of_locality"),
)
_NOTICE = positional(
    insert(notice).values({column: bindparam(column) for column in NOTICE_COLUMNS}), SQLITE, NOTICE_COLUMNS
)
_WRITER = "SELECT 1 FROM index_writer WHERE definitions = ?"
# The last moment of which an export was made: what is stored now bears a later time. Source: ADR 0025
_MOMENT = f"SELECT at FROM {export_moment.name} WHERE locality = ?"  # noqa: S608 - constants only
# sqlite3 takes values by their number as `?1`.
_INDEX_ADD = [INSERT[table.name].replace("$", "?") for table in INDEXES]
_INDEX_REMOVE = [REMOVE[table.name].replace("$", "?") for table in INDEXES]


class UnitWriter:
    """Writes units; index rows and audit entries are kept back and written together at the end of a batch."""

    def __init__(self, connection: sqlite3.Connection, searches: Searches, clock: Callable[[], int]) -> None:
        self._execute = connection.execute
        self._execute_many = connection.executemany
        self._searches = searches
        self._clock = clock
        self._rids: dict[int, tuple[int, int]] = {}  # next rid and end of the block, by locality
        self._removed: tuple[Rows, ...] = tuple([] for _ in INDEXES)
        self._added: tuple[Rows, ...] = tuple([] for _ in INDEXES)
        self._entries: Rows = []
        self._children: Rows = []

    def write(self, units: list[PreparedUnit]) -> list[Outcome]:
        """Begins a transaction and writes the units in it; what came of each, in order.

        Raises:
            Unregistered: the index rows of one are not of the definitions that others count on.
        """
        self._execute("BEGIN IMMEDIATE")
        for definitions in {unit.definitions for unit in units}:
            if self._execute(_WRITER, (definitions,)).fetchone() is None:
                raise Unregistered
        now = self._now({unit.locality for unit in units})
        outcomes: list[Outcome] = []
        for unit in units:
            if unit.expectations:
                # They ask the indexes; and what other units wrote must not be undone with this one.
                self._flush()
            self._execute("SAVEPOINT unit")
            try:
                outcomes.append(self._unit(unit, now))
            except Stale as stale:
                self._execute("ROLLBACK TO unit")
                outcomes.append(stale)
            self._execute("RELEASE unit")
        self._flush()
        return outcomes

    def forget(self) -> None:
        """Drops what was kept back, and the rids taken in a transaction that was rolled back."""
        for rows in (*self._removed, *self._added, self._entries, self._children):
            rows.clear()
        self._rids.clear()

    def _now(self, localities: set[int]) -> int:
        """The time that what is written bears: now, which is later than the moment of any export."""
        now = self._clock()
        for locality in localities:
            for (moment,) in self._execute(_MOMENT, (locality,)):
                now = max(now, moment + 1)
        return now

    def _unit(self, unit: PreparedUnit, now: int) -> tuple[Stored, ...]:
        for expectation in unit.expectations:
            text, arguments = self._searches.ids(unit.locality, expectation.asked)
            if {unpack_id(packed) for (packed,) in self._execute(text, arguments)} != expectation.ids:
                raise Stale
        for rid, current in unit.relied_on:
            if self._execute(_CURRENT, (unit.locality, rid)).fetchone() != (current,):
                raise Stale
        stored = tuple(self._version(unit, prepared, now) for prepared in unit.changes)
        if unit.notices:
            self._tell(unit, stored)
        # Last: what is kept back of a unit that is stale would be written all the same.
        for prepared, version in zip(unit.changes, stored, strict=True):
            self._keep_back(unit.locality, version.key, prepared)
            entry = prepared.audited(unit, version)
            self._entries.append(entry)
            self._children += child_rows(entry)
        return stored

    def _tell(self, unit: PreparedUnit, stored: tuple[Stored, ...]) -> None:
        try:
            for told in unit.notices:
                self._execute(_NOTICE, (unit.locality, *told.row(stored)))
        except sqlite3.IntegrityError as taken:
            raise Stale from taken

    def _version(self, unit: PreparedUnit, prepared: PreparedChange, now: int) -> Stored:
        before, locality = prepared.change.before, unit.locality
        if before is None:
            stored = prepared.stored(self._next_rid(locality), now)
            row = (locality, stored.key, prepared.type, prepared.id, stored.version, stored.updated)
            whose = (unit.agency, prepared.child, prepared.label)
            try:
                self._execute(_INSERT, (*row, prepared.method, *whose, stored.body))
            except sqlite3.IntegrityError as taken:
                raise Stale from taken
        else:
            stored = prepared.stored(before.key, now)
            if self._execute(_MOVE, (locality, before.key, before.version)).rowcount != 1:
                raise Stale
            of = (locality, before.key)
            new = (stored.version, stored.updated, METHODS[stored.method])
            if stored.deleted:
                self._execute(_DELETE, (*new, stored.body, *of))
            else:
                self._execute(_UPDATE, (*new, prepared.child, prepared.label, stored.body, *of))
        return stored

    def _next_rid(self, locality: int) -> int:
        rid, end = self._rids.get(locality, (0, 0))
        if rid == end:
            [(end,)] = self._execute(_ALLOCATE, (RID_BLOCK, locality)).fetchall()
            rid = end - RID_BLOCK
        self._rids[locality] = (rid + 1, end)
        return rid

    def _keep_back(self, locality: int, rid: int, prepared: PreparedChange) -> None:
        """Rows in the order of the tables' columns: locality, parameter, values, rid."""
        removed, added = prepared.difference.removed, prepared.difference.added
        if removed is not NO_ROWS:
            for kept, rows in zip(self._removed, removed, strict=True):
                if rows:
                    kept += [(locality, *row, rid) for row in rows]
        for kept, rows in zip(self._added, added, strict=True):
            if rows:
                kept += [(locality, *row, rid) for row in rows]

    def _flush(self) -> None:
        for statement, rows in ((_AUDIT, self._entries), (_AUDIT_CHILD, self._children)):
            if rows:
                self._execute_many(statement, rows)
                rows.clear()
        for statements, kept in ((_INDEX_REMOVE, self._removed), (_INDEX_ADD, self._added)):
            for statement, rows in zip(statements, kept, strict=True):
                if rows:
                    self._execute_many(statement, rows)
                    rows.clear()
