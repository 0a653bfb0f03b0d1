"""Moments on SQLite: a file that cannot be read is told, and reads hold nothing open."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from service.fhir.problems import Unavailable
from service.storage.exporting import LAST, Slice
from service.storage.open import migrate, open_store
from tests.storage.builders import LOCALITY, patient, stored


@pytest.fixture
def path(tmp_path):
    return tmp_path / "thrive.db"


@pytest.fixture
async def opened(path, registry, extractor, clock):
    url = f"sqlite:///{path}"
    migrate(url)
    store = await open_store(url, registry, extractor, clock)
    yield store
    await store.close()


OF = Slice("Patient", 0, LAST, 2**50)


async def test_a_file_that_is_gone_is_told_as_one_that_may_come_back(opened, path):
    view = await opened.exports.view(LOCALITY)
    path.rename(path.with_suffix(".moved"))
    try:
        with pytest.raises(Unavailable):
            await asyncio.to_thread(lambda: list(view.chunks(OF)))
        with pytest.raises(Unavailable):
            await opened.exports.slices(LOCALITY, OF, 5)
    finally:
        path.unlink(missing_ok=True)
        path.with_suffix(".moved").rename(path)


async def test_between_two_chunks_the_log_can_begin_anew(opened, path, monkeypatch):
    from service.storage import sqlite_exporting

    monkeypatch.setattr(sqlite_exporting, "CHUNK", 100)
    monkeypatch.setattr(sqlite_exporting, "_TAKEN", 2)
    for number in range(6):
        await stored(opened, patient(f"p{number}"))
    view = await opened.exports.view(LOCALITY)

    def read() -> list[int]:
        counts = []
        for chunk in view.chunks(OF):
            counts.append(chunk.count)
            with sqlite3.connect(path) as other:
                [(busy, _, _)] = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            other.close()
            assert busy == 0
        return counts

    assert await asyncio.to_thread(read) == [2, 2, 2, 0]
