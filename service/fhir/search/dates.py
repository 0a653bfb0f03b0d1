"""FHIR dates as ranges of time: half-open, in microseconds since 1970-01-01T00:00:00Z.

A date that is not told to the microsecond is the whole year, month, day, minute or
second that it names. What R4 leaves open (no zone, leap seconds, inverted periods) is
decided in docs/interpretations.md.

Source: https://hl7.org/fhir/R4/search.html#date, https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from service.fhir.search.expressions import EARLIEST, LATEST

Range = tuple[int, int]

MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_LAST_MONTH = 12

# Minutes without seconds are allowed in searches alone; the validator keeps them out of resources.
_MOMENT = re.compile(
    r"(\d{4}(?:-\d\d(?:-\d\d)?)?)"
    r"(?:(?<=-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(?:\.(\d+))?)?"
    r"(?:Z|([+-])(0\d|1[0-4]):([0-5]\d))?)?",
    re.ASCII,
)


def moment(text: str) -> Range | None:
    """The range that a date, dateTime or instant names; None where `text` is none of these.

    `24:00` names no time in FHIR. The second `:60` is the one that follows `:59`.
    """
    return _usual(text) if len(text) <= _USUAL else _moment(text)


def _moment(text: str) -> Range | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, sign, zone_hours, zone_minutes = found.groups()
    range_ = _days(day)
    if range_ is None or hour is None:
        return range_
    low = range_[0] + int(hour) * HOUR + int(minute) * MINUTE
    width = MINUTE
    if second is not None:
        low += int(second) * SECOND
        width = SECOND
    if fraction is not None:
        digits = fraction[:6]
        width = 10 ** (6 - len(digits))
        low += int(digits) * width
    if sign is not None:
        offset = int(zone_hours) * HOUR + int(zone_minutes) * MINUTE
        low += offset if sign == "-" else -offset
    return low, low + width


# What belongs to a session has its time, and each time is read for the index as well as for the rules.
_usual = lru_cache(maxsize=4_096)(_moment)
_USUAL = len("2026-11-28T12:00:00.000000+00:00")  # what somebody makes longer does not fill the memory


def instant(text: str) -> Range | None:
    """The range of an instant: a point in time, so never wider than our clock's millisecond.

    Source: https://hl7.org/fhir/R4/search.html#date (instant)
    """
    range_ = moment(text)
    if range_ is None:
        return None
    low, high = range_
    return low, min(high, low + MILLISECOND)


def period(value: Mapping[str, Any]) -> Range | None:
    """The range of a Period, open where it has no start or end; None where it has neither.

    An inverted Period (which per-1 forbids) covers what lies between its two ends.
    """
    start = _read(value.get("start"))
    end = _read(value.get("end"))
    if start is None:
        return None if end is None else (EARLIEST, end[1])
    if end is None:
        return start[0], LATEST
    return min(start[0], end[0]), max(start[1], end[1])


def timing(value: Mapping[str, Any]) -> Range | None:
    """The outer limits of a Timing: its events and the period it repeats in; None without either.

    Source: https://hl7.org/fhir/R4/search.html#date (Timing)
    """
    ranges = [_read(event) for event in value.get("event", ())]
    bounds = value.get("repeat", {}).get("boundsPeriod")
    if bounds is not None:
        ranges.append(period(bounds))
    known = [range_ for range_ in ranges if range_ is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def widened(range_: Range, now: int) -> Range:
    """The range with a tenth of its distance from `now` (microseconds) added at both ends.

    Source: https://hl7.org/fhir/R4/search.html#prefix (ap)
    """
    low, high = range_
    distance = max(low - now, now - high, 0)
    return low - distance // 10, high + distance // 10


def _read(text: str | None) -> Range | None:
    return None if text is None else moment(text)


@lru_cache(maxsize=16_384)  # about forty-five years of days: clinical dates repeat
def _days(text: str) -> Range | None:
    """The range of a year, month or day; None where the calendar has no such thing."""
    year = int(text[:4])
    month, day = (int(part) if part else None for part in (text[5:7], text[8:10]))
    try:
        first = date(year, 1 if month is None else month, 1 if day is None else day)
        last = first if day is not None else _last_day(year, month)
    except ValueError:
        return None
    # By way of the last day: the year after 9999 has no date.
    return (first.toordinal() - _EPOCH_DAY) * DAY, (last.toordinal() + 1 - _EPOCH_DAY) * DAY


def _last_day(year: int, month: int | None) -> date:
    """The last day of the month, of the year where there is no month."""
    if month is None or month == _LAST_MONTH:
        return date(year, _LAST_MONTH, 31)
    return date.fromordinal(date(year, month + 1, 1).toordinal() - 1)
