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
from service.storage.indexing import NO_ROWS, gather, gathering
from service.storage.names import unpack_id
from service.storage.preparation import PreparedChange, PreparedUnit, Unregistered
from service.storage.querying.searches import Searches
from service.storage.sqlite_adding import Adding
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
    row_columns,
)

# rids are handed out from blocks, so that most units need not touch their counter.
RID_BLOCK = 1000

Outcome = tuple[Stored, ...] | Stale
Rows = list[tuple[Any, ...]]

# Those of an acknowledgement come later.
NOTICE_COLUMNS = ("locality", "id", "agency", "event", "rid", "version", "at")
_VERSION_COLUMNS = tuple(column.name for column in resource_version.c)


_ADD_RESOURCE = Adding(resource.name, resource.c.keys(), must_be_new=True)
_ADD_AUDIT = Adding(audit.name, audit.c.keys(), must_be_new=True)
_ADD_CHILD = Adding(audit_child.name, audit_child.c.keys(), must_be_new=True)
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


def _columns(table: Table) -> list[str]:
    """The columns of an index table in the order in which their values are kept back: those of the resource first."""
    locality, *values, rid = (column.name for column in row_columns(table))
    return [locality, rid, *values]


_INDEX_ADD = [Adding(table.name, _columns(table)) for table in INDEXES]
_INDEX_REMOVE = [
    f"DELETE FROM {table.name} WHERE {' AND '.join(f'{name} = ?' for name in _columns(table))}"  # noqa: S608 - our own names
    for table in INDEXES
]


class UnitWriter:
    """Writes units; index rows and audit entries are kept back and written together at the end of a batch."""

    def __init__(self, connection: sqlite3.Connection, searches: Searches, clock: Callable[[], int]) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._execute_many = connection.executemany
        self._searches = searches
        self._clock = clock
        self._rids: dict[int, tuple[int, int]] = {}  # next rid and end of the block, by locality
        self._removed = gathering()
        self._added = gathering()
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
            taken = dict(self._rids)
            try:
                outcomes.append(self._unit(unit, now))
            except Stale as stale:
                self._execute("ROLLBACK TO unit")
                # A block that it took is taken no more: another process will have it.
                self._rids = taken
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
        stored = unit.versions(now, lambda: self._next_rid(unit.locality))
        self._store(unit, stored)
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

    def _store(self, unit: PreparedUnit, versions: tuple[Stored, ...]) -> None:
        locality = unit.locality
        new = []
        for prepared, stored in zip(unit.changes, versions, strict=True):
            if prepared.change.before is None:
                row = (locality, stored.key, prepared.type, prepared.id, stored.version, stored.updated)
                new.append((*row, prepared.method, unit.agency, prepared.child, prepared.label, stored.body))
            else:
                self._supersede(locality, prepared, stored)
        try:
            _ADD_RESOURCE.add(self._connection, new)
        except sqlite3.IntegrityError as taken:
            raise Stale from taken

    def _supersede(self, locality: int, prepared: PreparedChange, stored: Stored) -> None:
        if self._execute(_MOVE, (locality, stored.key, stored.version - 1)).rowcount != 1:
            raise Stale
        of = (locality, stored.key)
        new = (stored.version, stored.updated, METHODS[stored.method])
        if stored.deleted:
            self._execute(_DELETE, (*new, stored.body, *of))
        else:
            self._execute(_UPDATE, (*new, prepared.child, prepared.label, stored.body, *of))

    def _next_rid(self, locality: int) -> int:
        rid, end = self._rids.get(locality, (0, 0))
        if rid == end:
            [(end,)] = self._execute(_ALLOCATE, (RID_BLOCK, locality)).fetchall()
            rid = end - RID_BLOCK
        self._rids[locality] = (rid + 1, end)
        return rid

    def _keep_back(self, locality: int, rid: int, prepared: PreparedChange) -> None:
        removed, added = prepared.difference.removed, prepared.difference.added
        if removed is not NO_ROWS:
            gather(self._removed, (locality, rid), removed)
        gather(self._added, (locality, rid), added)

    def _flush(self) -> None:
        for adding, rows in ((_ADD_AUDIT, self._entries), (_ADD_CHILD, self._children)):
            adding.add(self._connection, rows)
            rows.clear()
        for statement, rows in zip(_INDEX_REMOVE, self._removed, strict=True):
            if rows:
                self._execute_many(statement, rows)
                rows.clear()
        for adding, rows in zip(_INDEX_ADD, self._added, strict=True):
            adding.add(self._connection, rows)
            rows.clear()
