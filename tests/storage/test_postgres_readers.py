"""Connections that are kept for the next slice: whose they are meanwhile, and what becomes of them."""

from __future__ import annotations

import asyncio
import gc
import threading

import asyncpg
import pytest

from service.storage import postgres_readers
from service.storage.postgres_readers import Reader, Readers
from tests.postgres import fresh_database

WAIT = 10.0  # seconds


@pytest.fixture
def url(postgres_server: str) -> str:
    return fresh_database(postgres_server)


@pytest.fixture
async def readers():
    made = Readers()
    yield made
    await made.close()


@pytest.fixture
async def watching(url):
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


def asked(reader: Reader, text: str = "SELECT pg_backend_pid()"):
    return reader.runner.run(reader.connection.fetchval(text))


async def others(watching: asyncpg.Connection, count: int) -> bool:
    """Whether soon the database has so many connections besides the one by which it is watched."""
    text = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    for _ in range(round(WAIT / 0.01)):
        if await watching.fetchval(text) == count:
            return True
        await asyncio.sleep(0.01)
    return False


def read(readers: Readers, url: str) -> int:
    with readers.reader(url) as reader:
        return asked(reader)


def half_read(readers: Readers, url: str):
    """The number of the one connection by which it is read, for as long as anybody wants it."""
    with readers.reader(url) as reader:
        while True:
            yield asked(reader)


async def other_thread(job):
    """What the job comes to in a thread that is new."""
    found = []
    thread = threading.Thread(target=lambda: found.append(job()))
    thread.start()
    await asyncio.to_thread(thread.join)
    return found[0]


async def test_the_next_thread_has_the_connection_of_the_last_one(readers, url, watching):
    pids = {await other_thread(lambda: read(readers, url)) for _ in range(3)}
    assert len(pids) == 1
    assert await others(watching, 1)


async def test_those_who_read_at_once_have_connections_of_their_own(readers, url):
    def two():
        with readers.reader(url) as first, readers.reader(url) as second:
            return {asked(first), asked(second)}

    pids = await asyncio.to_thread(two)
    assert len(pids) == 2
    assert await asyncio.to_thread(two) == pids


async def test_the_event_loop_has_its_own(readers, url):
    pids = set()
    for _ in range(3):
        async with readers.connection(url) as connection:
            pids.add(await connection.fetchval("SELECT pg_backend_pid()"))
    assert len(pids) == 1
    async with readers.connection(url) as first, readers.connection(url) as second:
        assert first is not second


async def test_what_the_database_has_ended_is_not_used_again(readers, url, watching):
    pid = await asyncio.to_thread(read, readers, url)
    async with readers.connection(url) as connection:
        own = connection.get_server_pid()
    for each in (pid, own):
        await watching.fetchval("SELECT pg_terminate_backend($1)", each)
    assert await others(watching, 0)
    assert await asyncio.to_thread(read, readers, url) != pid
    async with readers.connection(url) as connection:
        assert await connection.fetchval("SELECT pg_backend_pid()") != own


async def test_the_database_ends_what_nobody_uses(readers, url, watching, monkeypatch):
    monkeypatch.setattr(postgres_readers, "_IDLE", 50)
    pid = await asyncio.to_thread(read, readers, url)
    assert await others(watching, 0)
    assert await asyncio.to_thread(read, readers, url) != pid


async def test_after_a_fault_it_is_closed(readers, url, watching):
    def fail():
        with readers.reader(url) as reader:
            asked(reader, "SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await asyncio.to_thread(fail)
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with readers.connection(url) as connection:
            await connection.fetchval("SELECT 1 / 0")
    assert await others(watching, 0)


async def test_what_is_read_no_further_leaves_it_to_the_next(readers, url):
    def begin():
        reading = half_read(readers, url)
        first = next(reading)
        reading.close()
        return first

    assert await asyncio.to_thread(begin) == await asyncio.to_thread(read, readers, url)


async def test_what_is_forgotten_half_read_leaves_it_to_the_next(readers, url, watching):
    def begin():
        reading = half_read(readers, url)
        only_the_collector_finds_it = [reading]
        only_the_collector_finds_it.append(only_the_collector_finds_it)
        return next(reading)

    def again():
        pid = begin()
        gc.collect()
        return pid, read(readers, url)

    first, then = await asyncio.to_thread(again)
    assert first == then
    assert await others(watching, 1)


async def test_closed_there_are_none_and_what_is_in_use_is_closed_afterwards(readers, url, watching):
    begun, finish = threading.Event(), threading.Event()

    def long():
        with readers.reader(url) as reader:
            begun.set()
            finish.wait(WAIT)
            return asked(reader)

    await asyncio.to_thread(read, readers, url)
    reading = asyncio.create_task(asyncio.to_thread(long))
    await asyncio.to_thread(begun.wait, WAIT)
    await asyncio.to_thread(read, readers, url)
    async with readers.connection(url):
        await readers.close()
        assert await others(watching, 2)
    assert await others(watching, 1)
    finish.set()
    assert await reading
    assert await others(watching, 0)


async def test_what_cannot_be_reached_is_told(readers):
    with pytest.raises(OSError, match="onnect"):
        await asyncio.to_thread(read, readers, "postgresql://nobody@127.0.0.1:1/none")
