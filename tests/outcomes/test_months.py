from __future__ import annotations

from datetime import date

import pytest

from service.outcomes.months import first_day, last_day, month_of


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2026-01-01", "2026-01-01", "2026-01-31"),
        ("2026-01-31", "2026-01-01", "2026-01-31"),
        ("2026-02-28", "2026-02-01", "2026-02-28"),
        ("2024-02-10", "2024-02-01", "2024-02-29"),
        ("2026-12-31", "2026-12-01", "2026-12-31"),
    ],
)
def test_a_month_has_its_days(day, first, last):
    month = month_of(date.fromisoformat(day).toordinal())
    assert first_day(month) == date.fromisoformat(first).toordinal()
    assert last_day(month) == date.fromisoformat(last).toordinal()


def test_months_follow_each_other():
    month = month_of(date(2025, 12, 31).toordinal())
    assert month_of(date(2026, 1, 1).toordinal()) == month + 1
    assert last_day(month) + 1 == first_day(month + 1)
