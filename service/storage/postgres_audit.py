"""The audit's rows in PostgreSQL: added by one statement, whatever their number.

Source: ADR 0020, ADR 0010
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

import asyncpg

from service.storage.audit import CHILD_COLUMNS, COLUMNS, Row
from service.storage.audit_due import NEXT_DUE, Lot, lot
from service.storage.audit_tables import DUE_COLUMNS
from service.storage.ledger import Rows
from service.storage.postgres_arrays import Flat
from service.storage.postgres_units import array_type
from service.storage.tables import audit, audit_child

Connect = Callable[[], AbstractAsyncContextManager[asyncpg.pool.PoolConnectionProxy]]

# The number of the lock that whoever seals holds.
_SEALING: Final = 0x7365_616C_696E_67
# That of the lock that whoever settles holds: others who want what is due wait until it is made.
_SETTLING: Final = 0x7365_7474_6C69_6E67
_SEAL: Final = (
    "INSERT INTO audit_block (locality, number, low, high, last, count, hash)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
)


def _unnested(types: Sequence[str], columns: Sequence[str], first: int) -> str:
    slots = ", ".join(f"${number}::{type_}" for number, type_ in enumerate(types, first))
    return f"SELECT * FROM unnest({slots}) AS u ({', '.join(columns)})"


_TYPES: Final = [array_type(audit.c[name].type) for name in COLUMNS]
_CHILD_TYPES: Final = [array_type(audit_child.c[name].type) for name in CHILD_COLUMNS]
_ADD: Final = (
    f"INSERT INTO audit ({', '.join(COLUMNS)}) {_unnested(_TYPES, COLUMNS, 1)} ON CONFLICT DO NOTHING"
)
_ADD_BOTH: Final = (
    f"WITH added AS ({_ADD}) INSERT INTO audit_due ({', '.join(DUE_COLUMNS)})"
    f" VALUES (${len(COLUMNS) + 1}, ${len(COLUMNS) + 2})"
)
_ADD_CHILDREN: Final = (
    f"INSERT INTO audit_child ({', '.join(CHILD_COLUMNS)}) {_unnested(_CHILD_TYPES, CHILD_COLUMNS, 1)}"
    " ON CONFLICT DO NOTHING"
)
_SETTLED: Final = "DELETE FROM audit_due WHERE number = ANY($1::bigint[])"


class PostgresShelf:
    """Keeps the `Shelf` protocol on a PostgreSQL database."""

    def __init__(
        self,
        connect: Connect,
        searched: Callable[[str, Sequence[Any]], Awaitable[Sequence[Sequence[Any]]]],
        clock: Callable[[], int],
    ) -> None:
        self._connect = connect
        self._searched = searched
        self._clock = clock

    async def fetch(self, text: str, *arguments: Any) -> Sequence[Sequence[Any]]:
        """As `Shelf.fetch`."""
        return await self._searched(text, arguments)

    def hint(self, index: str) -> str:
        """As `Shelf.hint`: PostgreSQL finds it."""
        del index
        return ""

    async def add(self, rows: Callable[[int], Rows]) -> None:
        """As `Shelf.add`; the rows are made when there is a connection to send them by."""
        async with self._connect() as connection:
            entries, due = rows(self._clock())
            if not entries:
                return
            columns = map(Flat, zip(*entries, strict=True))
            if due:
                await connection.execute(_ADD_BOTH, *columns, *due[0])
            else:
                await connection.execute(_ADD, *columns)

    async def settle(self, after: int) -> Lot | None:
        """As `Shelf.settle`."""
        async with self._connect() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _SETTLING)
            due = lot([tuple(row) for row in await connection.fetch(NEXT_DUE, after)])
            if due is not None and due.done:
                await connection.execute(_ADD_CHILDREN, *map(Flat, zip(*due.rows, strict=True)))
                await connection.execute(_SETTLED, due.done)
        return due

    async def seal(self, block: Row) -> bool:
        """As `Shelf.seal`."""
        async with self._connect() as connection:
            done: str = await connection.execute(_SEAL, *block)
        return done.endswith(" 1")

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """As `Shelf.alone`: by a lock that PostgreSQL frees with the connection.

        The connection is not used meanwhile, so those who seal need a second one: nobody else takes two, and of
        those who seal there is one, so none waits for ever.
        """
        async with self._connect() as connection:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _SEALING):
                yield False
                return
            try:
                yield True
            finally:
                await connection.fetchval("SELECT pg_advisory_unlock($1)", _SEALING)
