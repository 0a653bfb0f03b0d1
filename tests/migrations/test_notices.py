"""Migration 0003 of a store in use: what was there stands as it was, and notices can be kept beside it."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from service.fhir.search.extraction import Extractor
from service.storage.checking import check
from service.storage.open import current_revision, migrate, session
from service.storage.store import Notice, Unit
from tests.conftest import BASE_URL
from tests.migrations.formerly import at_revision, contents, filled_from
from tests.migrations.test_migrations import _differences
from tests.storage.builders import AUDIT, LOCALITY, creation, patient, unit, update
from tests.storage.reindexed import fill, opened, people, registry_with

BEFORE = "0002"
REGISTRY = registry_with()
PEOPLE = people(3)


@dataclass(frozen=True)
class Formerly:
    """What was there: the columns of the tables, and their rows."""

    tables: dict[str, list[str]]
    rows: dict[str, list[tuple[object, ...]]]


@pytest.fixture
async def in_use(database_url: str, tmp_path) -> Formerly:
    """A database of the revision before, filled as the program of then would have; and what is in it."""
    source = f"sqlite:///{tmp_path / 'source.db'}"
    store = await opened(source, REGISTRY)
    await fill(store, PEOPLE)
    first = await store.read(LOCALITY, PEOPLE[0]["resourceType"], PEOPLE[0]["id"])
    await store.commit(LOCALITY, unit(update(first, PEOPLE[0] | {"language": "en-GB"})))
    await store.close()
    tables = await at_revision(database_url, BEFORE)
    await filled_from(source, database_url, tables)
    kept = {table: columns for table, columns in tables.items() if table != "audit_entry"}
    return Formerly(kept, await contents(database_url, kept))


async def test_what_was_there_stands_as_it_was(database_url, in_use):
    assert await current_revision(database_url) == BEFORE
    assert len(in_use.rows["resource_version"]) == 1
    migrate(database_url)
    assert await contents(database_url, in_use.tables) == in_use.rows
    report = await check(database_url, REGISTRY, Extractor(REGISTRY, BASE_URL))
    assert report.faults == []
    assert (report.resources, report.notices) == (len(PEOPLE), 0)


async def test_the_tables_end_equal_to_the_metadata(database_url, in_use):
    migrate(database_url)
    if database_url.startswith("sqlite"):
        engine = create_engine(database_url)
        with engine.connect() as connection:
            assert _differences(connection) == []
        engine.dispose()
    else:
        server = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with server.connect() as connection:
            assert await connection.run_sync(_differences) == []
        await server.dispose()


async def test_only_what_waits_is_in_the_index_of_what_waits(database_url):
    """Alembic does not compare for which rows an index is."""
    migrate(database_url)
    if database_url.startswith("sqlite"):
        async with session(database_url) as reading:
            [(text,)] = await reading.fetch("SELECT sql FROM sqlite_master WHERE name = 'notice_waiting'")
    else:
        server = await asyncpg.connect(database_url)
        text = await server.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = 'notice_waiting'")
        await server.close()
    assert text.replace("(acknowledged IS NULL)", "acknowledged IS NULL").endswith(
        "WHERE acknowledged IS NULL"
    )


async def test_notices_can_be_kept_beside_what_was_there(database_url, in_use):
    migrate(database_url)
    store = await opened(database_url, REGISTRY)
    told = Notice("n1", "school", "began", ("Patient", "new"))
    await store.commit(LOCALITY, Unit((creation(patient("new")),), AUDIT, notices=(told,)))
    [waiting] = await store.notices(LOCALITY, "school", 10)
    assert (waiting.id, waiting.about) == ("n1", ("Patient", "new"))
    await store.close()
    assert (await check(database_url, REGISTRY, Extractor(REGISTRY, BASE_URL))).faults == []
