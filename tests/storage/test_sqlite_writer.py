"""What goes wrong in one unit, or in the file, is told to those it concerns and to nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from service.fhir.problems import Unavailable
from service.fhir.search.expressions import Everything, Query
from service.storage.open import migrate, open_store
from service.storage.sqlite import SqliteStore
from service.storage.sqlite_units import RID_BLOCK
from service.storage.store import HistoryQuery, Stale
from tests.storage.builders import LOCALITY, creation, found, patient, stored, unit, update


@pytest.fixture
async def opened(tmp_path: Path, registry, extractor, clock):
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(url)
    store = await open_store(url, registry, extractor, clock)
    assert isinstance(store, SqliteStore)
    yield store
    await store.close()


async def test_units_that_arrive_together_share_commits(opened: SqliteStore):
    await stored(opened, patient("first"))
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    opened._writer._connection.set_trace_callback(count)
    await asyncio.gather(*(stored(opened, patient(f"p{n}")) for n in range(50)))
    assert 1 <= commits < 10


async def test_a_batch_is_closed_by_the_rows_it_writes(opened: SqliteStore, monkeypatch):
    monkeypatch.setattr("service.storage.sqlite_writer.BATCH_ROWS", 1)
    await stored(opened, patient("first"))
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    opened._writer._connection.set_trace_callback(count)
    await asyncio.gather(*(stored(opened, patient(f"p{n}")) for n in range(5)))
    assert commits == 5


async def test_only_units_that_are_not_awaited_are_committed_before_they_are_on_disk(opened: SqliteStore):
    await stored(opened, patient("first"))
    said: list[str] = []
    opened._writer._connection.set_trace_callback(said.append)

    def waited() -> list[bool]:
        """Whether each commit since then waited for the disk."""
        full, commits = True, []
        for statement in said:
            if statement.startswith("PRAGMA synchronous"):
                full = statement.endswith("FULL")
            elif statement == "COMMIT":
                commits.append(full)
        return commits

    later = [replace(unit(creation(patient(f"later{n}"))), awaited=False) for n in range(3)]
    await opened.commit(LOCALITY, later[0])
    await stored(opened, patient("awaited"))
    await opened.commit(LOCALITY, later[1])
    await opened.secret("of a job")
    # Together they wait.
    await asyncio.gather(opened.commit(LOCALITY, later[2]), stored(opened, patient("beside")))
    assert waited() == [False, True, False, True, True]
    [(level,)] = opened._writer._connection.execute("PRAGMA synchronous")
    assert level == 2


async def test_a_unit_that_cannot_be_written_costs_no_other_its_commit(opened: SqliteStore):
    """Here: a version number that no integer column holds."""
    base = await stored(opened, patient("base"))
    broken = base._replace(version=2**70)
    results = await asyncio.gather(
        *(stored(opened, patient(f"p{n}")) for n in range(5)),
        opened.commit(LOCALITY, unit(update(broken, patient("base", "2")))),
        *(stored(opened, patient(f"q{n}")) for n in range(5)),
        return_exceptions=True,
    )
    assert isinstance(results[5], OverflowError)
    assert len(await found(opened, "Patient", Everything())) == 11
    await stored(opened, patient("after"))


async def test_a_stale_unit_undoes_nothing_of_the_others_in_its_batch(opened: SqliteStore):
    first = await stored(opened, patient("a"))
    results = await asyncio.gather(
        opened.commit(LOCALITY, unit(update(first, patient("a", "2")))),
        opened.commit(LOCALITY, unit(update(first, patient("a", "3")))),
        stored(opened, patient("b")),
        return_exceptions=True,
    )
    assert [isinstance(result, Stale) for result in results] == [False, True, False]
    assert len((await opened.history(LOCALITY, HistoryQuery("Patient", "a", 10))).items) == 2


async def test_a_full_disk_is_told_and_passes(opened: SqliteStore):
    connection = opened._writer._connection
    [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    filling = unit(*(creation(patient(f"p{n}", text={"div": "x" * 5000})) for n in range(100)))
    with pytest.raises(Unavailable) as refused:
        await opened.commit(LOCALITY, filling)
    assert isinstance(refused.value.__cause__, sqlite3.OperationalError)
    connection.execute(f"PRAGMA max_page_count = {pages + 10_000}")
    assert await found(opened, "Patient", Everything()) == []
    assert len(await opened.commit(LOCALITY, filling)) == 100


async def test_closing_finishes_what_was_accepted(tmp_path: Path, registry, extractor, clock):
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(url)
    store = await open_store(url, registry, extractor, clock)
    await stored(store, patient("first"))  # so that the others have no new names to number
    accepted = [asyncio.ensure_future(stored(store, patient(f"p{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert all(result.version == 1 for result in await asyncio.gather(*accepted))
    again = await open_store(url, registry, extractor, clock)
    page = await again.search(LOCALITY, Query("Patient", Everything(), 100))
    assert len(page.items) == 21
    await again.close()


async def test_two_stores_on_one_file_take_turns(tmp_path: Path, registry, extractor, clock):
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(url)
    both = [await open_store(url, registry, extractor, clock) for _ in range(2)]
    await asyncio.gather(
        *(stored(store, patient(f"{name}{n}")) for name, store in enumerate(both) for n in range(100))
    )
    assert len((await both[0].search(LOCALITY, Query("Patient", Everything(), 500))).items) == 200
    for store in both:
        await store.close()


async def test_keys_that_a_refused_unit_took_are_not_used_by_two(
    opened, tmp_path, registry, extractor, clock
):
    """A block of keys that was taken within the unit goes back with it: another process may have it by then."""
    other = await open_store(f"sqlite:///{tmp_path / 'thrive.db'}", registry, extractor, clock)
    await stored(other, patient("there"))
    changes = [creation(patient(f"mine{number}")) for number in range(3)]
    with pytest.raises(Stale):  # the first that this process stores, so that it takes a block
        await opened.commit(LOCALITY, unit(*changes, creation(patient("there"))))
    for number in range(RID_BLOCK + 10):
        await stored(other, patient(f"theirs{number}"))
    made = await opened.commit(LOCALITY, unit(*changes))
    assert [one.id for one in made] == ["mine0", "mine1", "mine2"]
    await other.close()
