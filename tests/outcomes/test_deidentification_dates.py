"""Shifted dates."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.deidentification_dates import (
    shifted,
    shifted_instant,
    shifted_period,
    year_of_birth,
)

DAYS = st.dates(date(1990, 1, 1), date(2040, 1, 1))
SHIFTS = st.integers(-182, 182)


@pytest.mark.parametrize(
    ("text", "days", "found"),
    [
        ("2026-03-01", 7, "2026-03-08"),
        ("2024-02-27", 7, "2024-03-05"),
        ("2026-03-01T23:30:00+01:00", 7, "2026-03-08"),
        ("2026-03-01T23:30:00Z", -7, "2026-02-22"),
        ("2026-03", 7, "2026-03"),
        ("2026-03", 21, "2026-04"),
        ("2026", 7, "2026"),
        ("2026", 182, "2026"),
        ("2026", -183, "2025"),
        ("9999-12-31", 7, None),
        ("soon", 7, None),
        (20260301, 7, None),
        (None, 7, None),
    ],
)
def test_a_date(text, days, found):
    assert shifted(text, days) == found


def test_an_instant_has_no_time_left():
    assert shifted_instant("2026-03-01T23:30:00.123+01:00", 7) == "2026-03-08T00:00:00Z"
    assert shifted_instant("2026-03", 7) is None
    assert shifted_instant("now", 7) is None


@given(DAYS, DAYS, SHIFTS)
def test_intervals_and_order_stay(one, other, days):
    moved = [date.fromisoformat(shifted(each.isoformat(), days) or "") for each in (one, other)]
    assert moved[1] - moved[0] == other - one
    assert moved[0] - one == timedelta(days)


@given(DAYS, DAYS, SHIFTS, st.sampled_from([4, 7, 10]), st.sampled_from([4, 7, 10]))
def test_a_period_never_ends_before_it_begins(one, other, days, first, second):
    start, end = sorted([one, other])
    period = {"start": start.isoformat()[:first], "end": end.isoformat()[:second]}
    found = shifted_period(period, days)
    length = min(len(found["start"]), len(found["end"]))
    assert found["start"][:length] <= found["end"][:length]


def test_what_is_left_of_a_period():
    assert shifted_period({"start": "2026-03-01T09:00:00Z", "id": "x"}, 7) == {"start": "2026-03-08"}
    assert shifted_period({"start": "2026-03-20", "end": "2026-03"}, 14) == {
        "start": "2026-04-03",
        "end": "2026-04-03",
    }
    assert shifted_period({"extension": []}, 7) is None


def test_the_year_of_birth_is_shifted_too():
    assert year_of_birth("2011-12-30", 7) == 2012
    assert year_of_birth("2011", 7) == 2011
    assert year_of_birth(None, 7) is None
