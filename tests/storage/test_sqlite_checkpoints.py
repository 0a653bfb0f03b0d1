import asyncio
import sqlite3

import pytest

from service.storage.sqlite import connect
from service.storage.sqlite_checkpoints import LONGEST, PAGES, Checkpoints, pages

MANY = 100_000  # rows; more than `PAGES` pages


def frames(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many frames the log has, and how many of them are in the database already."""
    _, log, moved = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return log, moved


def write(connection: sqlite3.Connection, rows: int) -> None:
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO note VALUES (?)", [("x" * 500,)] * rows)
    connection.execute("COMMIT")


@pytest.fixture
def connection(tmp_path):
    made = connect(tmp_path / "notes.db")
    made.execute("CREATE TABLE note (text TEXT)")
    yield made
    made.close()


async def moved(checkpoints: Checkpoints) -> None:
    while not checkpoints.due:  # noqa: ASYNC110 - what is awaited is a state, nobody announces it
        await asyncio.sleep(0.001)


async def test_few_rows_stay_in_the_log(connection, tmp_path):
    checkpoints = Checkpoints(connection, tmp_path / "notes.db")
    write(connection, 10)
    for _ in range(PAGES - 1):
        checkpoints.note(1)
    await asyncio.sleep(0)
    assert not checkpoints.due
    checkpoints.note(1)
    await moved(checkpoints)
    await checkpoints.close()


@pytest.mark.parametrize("rows", [0, 1, 18, 850, 8_000])
def test_rows_that_are_written_together_share_pages(rows):
    assert pages(rows) <= rows
    assert pages(2 * rows) <= 2 * pages(rows)


async def test_many_rows_are_moved_and_the_log_begins_anew(connection, tmp_path):
    checkpoints = Checkpoints(connection, tmp_path / "notes.db")
    write(connection, 500)
    checkpoints.note(MANY)
    await moved(checkpoints)
    write(connection, 5)
    checkpoints.finish()
    assert not checkpoints.due
    write(connection, 1)
    log, _ = frames(connection)
    assert log < 10
    assert connection.execute("SELECT count(*) FROM note").fetchone() == (506,)
    await checkpoints.close()


async def test_a_reader_is_not_waited_for_and_loses_nothing(connection, tmp_path):
    checkpoints = Checkpoints(connection, tmp_path / "notes.db")
    write(connection, 100)
    reader = connect(tmp_path / "notes.db")
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (100,)
    write(connection, 100)
    checkpoints.note(MANY)
    await moved(checkpoints)
    checkpoints.finish()
    write(connection, 100)
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (100,)
    reader.execute("COMMIT")
    assert reader.execute("SELECT count(*) FROM note").fetchone() == (300,)
    reader.close()
    await checkpoints.close()


async def test_closing_waits_for_what_runs(connection, tmp_path):
    checkpoints = Checkpoints(connection, tmp_path / "notes.db")
    write(connection, 500)
    checkpoints.note(MANY)
    await checkpoints.close()
    assert checkpoints.due


async def test_commits_move_the_log_only_where_it_was_not_moved_beside_them(connection, tmp_path):
    checkpoints = Checkpoints(connection, tmp_path / "notes.db")
    assert connection.execute("PRAGMA wal_autocheckpoint").fetchone() == (LONGEST,)
    await checkpoints.close()
