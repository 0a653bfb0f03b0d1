"""A connection of one's own to the database, alike for SQLite and PostgreSQL: for work beside the store's.

Statements are written with `$1`, `$2` and so on. A session is used by one task at a time.

Source: ADR 0010
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from service.fhir.problems import Unavailable
from service.storage.names import Name
from service.storage.postgres_arrays import Flat
from service.storage.rows import INSERT, INSERT_MANY, REMOVE, REMOVE_MANY
from service.storage.sqlite import connect
from service.storage.turnstile import Turnstile

Row = tuple[Any, ...]

# Units: milliseconds that writers may have to stand behind us while we wait for those that are writing, and
# seconds until we stand there again.
_LOCK_TIMEOUT = 100
_AGAIN = 0.05

# The number of PostgreSQL's lock for work of which there may be but one at a time.
_ONLY_ONE = 0x7265_696E_6465_78

_NUMBER = (
    "INSERT INTO name (kind, code, text)"
    " SELECT $1, coalesce(max(code), 0) + 1, $2 FROM name WHERE kind = $1 ON CONFLICT DO NOTHING"
)

_UNREACHABLE = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError, TimeoutError)


class Busy(Exception):  # noqa: N818 - a state, not an error
    """Another process does the same work already."""


class Session(Protocol):
    """One connection. `writing` is a write transaction beside which no unit is being stored."""

    async def fetch(self, text: str, *arguments: Any) -> list[Row]:
        """The rows of a statement."""
        ...

    async def run(self, text: str, *arguments: Any) -> int:
        """How many rows the statement changed."""
        ...

    async def run_many(self, text: str, rows: Sequence[Row]) -> None:
        """Runs the statement with each of the rows."""
        ...

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        """Adds those of the index rows that are not there."""
        ...

    async def remove(self, table: str, rows: Sequence[Row]) -> None:
        """Takes index rows away."""
        ...

    def among(self, number: int, kind: str) -> str:
        """What stands behind a column to ask whether it is in the list that argument `number` is."""
        ...

    def listed(self, values: Sequence[int]) -> Any:
        """Numbers as an argument for `among`."""
        ...

    def piece(self, table: str, key: Sequence[str], where: str, size: int) -> str:
        """A statement that deletes at most so many of the rows for which `where` holds."""
        ...

    async def number(self, names: Iterable[Name]) -> None:
        """Gives numbers to those of the names that have none yet. Wants a write transaction."""
        ...

    def writing(self) -> AbstractAsyncContextManager[None]:
        """A write transaction, committed where the block ends well; nobody stores a unit meanwhile."""
        ...

    def alone(self) -> AbstractAsyncContextManager[None]:
        """A block that but one process may be in.

        Raises:
            Busy: another is.
        """
        ...


class SqliteSession:
    """A session on an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path)
        self._turnstile = Turnstile(path)

    def close(self) -> None:
        """Lets go of the file."""
        self._turnstile.close()
        self._connection.close()

    async def fetch(self, text: str, *arguments: Any) -> list[Row]:
        """As `Session.fetch`."""
        return self._connection.execute(text.replace("$", "?"), arguments).fetchall()

    async def run(self, text: str, *arguments: Any) -> int:
        """As `Session.run`."""
        return self._connection.execute(text.replace("$", "?"), arguments).rowcount

    async def run_many(self, text: str, rows: Sequence[Row]) -> None:
        """As `Session.run_many`."""
        self._connection.executemany(text.replace("$", "?"), rows)

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        """As `Session.add`."""
        await self.run_many(INSERT[table], rows)

    async def remove(self, table: str, rows: Sequence[Row]) -> None:
        """As `Session.remove`."""
        await self.run_many(REMOVE[table], rows)

    def among(self, number: int, kind: str) -> str:
        """As `Session.among`."""
        del kind
        return f"IN (SELECT value FROM json_each(${number}))"  # noqa: S608 - a number of ours

    def listed(self, values: Sequence[int]) -> Any:
        """As `Session.listed`."""
        return json.dumps(list(values))

    def piece(self, table: str, key: Sequence[str], where: str, size: int) -> str:
        """As `Session.piece`."""
        columns = ", ".join(key)
        return (
            f"DELETE FROM {table} WHERE ({columns}) IN"  # noqa: S608 - our own names
            f" (SELECT {columns} FROM {table} WHERE {where} LIMIT {size})"
        )

    async def number(self, names: Iterable[Name]) -> None:
        """As `Session.number`."""
        for kind, text in sorted(names):
            await self.run(_NUMBER, kind, text)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """As `Session.writing`."""
        if not self._turnstile.enter_now():
            await asyncio.get_running_loop().run_in_executor(None, self._turnstile.enter)
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
        finally:
            self._turnstile.leave()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """As `Session.alone`."""
        with closing(Turnstile(self._path.with_name(self._path.name + "-reindex"))) as turnstile:
            if not turnstile.enter_now():
                raise Busy
            yield


class PostgresSession:
    """A session on a PostgreSQL database."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def fetch(self, text: str, *arguments: Any) -> list[Row]:
        """As `Session.fetch`."""
        return [tuple(row) for row in await self._connection.fetch(text, *arguments)]

    async def run(self, text: str, *arguments: Any) -> int:
        """As `Session.run`."""
        done: str = await self._connection.execute(text, *arguments)
        return int(done.rpartition(" ")[2])

    async def run_many(self, text: str, rows: Sequence[Row]) -> None:
        """As `Session.run_many`."""
        await self._connection.executemany(text, rows)

    async def add(self, table: str, rows: Sequence[Row]) -> None:
        """As `Session.add`, in one statement."""
        await self._connection.execute(INSERT_MANY[table], *map(Flat, zip(*rows, strict=True)))

    async def remove(self, table: str, rows: Sequence[Row]) -> None:
        """As `Session.remove`, in one statement."""
        await self._connection.execute(REMOVE_MANY[table], *map(Flat, zip(*rows, strict=True)))

    def among(self, number: int, kind: str) -> str:
        """As `Session.among`."""
        return f"= ANY(${number}::{kind}[])"

    def listed(self, values: Sequence[int]) -> Any:
        """As `Session.listed`."""
        return list(values)

    def piece(self, table: str, key: Sequence[str], where: str, size: int) -> str:
        """As `Session.piece`."""
        del key
        return (
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 - our own names
            f"SELECT ctid FROM {table} WHERE {where} LIMIT {size}))"
        )

    async def number(self, names: Iterable[Name]) -> None:
        """As `Session.number`; it is one process at a time that gives them out."""
        await self._connection.execute("LOCK TABLE name IN SHARE ROW EXCLUSIVE MODE")
        for kind, text in sorted(names):
            await self.run(_NUMBER, kind, text)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """As `Session.writing`: units hold a weaker lock on `index_writer` until they are committed."""
        while True:
            transaction = self._connection.transaction()
            await transaction.start()
            try:
                await self._connection.execute(f"SET LOCAL lock_timeout = {_LOCK_TIMEOUT}")
                await self._connection.execute("LOCK TABLE index_writer IN EXCLUSIVE MODE")
                await self._connection.execute("SET LOCAL lock_timeout = 0")
                break
            except asyncpg.LockNotAvailableError:
                await transaction.rollback()
                await asyncio.sleep(_AGAIN)
        try:
            yield
        except BaseException:
            await transaction.rollback()
            raise
        await transaction.commit()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """As `Session.alone`."""
        if not await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", _ONLY_ONE):
            raise Busy
        try:
            yield
        finally:
            await self._connection.fetchval("SELECT pg_advisory_unlock($1)", _ONLY_ONE)


@asynccontextmanager
async def sqlite_session(path: Path) -> AsyncIterator[Session]:
    """A session on an SQLite file."""
    with closing(SqliteSession(path)) as session:
        yield session


@asynccontextmanager
async def postgres_session(url: str) -> AsyncIterator[Session]:
    """A session on a PostgreSQL database.

    Raises:
        Unavailable: it cannot be reached, or no longer.
    """
    try:
        connection = await asyncpg.connect(
            url, server_settings={"jit": "off", "application_name": "thrive-fhir"}
        )
        try:
            yield PostgresSession(connection)
        finally:
            await connection.close()
    except (*_UNREACHABLE, asyncpg.PostgresError) as failure:
        raise Unavailable("store-unavailable", "The database cannot be reached now. Try again.") from failure
