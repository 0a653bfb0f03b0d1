"""Reads of an SQLite file: short ones here, long ones beside, too long ones not at all."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from service.fhir.problems import Unavailable
from service.storage import sqlite_reader
from service.storage.sqlite import connect
from service.storage.sqlite_reader import Reader

COUNT = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT count(*), max(i) FROM n"
SHORT = 10
LONG = 1_000_000  # some tenths of a second
ENDLESS = 10**15


@pytest.fixture
def open_reader(tmp_path):
    """Makes readers of one file, and counts the connections that they open."""
    made = []

    def make(longest: float = 60.0) -> Reader:
        reader = Reader(opened, longest)
        made.append(reader)
        return reader

    def opened() -> sqlite3.Connection:
        make.connections.append(threading.current_thread())
        return connect(tmp_path / "thrive.db")

    make.connections = []
    yield make
    for reader in made:
        reader.close()


async def test_a_short_search_runs_where_it_is_asked_for(open_reader):
    reader = open_reader()
    assert await reader.searched(COUNT, (SHORT,)) == [(SHORT, SHORT)]
    assert open_reader.connections == [threading.current_thread()]


async def test_a_long_search_leaves_the_loop_to_others(open_reader):
    reader = open_reader()
    searching = asyncio.create_task(reader.searched(COUNT, (LONG,)))
    turns = 0
    while not searching.done():
        await asyncio.sleep(0)
        turns += 1
        assert reader.rows(COUNT, (SHORT,)) == [(SHORT, SHORT)]
    assert await searching == [(LONG, LONG)]
    assert turns > 100
    assert threading.current_thread() in open_reader.connections[:1]
    assert threading.current_thread() not in open_reader.connections[1:]


async def test_connections_of_long_searches_are_used_again(open_reader):
    reader = open_reader()
    for _ in range(3):
        await reader.searched(COUNT, (LONG,))
    assert len(open_reader.connections) == 2


async def test_a_search_that_takes_too_long_is_refused_and_the_next_is_answered(open_reader):
    reader = open_reader(longest=0.3)
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            await reader.searched(COUNT, (ENDLESS,))
        assert [(issue.code, issue.slug) for issue in refused.value.issues] == [
            ("too-costly", "search-too-costly")
        ]
        assert await reader.searched(COUNT, (SHORT,)) == [(SHORT, SHORT)]


async def test_many_long_searches_wait_within_their_time(open_reader):
    reader = open_reader(longest=0.5)
    asked = [reader.searched(COUNT, (ENDLESS,)) for _ in range(8)]
    begun = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert asyncio.get_running_loop().time() - begun < 8 * 0.5


async def test_what_is_known_to_be_short_has_all_the_time_it_needs(open_reader):
    assert open_reader(longest=0.0).rows(COUNT, (LONG,)) == [(LONG, LONG)]


async def test_what_cannot_be_read_is_told_as_such(open_reader):
    reader = open_reader()
    with pytest.raises(Unavailable) as refused:
        await reader.searched("SELECT 1 FROM absent", ())
    assert [issue.slug for issue in refused.value.issues] == ["store-unavailable"]


async def test_closing_breaks_off_what_runs(open_reader):
    reader = open_reader()
    searching = asyncio.create_task(reader.searched(COUNT, (ENDLESS,)))
    while len(open_reader.connections) < 2:  # noqa: ASYNC110 - it is another thread that opens the second
        await asyncio.sleep(0.001)
    reader.close()
    with pytest.raises(Unavailable):
        await searching


ROWS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) SELECT i FROM n"


async def test_a_search_that_was_broken_off_is_prepared_once_more_and_then_remembered(open_reader):
    reader = open_reader()
    prepared = []
    reader.connection.set_authorizer(lambda *what: prepared.append(what) or sqlite3.SQLITE_OK)
    # Broken off between two rows, here; the rest goes on beside.
    assert len(await reader.searched(ROWS, (LONG,))) == LONG
    assert len(open_reader.connections) == 2
    assert len(await reader.searched(ROWS, (SHORT,))) == SHORT
    prepared.clear()
    for _ in range(3):
        assert len(await reader.searched(ROWS, (SHORT,))) == SHORT
    assert prepared == []
    # As often as it happens.
    assert len(await reader.searched(ROWS, (LONG,))) == LONG
    assert len(reader.rows(ROWS, (SHORT,))) == SHORT
    prepared.clear()
    assert len(reader.rows(ROWS, (SHORT,))) == SHORT
    assert prepared == []


async def test_no_more_texts_are_remembered_than_there_is_room_for(open_reader, monkeypatch):
    monkeypatch.setattr(sqlite_reader, "BROKEN_OFF", 2)
    reader = open_reader()
    for each in range(4):
        await reader.searched(f"{ROWS} -- {each}", (LONG,))
        assert len(reader._here._anew) <= 2
