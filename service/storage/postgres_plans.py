"""How PostgreSQL runs a statement, told for people.

Source: https://www.postgresql.org/docs/15/sql-explain.html, https://www.postgresql.org/docs/15/sql-prepare.html
"""

from __future__ import annotations

import asyncpg

from service.storage.searching import Statement


async def plan(connection: asyncpg.pool.PoolConnectionProxy, statement: Statement) -> tuple[str, ...]:
    """The lines of the generic plan: the one that serves all values, so that none is in it."""
    nothing = ", ".join("NULL" for _ in statement.arguments)
    asked = f"EXPLAIN EXECUTE explained ({nothing})" if nothing else "EXPLAIN EXECUTE explained"
    async with connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE explained AS {statement.text}")
        try:
            rows = await connection.fetch(asked)
        finally:
            await connection.execute("DEALLOCATE explained")
    return tuple(row[0] for row in rows)
