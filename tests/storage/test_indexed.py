"""What the index is complete for: nothing counts as such that a process which writes would leave out."""

from __future__ import annotations

import asyncio

import pytest

from service.fhir.search.digests import definitions
from service.storage import indexed
from service.storage.indexed import FIRST, Indexed, by_type, marks, waiting, writers
from service.storage.open import session
from service.storage.store import Store
from tests.storage.builders import LOCALITY, deletion, patient, score, stored, unit
from tests.storage.reindexed import DEPLOYERS, opened, own, registry_with

# Every test opens the stores that it wants itself, in a database that is migrated.
pytestmark = pytest.mark.usefixtures("migrated_url")

PLAIN = registry_with()
FULL = registry_with(*DEPLOYERS)
CHANGED = registry_with(own("note-text", "string", "Observation.code.text"))
NEW = {"note-text", "with", "with:identifier", "status-scored", "status-scored:canonical"}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Little time until others have noticed."""
    monkeypatch.setattr(indexed, "NOTICE", 0.1)
    monkeypatch.setattr(indexed, "KNOWN_FOR", 0.05)


async def pending(store: Store, type_: str = "Observation") -> frozenset[str]:
    """What waits, once what was known before no longer counts."""
    await asyncio.sleep(2 * indexed.KNOWN_FOR)
    return (await store.pending())(type_)


async def test_everything_is_complete_in_an_empty_store(database_url: str):
    store = await opened(database_url, FULL)
    assert [type_ for type_ in FULL.served if (await store.pending())(type_)] == []
    await store.close()


async def test_a_new_parameter_waits_where_resources_of_its_type_are_stored(database_url: str):
    store = await opened(database_url, PLAIN)
    await stored(store, score("s", "a"))
    await store.close()
    store = await opened(database_url, FULL)
    assert await pending(store) == NEW
    assert await pending(store, "Goal") == frozenset()
    await store.close()


async def test_a_new_parameter_is_complete_where_none_is_stored(database_url: str):
    store = await opened(database_url, PLAIN)
    await stored(store, patient("a"))
    await store.close()
    store = await opened(database_url, FULL)
    assert await pending(store) == frozenset()
    await store.close()


async def test_what_was_deleted_counts_as_nothing(database_url: str):
    store = await opened(database_url, PLAIN)
    made = await stored(store, score("s", "a"))
    await store.commit(LOCALITY, unit(deletion(made)))
    await store.close()
    store = await opened(database_url, FULL)
    assert await pending(store) == frozenset()
    await store.close()


async def test_a_resource_in_another_locality_counts(store: Store, database_url: str):
    await stored(store, score("s", "a"), "elsewhere")
    other = await opened(database_url, FULL)
    assert await pending(other) == NEW
    await other.close()


async def test_a_changed_definition_waits(database_url: str):
    store = await opened(database_url, FULL)
    await stored(store, score("s", "a"))
    await store.close()
    store = await opened(database_url, CHANGED)
    assert await pending(store) == {"note-text"}
    await store.close()


async def test_a_file_that_was_away_for_a_while_waits(database_url: str):
    """What was written meanwhile lacks its rows."""
    for registry in (FULL, PLAIN):
        store = await opened(database_url, registry)
        await stored(store, score(f"s{len(registry.search_parameters('Observation'))}", "a"))
        await store.close()
    store = await opened(database_url, FULL)
    assert await pending(store) == NEW
    await store.close()


async def test_what_a_process_does_not_know_is_taken_away_before_it_can_write(database_url: str):
    new = await opened(database_url, FULL)
    old = await opened(database_url, PLAIN)
    assert await pending(new) == NEW
    await stored(new, score("by-the-new", "a"))
    await stored(old, score("by-the-old", "a"))
    assert await pending(new) == NEW
    async with session(database_url) as own_session:
        assert await writers(own_session) == {definitions(FULL).whole, definitions(PLAIN).whole}
    await new.close()
    await old.close()


async def test_a_process_that_is_no_longer_counted_on_says_again_what_it_indexes(database_url: str):
    store = await opened(database_url, FULL)
    async with session(database_url) as own_session:
        await own_session.run("DELETE FROM index_writer")
        made = await stored(store, score("s", "a"))
        assert made.version == 1
        assert await writers(own_session) == {definitions(FULL).whole}
        [(count,)] = await own_session.fetch("SELECT count(*) FROM resource")
    assert count == 1
    await store.close()


async def test_what_the_first_program_indexed_stands_and_the_rest_waits(database_url: str):
    """Migration 0002 marks all names that there were; the program knows what of it is still so."""
    store = await opened(database_url, FULL)
    await stored(store, score("s", "a"))
    await store.close()
    async with session(database_url) as own_session:
        await own_session.run("DELETE FROM indexed_parameter")
        await own_session.run("DELETE FROM index_writer")
        await own_session.run_many(
            "INSERT INTO indexed_parameter (name, digest) VALUES ($1, $2)",
            [(f"Observation.{code}", FIRST) for code in ("code", "status", "code-value-quantity", "gone")],
        )
    store = await opened(database_url, FULL)
    waits = await pending(store)
    assert not waits & {"code", "status"}
    assert {"code-value-quantity", "code:text", "_text", "subject"} <= waits
    await store.close()
    async with session(database_url) as own_session:
        assert FIRST not in (await marks(own_session)).values()


async def test_what_is_known_for_a_moment_is_not_asked_again():
    reads = []

    async def read():
        reads.append(1)
        return [("Observation.code", definitions(PLAIN).digests["Observation.code"])]

    known = Indexed(definitions(PLAIN), None)
    many = await asyncio.gather(*(known.pending(read) for _ in range(20)))
    assert len(reads) == 1
    assert "code" not in many[0]("Observation")
    assert "status" in many[19]("Observation")
    assert many[0]("Nobody") == frozenset()
    await asyncio.sleep(2 * indexed.KNOWN_FOR)
    await known.pending(read)
    assert len(reads) == 2


def test_what_waits_is_what_has_no_mark_by_the_same_digest():
    known = definitions(PLAIN)
    assert waiting(known, known.digests) == []
    assert waiting(known, known.digests | {"Goal.patient": "other"}) == ["Goal.patient"]
    assert by_type(["Goal.patient", "Goal.code:text", "Flag.code"]) == {
        "Goal": {"patient", "code:text"},
        "Flag": {"code"},
    }
