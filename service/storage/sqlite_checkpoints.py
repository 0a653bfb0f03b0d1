"""Moving an SQLite write-ahead log into its database beside the commits, and not within them.

SQLite would do it itself in the commit that fills the log's thousandth page, and whoever
waits for that commit would wait for it too. Here a second connection does most of the
work while commits go on; what they added meanwhile is little, and moved by the writer
between two batches, so that the log can begin anew.

Source: https://sqlite.org/wal.html#ckpt, ADR 0010
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Units: pages of 4 KiB in the log, as `pages` reckons them, that this process writes between two moves. With two
# workers writing all they can the log stays near 70 MB, whose recovery after a kill cannot be told from noise.
PAGES = 4000

# Units: pages. Only a log that we fail to move away grows so long; then SQLite does it in a commit after all.
LONGEST = 50_000

# The second round moves what was added during the first, and leaves the writer next to nothing.
ROUNDS = 2

_MOVE = "PRAGMA wal_checkpoint(PASSIVE)"


def pages(rows: int) -> int:
    """About how many pages a commit of so many rows writes: the more rows, the more of them share a page.

    Measured with resources and their index rows: 18 rows write 10 pages, 89 some 35, 850 some 130; 8,000 write 950
    of a new store and 1,780 of one with 20,000 resources.
    """
    return round(math.pow(rows, 0.8))


class Checkpoints:
    """Keeps the log of one file short, for the one process that writes with the given connection."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Takes charge of the connection's checkpoints; the connection stays the writer's."""
        connection.execute(f"PRAGMA wal_autocheckpoint = {LONGEST}")
        self._writing = connection
        self._beside = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._beside.execute("PRAGMA synchronous = FULL")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-checkpoint")
        self._pages = 0
        self._moving: asyncio.Task[None] | None = None
        self.due = False  # whether the writer should `finish` before it lets others write

    def note(self, rows: int) -> None:
        """Takes in that so many rows were committed together, and sets to work where much was written."""
        self._pages += pages(rows)
        if self._pages >= PAGES and self._moving is None and not self.due:
            self._pages = 0
            self._moving = asyncio.get_running_loop().create_task(self._move())

    def finish(self) -> None:
        """Moves the little that is left; blocks the thread, and wants nobody else to write meanwhile."""
        self.due = False
        with contextlib.suppress(sqlite3.Error):  # what cannot be moved now stays in the log
            self._writing.execute(_MOVE).fetchall()

    async def close(self) -> None:
        """Waits for what runs, and closes the second connection."""
        if self._moving is not None:
            await self._moving
        self._thread.shutdown()
        self._beside.close()

    async def _move(self) -> None:
        """Another process may be at it: then SQLite says so in its answer, and all is well."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(sqlite3.Error):  # as in `finish`
            for _ in range(ROUNDS):
                await loop.run_in_executor(self._thread, self._round)
        self.due = True
        self._moving = None

    def _round(self) -> None:
        self._beside.execute(_MOVE).fetchall()
