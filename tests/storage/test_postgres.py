"""What is PostgreSQL's own; what any store must do is in test_store.py."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import asyncpg
import pytest

from service.fhir.problems import Unavailable
from service.storage.open import migrate, open_store
from service.storage.postgres_connections import FEW, POOL
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


async def test_a_statement_that_takes_longer_than_any_may_is_given_up(
    url, registry, extractor, clock, monkeypatch
):
    monkeypatch.setattr("service.storage.postgres_connections.LONGEST", 0.2)
    store = await open_store(url, registry, extractor, clock)
    for asked, slug in (
        (store._searched("SELECT pg_sleep(60)", ()), "search-too-costly"),
        (store._fetch("SELECT pg_sleep(60)"), "store-unavailable"),
    ):
        with pytest.raises(Unavailable) as refused:
            await asked
        assert [issue.slug for issue in refused.value.issues] == [slug]
    assert (await stored(store, patient("a"))).version == 1
    await store.close()


async def test_a_version_bears_the_time_at_which_its_statement_begins(url, registry, extractor, clock):
    """However long the unit waited for a connection: what appears is never older than a moment."""
    store = await open_store(url, registry, extractor, clock)
    await stored(store, patient("first", "1"))
    async with AsyncExitStack() as busy:
        taken = store._pool.get_size() - store._pool.get_idle_size()  # for questions
        for _ in range(POOL + FEW - taken):
            await busy.enter_async_context(store._connection())
        waiting = asyncio.create_task(stored(store, patient("a", "1")))
        await asyncio.sleep(0.05)
        clock.now += 20_000
        moment = clock.now
        assert not waiting.done()
    assert (await waiting).updated > moment
    await store.close()
