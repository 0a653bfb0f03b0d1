"""Migration 0004 of a store in use: what was there is its author's alone, until reindex has read whom it is about."""

from __future__ import annotations

import pytest

from service.access.rule import sharing_rule
from service.fhir.registry import Registry
from service.fhir.search.digests import SHARING
from service.storage.checking import check
from service.storage.open import migrate, open_store, session
from service.storage.store import CLOSED
from tests.conftest import BASE_URL, TestClock
from tests.migrations.formerly import at_revision, contents, filled_from
from tests.storage.builders import LOCALITY, unit, update
from tests.storage.circle import SCHOOL, eyes, world
from tests.storage.test_resharing import reindexed
from tests.storage.test_sighted import ids

BEFORE = "0003"


@pytest.fixture
def open_at(registry: Registry, extractor):
    async def opened(url: str):
        migrate(url)
        return await open_store(url, registry, extractor, TestClock(), rule=sharing_rule(registry, BASE_URL))

    return opened


@pytest.fixture
async def in_use(database_url, tmp_path, open_at):
    """A database of the revision before, and the columns and rows of its tables."""
    source = f"sqlite:///{tmp_path / 'source.db'}"
    store = await open_at(source)
    await world(store)
    first = await store.read(LOCALITY, "Patient", "ash")
    await store.commit(LOCALITY, unit(update(first, {"resourceType": "Patient", "id": "ash"})))
    await store.close()
    tables = await at_revision(database_url, BEFORE)
    # Nobody could tell then that it was complete who may see what.
    await filled_from(source, database_url, tables, lambda _, row: not str(row.get("name")).endswith(SHARING))
    kept = {table: columns for table, columns in tables.items() if table != "audit_entry"}
    return kept, await contents(database_url, kept)


async def test_what_was_there_stands_and_its_author_alone_sees_it(database_url, in_use, open_at):
    tables, rows = in_use
    migrate(database_url)
    assert await contents(database_url, tables) == rows
    store = await open_at(database_url)
    # What the first entry of a resource names as the agency, is its author.
    [author] = {one.author async for one in store.everything(LOCALITY, ["Observation", "Organization"])}
    assert {one.child async for one in store.everything(LOCALITY, ["Patient", "Organization"])} == {CLOSED}
    assert await ids(eyes(store, SCHOOL), "Observation") == []
    assert await ids(eyes(store, SCHOOL), "Organization") == []
    assert len(await ids(eyes(store, author), "Observation")) == 4
    assert (await store.read_version(LOCALITY, "Patient", "ash", 1)).author == author
    await store.close()


async def test_reindex_opens_it_to_whom_it_concerns(database_url, in_use, open_at, registry, extractor):
    store = await open_at(database_url)
    await reindexed(database_url, registry, extractor)
    assert await ids(eyes(store, SCHOOL), "Observation") == ["ash-1", "ash-3"]
    assert (await eyes(store, SCHOOL).read_version(LOCALITY, "Patient", "ash", 1)).child == "ash"
    rule = sharing_rule(registry, BASE_URL)
    assert (await check(database_url, registry, extractor, rule=rule)).faults == []
    await store.close()


async def test_on_sqlite_who_asks_need_not_read_past_the_body(database_url, in_use):
    migrate(database_url)
    if not database_url.startswith("sqlite"):
        return
    async with session(database_url) as reading:
        for table in ("resource", "resource_version"):
            names = [row[1] for row in await reading.fetch(f"PRAGMA table_info({table})")]
            assert names[-4:] == ["author", "child", "label", "body"]
