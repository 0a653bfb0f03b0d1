"""Where values and days lie, and which days are named."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages.charts.scales import NO_DAY, Timeline, ticks, upright
from tests.pages.charts.drawings import day


@pytest.mark.parametrize(
    ("kind", "value", "y"),
    [
        ("score", "0", 200),
        ("score", "5", 150),
        ("score", "10", 100),
        ("score", "7.5", 125),
        ("level", "-2", 200),
        ("level", "0", 150),
        ("level", "2", 100),
    ],
)
def test_values_lie_between_the_ends_of_their_scale(kind, value, y):
    assert upright(kind, 100, 200).at(Decimal(value)) == pytest.approx(y)


def test_what_lies_beyond_the_scale_is_shown_at_its_end():
    scale = upright("score", 100, 200)
    assert [scale.kept(Decimal(value)) for value in (-1, 0, 4, 10, 13)] == [0, 0, 4, 10, 10]


def test_days_from_left_to_right():
    line = Timeline(100, 200, day("2026-03-01"), day("2026-03-11"))
    assert [line.at(day(text)) for text in ("2026-03-01", "2026-03-06", "2026-03-11")] == [100, 150, 200]
    assert Timeline(100, 200, 5, 5).at(5) == 150


def shown(first: str, last: str, wide: float = 600) -> list[str]:
    line = Timeline(0, wide, day(first), day(last))
    return [
        f"{tick.day - day(first)}{'d' if tick.with_day else 'm'}{'y' if tick.year else ''}"
        for tick in ticks(line, 66)
    ]


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [
        ("2026-03-05", "2026-03-05", ["0dy"]),
        ("2026-03-05", "2026-03-06", ["0dy", "1d"]),
        ("2026-03-05", "2026-03-19", ["0dy", "2d", "4d", "6d", "8d", "10d", "12d", "14d"]),
        ("2026-03-05", "2026-04-16", ["0dy", "7d", "14d", "21d", "28d", "35d", "42d"]),
        ("2026-03-05", "2026-05-14", ["0dy", "14d", "28d", "42d", "56d", "70d"]),
        ("2025-11-05", "2026-05-14", ["26my", "57my", "88m", "116m", "147m", "177m"]),
        ("2023-03-05", "2026-11-05", ["118my", "302my", "484m", "668my", "849m", "1033my", "1214m"]),
    ],
)
def test_days_that_are_named(first, last, named):
    assert shown(first, last) == named


def test_where_nothing_was_rated_no_day_is_named():
    assert ticks(Timeline(0, 600, NO_DAY, NO_DAY), 66) == ()


@given(st.integers(1, 3_652_059), st.integers(0, 20_000), st.integers(150, 1_900))
def test_whatever_the_days_some_are_named_within_and_apart(first, more, wide):
    last = min(first + more, 3_652_059)
    line = Timeline(0, wide, first, last)
    found = ticks(line, 66)
    assert found
    assert found[0].year
    assert all(first <= tick.day <= last for tick in found)
    # A month is a little shorter than the mean of months, by which the step is chosen.
    assert all(line.at(after.day) - line.at(before.day) >= 66 * 0.9 for before, after in pairwise(found))
