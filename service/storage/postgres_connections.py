"""Connections to PostgreSQL: how many, how they are set, and at which revision the database is.

Source: ADR 0010, ADR 0013
"""

from __future__ import annotations

import asyncpg

from service.fhir.problems import Unavailable
from service.storage.searching import LONGEST

# Units: connections a process has at most for its units, and beside them for questions (`postgres_lanes`);
# PostgreSQL's own default allows 100 in all.
POOL = 16
FEW = 4
# Prepared statements kept per connection: one per shape of unit or search.
STATEMENTS = 500
# Units: characters up to which a statement is worth keeping. The history of everything asks two tables by each type.
STATEMENT = 60_000
# Every statement says itself by which index and in which order it looks, and looks at few rows. A planner that
# knows little of the tables, or is misled by a LIMIT, would rather read or join with all there is; and it would
# plan anew for each value. Plans are made once for a text, from lookups alone.
# Source: https://www.postgresql.org/docs/15/runtime-config-query.html
SETTINGS = {
    "application_name": "thrive-fhir",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_sort": "off",  # of all rows, where an index has them in order but for what is equal
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}

# A server that starts or stops says so where it is asked; a statement that took longer than any may is given up too.
UNREACHABLE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)

Connection = asyncpg.pool.PoolConnectionProxy


def unreachable() -> Unavailable:
    """What one of `UNREACHABLE` is told as."""
    return Unavailable("store-unavailable", "The store cannot be reached now. Try again.")


async def connect(url: str) -> asyncpg.Pool:
    """A pool of connections to the database.

    Raises:
        Unavailable: it cannot be reached.
    """
    try:
        return await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=POOL + FEW,
            statement_cache_size=STATEMENTS,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=STATEMENT,
            reset=_nothing_to_reset,
            server_settings=SETTINGS | {"statement_timeout": f"{LONGEST * 1000:.0f}"},  # milliseconds
        )
    except (OSError, asyncpg.PostgresError, TimeoutError) as failure:
        raise Unavailable("store-unavailable", "The database cannot be reached.") from failure


async def _nothing_to_reset(_: asyncpg.Connection) -> None:
    """Spares a round trip on release: no call of ours leaves anything behind in its session."""


async def revision(connection: Connection) -> str | None:
    """The Alembic revision that the database is at, None where it was never migrated."""
    try:
        found: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    return found
