"""How long requests may take: one clock for all that run, since one for each costs as much as a small read.

Source: https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.uncancel, docs/security.md
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from service.rest.exchanges import Exchange

# Units: seconds between two looks, or this part of the time that is allowed where that is shorter.
LOOK = 1.0
PART = 8


class Deadlines:
    """Ends requests to which nothing was answered in time, by cancelling their tasks.

    Units: `seconds` that a request may take until its answer begins, 0 for as long as it does; `clock` gives
    seconds. What has begun to go out goes on: the connection sees to it that it is taken.
    """

    __slots__ = ("_clock", "_given_up", "_look", "_running", "_seconds", "_timer")

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins with nothing that runs."""
        self._seconds = seconds
        self._look = min(LOOK, seconds / PART)
        self._clock = clock
        self._running: dict[asyncio.Task[object], tuple[float, Exchange]] = {}  # the longest first
        self._given_up: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, task: asyncio.Task[object], seen: Exchange) -> None:
        """The request that the task answers begins; `end` must follow."""
        if not self._seconds:
            return
        self._running[task] = (self._clock() + self._seconds, seen)
        if self._timer is None:
            self._timer = task.get_loop().call_later(self._look, self._end_late)

    def end(self, task: asyncio.Task[object]) -> None:
        """The request is over."""
        self._running.pop(task, None)
        self._given_up.discard(task)

    def gave_up(self, task: asyncio.Task[object]) -> bool:
        """Whether the task was cancelled for its time alone; then it is as if it never had been."""
        return task in self._given_up and not task.uncancel()

    def _end_late(self) -> None:
        self._timer = None
        now = self._clock()
        for task, (due, seen) in list(self._running.items()):
            if due > now:
                break
            del self._running[task]
            if not seen.status:
                self._given_up.add(task)
                task.cancel()
        if self._running:
            self._timer = asyncio.get_running_loop().call_later(self._look, self._end_late)
