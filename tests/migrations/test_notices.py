"""Migration 0003 of a store in use: what was there stands as it was, and notices can be kept beside it."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from service.fhir.search.extraction import Extractor
from service.storage.checking import check
from service.storage.open import current_revision, migrate, migrations, session
from service.storage.store import Notice, Unit
from service.storage.tables import INDEXES, metadata, row_columns
from tests.conftest import BASE_URL
from tests.migrations.test_migrations import _differences
from tests.storage.builders import AUDIT, LOCALITY, creation, patient, unit, update
from tests.storage.reindexed import fill, opened, people, registry_with

BEFORE = "0002"
REGISTRY = registry_with()
PEOPLE = people(3)


def to_before(database_url: str) -> None:
    """Makes the tables as they were before notices."""
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.attributes["database_url"] = database_url
    command.upgrade(config, BEFORE)


async def contents(database_url: str) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table that there was before notices."""
    async with session(database_url) as opened_session:
        found = {}
        for table in metadata.sorted_tables:
            if table.name != "notice":
                columns = ", ".join(
                    column.name for column in (row_columns(table) if table in INDEXES else table.c)
                )
                rows = await opened_session.fetch(f"SELECT {columns} FROM {table.name}")
                found[table.name] = sorted(rows, key=repr)
        return found


@pytest.fixture
async def in_use(database_url: str, tmp_path) -> dict[str, list[tuple[object, ...]]]:
    """A database of the revision before, filled as the program of then would have; and what is in it."""
    source = f"sqlite:///{tmp_path / 'source.db'}"
    store = await opened(source, REGISTRY)
    await fill(store, PEOPLE)
    first = await store.read(LOCALITY, PEOPLE[0]["resourceType"], PEOPLE[0]["id"])
    await store.commit(LOCALITY, unit(update(first, PEOPLE[0] | {"language": "en-GB"})))
    await store.close()
    await asyncio.to_thread(to_before, database_url)
    async with session(database_url) as new:
        for table, rows in (await contents(source)).items():
            columns = [
                column.name
                for column in (
                    row_columns(metadata.tables[table])
                    if metadata.tables[table] in INDEXES
                    else metadata.tables[table].c
                )
            ]
            slots = ", ".join(f"${number + 1}" for number in range(len(columns)))
            await new.run_many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({slots})", rows)
    return await contents(database_url)


async def test_what_was_there_stands_as_it_was(database_url, in_use):
    assert await current_revision(database_url) == BEFORE
    assert len(in_use["resource_version"]) == 1
    migrate(database_url)
    assert await contents(database_url) == in_use
    report = await check(database_url, REGISTRY, Extractor(REGISTRY, BASE_URL))
    assert report.faults == []
    assert (report.resources, report.pending, report.notices) == (len(PEOPLE), 0, 0)


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
