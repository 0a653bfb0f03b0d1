"""Reads of an SQLite file that do not hold up the event loop.

A read of a few rows takes less time than handing it to a thread would, so reads run
where they are asked for. A search may turn out to be long: it is broken off after a
moment and begun anew in a thread, with a connection of its own, where it may take until
`LONGEST` while other requests go on.

Source: https://sqlite.org/c3ref/progress_handler.html, ADR 0014
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

from service.fhir.problems import Unavailable
from service.storage.searching import LONGEST, too_costly

# Units: seconds that a search may keep the event loop from everything else. Most take a hundredth of it.
MOMENT = 0.02
# SQLite looks at its watch after so many of its own steps, which is every tenth of a millisecond. In a thread it has
# to wait for Python's lock to do so, so it looks more rarely there, about every ten milliseconds.
STEPS_HERE = 2_000
STEPS_BESIDE = 200_000
# So many texts of statements that were broken off are remembered.
BROKEN_OFF = 1_000
# So many long searches run at a time; others wait, within their time.
THREADS = 2

Rows = list[tuple[Any, ...]]


class Reader:
    """Reads with one connection in the event loop, and with others in threads."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], longest: float = LONGEST) -> None:
        """`connect` opens a connection to the file; `longest` is how many seconds a search may take."""
        self._closing = Event()
        self._here = _Timed(connect(), STEPS_HERE, self._closing)
        self._connect = connect
        self._longest = longest
        self._idle: list[_Timed] = []
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="sqlite-search")

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection of the event loop."""
        return self._here.connection

    def rows(self, text: str, arguments: Sequence[Any]) -> Rows:
        """The rows of a statement that is known to be short.

        Raises:
            Unavailable: the file cannot be read now.
        """
        return self._here.rows(text, arguments, None)

    async def searched(self, text: str, arguments: Sequence[Any]) -> Rows:
        """The rows of a statement that may be long.

        Raises:
            Unavailable: the file cannot be read now, or not so much of it in the time there is.
        """
        deadline = time.monotonic() + self._longest
        try:
            return self._here.rows(text, arguments, time.monotonic() + MOMENT)
        except TimeoutError:
            pass
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._beside, text, arguments, deadline)
        except TimeoutError as late:
            raise too_costly() from late

    def close(self) -> None:
        """Breaks off what is running, and closes the connections."""
        self._closing.set()
        self._threads.shutdown(cancel_futures=True)
        for timed in (self._here, *self._idle):
            timed.connection.close()

    def _beside(self, text: str, arguments: Sequence[Any], deadline: float) -> Rows:
        try:
            timed = self._idle.pop()
        except IndexError:
            timed = _Timed(self._connect(), STEPS_BESIDE, self._closing)
        try:
            return timed.rows(text, arguments, deadline)
        finally:
            self._idle.append(timed)


class _Timed:
    """A connection whose statements are broken off at their deadline."""

    def __init__(self, connection: sqlite3.Connection, steps: int, closing: Event) -> None:
        self.connection = connection
        self._closing = closing
        self._deadline: float | None = None
        self._anew: dict[str, str] = {}
        connection.set_progress_handler(self._late, steps)

    def rows(self, text: str, arguments: Sequence[Any], deadline: float | None) -> Rows:
        """The rows of the statement; `deadline` by the monotonic clock.

        Raises:
            TimeoutError: they were not there by then.
            Unavailable: the file cannot be read now.
        """
        self._deadline = deadline
        asked = self._anew.get(text, text)
        try:
            return self.connection.execute(asked, arguments).fetchall()
        except sqlite3.OperationalError as failure:
            if failure.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                self._ask_anew(text, asked)
                raise TimeoutError from failure
            raise Unavailable("store-unavailable", "The store cannot be read now. Try again.") from failure

    def _ask_anew(self, text: str, asked: str) -> None:
        """Has the statement prepared anew, once, under a text that differs by a space.

        Python 3.11 takes a statement that was broken off between two rows for one in use, as long as it
        remembers it, and prepares another one each time it is asked for.
        """
        if len(self._anew) >= BROKEN_OFF:
            self._anew.clear()
        self._anew[text] = f"{asked} "

    def _late(self) -> bool:
        return self._deadline is not None and (time.monotonic() > self._deadline or self._closing.is_set())
