"""Dates and numbers as each language writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.pages.charts.languages import LOCALES
from tests.pages.charts.drawings import day

ENGLISH, WELSH, POLISH = (LOCALES[tag] for tag in ("en-GB", "cy-GB", "pl-PL"))


@pytest.mark.parametrize(
    ("words", "shown"), [(ENGLISH, "5 Mar 2026"), (WELSH, "5 Maw 2026"), (POLISH, "5 mar 2026")]
)
def test_a_day_has_its_month_by_name(words, shown):
    assert words.day(day("2026-03-05")) == shown


@pytest.mark.parametrize(
    ("value", "english", "polish"),
    [
        ("0", "0", "0"),
        ("0.0", "0", "0"),
        ("10", "10", "10"),
        ("7.50", "7.5", "7,5"),
        ("-2", "\u22122", "\u22122"),
        ("-0.25", "\u22120.25", "\u22120,25"),
        ("1E+1", "10", "10"),
    ],
)
def test_numbers(value, english, polish):
    assert ENGLISH.number(Decimal(value)) == WELSH.number(Decimal(value)) == english
    assert POLISH.number(Decimal(value)) == polish


@pytest.mark.parametrize(("value", "shown"), [("3", "+3"), ("0", "0"), ("0.0", "0"), ("-1.5", "\u22121.5")])
def test_changes_have_a_sign(value, shown):
    assert ENGLISH.signed(Decimal(value)) == shown


def test_who_and_what():
    assert ENGLISH.who("parent-or-carer", 0) == "Parent or carer"
    assert ENGLISH.who("parent-or-carer", 2) == "Parent or carer 2"
    assert ENGLISH.goal_name(3) == "Goal 3"
    assert WELSH.goal_name(None) == "Nod"
