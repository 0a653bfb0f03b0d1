"""Migration 0002 of a store that the first program filled: what it indexed stands, the rest waits for reindex."""

from __future__ import annotations

import pytest

from service.fhir.registry import load
from service.fhir.search.digests import definitions
from service.fhir.search.extraction import Extractor
from service.storage import indexed
from service.storage.checking import check
from service.storage.names import Kind
from service.storage.open import migrate, session
from tests.conftest import BASE_URL
from tests.migrations.formerly import at_revision, filled_from
from tests.storage.reindexed import fill, opened, people, registry_with, rows
from tests.storage.test_reindexing import reindexed

FIRST = "0001"
REGISTRY = registry_with()
# What the first program knew: R4's parameters, without composites.
NAMES = definitions(load()).first
PEOPLE = people(3)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(indexed, "NOTICE", 0.1)


async def as_of_the_first(database_url: str, source: str) -> None:
    """Fills the database with what the first program would have kept of the source."""
    tables = await at_revision(database_url, FIRST)
    async with session(source) as old:
        names = await old.fetch("SELECT kind, code, text FROM name")
    kept = {code for kind, code, text in names if kind == Kind.PARAMETER and text in NAMES}

    def keep(table: str, row: dict[str, object]) -> bool:
        if table.startswith("index_"):
            return row["parameter"] in kept
        return table != "name" or row["kind"] != Kind.PARAMETER or row["code"] in kept

    await filled_from(source, database_url, tables, keep)


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
