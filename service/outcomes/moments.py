"""Moments: from when to when something holds, to the millisecond, where days are days of the United Kingdom.

A decision about sharing takes effect with its commit, so whole days are too coarse here; but a
period that says days means those of where the clinics are.

Source: https://hl7.org/fhir/R4/datatypes.html#Period (a start or end includes all that it may mean)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from service.outcomes.days import days_of

_UK: Final = ZoneInfo("Europe/London")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_SECOND: Final = 1000  # milliseconds

# Open ends. Nobody asks before 1970, and no period of FHIR ends after the year 9999.
LONG_AGO: Final = 0
NEVER: Final = 253_402_300_800_000

# Source: https://hl7.org/fhir/R4/datatypes.html#dateTime
_DATE: Final = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?", re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?P<fraction>\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """From `low` on until before `high`. Units: milliseconds since 1970-01-01T00:00:00Z."""

    low: int
    high: int

    def within(self, other: Span) -> Span:
        """What the two share; it ends before it begins where that is nothing."""
        return Span(max(self.low, other.low), min(self.high, other.high))

    @property
    def is_empty(self) -> bool:
        """Whether it has no moment."""
        return self.low >= self.high


EVER: Final = Span(LONG_AGO, NEVER)


def span_of(period: Any) -> Span | None:
    """The moments of a Period, open where it has no start or end; None where it cannot be read, or ends too early.

    What is said in another way than by a value (an extension in place of the start) cannot be read.
    """
    if period is None:
        return EVER
    if not isinstance(period, dict) or not period or not period.keys() <= {"id", "start", "end"}:
        return None
    start = moments_of(period["start"]) if "start" in period else EVER
    end = moments_of(period["end"]) if "end" in period else EVER
    if start is None or end is None:
        return None
    span = Span(start.low, end.high)
    return None if span.is_empty else span


def moments_of(text: Any) -> Span | None:
    """All the moments that a date or dateTime may mean; None where it is neither."""
    if not isinstance(text, str):
        return None
    try:
        if _DATE.fullmatch(text):
            days = days_of(text)
            return None if days is None else Span(midnight(days.first), midnight(days.last + 1))
        found = _TIME.fullmatch(text)
        if found is None:
            return None
        low = (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    except (OverflowError, ValueError):
        return None
    return Span(low, low + (1 if found["fraction"] else _SECOND))


def midnight(day: int) -> int:
    """The moment at which a day begins in the United Kingdom.

    Units: `day` as Python's date ordinal; milliseconds since 1970.
    """
    if day > date.max.toordinal():
        return NEVER
    begins = datetime.combine(date.fromordinal(day), time(), tzinfo=_UK)
    return (begins - _EPOCH) // _MILLISECOND
