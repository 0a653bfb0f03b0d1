"""The audit's rows in an SQLite file: one who seals at a time, whatever process it is in."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from service.storage.ledger import Asked
from service.storage.open import sqlite_path
from service.storage.sqlite_audit import SqliteShelf
from service.storage.turnstile import Turnstile
from tests.storage.audits import BEGUN, entry, numbers


@pytest.fixture(params=["sqlite"])
def database_url(databases, tmp_path) -> str:
    return databases.opened("sqlite", tmp_path)


def hold(path: str, taken, free) -> None:
    """Another process that seals until it is told to stop."""
    turnstile = Turnstile(Path(path))
    assert turnstile.enter_now()
    taken.set()
    free.wait()
    turnstile.leave()


async def test_one_process_seals_at_a_time(store, database_url):
    path = sqlite_path(database_url)
    spawned = multiprocessing.get_context("spawn")
    taken, free = spawned.Event(), spawned.Event()
    other = spawned.Process(target=hold, args=(f"{path}-seal", taken, free))
    other.start()
    assert taken.wait(60)
    async with store.audit.shelf.alone() as ours:
        assert not ours
    other.kill()
    other.join()
    async with store.audit.shelf.alone() as ours:
        assert ours


async def test_a_block_is_there_once(store):
    row = (1, 1, BEGUN, BEGUN, 1, 1, bytes(32))
    assert isinstance(store.audit.shelf, SqliteShelf)
    assert await store.audit.shelf.seal(row)
    assert not await store.audit.shelf.seal((*row[:-1], b"other"))


async def test_what_was_kept_is_on_disk_for_others(store, database_url, clock):
    clock.now = BEGUN
    await store.audit.keep([entry(0), entry(1)])
    with sqlite3.connect(sqlite_path(database_url)) as beside:
        assert beside.execute("SELECT count(*) FROM audit").fetchone() == (2,)
        # Of whom they are stands beside them, and rows by young person are made of it later.
        assert beside.execute("SELECT count(*) FROM audit_due").fetchone() == (1,)
        await store.audit.settle()
        assert beside.execute("SELECT count(*) FROM audit_child").fetchone() == (2,)
        assert beside.execute("SELECT count(*) FROM audit_due").fetchone() == (0,)
    beside.close()
    entries, more = await store.audit.found("default", Asked(1))
    assert (numbers(entries), more) == ([1], True)
