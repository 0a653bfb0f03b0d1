"""The audit's rows in an SQLite file: written by the one writer, read as searches are.

Source: ADR 0020, ADR 0010
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from itertools import chain
from pathlib import Path
from typing import Any, Final

from service.storage.audit import CHILD_COLUMNS, COLUMNS, Row
from service.storage.audit_due import NEXT_DUE, Lot, lot
from service.storage.audit_tables import DUE_COLUMNS
from service.storage.ledger import Rows
from service.storage.sqlite_reader import Reader
from service.storage.sqlite_writer import Writer
from service.storage.turnstile import Turnstile

# Rows that one statement adds, the most first. At each step of a statement Python's lock changes hands twice, which
# costs more than the row does while others are answered; with more rows than this the statement itself costs more.
_TOGETHER: Final = (64, 8, 1)


def _insert(table: str, columns: Sequence[str], count: int = 1) -> str:
    row = f"({', '.join('?' for _ in columns)})"
    rows = ", ".join(row for _ in range(count))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES {rows} ON CONFLICT DO NOTHING"  # noqa: S608 - our own names


_ADD: Final = {count: _insert("audit", COLUMNS, count) for count in _TOGETHER}
_ADD_CHILD: Final = {count: _insert("audit_child", CHILD_COLUMNS, count) for count in _TOGETHER}
_ADD_DUE: Final = _insert("audit_due", DUE_COLUMNS)
_NEXT_DUE: Final = NEXT_DUE.replace("$", "?")
_SETTLED: Final = "DELETE FROM audit_due WHERE number = ?"
_SEAL: Final = _insert("audit_block", ("locality", "number", "low", "high", "last", "count", "hash"))


class SqliteShelf:
    """Keeps the `Shelf` protocol on an SQLite file."""

    def __init__(self, reader: Reader, writer: Writer, path: Path, clock: Callable[[], int]) -> None:
        self._reader = reader
        self._writer = writer
        self._path = path
        self._clock = clock

    async def fetch(self, text: str, *arguments: Any) -> list[Row]:
        """As `Shelf.fetch`."""
        return await self._reader.searched(text.replace("$", "?"), arguments)

    def hint(self, index: str) -> str:
        """As `Shelf.hint`: SQLite knows nothing of the table, and would rather read all of it by its key."""
        return f" INDEXED BY {index}"

    async def add(self, rows: Callable[[int], Rows]) -> None:
        """As `Shelf.add`."""

        def add(connection: sqlite3.Connection) -> int:
            entries, due = rows(self._clock())
            _add(connection, _ADD, entries)
            connection.executemany(_ADD_DUE, due)
            return len(entries) + len(due)

        self._writer.wrote(await self._writer.run(add))

    async def settle(self, after: int) -> Lot | None:
        """As `Shelf.settle`."""
        settled: Lot | None = await self._writer.run(lambda connection: _settle(connection, after))
        if settled is not None:
            self._writer.wrote(len(settled.rows) + len(settled.done))
        return settled

    async def seal(self, block: Row) -> bool:
        """As `Shelf.seal`."""
        added: int = await self._writer.run(lambda connection: connection.execute(_SEAL, block).rowcount)
        return added == 1

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """As `Shelf.alone`: by lock files of their own, which the kernel frees where a process dies."""
        with closing(Turnstile(self._path.with_name(self._path.name + "-seal"))) as turnstile:
            if not turnstile.enter_now():
                yield False
                return
            try:
                yield True
            finally:
                turnstile.leave()


def _settle(connection: sqlite3.Connection, after: int) -> Lot | None:
    """Makes the rows that are due by the next of `audit_due`, and says which they were."""
    due = lot(connection.execute(_NEXT_DUE, (after,)).fetchall())
    if due is not None:
        _add(connection, _ADD_CHILD, due.rows)
        connection.executemany(_SETTLED, [(number,) for number in due.done])
    return due


def _add(connection: sqlite3.Connection, texts: Mapping[int, str], rows: Sequence[Row]) -> None:
    """Adds rows by as few statements as may be."""
    start = 0
    for count, text in texts.items():
        while len(rows) - start >= count:
            connection.execute(text, tuple(chain.from_iterable(rows[start : start + count])))
            start += count
