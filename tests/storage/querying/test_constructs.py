"""What a planner must not change is said in either database's own way."""

from __future__ import annotations

import sqlite3

import pytest
from sqlalchemy import Text, bindparam, column, select, table
from sqlalchemy.types import BigInteger, LargeBinary

from service.storage.querying.constructs import (
    ONE,
    Among,
    CrossJoin,
    Hidden,
    Path,
    fenced,
    is_postgresql,
    there_is,
    there_is_none,
)
from service.storage.statements import POSTGRESQL, SQLITE, compiled

child = table("child", column("id", BigInteger), column("name", Text), column("key", LargeBinary))
score = table("score", column("child", BigInteger), column("value", BigInteger))


def text(statement, dialect):
    return " ".join(compiled(statement, dialect).text.split())


@pytest.fixture
def connection():
    opened = sqlite3.connect(":memory:")
    opened.execute("CREATE TABLE child (id INTEGER PRIMARY KEY, name TEXT, key BLOB)")
    opened.execute("CREATE TABLE score (child INTEGER, value INTEGER)")
    opened.executemany("INSERT INTO child VALUES (?, ?, ?)", [(1, "Exom", b"a"), (2, "Probe", b"b")])
    opened.executemany("INSERT INTO score VALUES (?, ?)", [(1, 4), (1, 7), (3, 9)])
    yield opened
    opened.close()


def rows(connection, statement, **values):
    sql = compiled(statement, SQLITE)
    return connection.execute(sql.text, sql.ordered(values)).fetchall()


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL], ids=lambda dialect: dialect.name)
def test_a_cross_join_keeps_its_order(dialect):
    statement = select(child.c.name, score.c.value).select_from(CrossJoin(score, child))
    assert "FROM score CROSS JOIN child" in text(statement, dialect)


@pytest.mark.parametrize(
    ("dialect", "name", "said"),
    [
        (SQLITE, "id", "+child.id"),
        (POSTGRESQL, "id", "(child.id + 0)"),
        (POSTGRESQL, "name", "(child.name || '')"),
        (SQLITE, "name", "+child.name"),
    ],
)
def test_a_hidden_column_stands_in_an_expression(dialect, name, said):
    assert f"SELECT {said} AS hidden FROM child" in text(
        select(Hidden(child.c[name]).label("hidden")), dialect
    )


def test_a_hidden_column_has_its_value_and_leads_nowhere(connection):
    hidden = select(child.c.name).where(Hidden(child.c.id) == bindparam("id"))
    assert rows(connection, hidden, id=2) == [("Probe",)]
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled(hidden, SQLITE).text}", (2,))]
    assert plan == ["SCAN child"]


def test_among_finds_rows_of_values(connection):
    pairs = [
        (bindparam("a", type_=BigInteger), bindparam("b", type_=Text)),
        (bindparam("c", type_=BigInteger), bindparam("d", type_=Text)),
    ]
    statement = select(child.c.id).where(Among((child.c.id, child.c.name), pairs))
    assert rows(connection, statement, a=1, b="Exom", c=2, d="Exom") == [(1,)]


def test_a_fence_is_what_a_database_does_not_reorder_across():
    assert text(fenced(select(child.c.id), postgresql=True), POSTGRESQL).endswith("OFFSET 0")
    assert "LIMIT -1" in text(fenced(select(child.c.id), postgresql=False), SQLITE)


def test_there_is_and_there_is_none_are_never_null(connection):
    looked = select(ONE).select_from(score).where(score.c.child == child.c.id).correlate_except(score)
    assert rows(connection, select(child.c.id, there_is(looked), there_is_none(looked))) == [
        (1, 1, 0),
        (2, 0, 1),
    ]


@pytest.mark.parametrize(
    ("dialect", "said"),
    [(SQLITE, "FROM score CROSS JOIN child WHERE"), (POSTGRESQL, "FROM score CROSS JOIN LATERAL (SELECT")],
)
def test_a_path_looks_into_one_table_after_the_other(dialect, said):
    path = Path(score, is_postgresql(dialect))
    name = path.then(child, child.c.id == score.c.child, take=("name",)).name
    path.where(score.c.value > 5)
    assert said in text(path.select(name), dialect)


def test_a_path_leads_to_what_belongs_together(connection):
    path = Path(score, postgresql=False)
    name = path.then(child, child.c.id == score.c.child, take=("name",)).name
    path.where(score.c.value > 5)
    assert rows(connection, path.select(name, score.c.value)) == [("Exom", 7)]
