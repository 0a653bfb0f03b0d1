"""The audit's rows in an SQLite file: written by the one writer, read as searches are.

Source: ADR 0020, ADR 0010
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

from service.storage.audit import CHILD_COLUMNS, COLUMNS, Row
from service.storage.audit_due import NEXT_DUE, Lot, lot
from service.storage.audit_tables import DUE_COLUMNS
from service.storage.ledger import Rows
from service.storage.sqlite_adding import Adding
from service.storage.sqlite_reader import Reader
from service.storage.sqlite_writer import Writer
from service.storage.turnstile import Turnstile

_ADD: Final = Adding("audit", COLUMNS)
_ADD_CHILD: Final = Adding("audit_child", CHILD_COLUMNS)
_ADD_DUE: Final = Adding("audit_due", DUE_COLUMNS)
_NEXT_DUE: Final = NEXT_DUE.replace("$", "?")
_SETTLED: Final = "DELETE FROM audit_due WHERE number = ?"
_SEAL: Final = (
    "INSERT INTO audit_block (locality, number, low, high, last, count, hash)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


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
            _ADD.add(connection, entries)
            _ADD_DUE.add(connection, due)
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
        _ADD_CHILD.add(connection, due.rows)
        connection.executemany(_SETTLED, [(number,) for number in due.done])
    return due
