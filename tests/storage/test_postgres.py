"""What is PostgreSQL's own; what any store must do is in test_store.py."""

from __future__ import annotations

import asyncpg
import pytest

from service.storage.open import migrate, open_store
from tests.postgres import fresh_database
from tests.storage.builders import LOCALITY, patient, score, stored


@pytest.fixture
def url(postgres_server: str) -> str:
    made = fresh_database(postgres_server)
    migrate(made)
    return made


async def asked(url, query):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


KNOWN = "SELECT reltuples::int FROM pg_class WHERE oid = 'resource'::regclass"


async def test_a_start_on_data_of_which_the_planner_knows_nothing_makes_it_look(
    url, registry, extractor, clock
):
    first = await open_store(url, registry, extractor, clock)
    assert await asked(url, KNOWN) == -1  # nothing to look at yet
    for number in range(3):
        await stored(first, patient(f"p{number}", str(number)))
    await first.close()
    second = await open_store(url, registry, extractor, clock)
    assert await asked(url, KNOWN) == 3
    await second.close()


async def test_reading_by_key_looks_at_no_more_than_was_asked_for(url, registry, extractor, clock):
    """Even where plans were made when the tables were as good as empty."""
    store = await open_store(url, registry, extractor, clock)
    await stored(store, patient("a"))
    for number in range(60):
        await stored(store, score(f"s{number}", "a"))
        await store.read_many(LOCALITY, [("Patient", "a"), ("Observation", f"s{number}")])
    await store.close()
    read = await asked(
        url, "SELECT sum(idx_tup_read)::int FROM pg_stat_user_indexes WHERE indexrelname = 'resource_pkey'"
    )
    scanned = await asked(url, "SELECT seq_tup_read::int FROM pg_stat_user_tables WHERE relname = 'resource'")
    assert read + scanned < 60 * 61 / 2
