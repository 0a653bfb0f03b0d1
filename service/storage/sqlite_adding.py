"""Rows added to the tables of an SQLite file, many by one statement.

Source: https://sqlite.org/lang_conflict.html, https://sqlite.org/tempfiles.html (statement journals), ADR 0010
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

# Rows that one statement adds, the most first. To begin and end a statement costs about as much as to add a row, and
# each time Python's lock changes hands twice, which costs more while others are answered. More rows than these bring
# nothing.
_TOGETHER: Final = (64, 8)


class Adding:
    """Adds rows to a table, their values in the order of the columns.

    Those that are there already stay as they are, unless they `must_be_new`.
    """

    __slots__ = ("_one", "_together")

    def __init__(self, table: str, columns: Sequence[str], *, must_be_new: bool = False) -> None:
        row = f"({', '.join('?' for _ in columns)})"
        names = ", ".join(columns)
        end = "" if must_be_new else " ON CONFLICT DO NOTHING"

        def text(count: int) -> str:
            # OR FAIL: where a row cannot be added, those before it stay. Whoever adds rows rolls all of it back, and
            # so SQLite need not keep each page as it was before the statement, which costs a fifth of the whole.
            return f"INSERT OR FAIL INTO {table} ({names}) VALUES {', '.join([row] * count)}{end}"  # noqa: S608 - our own names

        self._one = text(1)
        self._together = [(count, text(count)) for count in _TOGETHER]

    def add(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Adds the rows, in a transaction or savepoint that must be rolled back where this fails.

        Raises:
            sqlite3.IntegrityError: a row that must be new is there already.
        """
        start = 0
        for count, text in self._together:
            while len(rows) - start >= count:
                connection.execute(text, tuple(chain.from_iterable(rows[start : start + count])))
                start += count
        if start < len(rows):
            connection.executemany(self._one, rows[start:])
