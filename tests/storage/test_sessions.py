"""Sessions: the same words for both databases, and a write transaction in which nobody stores a unit."""

from __future__ import annotations

import asyncio

import pytest

from service.fhir.problems import Unavailable
from service.storage.names import Kind
from service.storage.open import session
from service.storage.sessions import postgres_session
from service.storage.store import Store
from tests.storage.builders import patient, stored


async def test_statements_give_rows_and_counts(store: Store, database_url: str):
    async with session(database_url) as own:
        assert await own.run("INSERT INTO reindex_progress VALUES ($1, $2, $3, $4)", 1, 2, "d", 5) == 1
        await own.run_many("INSERT INTO reindex_progress VALUES ($1, $2, 'd', 7)", [(1, 3), (1, 4)])
        text = f"SELECT type FROM reindex_progress WHERE type {own.among(1, 'smallint')} ORDER BY type"
        assert await own.fetch(text, own.listed([2, 4, 9])) == [(2,), (4,)]
        piece = own.piece("reindex_progress", ["locality", "type"], "digest = $1", 2)
        assert [await own.run(piece, "d") for _ in range(3)] == [2, 1, 0]


async def test_what_is_written_is_there_only_where_the_block_ends_well(store: Store, database_url: str):
    async with session(database_url) as own:

        async def fail() -> None:
            async with own.writing():
                await own.run("INSERT INTO index_writer VALUES ('lost')")
                raise LookupError

        with pytest.raises(LookupError):
            await fail()
        async with own.writing():
            await own.run("INSERT INTO index_writer VALUES ('kept')")
        found = {row[0] for row in await own.fetch("SELECT definitions FROM index_writer")}
    assert "lost" not in found
    assert "kept" in found


async def test_a_unit_waits_until_the_write_transaction_ends(store: Store, database_url: str):
    async with session(database_url) as own:
        async with own.writing():
            waiting = asyncio.create_task(stored(store, patient("a")))
            await asyncio.sleep(0.3)
            assert not waiting.done()
            assert await own.fetch("SELECT rid FROM resource") == []
        assert (await waiting).version == 1


async def test_names_get_the_next_numbers_once(store: Store, database_url: str):
    wanted = [(Kind.SYSTEM, "urn:b"), (Kind.SYSTEM, "urn:a"), (Kind.CLIENT, "urn:a")]
    async with session(database_url) as own:
        for _ in range(2):
            async with own.writing():
                await own.number(wanted)
        found = await own.fetch(
            "SELECT kind, text, code FROM name WHERE text LIKE 'urn:%' ORDER BY kind, text"
        )
    assert [row[:2] for row in found] == [
        (Kind.SYSTEM, "urn:a"),
        (Kind.SYSTEM, "urn:b"),
        (Kind.CLIENT, "urn:a"),
    ]
    assert found[1][2] == found[0][2] + 1
    # The store that is open learns them when it meets them.
    assert (
        await stored(store, patient("a") | {"identifier": [{"system": "urn:a", "value": "1"}]})
    ).version == 1


async def test_a_database_that_is_away_is_told():
    with pytest.raises(Unavailable):
        async with postgres_session("postgresql://nobody@127.0.0.1:1/none"):
            pass
