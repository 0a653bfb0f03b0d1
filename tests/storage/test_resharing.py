"""Who may see what was stored before anybody knew: nobody but its author, until reindex has read it."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from service.access.rule import sharing_rule
from service.fhir import codec
from service.storage import reindexing
from service.storage.checking import check
from service.storage.open import session
from service.storage.store import Change, Unit
from tests.conftest import BASE_URL
from tests.storage.builders import AUDIT, LOCALITY, deletion, unit, update
from tests.storage.circle import SCHOOL, eyes, labelled, world
from tests.storage.test_sighted import ids


@contextmanager
def told(_type: str, _total: int):
    yield lambda _: None


async def forgotten(database_url: str) -> None:
    """As migration 0004 leaves it."""
    async with session(database_url) as own:
        for table in ("resource", "resource_version"):
            await own.run(f"UPDATE {table} SET child = $1, label = 0", b"\x00")
        await own.run("DELETE FROM index_sharing")
        await own.run("DELETE FROM indexed_parameter WHERE name LIKE '%:sharing'")


async def reindexed(database_url, registry, extractor):
    async with session(database_url) as own, own.alone():
        rule = sharing_rule(registry, BASE_URL)
        return await reindexing.reindex(own, registry, extractor, told, rule=rule)


async def kept(database_url: str) -> list[list[tuple[object, ...]]]:
    columns = "rid, version, author, child, label"
    async with session(database_url) as own:
        return [
            sorted(await own.fetch(text), key=repr)
            for text in (
                f"SELECT {columns} FROM resource",
                f"SELECT {columns} FROM resource_version",
                "SELECT * FROM index_sharing",
            )
        ]


@pytest.fixture
async def in_use(store):
    await world(store)
    score = await store.read(LOCALITY, "Observation", "ash-1")
    [second] = await store.commit(LOCALITY, unit(update(score, labelled(codec.decode(score.body)))))
    await store.commit(LOCALITY, unit(update(second, codec.decode(score.body))))
    return store


async def test_reindex_makes_it_as_it_would_have_been_written(in_use, database_url, registry, extractor):
    before = await kept(database_url)
    await forgotten(database_url)
    assert await ids(eyes(in_use, SCHOOL), "Observation") == []
    report = await reindexed(database_url, registry, extractor)
    assert await kept(database_url) == before
    assert report.added == len(before[2])
    assert await ids(eyes(in_use, SCHOOL), "Observation") == ["ash-1", "ash-3"]
    rule = sharing_rule(registry, BASE_URL)
    assert (await check(database_url, registry, extractor, rule=rule)).faults == []
    again = await reindexed(database_url, registry, extractor)
    assert (again.resources, again.added, again.removed) == (0, 0, 0)


async def test_what_no_resource_says_is_taken_away(in_use, database_url, registry, extractor):
    before = await kept(database_url)
    async with session(database_url) as own:
        await own.run("UPDATE index_sharing SET mask = 4 WHERE effect = 1")
        await own.run("DELETE FROM indexed_parameter WHERE name LIKE '%:sharing'")
    await reindexed(database_url, registry, extractor)
    assert await kept(database_url) == before


async def test_what_is_about_other_things_is_theirs_whose_those_are(
    in_use, database_url, registry, extractor
):
    about = {
        "resourceType": "Provenance",
        "id": "of-a-score",
        "target": [{"reference": "Observation/ash-1"}],
        "recorded": "2026-03-02T16:00:00Z",
        "agent": [{"who": {"reference": "Organization/camhs"}}],
    }
    change = Change("Provenance", "of-a-score", "POST", None, None, about, child="ash")
    await in_use.commit(LOCALITY, Unit((change,), AUDIT))
    before = await kept(database_url)
    await forgotten(database_url)
    await reindexed(database_url, registry, extractor)
    assert await kept(database_url) == before


async def test_of_what_is_gone_the_last_body_tells(in_use, database_url, registry, extractor):
    for type_, id_ in (("Observation", "ash-3"), ("Patient", "birch")):
        await in_use.commit(LOCALITY, unit(deletion(await in_use.read(LOCALITY, type_, id_))))
    before = await kept(database_url)
    await forgotten(database_url)
    assert await eyes(in_use, SCHOOL).read(LOCALITY, "Observation", "ash-3") is None
    await reindexed(database_url, registry, extractor)
    assert await kept(database_url) == before
    assert (await eyes(in_use, SCHOOL).read(LOCALITY, "Observation", "ash-3")).deleted
    rule = sharing_rule(registry, BASE_URL)
    assert (await check(database_url, registry, extractor, rule=rule)).faults == []


async def test_check_tells_of_what_is_not_as_the_bodies_tell(in_use, database_url, registry, extractor):
    rule = sharing_rule(registry, BASE_URL)
    assert (await check(database_url, registry, extractor, rule=rule)).faults == []
    async with session(database_url) as own:
        await own.run("UPDATE resource SET label = 4 WHERE rid = 4")
        await own.run("DELETE FROM index_sharing WHERE effect = 9")
    faults = (await check(database_url, registry, extractor, rule=rule)).faults
    told_of, rows = faults
    assert told_of.endswith(": whom it is about, or its labels, are not what its body tells")
    assert rows == "the rows of sharing in index_sharing are 4, not the 5 that the bodies call for"
