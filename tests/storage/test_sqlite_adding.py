"""Rows added to SQLite's tables many at a time."""

import sqlite3
from contextlib import closing

import pytest

from service.storage.sqlite_adding import Adding

COUNTS = [0, 1, 7, 8, 9, 63, 64, 65, 200]


@pytest.fixture
def connection():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        made.execute("CREATE TABLE pair (a INTEGER NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b))")
        yield made


def pairs(count):
    return [(number, str(number % 3)) for number in range(count)]


def kept(connection):
    return connection.execute("SELECT a, b FROM pair ORDER BY a").fetchall()


@pytest.mark.parametrize("must_be_new", [False, True])
@pytest.mark.parametrize("count", COUNTS)
def test_each_row_is_added_however_many_there_are(connection, count, must_be_new):
    Adding("pair", ("a", "b"), must_be_new=must_be_new).add(connection, pairs(count))
    assert kept(connection) == pairs(count)


@pytest.mark.parametrize("count", COUNTS)
def test_what_is_there_already_stays(connection, count):
    adding = Adding("pair", ("a", "b"))
    adding.add(connection, pairs(count // 2))
    adding.add(connection, pairs(count))
    assert kept(connection) == pairs(count)


@pytest.mark.parametrize("at", [0, 70, 199])
def test_what_must_be_new_and_is_not_is_told_of(connection, at):
    adding = Adding("pair", ("a", "b"), must_be_new=True)
    adding.add(connection, pairs(200)[at : at + 1])
    connection.execute("BEGIN")
    with pytest.raises(sqlite3.IntegrityError):
        adding.add(connection, pairs(200))
    connection.execute("ROLLBACK")
    assert kept(connection) == pairs(200)[at : at + 1]


@pytest.mark.parametrize("must_be_new", [False, True])
def test_a_row_that_may_not_be_is_never_passed_over(connection, must_be_new):
    rows = [*pairs(69), (69, None)]
    with pytest.raises(sqlite3.IntegrityError):
        Adding("pair", ("a", "b"), must_be_new=must_be_new).add(connection, rows)
