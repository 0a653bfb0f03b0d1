"""Dates as ranges of time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.dates import instant, moment, period, timing, widened
from service.fhir.search.expressions import EARLIEST, LATEST


def at(text: str) -> int:
    """Microseconds of an ISO instant, worked out by the standard library."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2026-02", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("2026-12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("2024-02", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
        ("2026-11-22T10:30", "2026-11-22T10:30:00Z", "2026-11-22T10:31:00Z"),
        ("2026-11-22T10:30Z", "2026-11-22T10:30:00Z", "2026-11-22T10:31:00Z"),
        ("2026-11-22T10:30:05", "2026-11-22T10:30:05Z", "2026-11-22T10:30:06Z"),
        ("2026-11-22T10:30:05Z", "2026-11-22T10:30:05Z", "2026-11-22T10:30:06Z"),
        ("2026-11-22T10:30:05+01:00", "2026-11-22T09:30:05Z", "2026-11-22T09:30:06Z"),
        ("2026-11-22T00:30:05+14:00", "2026-11-21T10:30:05Z", "2026-11-21T10:30:06Z"),
        ("2026-11-22T23:30:05-05:30", "2026-11-23T05:00:05Z", "2026-11-23T05:00:06Z"),
        ("2026-11-22T10:30:05.1Z", "2026-11-22T10:30:05.1Z", "2026-11-22T10:30:05.2Z"),
        ("2026-11-22T10:30:05.120Z", "2026-11-22T10:30:05.120Z", "2026-11-22T10:30:05.121Z"),
        ("2026-11-22T10:30:05.123456789Z", "2026-11-22T10:30:05.123456Z", "2026-11-22T10:30:05.123457Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", "2017-01-01T00:00:01Z"),
    ],
)
def test_a_date_is_the_whole_of_what_it_names(text, low, high):
    assert moment(text) == (at(low), at(high))


@pytest.mark.parametrize(
    "text",
    [
        "", "26", "2026-13", "2026-00", "2026-02-30", "2023-02-29", "0000", "0000-01-01", "2026-1-1",
        "2026-11-22T24:00:00Z", "2026-11-22T10", "2026-11-22T10:60", "2026-11-22T10:30:61Z", "2026-11T10:30",
        "2026-11-22 10:30", "2026-11-22T10:30:05+15:00", "2026-11-22T10:30:05.Z", "2026-11-22Z", "20261122",
        "2026-11-22T10:30:05Z ", "\u0662\u0660\u0662\u0666", "next week",
    ],
)  # fmt: skip
def test_what_is_no_date_has_no_range(text):
    assert moment(text) is None


def test_however_many_digits_a_fraction_has():
    usual = moment("2026-11-28T12:00:00.123456Z")
    assert usual is not None
    assert moment(f"2026-11-28T12:00:00.123456{'7' * 40}Z") == usual


def test_the_last_year_ends_though_no_year_follows_it():
    low, high = moment("9999")
    day = 86_400_000_000
    assert low == at("9999-01-01T00:00:00Z")
    assert high == low + 365 * day == moment("9999-12")[1] == moment("9999-12-31")[1]
    assert high < LATEST


@given(
    st.datetimes(
        min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the zone is drawn beside it
        max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - as above
    ),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_instant_is_where_the_standard_library_puts_it(local, zone):
    sign = "-" if zone < 0 else "+"
    hours, minutes = divmod(abs(zone), 60)
    text = f"{local.isoformat(timespec='microseconds')}{sign}{hours:02}:{minutes:02}"
    low = (
        local.replace(tzinfo=UTC) - timedelta(minutes=zone) - datetime(1970, 1, 1, tzinfo=UTC)
    ) // timedelta(microseconds=1)
    assert moment(text) == (low, low + 1)


@given(st.dates())
def test_day_lies_in_its_month_and_month_in_its_year(day):
    year, month, date = (moment(day.isoformat()[:length]) for length in (4, 7, 10))
    assert year[0] <= month[0] <= date[0] < date[1] <= month[1] <= year[1]


def test_an_instant_is_a_point_to_the_millisecond():
    begun = at("2026-11-22T10:30:05Z")
    assert instant("2026-11-22T10:30:05Z") == (begun, begun + 1000)
    assert instant("2026-11-22T10:30:05.000000Z") == (begun, begun + 1)
    assert instant("soon") is None


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ({"start": "2026-01", "end": "2026-03-05"}, "2026-01-01T00:00:00Z", "2026-03-06T00:00:00Z"),
        ({"start": "2026-01"}, "2026-01-01T00:00:00Z", None),
        ({"end": "2026-01"}, None, "2026-02-01T00:00:00Z"),
        ({"start": "2026-05-01", "end": "2026-01-01"}, "2026-01-01T00:00:00Z", "2026-05-02T00:00:00Z"),
    ],
)
def test_a_period_is_open_where_an_end_is_not_given(value, low, high):
    assert period(value) == (EARLIEST if low is None else at(low), LATEST if high is None else at(high))


def test_a_period_without_ends_has_no_range():
    assert period({}) is None
    assert period({"extension": [{"url": "http://a.example"}]}) is None


def test_a_timing_is_its_outer_limits():
    assert timing({"event": ["2026-01-05", None, "2026-01-02"]}) == (
        at("2026-01-02T00:00:00Z"),
        at("2026-01-06T00:00:00Z"),
    )
    bounded = {
        "event": ["2026-01-05"],
        "repeat": {"boundsPeriod": {"start": "2025-12-31", "end": "2026-01-01"}},
    }
    assert timing(bounded) == (at("2025-12-31T00:00:00Z"), at("2026-01-06T00:00:00Z"))
    assert timing({"repeat": {"boundsPeriod": {"start": "2026-01-01"}}}) == (
        at("2026-01-01T00:00:00Z"),
        LATEST,
    )
    assert timing({"repeat": {"boundsDuration": {"value": 3}}}) is None
    assert timing({"code": {"text": "daily"}}) is None


def test_about_a_date_is_wider_the_further_it_is_from_now():
    assert widened((1000, 2000), now=12_000) == (0, 3000)
    assert widened((1000, 2000), now=-9000) == (0, 3000)
    assert widened((1000, 2000), now=1500) == (1000, 2000)
