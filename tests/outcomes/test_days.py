from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.days import (
    ALWAYS,
    LONG_AGO,
    NEVER,
    Days,
    days_of,
    days_of_period,
    text_of_day,
    uk_day,
    uk_time,
)


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-03-09", "2026-03-09", "2026-03-09"),
        ("2026-03", "2026-03-01", "2026-03-31"),
        ("2026-02", "2026-02-01", "2026-02-28"),
        ("2028-02", "2028-02-01", "2028-02-29"),
        ("2026-11", "2026-11-01", "2026-11-30"),
        ("2026-12", "2026-12-01", "2026-12-31"),
        ("2026", "2026-01-01", "2026-12-31"),
        ("2026-03-09T23:59:59+00:00", "2026-03-09", "2026-03-09"),
        ("2026-03-09T00:30:00+01:00", "2026-03-09", "2026-03-09"),
        ("2026-03-09T23:30:00.123Z", "2026-03-09", "2026-03-09"),
        ("0001-01-01", "0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31", "9999-12-31"),
        ("9999", "9999-01-01", "9999-12-31"),
    ],
)
def test_a_date_is_every_day_that_it_may_mean(text, first, last):
    assert days_of(text) == Days(day(first), day(last))


@pytest.mark.parametrize(
    "text", [None, "", "soon", "26-03-09", "0000", "2026-13", "2026-00-01", "2026-02-30"]
)
def test_what_is_no_date_is_no_day(text):
    assert days_of(text) is None


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ({"start": "2026-03-09", "end": "2026-04-01"}, day("2026-03-09"), day("2026-04-01")),
        ({"start": "2026-03", "end": "2026-03"}, day("2026-03-01"), day("2026-03-31")),
        ({"start": "2026-03-09"}, day("2026-03-09"), NEVER),
        ({"end": "2026-04-01"}, LONG_AGO, day("2026-04-01")),
        ({}, LONG_AGO, NEVER),
        (None, LONG_AGO, NEVER),
    ],
)
def test_a_period_is_open_where_it_says_no_end(period, first, last):
    assert days_of_period(period) == Days(first, last)


def test_open_ends_are_beyond_every_day():
    assert days_of("0001").first > LONG_AGO
    assert days_of("9999").last < NEVER
    assert Days(LONG_AGO, NEVER) == ALWAYS


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ((1, 5), (6, 9), False),  # a day apart
        ((1, 5), (5, 9), False),  # handed over on the fifth
        ((1, 5), (4, 9), True),  # a day too many
        ((1, 9), (3, 5), True),  # within
        ((1, 9), (1, 9), True),  # the same
        ((1, 9), (5, 5), True),  # a single day within
        ((1, 5), (5, 5), False),  # a single day, the last
        ((5, 9), (5, 5), False),  # a single day, the first
        ((5, NEVER), (1, 5), False),
        ((5, NEVER), (1, 6), True),
        ((5, NEVER), (900, NEVER), True),
        ((LONG_AGO, NEVER), (7, 7), True),
    ],
)
def test_overlapping_is_more_than_the_day_of_a_handover(one, other, overlap):
    assert Days(*one).overlaps(Days(*other)) is overlap
    assert Days(*other).overlaps(Days(*one)) is overlap


@pytest.mark.parametrize(
    ("one", "other", "held"),
    [
        ((1, 9), (1, 9), True),
        ((1, 9), (3, 5), True),
        ((1, 9), (0, 9), False),
        ((1, 9), (1, 10), False),
        ((LONG_AGO, NEVER), (5, NEVER), True),
        ((5, NEVER), (LONG_AGO, NEVER), False),
    ],
)
def test_days_within_others(one, other, held):
    assert Days(*one).holds(Days(*other)) is held


@given(st.dates())
def test_every_day_is_itself(when):
    assert days_of(when.isoformat()) == Days(when.toordinal(), when.toordinal())


@given(st.dates())
def test_a_month_and_a_year_hold_their_days(when):
    month, year = days_of(when.isoformat()[:7]), days_of(when.isoformat()[:4])
    assert year.first <= month.first <= when.toordinal() <= month.last <= year.last


MINUTE = 60_000


# Clocks in the United Kingdom stood at Greenwich until 29 March 2026 and an hour ahead from then to 25 October.
@pytest.mark.parametrize(
    ("what", "milliseconds", "expected"),
    [
        ("the beginning of time", 0, "1970-01-01"),
        ("a minute before midnight in winter", 1_768_435_140_000, "2026-01-14"),
        ("midnight in winter", 1_768_435_140_000 + MINUTE, "2026-01-15"),
        ("a minute before midnight in summer", 1_784_069_940_000, "2026-07-14"),
        ("midnight in summer, which is 23:00 in Greenwich", 1_784_069_940_000 + MINUTE, "2026-07-15"),
    ],
)
def test_the_day_in_the_united_kingdom(what, milliseconds, expected):
    assert text_of_day(uk_day(milliseconds)) == expected, what


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (1_768_435_140_999, "2026-01-14T23:59:00+00:00"),
        (1_784_069_940_000 + MINUTE, "2026-07-15T00:00:00+01:00"),
    ],
)
def test_the_time_in_the_united_kingdom(milliseconds, expected):
    assert uk_time(milliseconds) == expected
    assert days_of(expected) == Days(uk_day(milliseconds), uk_day(milliseconds))


@given(st.dates())
def test_a_day_is_written_as_fhir_does(when):
    assert text_of_day(when.toordinal()) == when.isoformat()
