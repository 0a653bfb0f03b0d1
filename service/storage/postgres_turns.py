"""Turns on PostgreSQL: units that ask questions of the store before they are stored wait for one another.

Source: https://www.postgresql.org/docs/15/explicit-locking.html#ADVISORY-LOCKS, ADR 0010
"""

from __future__ import annotations

from hashlib import blake2b

import asyncpg

from service.fhir.search.expressions import Query
from service.storage.preparation import PreparedUnit

# A unit that asks more questions than this locks all of them by one lock, of this number.
MANY_QUESTIONS = 256
_ALL_QUESTIONS = 0x7468_7269_7665

_HOLD = (
    "SELECT 1 FROM resource WHERE locality = $1 AND rid = ANY($2::bigint[]) ORDER BY rid FOR NO KEY UPDATE"
)


async def wait_turn(connection: asyncpg.pool.PoolConnectionProxy, unit: PreparedUnit) -> None:
    """Waits until the unit's questions can be asked, and their answers hold until it is committed."""
    # Whoever decided on the same question waits here, and then finds the answer changed.
    await _lock_questions(connection, unit)
    # And whoever relied on what this unit changes has committed before the questions are asked.
    superseded = [change.change.before.key for change in unit.changes if change.change.before]
    if superseded:
        await connection.execute(_HOLD, unit.locality, superseded)


async def _lock_questions(connection: asyncpg.pool.PoolConnectionProxy, unit: PreparedUnit) -> None:
    """Waits until no other unit under way asks one of the unit's questions; held until the unit is committed.

    PostgreSQL has room for some thousands of locks in all, so a unit with very many
    questions keeps every other unit with a question waiting instead.
    """
    locks = sorted({_lock(unit.locality, expectation.query) for expectation in unit.expectations})
    if len(locks) > MANY_QUESTIONS:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ALL_QUESTIONS)
        return
    await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", _ALL_QUESTIONS)
    await connection.execute("SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) AS lock", locks)


def _lock(locality: int, query: Query) -> int:
    digest = blake2b(f"{locality}/{query.type}/{query.where!r}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
