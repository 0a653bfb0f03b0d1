"""Migration 0002 of a store that the first program filled: what it indexed stands, the rest waits for reindex."""

from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.config import Config

from service.fhir.registry import load
from service.fhir.search.digests import definitions
from service.fhir.search.extraction import Extractor
from service.storage import indexed
from service.storage.checking import check
from service.storage.names import Kind
from service.storage.open import migrate, migrations, session
from service.storage.tables import INDEXES, metadata, row_columns
from tests.conftest import BASE_URL
from tests.storage.reindexed import fill, opened, people, registry_with, rows
from tests.storage.test_reindexing import reindexed

FIRST = "0001"
LATER = ("index_composite", "index_text", "indexed_parameter", "index_writer", "reindex_progress", "notice")
REGISTRY = registry_with()
# What the first program knew: R4's parameters, without composites.
NAMES = definitions(load()).first
PEOPLE = people(3)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(indexed, "NOTICE", 0.1)


def to_first(database_url: str) -> None:
    """Makes the tables of the first program."""
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.attributes["database_url"] = database_url
    command.upgrade(config, FIRST)


async def as_of_the_first(database_url: str, source: str) -> None:
    """Fills the database with what the first program would have kept of the source."""
    async with session(source) as old, session(database_url) as new:
        kept = {
            code
            for kind, code, text in await old.fetch("SELECT kind, code, text FROM name")
            if kind == Kind.PARAMETER and text in NAMES
        }
        for table in metadata.sorted_tables:
            if table.name in LATER:
                continue
            columns = [column.name for column in (row_columns(table) if table in INDEXES else table.c)]
            found = await old.fetch(f"SELECT {', '.join(columns)} FROM {table.name}")
            if table in INDEXES:
                found = [row for row in found if row[1] in kept]
            if table.name == "name":
                found = [row for row in found if row[0] != Kind.PARAMETER or row[1] in kept]
            slots = ", ".join(f"${number + 1}" for number in range(len(columns)))
            await new.run_many(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({slots})", found)


async def pending(database_url: str) -> set[str]:
    store = await opened(database_url, REGISTRY)
    found = await store.pending()
    await store.close()
    return {f"{type_}.{code}" for type_ in REGISTRY.served for code in found(type_)}


async def test_what_was_indexed_stands_and_the_rest_waits(database_url: str, tmp_path):
    source = f"sqlite:///{tmp_path / 'source.db'}"
    store = await opened(source, REGISTRY)
    await fill(store, PEOPLE)
    await store.close()
    await asyncio.to_thread(to_first, database_url)
    await as_of_the_first(database_url, source)
    migrate(database_url)
    waits = await pending(database_url)
    assert not waits & NAMES
    assert {
        "Observation.code:text", "Observation.code-value-quantity", "Observation._content",
        "Observation.subject:identifier", "Goal.goal-slot",
    } <= waits  # fmt: skip
    stored = {resource["resourceType"] for resource in PEOPLE}
    assert {name.partition(".")[0] for name in waits} == stored
    report = await reindexed(database_url, REGISTRY)
    assert report.removed == 0
    assert await pending(database_url) == set()
    assert await rows(database_url) == await rows(source)
    assert (await check(database_url, REGISTRY, Extractor(REGISTRY, BASE_URL))).faults == []
