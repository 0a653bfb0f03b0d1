"""Connections to PostgreSQL for reads that take their time, kept from one such read to the next.

To make a connection costs the database and us as much processor as some thousand resources do that are read,
and a process of the server that is new to its memory reads slower at first.

Source: ADR 0025
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NamedTuple

import asyncpg

from service.storage.postgres_connections import SETTINGS

# For keys that are left out of a count: about a million of them.
_MEMORY: Final = "64MB"
# Units: milliseconds after which the database ends a connection of which nothing was asked. That is longer than
# some megabytes take to get to where files are kept, until which a reader asks nothing.
# Source: https://www.postgresql.org/docs/15/runtime-config-client.html#GUC-IDLE-SESSION-TIMEOUT
_IDLE: Final = 600_000
# Units: seconds after which a connection that does not answer is taken for dead.
_ANSWER: Final = 5.0
_FAULTS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


async def connect(url: str) -> asyncpg.Connection:
    """A connection for reads that take their time, and memory to tell what is new by one look at each."""
    settings = SETTINGS | {"work_mem": _MEMORY, "idle_session_timeout": f"{_IDLE}"}
    return await asyncpg.connect(url, server_settings=settings)


class Reader(NamedTuple):
    """A connection with an event loop of its own, for one thread at a time, whichever."""

    runner: asyncio.Runner
    connection: asyncpg.Connection

    def close(self) -> None:
        """Closes the connection and the loop; nothing runs in this thread's own loop meanwhile."""
        with self.runner as runner:
            runner.run(_closed(self.connection))


class Readers:
    """Connections that nobody uses just now: as many as were in use at once, until the database ends them.

    Those in use are held on to as well: what reads by one may be forgotten half read, and found by the collector
    of garbage. It would close a loop that nobody else holds, before the reader is kept for others.

    What is kept is asked whether it is still there before it is used again. Raises what asyncpg does where the
    database cannot be reached.
    """

    def __init__(self) -> None:
        # Reentrant: the collector may come by while it is held, and give back a reader that was forgotten.
        self._lock = threading.RLock()
        self._readers: list[Reader] = []
        self._used: set[Reader] = set()
        self._connections: list[asyncpg.Connection] = []
        self._is_closed = False

    @contextmanager
    def reader(self, url: str) -> Iterator[Reader]:
        """One for a thread that has no event loop, which nobody else uses meanwhile."""
        reader = self._kept_reader() or _opened(url)
        self._used.add(reader)
        try:
            yield reader
        except GeneratorExit:
            # Nobody wants the rest; it was between two statements.
            self._keep(reader)
            raise
        except BaseException:
            # Who knows what it is in the middle of.
            self._used.discard(reader)
            reader.close()
            raise
        self._keep(reader)

    @asynccontextmanager
    async def connection(self, url: str) -> AsyncIterator[asyncpg.Connection]:
        """One of the event loop that this runs in, always the same one, which nobody else uses meanwhile."""
        connection = await self._kept_connection() or await connect(url)
        try:
            yield connection
        except BaseException:
            await _closed(connection)
            raise
        if self._is_closed:
            await _closed(connection)
        else:
            self._connections.append(connection)

    async def close(self) -> None:
        """Closes what is kept; whatever is in use is closed as soon as it no longer is."""
        with self._lock:
            self._is_closed = True
            readers, self._readers = self._readers, []
        connections, self._connections = self._connections, []
        for connection in connections:
            await _closed(connection)
        # Their loops cannot run in this thread, in which one does.
        with ThreadPoolExecutor(1) as thread:
            for reader in readers:
                await asyncio.get_running_loop().run_in_executor(thread, reader.close)

    def _keep(self, reader: Reader) -> None:
        with self._lock:
            self._used.discard(reader)
            if not self._is_closed:
                self._readers.append(reader)
                return
        reader.close()

    def _kept_reader(self) -> Reader | None:
        while True:
            with self._lock:
                if not self._readers:
                    return None
                reader = self._readers.pop()
            if reader.runner.run(_answers(reader.connection)):
                return reader
            reader.close()

    async def _kept_connection(self) -> asyncpg.Connection | None:
        while self._connections:
            connection = self._connections.pop()
            if await _answers(connection):
                return connection
            await _closed(connection)
        return None


def _opened(url: str) -> Reader:
    # A loop that is made so does not become that of this thread: another one may close it.
    runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
    try:
        return Reader(runner, runner.run(connect(url)))
    except BaseException:
        runner.close()
        raise


async def _answers(connection: asyncpg.Connection) -> bool:
    """Whether the database still knows it."""
    try:
        await connection.execute("SELECT 1", timeout=_ANSWER)
    except _FAULTS:
        return False
    return True


async def _closed(connection: asyncpg.Connection) -> None:
    """Closes it, whether the database answers or not."""
    try:
        await connection.close(timeout=_ANSWER)
    except _FAULTS:
        connection.terminate()
    await asyncio.sleep(0)  # the loop lets go of the socket
