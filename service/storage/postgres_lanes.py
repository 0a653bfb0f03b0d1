"""Lanes: connections that are kept for questions; few go at once, and who has waited long enough goes beside them.

A connection to PostgreSQL is a process of its own, with plans of its own. A machine whose cores are
all busy does the same work with less effort in few of these, whose plans stay in its caches; what takes
long must not keep what is short waiting all the same. And a pool looks at each connection that it
gives and takes back, which costs more than many a question does.

Source: ADR 0028
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import Final

import asyncpg

from service.storage.postgres_connections import FEW, Connection

SOON: Final = 0.02
"""Units: seconds after which who waits for a lane goes without one."""


class Lanes:
    """Gives the connections of a pool, each to one at a time."""

    def __init__(self, pool: asyncpg.Pool, patience: float, *, few: int = FEW, soon: float = SOON) -> None:
        """`patience`: seconds that the pool is waited for. `few`: connections that are kept."""
        self._pool = pool
        self._patience = patience
        self._few = few
        self._soon = soon
        self._inside = 0
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()

    def connection(self) -> Lane:
        """A context in which one has a connection to oneself.

        Raises, when it is entered:
            what a pool does that has none to give; TimeoutError.
        """
        return Lane(self)

    async def close(self) -> None:
        """Gives back what is kept."""
        while self._idle:
            await self._pool.release(self._idle.pop())

    async def enter(self) -> Connection:
        """A connection, as `connection` has it: to be given back by `leave`."""
        if self._inside < self._few:
            self._inside += 1
            kept = self._idle.pop() if self._idle else None
        else:
            kept = await self._turn()
        if kept is not None and not _has_ended(kept):
            return kept
        try:
            if kept is not None:
                await self._pool.release(kept)
            return await self._pool.acquire(timeout=self._patience)
        except BaseException:
            self._next(None)
            raise

    async def leave(self, connection: Connection, *, failed: bool) -> None:
        """Takes the connection back. `failed`: its state is not known, so the pool looks at it."""
        if failed or _has_ended(connection) or self._inside > self._few:
            self._next(None)
            await self._pool.release(connection)
        elif not self._next(connection):
            self._idle.append(connection)

    async def _turn(self) -> Connection | None:
        """Waits for whoever goes next; None where it has to get a connection itself."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Connection | None] = loop.create_future()
        self._waiting.append(turn)
        late = loop.call_later(self._soon, self._let, turn, None)
        try:
            return await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was let in just before it was cancelled
                kept = turn.result()
                if kept is None:
                    self._next(None)
                else:
                    await self.leave(kept, failed=False)
            raise
        finally:
            late.cancel()

    def _let(self, turn: asyncio.Future[Connection | None], connection: Connection | None) -> None:
        if not turn.done():
            self._inside += 1
            turn.set_result(connection)

    def _next(self, connection: Connection | None) -> bool:
        """One has gone; whether another goes, with the connection."""
        self._inside -= 1
        while self._waiting and self._inside < self._few:
            turn = self._waiting.popleft()
            if not turn.done():
                self._let(turn, connection)
                return True
        return False


def _has_ended(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool knows, and has taken it back
        return True


class Lane:
    """A context: see `Lanes.connection`."""

    __slots__ = ("_connection", "_lanes")

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def __aenter__(self) -> Connection:
        """Waits for its connection."""
        self._connection = await self._lanes.enter()
        return self._connection

    async def __aexit__(
        self, failure: type[BaseException] | None, _: BaseException | None, __: TracebackType | None
    ) -> None:
        """Gives it back."""
        await self._lanes.leave(self._connection, failed=failure is not None)
