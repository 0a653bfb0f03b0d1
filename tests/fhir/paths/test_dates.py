from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.paths.dates import (
    Date,
    DateTime,
    Time,
    compare,
    compare_texts,
    parse_date,
    parse_datetime,
    parse_time,
)


@pytest.mark.parametrize("text", ["2026", "2026-11", "2026-11-22", "0001-01-01"])
def test_dates_are_written_as_they_were_read(text: str):
    assert str(parse_date(text)) == text


@pytest.mark.parametrize(
    "text",
    ["2026", "2026-11-22T10", "2026-11-22T10:30", "2026-11-22T10:30:05.120", "2026-11-22T10:30:05Z",
     "2026-11-22T10:30:05.5-07:30"],
)  # fmt: skip
def test_instants_are_written_as_they_were_read(text: str):
    assert str(parse_datetime(text)) == text


@pytest.mark.parametrize("text", ["10", "10:30", "10:30:05", "10:30:05.120"])
def test_times_are_written_as_they_were_read(text: str):
    assert str(parse_time(text)) == text


@pytest.mark.parametrize(
    "text", ["", "26", "2026-13", "2026-02-30", "2026-1-1", "2026-11-22T10:30", "0000-01-01", "2026-"]
)
def test_what_the_calendar_does_not_have_is_no_date(text: str):
    assert parse_date(text) is None


@pytest.mark.parametrize(
    "text", ["2026-11-22T24:00", "2026-11-22T10:60", "2026-11-22T10:30:61", "2026-11-22T10:30:05+1"]
)
def test_what_no_clock_shows_is_no_instant(text: str):
    assert parse_datetime(text) is None


def test_what_no_clock_shows_is_no_time():
    assert parse_time("25:00") is None
    assert parse_time("10:30Z") is None


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("2026", "2027", -1),
        ("2026-11", "2026-11", 0),
        ("2026-11", "2026-11-22", None),
        ("2026-11-22", "2026-12", -1),
        ("2026-11-22T10:30:31", "2026-11-22T10:30:31.0", 0),
        ("2026-11-22T10:30:31.1", "2026-11-22T10:30:31", 1),
        ("2026-11-22T10:30", "2026-11-22T10:30:00", None),
        ("2026-11-22T10:00:00Z", "2026-11-22T12:00:00+02:00", 0),
        ("2026-11-22T10:00:00Z", "2026-11-22T11:00:00+02:00", 1),
        ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00", None),
        ("2026-11-20T10:00:00Z", "2026-11-22T10:00:00", -1),
        ("2026-11-22", "2026-11-24T23:00:00Z", -1),
        ("2026-11-23", "2026-11-22T23:00:00Z", 1),
        ("2026-11-22", "2026-11-22T23:00:00Z", None),
    ],
)
def test_order_of_instants(left: str, right: str, order: int | None):
    one, other = parse_datetime(left), parse_datetime(right)
    assert compare(one, other) == order
    assert compare(other, one) == (None if order is None else -order)
    assert compare_texts(left, right) == order


def test_a_date_and_an_instant_have_an_order():
    assert compare(Date((2026,)), DateTime((2027, 1, 1))) == -1


def test_a_date_and_a_time_have_none():
    assert compare(Date((2026,)), Time((10,))) is None


@pytest.mark.parametrize(
    ("left", "right", "order"), [("10", "11", -1), ("10:30", "10", None), ("10:30:00", "10:30:00.0", 0)]
)
def test_order_of_times(left: str, right: str, order: int | None):
    assert compare(parse_time(left), parse_time(right)) == order


@pytest.mark.parametrize(
    ("left", "right"),
    [("soon", "2026"), ("2026-11-2x", "2026-11-22T10:00:00Z"), ("", "2026"), ("2026-11-22T1", "x" * 12)],
)
def test_malformed_texts_break_nothing(left: str, right: str):
    assert compare_texts(left, right) in {-1, 0, 1, None}


moments = st.datetimes(
    datetime(1900, 1, 2),  # noqa: DTZ001 - Hypothesis wants its bounds without an offset
    datetime(2100, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.sampled_from([UTC, *(timezone(timedelta(minutes=minutes)) for minutes in (840, -720, 330))]),
)


@given(moments, moments)
def test_whole_instants_order_as_python_orders_them(left: datetime, right: datetime):
    left, right = left.replace(microsecond=0), right.replace(microsecond=0)
    order = (left > right) - (left < right)
    assert compare_texts(left.isoformat(), right.isoformat()) == order
    assert compare(parse_datetime(left.isoformat()), parse_datetime(right.isoformat())) == order
