"""The calendar of the cohort: days up to a fixed anchor, UK offsets, school holidays, closed days.

A day is its proleptic ordinal, a time the minutes since local midnight. Nothing asks a clock.

Source: Summer Time Act 1972 and SI 2002/262 (the last Sundays of March and October at
01:00 UTC); Banking and Financial Dealings Act 1971 (bank holidays of England); school
holidays follow the usual pattern of English local authorities.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

ANCHOR = date(2026, 10, 30)

# Two years of referrals and what came before them (a carer's first worry, a first plan).
DAYS_BEFORE = 800
# Review and due dates of running plans lie ahead of the anchor.
DAYS_AFTER = 400

GREENWICH = "+00:00"
SUMMER = "+01:00"

_DAY_MINUTES = 24 * 60
# Clocks change at 01:00 UTC; local times before 02:00 on that day still go by the night before.
_CLOCK_CHANGE_MINUTE = 120

_MONDAY = 0
_SATURDAY = 5
_SUNDAY = 6


@dataclass(frozen=True, slots=True)
class Calendar:
    """Answers about days between `first` and the last known day, both ordinals."""

    anchor: int
    first: int
    _texts: tuple[str, ...]
    _offsets: tuple[str, ...]
    _closed: tuple[bool, ...]
    _school_holidays: tuple[bool, ...]

    def text(self, day: int) -> str:
        """The day as a FHIR date."""
        return self._texts[day - self.first]

    def instant(self, day: int, minute: int) -> str:
        """The local time with its UK offset, as a FHIR dateTime; `minute` may pass midnight."""
        extra, minute = divmod(minute, _DAY_MINUTES)
        place = day + extra - self.first
        ruling = place - 1 if minute < _CLOCK_CHANGE_MINUTE else place
        return f"{self._texts[place]}T{minute // 60:02d}:{minute % 60:02d}:00{self._offsets[ruling]}"

    def is_closed(self, day: int) -> bool:
        """Whether nobody works: weekends and bank holidays."""
        return self._closed[day - self.first]

    def is_school_holiday(self, day: int) -> bool:
        """Whether schools are shut, and half the town is away."""
        return self._school_holidays[day - self.first]

    def working_day(self, day: int) -> int:
        """This day, or the next on which services are open."""
        while self._closed[day - self.first]:
            day += 1
        return day


def calendar(anchor: date = ANCHOR) -> Calendar:
    """The calendar of a cohort that ends on the anchor."""
    start = anchor - timedelta(days=DAYS_BEFORE)
    days = [start + timedelta(days=count) for count in range(DAYS_BEFORE + DAYS_AFTER + 1)]
    years = range(days[0].year, days[-1].year + 1)
    closed = {holiday for year in years for holiday in _bank_holidays(year)}
    away = {day for year in years for first, last in _school_holidays(year) for day in _span(first, last)}
    return Calendar(
        anchor=anchor.toordinal(),
        first=start.toordinal(),
        _texts=tuple(day.isoformat() for day in days),
        _offsets=tuple(SUMMER if _is_summer_time(day) else GREENWICH for day in days),
        _closed=tuple(day.weekday() >= _SATURDAY or day in closed for day in days),
        _school_holidays=tuple(day in away for day in days),
    )


def _is_summer_time(day: date) -> bool:
    """Whether clocks stand an hour ahead at noon of that day."""
    return _last(_SUNDAY, day.year, 3) <= day < _last(_SUNDAY, day.year, 10)


def _last(weekday: int, year: int, month: int) -> date:
    """The last such weekday of a month that has 31 days."""
    end = date(year, month, 31)
    return end - timedelta(days=(end.weekday() - weekday) % 7)


def _first(weekday: int, year: int, month: int) -> date:
    start = date(year, month, 1)
    return start + timedelta(days=(weekday - start.weekday()) % 7)


def _span(first: date, last: date) -> list[date]:
    return [first + timedelta(days=count) for count in range((last - first).days + 1)]


def _easter(year: int) -> date:
    """Easter Sunday, by the Gregorian computus as Butcher gave it."""
    golden = year % 19
    century, rest = divmod(year, 100)
    correction = (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + century - century // 4 - correction + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _bank_holidays(year: int) -> list[date]:
    """England's bank holidays, with those that fall on a weekend moved to the next working day."""
    easter = _easter(year)
    new_year = date(year, 1, 1)
    if new_year.weekday() >= _SATURDAY:
        new_year += timedelta(days=7 - new_year.weekday())
    christmas = [date(year, 12, 25), date(year, 12, 26)]
    moved = [day + timedelta(days=2) for day in christmas if day.weekday() >= _SATURDAY]
    return [
        new_year,
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        _first(_MONDAY, year, 5),
        _last(_MONDAY, year, 5),
        _last(_MONDAY, year, 8),
        *christmas,
        *moved,
    ]


def _school_holidays(year: int) -> list[tuple[date, date]]:
    """First and last days off: half terms are whole weeks, the rest follows the feasts."""
    easter = _easter(year)
    february = date(year, 2, 17) - timedelta(days=date(year, 2, 17).weekday())
    may = _last(_MONDAY, year, 5)
    october = _last(_MONDAY, year, 10)
    week = timedelta(days=6)
    return [
        (date(year, 1, 1), date(year, 1, 3)),
        (february, february + week),
        (easter - timedelta(days=7), easter + timedelta(days=8)),
        (may, may + week),
        (date(year, 7, 22), date(year, 9, 1)),
        (october, october + week),
        (date(year, 12, 20), date(year, 12, 31)),
    ]
