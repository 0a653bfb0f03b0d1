"""Statements as text for a driver."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import bindparam, literal_column, select

from service.storage.statements import POSTGRESQL, SQLITE, compiled, positional

ONE, OTHER = bindparam("one", 1), bindparam("other", 2)


def test_a_value_that_is_said_often_is_given_once():
    sql = compiled(select(ONE, OTHER, ONE, OTHER + ONE), SQLITE)
    assert sql.arguments == ("one", "other")
    with closing(sqlite3.connect(":memory:")) as connection:
        assert connection.execute(sql.text, sql.ordered({"one": 5, "other": 7})).fetchone() == (5, 7, 5, 12)
    assert compiled(select(ONE, OTHER, ONE), POSTGRESQL).arguments == ("one", "other")


def test_a_question_mark_in_a_text_is_not_taken_for_a_value():
    with pytest.raises(ValueError, match="question mark"):
        compiled(select(ONE, literal_column("'?'")), SQLITE)


def test_values_are_given_in_the_order_that_was_agreed():
    assert positional(select(ONE, OTHER), SQLITE, ("one", "other")).count("?") == 2
    with pytest.raises(ValueError, match="wants"):
        positional(select(OTHER, ONE), SQLITE, ("one", "other"))
