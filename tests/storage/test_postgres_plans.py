"""PostgreSQL's plans as they are told."""

from __future__ import annotations

import asyncpg
import pytest

from service.storage.postgres_plans import plan
from service.storage.searching import Statement
from tests.postgres import fresh_database


@pytest.fixture
async def connection(postgres_server: str):
    opened = await asyncpg.connect(fresh_database(postgres_server))
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "text", ["SELECT n FROM generate_series(1, 9) AS n WHERE n = $1 AND n < $2", "SELECT 1"]
)
async def test_plans_hold_no_values_and_leave_nothing_behind(connection, text):
    statement = Statement("page", text, (41, 42)[: text.count("$")], 0, 0)
    for _ in range(2):
        lines = await plan(connection, statement)
        assert ("$1" in " ".join(lines)) == ("$1" in text)
        assert "41" not in " ".join(lines)
    assert (
        await connection.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE name = 'explained'") == 0
    )
    assert await connection.fetchval("SHOW plan_cache_mode") == "auto"
