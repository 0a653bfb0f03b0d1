"""What is SQLite's own; what any store must do is in test_store.py."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from service.storage.open import migrate
from service.storage.sqlite import Room, connect, connect_reader

HELD = 0.2  # seconds
MIB = 1024 * 1024


@pytest.fixture
def new(tmp_path):
    """A file that was migrated, and never opened by a store."""
    path = tmp_path / "new.db"
    migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as looking:
        assert looking.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    return path


def test_a_new_file_may_be_opened_by_several_at_once(new):
    """The second one finds it locked by the first, and SQLite then says so at once, whatever it was told to wait."""
    with closing(sqlite3.connect(new, isolation_level=None, check_same_thread=False)) as first:
        first.execute("BEGIN IMMEDIATE")
        release = Timer(HELD, first.execute, ["COMMIT"])
        release.start()
        with closing(connect(new)) as second:
            assert second.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        release.join()


def test_a_file_that_stays_locked_is_given_up(new, monkeypatch):
    monkeypatch.setattr("service.storage.sqlite._BUSY", 50)
    with closing(sqlite3.connect(new, isolation_level=None)) as first:
        first.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connect(new)


def test_a_reader_maps_no_more_of_a_file_than_it_is_told_to(new):
    with closing(sqlite3.connect(new)) as filling, filling:
        filling.execute("CREATE TABLE large AS SELECT randomblob(4194304) AS it")
    for told, expected in ((0, 0), (MIB, MIB), (64 * MIB, new.stat().st_size)):
        with closing(connect_reader(new, Room(told, 1_000))) as reader:
            reader.execute("SELECT sum(length(it)) FROM large").fetchone()
            assert mapped(new) == expected


def mapped(path) -> int:
    """Bytes of the file that this process has mapped."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    ends = [line.split(" ", 1)[0].split("-") for line in lines if line.endswith(str(path))]
    return sum(int(end, 16) - int(start, 16) for start, end in ends)
