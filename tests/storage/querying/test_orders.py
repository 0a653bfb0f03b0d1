"""The order of a page in SQL: missing last in both directions, and what lies beside a place."""

from __future__ import annotations

import itertools
import sqlite3

import pytest
from sqlalchemy import BigInteger, Text, column, select, table

from service.storage.querying.orders import beside, bound, kept, ordering
from service.storage.statements import SQLITE, compiled

found = table("found", column("rid", BigInteger), column("k0", Text), column("k1", BigInteger))
UP, DOWN = ("string", 0, False, False), ("string", 0, True, False)
LATER, SOONER = ("date", 1, False, True), ("date", 1, True, True)

ROWS = list(enumerate(itertools.product(("a", "b", None), (1, 2, None), (0, 1))))


@pytest.fixture(scope="module")
def connection():
    opened = sqlite3.connect(":memory:")
    opened.execute("CREATE TABLE found (rid INTEGER, k0 TEXT, k1 INTEGER)")
    opened.executemany("INSERT INTO found VALUES (?, ?, ?)", [(rid, *values[:2]) for rid, values in ROWS])
    yield opened
    opened.close()


def listed(connection, sort, *, backward, after=None):
    columns = [found.c.k0, found.c.k1]
    statement = select(*found.c).order_by(*ordering(sort, columns, found.c.rid, backward=backward))
    values = {}
    if after is not None:
        missing = [value is None for value in after[1:]]
        statement = statement.where(beside(sort, columns, found.c.rid, missing, backward=backward))
        values = {"after": after[0], "s0": after[1], "s1": after[2]}
    sql = compiled(statement, SQLITE)
    return connection.execute(sql.text, sql.ordered(values)).fetchall()


@pytest.mark.parametrize("sort", list(itertools.product((UP, DOWN), (LATER, SOONER))))
def test_what_lies_beside_a_place_is_the_rest_of_the_order(connection, sort):
    forward = listed(connection, sort, backward=False)
    backward = listed(connection, sort, backward=True)
    assert backward == forward[::-1]
    for index, row in enumerate(forward):
        assert listed(connection, sort, backward=False, after=row) == forward[index + 1 :]
        assert listed(connection, sort, backward=True, after=row) == forward[:index][::-1]


@pytest.mark.parametrize("first", [UP, DOWN])
def test_what_is_missing_is_last_upwards_and_downwards(connection, first):
    values = [row[1] for row in listed(connection, (first, LATER), backward=False)]
    assert values[-6:] == [None] * 6
    assert values[:12] == sorted(values[:12], reverse=first is DOWN)


def test_dates_are_kept_by_their_beginning_upwards_and_their_end_downwards():
    assert (kept(LATER).column, kept(SOONER).column) == ("low", "high")


@pytest.mark.parametrize(
    ("key", "backward", "sign"),
    [(UP, False, ">="), (UP, True, "<="), (DOWN, False, "<="), (DOWN, True, ">=")],
)
def test_an_index_begins_at_the_place(key, backward, sign):
    statement = select(found.c.rid).where(bound(key, found.c.k0, backward=backward))
    assert f"found.k0 {sign} ?" in compiled(statement, SQLITE).text


def test_nothing_is_said_of_null_where_the_order_is_that_of_an_index():
    terms = ordering((DOWN, LATER), [found.c.k0, found.c.k1], found.c.rid, backward=False, indexed=True)
    text = compiled(select(found.c.rid).order_by(*terms), SQLITE).text
    assert text.endswith("ORDER BY found.k0 DESC, found.k1 ASC NULLS LAST, found.rid ASC")


def test_ids_need_nothing_to_tell_equals_apart():
    terms = ordering((("_id", 0, False, True),), [found.c.k0], found.c.rid, backward=False)
    assert len(terms) == 1
