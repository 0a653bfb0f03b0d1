"""The one writer of an SQLite file: units that arrive together are committed together.

Each unit runs in a savepoint of its own, so one that is refused takes nothing from the
others; nobody is answered before the commit is on disk (`synchronous=FULL`), unless of units
of which that is not awaited. The rows are written in the event loop, where they cost
microseconds; only the commit, which waits for the disk, runs in a thread, while the loop
goes on and collects the next batch.
Processes take turns by a `Turnstile`.

Source: https://sqlite.org/wal.html, ADR 0010
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from service.fhir.problems import Unavailable
from service.storage.preparation import PreparedUnit
from service.storage.querying.searches import Searches
from service.storage.sqlite_checkpoints import Checkpoints
from service.storage.sqlite_units import Outcome, UnitWriter
from service.storage.store import Stored
from service.storage.turnstile import Turnstile

# So many units at most share a commit: more would keep the first one waiting.
BATCH_UNITS = 256

# So many rows close a batch: they are on disk within some seconds of their stamp, which `searching.MARGIN` counts on.
BATCH_ROWS = 200_000

# A unit that writes more rows than this is stored in the thread, so that a bundle of
# thousands does not hold up the event loop.
HEAVY_ROWS = 600

# A unit that writes more rows than this, as those of imports do, holds up everybody else for some hundredths of a
# second: of them one at a time waits for its turn.
LONG_ROWS = 2_000

# Rounds of the event loop before a batch is closed: requests that have arrived already get in.
GATHERING = 2

# Whether a commit waits until it is on disk. If not, the next one that does takes it there, of whatever process: there
# is one log. Source: https://sqlite.org/pragma.html#pragma_synchronous
_AWAITED = "PRAGMA synchronous = FULL"
_LATER = "PRAGMA synchronous = NORMAL"

Job = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class _Waiting:
    work: PreparedUnit | Job
    done: asyncio.Future[Any]
    rows: int = 0  # of a unit, about how many it writes


class Writer:
    """Stores units and runs jobs, one batch at a time."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, searches: Searches, clock: Callable[[], int]
    ) -> None:
        """Takes the connection for itself: manual transactions, used by no one else."""
        self._connection = connection
        self._units = UnitWriter(connection, searches, clock)
        self._turnstile = Turnstile(path)
        self._checkpoints = Checkpoints(connection, path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite-commit")
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._awaited = True  # as the connection was opened
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def store(self, unit: PreparedUnit) -> tuple[Stored, ...]:
        """The versions of the unit, once they are on disk.

        Raises:
            Stale: what it was decided on no longer holds.
            Unavailable: the database could not take it; nothing was stored.
        """
        stored: tuple[Stored, ...] = await self._submit(unit)
        return stored

    async def run(self, job: Job) -> Any:
        """What the job returns, run in a write transaction of its own and committed."""
        return await self._submit(job)

    def wrote(self, rows: int) -> None:
        """Takes in that a job wrote so many rows: the log that they stand in is kept short, for whoever reads."""
        self._checkpoints.note(rows)

    async def close(self) -> None:
        """Finishes what was submitted, then closes the connection."""
        self._closing = True
        self._wake.set()
        await self._task
        await self._checkpoints.close()
        self._thread.shutdown()
        self._turnstile.close()
        self._connection.close()

    def _submit(self, work: PreparedUnit | Job) -> asyncio.Future[Any]:
        if self._closing:
            raise Unavailable("shutting-down", "The service is shutting down; send this again.")
        rows = work.weight if isinstance(work, PreparedUnit) else 0
        waiting = _Waiting(work, asyncio.get_running_loop().create_future(), rows)
        self._queue.append(waiting)
        self._wake.set()
        return waiting.done

    async def _run(self) -> None:
        while True:
            while self._queue:
                await self._enter()
                batch = self._next_batch()
                try:
                    await self._carry_out(batch)
                    if self._checkpoints.due:  # those who waited were answered; it is still our turn
                        loop = asyncio.get_running_loop()
                        await loop.run_in_executor(self._thread, self._checkpoints.finish)
                finally:
                    self._turnstile.leave()
            if self._closing:
                return
            self._wake.clear()
            await self._wake.wait()

    async def _enter(self) -> None:
        """Waits for our turn to write. The batch is made up afterwards: all that came meanwhile is in it."""
        for _ in range(GATHERING):
            await asyncio.sleep(0)
        long = self._queue[0].rows > LONG_ROWS
        if long or not self._turnstile.enter_now():
            enter = partial(self._turnstile.enter, long=long)
            await asyncio.get_running_loop().run_in_executor(self._thread, enter)

    async def _carry_out(self, batch: list[_Waiting]) -> None:
        try:
            rows = sum(waiting.rows for waiting in batch)
            outcomes = await self._commit([waiting.work for waiting in batch], rows)
        except Exception as failure:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            outcomes = [failure] * len(batch)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            _answer(waiting.done, outcome)

    def _next_batch(self) -> list[_Waiting]:
        """A job alone, or the units up to the next job."""
        batch = [self._queue.popleft()]
        if not isinstance(batch[0].work, PreparedUnit):
            return batch
        rows = batch[0].rows
        while self._queue and len(batch) < BATCH_UNITS and rows < BATCH_ROWS:
            if not isinstance(self._queue[0].work, PreparedUnit):
                break
            batch.append(self._queue.popleft())
            rows += batch[-1].rows
        return batch

    async def _commit(self, works: list[PreparedUnit | Job], rows: int) -> list[Any]:
        """What came of each, an outcome or an exception; `rows` is about how many they write."""
        loop = asyncio.get_running_loop()
        units = [work for work in works if isinstance(work, PreparedUnit)]
        if not units:
            return await loop.run_in_executor(self._thread, self._run_jobs, works)
        try:
            return await self._together(units, rows)
        except Exception as failure:  # noqa: BLE001 - told to those who wait, below
            self._roll_back()
            if len(units) == 1:
                return [_told(failure)]
            return await loop.run_in_executor(self._thread, self._one_by_one, units)

    async def _together(self, units: list[PreparedUnit], rows: int) -> list[Outcome]:
        loop = asyncio.get_running_loop()
        self._wait_for_disk(any(unit.awaited for unit in units))
        if rows > HEAVY_ROWS:
            outcomes = await loop.run_in_executor(self._thread, self._units.write, units)
        else:
            outcomes = self._units.write(units)
        await loop.run_in_executor(self._thread, self._connection.execute, "COMMIT")
        self._checkpoints.note(rows)
        return outcomes

    def _one_by_one(self, units: list[PreparedUnit]) -> list[Outcome | Exception]:
        """Each unit in a commit of its own, so that the one that fails fails alone."""
        outcomes: list[Outcome | Exception] = []
        for unit in units:
            try:
                [outcome] = self._units.write([unit])
                self._connection.execute("COMMIT")
                outcomes.append(outcome)
            except Exception as failure:  # noqa: BLE001 - told to the one who waits
                self._roll_back()
                outcomes.append(_told(failure))
        return outcomes

    def _run_jobs(self, jobs: list[Any]) -> list[Any]:
        [job] = jobs
        try:
            self._wait_for_disk(True)
            self._connection.execute("BEGIN IMMEDIATE")
            result = job(self._connection)
            self._connection.execute("COMMIT")
        except Exception as failure:  # noqa: BLE001 - told to the one who waits
            self._roll_back()
            return [_told(failure)]
        return [result]

    def _wait_for_disk(self, awaited: bool) -> None:  # noqa: FBT001 - of a commit, and nothing else
        """Sets whether the next commits wait; outside of a transaction."""
        if awaited != self._awaited:
            self._connection.execute(_AWAITED if awaited else _LATER)
            self._awaited = awaited

    def _roll_back(self) -> None:
        self._units.forget()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _answer(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.cancelled():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)


def _told(failure: Exception) -> Exception:
    """What those who wait are told of a failure: the database's own as one that may pass, others as they are."""
    if not isinstance(failure, sqlite3.Error):
        return failure
    problem = Unavailable(
        "store-unavailable", "The store cannot take this now; nothing was stored. Try again."
    )
    problem.__cause__ = failure
    return problem
