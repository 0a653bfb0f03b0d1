from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.sandbox.dates import ANCHOR, calendar

LONDON = ZoneInfo("Europe/London")
CALENDAR = calendar(ANCHOR)
LAST = CALENDAR.anchor + 300


@given(st.integers(CALENDAR.first + 1, LAST), st.integers(0, 24 * 60 + 700))
def test_offsets_are_those_of_london(day: int, minute: int):
    extra, within = divmod(minute, 24 * 60)
    local = datetime.combine(date.fromordinal(day + extra), datetime.min.time()).replace(
        hour=within // 60, minute=within % 60, tzinfo=LONDON
    )
    assert CALENDAR.instant(day, minute) == local.isoformat()


@pytest.mark.parametrize(
    ("day", "clock", "instant"),
    [
        (date(2026, 3, 28), (23, 40), "2026-03-28T23:40:00+00:00"),
        (date(2026, 3, 29), (0, 30), "2026-03-29T00:30:00+00:00"),
        (date(2026, 3, 29), (9, 0), "2026-03-29T09:00:00+01:00"),
        (date(2026, 10, 25), (0, 59), "2026-10-25T00:59:00+01:00"),
        (date(2026, 10, 25), (9, 0), "2026-10-25T09:00:00+00:00"),
        (date(2025, 7, 1), (23, 55), "2025-07-01T23:55:00+01:00"),
    ],
)
def test_around_the_change_of_clocks(day: date, clock: tuple[int, int], instant: str):
    assert CALENDAR.instant(day.toordinal(), clock[0] * 60 + clock[1]) == instant


def test_a_late_answer_runs_into_the_next_day():
    assert CALENDAR.instant(date(2026, 1, 5).toordinal(), 24 * 60 + 30) == "2026-01-06T00:30:00+00:00"


@pytest.mark.parametrize(
    "day",
    [
        date(2025, 1, 1), date(2025, 4, 18), date(2025, 4, 21), date(2025, 5, 5), date(2025, 5, 26),
        date(2025, 8, 25), date(2025, 12, 25), date(2025, 12, 26), date(2026, 4, 3), date(2026, 4, 6),
        date(2026, 12, 28), date(2026, 1, 3),
    ],
)  # fmt: skip
def test_closed_on_bank_holidays_and_weekends(day: date):
    assert CALENDAR.is_closed(day.toordinal())


@pytest.mark.parametrize(
    ("year", "day"), [(2022, date(2022, 12, 27)), (2021, date(2021, 12, 28)), (2022, date(2022, 1, 3))]
)
def test_a_bank_holiday_on_a_weekend_moves(year: int, day: date):
    assert calendar(date(year, 12, 31)).is_closed(day.toordinal())


@pytest.mark.parametrize("day", [date(2026, 1, 2), date(2025, 12, 24), date(2026, 4, 7), date(2026, 3, 16)])
def test_open_on_other_days(day: date):
    assert not CALENDAR.is_closed(day.toordinal())


@pytest.mark.parametrize(
    ("day", "is_away"),
    [
        (date(2025, 12, 22), True),
        (date(2026, 2, 18), True),
        (date(2026, 4, 8), True),
        (date(2026, 5, 27), True),
        (date(2026, 8, 12), True),
        (date(2025, 10, 29), True),
        (date(2026, 3, 4), False),
        (date(2026, 9, 16), False),
    ],
)
def test_school_holidays(day: date, is_away: bool):  # noqa: FBT001 - a table's column
    assert CALENDAR.is_school_holiday(day.toordinal()) is is_away


def test_the_next_working_day():
    good_friday = date(2026, 4, 3).toordinal()
    assert date.fromordinal(CALENDAR.working_day(good_friday)) == date(2026, 4, 7)


def test_the_anchor_has_passed_and_is_a_constant():
    assert date(2026, 10, 30) == ANCHOR
    assert datetime(2026, 10, 30, tzinfo=UTC).weekday() == 4
