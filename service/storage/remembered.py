"""What a connection to SQLite remembers of who may see what is of a child.

On a page of many children the decision looks through the rows of each of them, for each of their
resources, at each search anew; they change a few times a day. So what they came to is remembered, by
the child, the label and the type, under a mark: a number for the eyes, and for all that was said in
the locality until now. A statement asks for its mark with the count of changes that it sees itself
(`sharing_changes`, which triggers on `index_sharing` keep), so that a withdrawal holds from its commit
on in each process: whoever sees the withdrawal sees the new count, and has another mark. A mark also
ends at the first of the times at which anything that was remembered under it begins or ends to hold,
and where the clock was put back.

What is asked within a transaction that writes is not remembered: it may be rolled back, and another
one come to the same count.

Source: ADR 0019, https://sqlite.org/appfunc.html
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final

from service.storage.querying.decision import KEEP, KNOWN, MARK

MOST: Final = 20_000
"""Units: numbers that a connection remembers, of some 200 bytes; then it begins anew."""
MOST_MARKS: Final = 1_000
"""Units: eyes (and localities) that it remembers any of."""
COUNTING: Final = frozenset({"index_sharing_insert", "index_sharing_delete", "index_sharing_update"})
"""The triggers that count what changes (migration 0007)."""

_ALWAYS: Final = 2**63 - 1  # milliseconds: later than any time that is stored


@dataclass(slots=True)
class _Mark:
    """A mark, and until when it stands; `last` is when it was asked for last. Times are milliseconds."""

    number: int
    changes: int
    last: int
    until: int = _ALWAYS


class Remembered:
    """What one connection remembers. It is asked by one thread at a time, as the connection is."""

    __slots__ = ("_made", "_marks", "_most", "_numbers", "_standing")

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._made = 0
        self._marks: dict[tuple[int, str], _Mark] = {}
        self._standing: dict[int, _Mark] = {}
        self._numbers: dict[bytes | None, int] = {}

    def beside(self, connection: sqlite3.Connection) -> None:
        """Gives the connection the functions that the text of the decision calls."""
        connection.create_function(MARK, 4, self.mark)
        connection.create_function(KNOWN, 1, self._numbers.get)
        connection.create_function(KEEP, 3, self.keep)

    def mark(self, locality: int, eyes: str, now: int, changes: int | None) -> str | None:
        """What stands before the keys of what is remembered of the eyes; None where nothing is to be remembered.

        `changes` counts the changes of the locality's rows; None where nobody has counted any.
        """
        if changes is None:
            return None
        mark = self._marks.get((locality, eyes))
        if mark is None or mark.changes != changes or not mark.last <= now < mark.until:
            mark = self._new(locality, eyes, changes, now)
        mark.last = now
        return f"{mark.number}."

    def keep(self, key: bytes | None, number: int, until: int | None) -> int:
        """The number, which is remembered by the key; `until` is when it may become another, None for never."""
        if key is not None:
            mark = self._standing.get(int(key[: key.index(b".")]))
            if mark is not None:
                if len(self._numbers) >= self._most:
                    self._numbers.clear()
                self._numbers[key] = number
                if until is not None and until < mark.until:
                    mark.until = until
        return number

    def _new(self, locality: int, eyes: str, changes: int, now: int) -> _Mark:
        """Another mark in place of what there was; no number is given twice, so that no key means two things."""
        if len(self._marks) >= MOST_MARKS:
            self._marks.clear()
            self._standing.clear()
        former = self._marks.get((locality, eyes))
        if former is not None:
            del self._standing[former.number]
        self._made += 1
        mark = self._marks[locality, eyes] = self._standing[self._made] = _Mark(self._made, changes, now)
        return mark


def remember(connection: sqlite3.Connection) -> None:
    """Gives the connection a memory, where changes are counted: without the triggers no withdrawal would be noticed."""
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    if COUNTING.issubset(name for (name,) in rows):
        Remembered().beside(connection)


def nothing_remembered(connection: sqlite3.Connection) -> None:
    """Gives the connection the same functions, without a memory."""
    connection.create_function(MARK, 4, _none)
    connection.create_function(KNOWN, 1, _none)
    connection.create_function(KEEP, 3, _number)


def _none(*_: object) -> None:
    """Nothing is known."""


def _number(_: bytes | None, number: int, __: int | None) -> int:
    return number
