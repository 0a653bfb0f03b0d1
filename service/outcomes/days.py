"""Days: how far apart things are in the clinic, where nobody counts hours.

A date that is not told to the day is every day that it may mean. A time is on the day that
its own text says, whatever the zone: that is the day on which it was for those who met.

Source: https://hl7.org/fhir/R4/datatypes.html#dateTime, docs/rules.md
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

# Open ends: before and after every day that FHIR can write (years 0001 to 9999).
LONG_AGO: Final = 0
NEVER: Final = date.max.toordinal() + 1

_DAY: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)
_LAST_MONTH: Final = 12
_USUAL_DATES: Final = 8_192  # a record says the day of one session many times over

# Where the clinics are.
_UK: Final = ZoneInfo("Europe/London")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Days:
    """From the day `first` to the day `last`, both included.

    Units: days, numbered as Python's date ordinals.
    """

    first: int
    last: int

    def overlaps(self, other: Days) -> bool:
        """Whether the two share more than the day on which one hands over to the other."""
        return self.first < other.last and other.first < self.last

    def holds(self, other: Days) -> bool:
        """Whether every day of the other is one of these."""
        return self.first <= other.first and other.last <= self.last


ALWAYS: Final = Days(LONG_AGO, NEVER)


@lru_cache(_USUAL_DATES)
def days_of(text: str | None) -> Days | None:
    """The days that a date, dateTime or instant may mean; None where `text` is none of these."""
    found = _DAY.match(text or "")
    if found is None:
        return None
    year = int(found[1])
    month, day = (None if part is None else int(part) for part in found.groups()[1:])
    try:
        if month is None:
            return Days(_day(year, 1, 1), _day(year, _LAST_MONTH, 31))
        if day is None:
            return Days(_day(year, month, 1), _month_end(year, month))
        return Days(_day(year, month, day), _day(year, month, day))
    except ValueError:
        return None


def _day(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal()


def _month_end(year: int, month: int) -> int:
    return _day(year, month, monthrange(year, month)[1])


def days_of_period(period: Mapping[str, Any] | None) -> Days:
    """The days of a Period, from the first that its start may mean to the last that its end may; open without."""
    if period is None:
        return ALWAYS
    start, end = days_of(period.get("start")), days_of(period.get("end"))
    return Days(LONG_AGO if start is None else start.first, NEVER if end is None else end.last)


def uk_day(milliseconds: int) -> int:
    """The day that it is in the United Kingdom at that time.

    Units: `milliseconds` since 1970-01-01T00:00:00Z; the day as Python's date ordinal.
    """
    return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(_UK).toordinal()


def uk_time(milliseconds: int) -> str:
    """That time to the second as a FHIR dateTime that says the day and hour of the United Kingdom.

    Units: `milliseconds` since 1970-01-01T00:00:00Z.
    """
    return (_EPOCH + timedelta(milliseconds=milliseconds)).astimezone(_UK).isoformat(timespec="seconds")


def text_of_day(day: int) -> str:
    """The day as a FHIR date."""
    return date.fromordinal(day).isoformat()
