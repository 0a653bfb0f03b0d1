"""Scales: where a value and a day lie on the paper, and which days are named on the axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from service.outcomes.series import LEAST_SCORE, MOST_SCORE, SCORE, Kind

# Ends of the scale of attainment levels. Source: domain facts section 2.4
LEAST_LEVEL: Final = Decimal(-2)
MOST_LEVEL: Final = Decimal(2)

# Where nothing was rated there is no day; ordinals begin with 1.
NO_DAY: Final = 0

# How far apart the days that are named may be: in days, then in months.
_DAY_STEPS: Final = (1, 2, 7, 14)
_MONTH_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 2_400, 6_000, 12_000)
_DAYS_OF_MONTH: Final = 30.44
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Upright:
    """Values from bottom to top. Units: `top` and `bottom` in pixels from the upper edge."""

    top: float
    bottom: float
    least: Decimal
    most: Decimal

    def at(self, value: Decimal) -> float:
        """Where a value lies."""
        share = float((value - self.least) / (self.most - self.least))
        return self.bottom - share * (self.bottom - self.top)

    def kept(self, value: Decimal) -> Decimal:
        """The value, or the end of the scale that it lies beyond."""
        return min(max(value, self.least), self.most)


def upright(kind: Kind, top: float, bottom: float) -> Upright:
    """The scale of goal scores or of attainment levels."""
    least, most = (LEAST_SCORE, MOST_SCORE) if kind == SCORE else (LEAST_LEVEL, MOST_LEVEL)
    return Upright(top, bottom, least, most)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Days from left to right; one day by itself lies in the middle. Units: days are date ordinals."""

    left: float
    right: float
    first: int
    last: int

    def at(self, day: int) -> float:
        """Where a day lies."""
        if self.first == self.last:
            return (self.left + self.right) / 2
        return self.left + (day - self.first) / (self.last - self.first) * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class Tick:
    """A day that is named on the axis: by day and month or by month alone; `year` where it is said, too."""

    day: int
    with_day: bool
    year: bool


def ticks(timeline: Timeline, apart: float) -> tuple[Tick, ...]:
    """The days that are named, at least `apart` pixels from each other; the year at the first and where it turns."""
    if timeline.first == NO_DAY:
        return ()
    if timeline.first == timeline.last:
        return (Tick(timeline.first, with_day=True, year=True),)
    a_day = (timeline.right - timeline.left) / (timeline.last - timeline.first)
    found: list[Tick] = []
    years: set[int] = set()
    days, with_day = _days(timeline, apart / a_day)
    for day in days:
        year = date.fromordinal(day).year
        found.append(Tick(day, with_day, year not in years))
        years.add(year)
    return tuple(found)


def _days(timeline: Timeline, least: float) -> tuple[list[int], bool]:
    """The days that are named, at least `least` days apart, and whether the month alone would not do."""
    for step in _DAY_STEPS:
        if step >= least:
            return list(range(timeline.first, timeline.last + 1, step)), True
    months = next((step for step in _MONTH_STEPS if step * _DAYS_OF_MONTH >= least), _MONTH_STEPS[-1])
    found = list(_firsts(timeline, months))
    # Between two beginnings of a month nothing is named otherwise.
    return (found, False) if found else ([timeline.first], True)


def _firsts(timeline: Timeline, step: int) -> Iterator[int]:
    """The first days of each month in the timeline whose number from the year's beginning is a multiple of `step`."""
    start = date.fromordinal(timeline.first)
    month = start.year * _MONTHS + start.month - 1
    while True:
        year, of_year = divmod(month, _MONTHS)
        if year > date.max.year:
            return
        day = date(year, of_year + 1, 1).toordinal()
        if day > timeline.last:
            return
        if day >= timeline.first and month % step == 0:
            yield day
        month += 1
