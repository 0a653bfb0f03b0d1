"""The audit's rows in an SQLite file: written by the one writer, read as searches are.

Source: ADR 0020, ADR 0010
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final

from service.storage.audit import CHILD_COLUMNS, COLUMNS, Row
from service.storage.ledger import Rows
from service.storage.sqlite_reader import Reader
from service.storage.sqlite_writer import Writer
from service.storage.turnstile import Turnstile


def _insert(table: str, columns: Sequence[str]) -> str:
    slots = ", ".join("?" for _ in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({slots}) ON CONFLICT DO NOTHING"  # noqa: S608 - our own names


ADD: Final = _insert("audit", COLUMNS)
ADD_CHILD: Final = _insert("audit_child", CHILD_COLUMNS)
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

        def add(connection: sqlite3.Connection) -> None:
            entries, children = rows(self._clock())
            connection.executemany(ADD, entries)
            connection.executemany(ADD_CHILD, children)

        await self._writer.run(add)

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
