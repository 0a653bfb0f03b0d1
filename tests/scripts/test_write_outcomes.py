from __future__ import annotations

from decimal import Decimal

import pytest

from scripts import write_outcomes
from scripts.outcomes_chapters import CHAPTERS, Column, Table
from scripts.write_outcomes import cell, rows
from tests.rest.serving import ROOT

TABLES = [table for chapter in CHAPTERS for table in chapter.tables]


def test_the_page_is_as_the_script_writes_it():
    assert write_outcomes.PAGE.read_text() == write_outcomes.page(), "run: make outcomes"
    assert write_outcomes.main(["--check"]) == 0


def test_what_is_not_as_it_should_be_is_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(write_outcomes, "PAGE", tmp_path / "outcomes.md")
    assert write_outcomes.main(["--check"]) == 1
    assert write_outcomes.main([]) == 0
    assert write_outcomes.main(["--check"]) == 0
    assert "written anew" in capsys.readouterr().out


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.test)
def test_a_table_has_every_case_of_its_test(table):
    assert len(rows(table)) > 2
    assert all(len(row) == len(table.columns) for row in rows(table))


def test_no_test_is_printed_twice_and_every_page_that_is_linked_is_there():
    assert len({table.test for table in TABLES}) == len(TABLES)
    assert (ROOT / "docs" / "rules.md").exists()
    assert (ROOT / "docs" / "operations" / "measures.md").exists()


def test_a_table_is_the_parameters_of_its_test():
    table = Table("", "test_norms::test_t_scores", (Column("T", "t_score"), Column("score", "raw")))
    assert rows(table)[0] == ["50.00", "8.25"]
    of_one = Table("", "test_collaborate_scores::test_a_response_without_a_score", (Column("top", "top"),))
    assert rows(of_one)[0] == [9]


@pytest.mark.parametrize(
    ("test", "argument"),
    [
        ("test_norms::test_t_scores", "colour"),
        ("test_norms::test_that_is_not_there", "raw"),
        ("test_norms::test_what_comes_with_the_service_is_read_as_written", "raw"),
    ],
)
def test_a_table_of_nothing_is_refused(test, argument):
    with pytest.raises(LookupError):
        rows(Table("", test, (Column("", argument),)))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "none"),
        ("", "none"),
        ([], "none"),
        ({}, "none"),
        (0, "0"),
        (True, "yes"),
        (False, "no"),
        (Decimal("1.50"), "1.50"),
        (["a", None, 2], "a, none, 2"),
        (("a", "b"), "a, b"),
        ({"b", "a"}, "a, b"),
        ({"is_closed": True, "day": None}, "is closed: yes, day: none"),
        ("a|b\nc", r"a\|b c"),
    ],
)
def test_a_cell(value, shown):
    assert cell(value) == shown
