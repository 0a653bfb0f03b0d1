"""The trail of acts on its way into the audit: gathered in memory, and written down together within a second.

What was done is told here after it is known how it ended. A full buffer makes who comes next wait;
and while what was told cannot be written down, nothing more is done: everything is refused.

Source: ADR 0020
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from service.fhir.problems import Unavailable
from service.storage import sealing
from service.storage.audit import FIRST_SERIAL, Entry, Event
from service.storage.audit_due import Unreadable
from service.storage.ledger import Ledger

FLUSH_AFTER: Final = 0.75
"""Units: seconds that an entry waits for others; with the writing of it that is less than a second.

After each writing whoever reads an SQLite file begins with an empty cache, so it is not done more often than it must.
"""
ROOM: Final = 10_000
"""Units: entries that wait at most. At half of them they are written down at once."""
SEAL_EVERY: Final = 5.0
"""Units: seconds between two looks for what can be sealed."""

_COUNTED: Final = 32  # bits of a serial that count the entries of a process; those above are its own
_OWN: Final = 29

Keep = Callable[[Sequence[Entry]], Awaitable[None]]
Failed = Callable[[BaseException], None]


class Trail(Protocol):
    """Where acts are told to the audit."""

    def require(self) -> None:
        """Lets an act begin.

        Raises:
            Unavailable: what is done now could not be kept in the audit.
        """
        ...

    async def note(self, event: Event) -> None:
        """Takes in what was done; waits where there is no room."""
        ...


@dataclass(frozen=True, slots=True)
class NoTrail:
    """Keeps nothing: for what is no service, such as a command that loads data, and whose units are audited by themselves."""

    def require(self) -> None:
        """As `Trail.require`."""

    async def note(self, event: Event) -> None:
        """As `Trail.note`."""


class BufferedTrail:
    """The trail of one process."""

    def __init__(
        self,
        keep: Keep,
        failed: Failed = lambda _: None,
        *,
        flush_after: float = FLUSH_AFTER,
        room: int = ROOM,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`keep` writes entries down, all or none; `failed` is told when it could not. `clock` gives seconds."""
        self._keep = keep
        self._failed = failed
        self._after = flush_after
        self._room = room
        self._clock = clock
        self._waiting: list[Entry] = []
        self._serial = FIRST_SERIAL | (int.from_bytes(os.urandom(4), "big") >> (32 - _OWN)) << _COUNTED
        self._broken = False
        self._closing = False
        self._told = asyncio.Event()
        self._half = asyncio.Event()
        self._flushed = asyncio.Condition()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def require(self) -> None:
        """As `Trail.require`."""
        if self._broken or self._closing:
            raise Unavailable(
                "audit-unavailable",
                "What is done now could not be kept in the audit, so nothing is done. Try again.",
            )

    async def note(self, event: Event) -> None:
        """As `Trail.note`."""
        if len(self._waiting) >= self._room:
            async with self._flushed:
                await self._flushed.wait_for(lambda: len(self._waiting) < self._room)
        self._serial += 1
        self._waiting.append(Entry(event, self._serial))
        self._told.set()
        if len(self._waiting) * 2 >= self._room:
            self._half.set()

    async def close(self) -> None:
        """Writes down what waits.

        Raises:
            Unavailable: it could not be written.
        """
        self._closing = True
        self._told.set()
        self._half.set()
        await self._task

    async def _run(self) -> None:
        while True:
            await self._told.wait()
            # What could not be written has waited: until it is written everybody is refused.
            if not self._closing and not self._broken:
                await self._gather()
            try:
                await self._flush()
            except Exception as fault:
                self._broken = True
                self._failed(fault)
                if self._closing:
                    raise
                await asyncio.sleep(self._after)
            else:
                self._broken = False
                if self._closing and not self._waiting:
                    return

    async def _gather(self) -> None:
        """Waits for entries that come soon after the first one.

        Until the next of the moments at which all processes of the machine write: one writing empties the caches
        of all who read, and the second one, just after it, finds little in them.
        """
        try:
            async with asyncio.timeout(self._after - self._clock() % self._after):
                await self._half.wait()
        except TimeoutError:
            return

    async def _flush(self) -> None:
        """Writes down what waits; it goes on waiting where that fails."""
        batch = self._waiting[: self._room]
        if batch:
            await self._keep(batch)
            del self._waiting[: len(batch)]
        if not self._waiting:
            self._told.clear()
        if len(self._waiting) * 2 < self._room:
            self._half.clear()
        async with self._flushed:
            self._flushed.notify_all()


@asynccontextmanager
async def kept(
    ledger: Ledger, clock: Callable[[], int], failed: Failed = lambda _: None
) -> AsyncIterator[Trail]:
    """A trail into the ledger, what is old in it sealed from time to time; all is written down at the end."""
    trail = BufferedTrail(ledger.keep, failed)
    sealer = asyncio.get_running_loop().create_task(_seal(ledger, clock, failed))
    try:
        yield trail
    finally:
        sealer.cancel()
        await asyncio.gather(sealer, return_exceptions=True)
        await trail.close()


async def _seal(ledger: Ledger, clock: Callable[[], int], failed: Failed) -> None:
    unreadable = 0
    while True:
        await asyncio.sleep(SEAL_EVERY)
        try:
            await sealing.seal(ledger, clock)
            before, unreadable = unreadable, await ledger.settle()
            if unreadable > before:  # told of once, not every time
                failed(Unreadable())
        except Exception as fault:  # noqa: BLE001 - entries wait unsealed, and the next look may succeed
            failed(fault)
