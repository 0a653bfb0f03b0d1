"""Dates, times and instants with partial precision: their text, their order, their equality.

Source: https://hl7.org/fhirpath/N1/#date, #datetime, #time, #equality, #comparison
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

# Offsets in use on earth; a time that names none lies somewhere between them.
# Source: https://hl7.org/fhirpath/N1/#timezone (and ISO 8601)
EASTERNMOST = 14 * 60
WESTERNMOST = -12 * 60

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_TIME = re.compile(r"(\d{2})(?::(\d{2})(?::(\d{2}(?:\.\d+)?))?)?")
_DATETIME = re.compile(
    r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2}(?:\.\d+)?))?)?(Z|[+-]\d{2}:\d{2})?)?)?)?)?T?"
)

Part = int | Decimal


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date: year, and as many of month and day as were said."""

    parts: tuple[int, ...]

    def __str__(self) -> str:
        """The date as FHIR writes it: 2026, 2026-11, 2026-11-22."""
        return "-".join(f"{part:0{4 if place == 0 else 2}d}" for place, part in enumerate(self.parts))


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day: hour, and as many of minute and second as were said; seconds keep their digits."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        """The time as FHIR writes it: 14:30:00.5."""
        return ":".join(two_digits(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class DateTime:
    """A date with as much of a time as was said. `offset` is minutes east of UTC, None where not said."""

    parts: tuple[Part, ...]
    offset: int | None = None

    def __str__(self) -> str:
        """The instant as FHIR writes it; `Z` for an offset of zero."""
        text = str(Date(tuple(int(part) for part in self.parts[:3])))
        if len(self.parts) > 3:
            text += "T" + ":".join(two_digits(part) for part in self.parts[3:])
        return text + zone(self.offset)


Temporal = Date | DateTime | Time


def two_digits(part: Part) -> str:
    """The part with a leading zero where it has one digit before the point."""
    text = str(part)
    return text if len(text.partition(".")[0]) > 1 else "0" + text


def zone(offset: int | None) -> str:
    """The offset as text: nothing, `Z` or ±hh:mm."""
    if offset is None:
        return ""
    if offset == 0:
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def parse_date(text: str) -> Date | None:
    """The date that the text says, None where it says none."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    parts = tuple(int(group) for group in match.groups() if group is not None)
    return Date(parts) if _is_date(parts) else None


def parse_time(text: str) -> Time | None:
    """The time of day that the text says, None where it says none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    parts = _time_parts(match.groups())
    return Time(parts) if _is_time(parts) else None


def parse_datetime(text: str) -> DateTime | None:
    """The instant, or the part of one, that the text says, None where it says none."""
    match = _DATETIME.fullmatch(text)
    if match is None:
        return None
    *fields, offset = match.groups()
    date = tuple(int(group) for group in fields[:3] if group is not None)
    time = _time_parts(tuple(fields[3:]))
    if not _is_date(date) or (time and not _is_time(time)):
        return None
    return DateTime(date + time, None if offset is None else _minutes(offset))


def _time_parts(groups: tuple[str | None, ...]) -> tuple[Part, ...]:
    """Hour and minute as numbers, second as a decimal that keeps its digits."""
    return tuple(
        Decimal(group) if place == 2 else int(group)
        for place, group in enumerate(groups)
        if group is not None
    )


def _minutes(offset: str) -> int:
    """Minutes east of UTC of `Z` or ±hh:mm."""
    if offset == "Z":
        return 0
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return -minutes if offset[0] == "-" else minutes


def _is_date(parts: tuple[int, ...]) -> bool:
    """Whether the calendar has this date."""
    year, month, day = (*parts, 1, 1)[:3]
    return year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]


def _is_time(parts: tuple[Part, ...]) -> bool:
    """Whether the clock has this time; second 60 is a leap second."""
    hour, minute, second = (*parts, 0, 0)[:3]
    return hour <= 23 and minute <= 59 and second < 61


def compare(left: Temporal, right: Temporal) -> int | None:
    """-1, 0 or 1 as left is before, at or after right; None where their precision cannot tell.

    Times of day compare with times of day only; for a time and a date the answer is None.
    A date has no offset, and compares with the date that an instant is written with.
    """
    if isinstance(left, Time) or isinstance(right, Time):
        if isinstance(left, Time) and isinstance(right, Time):
            return _compare_parts(left.parts, right.parts)
        return None
    first, second = _offset(left), _offset(right)
    if (first is None) != (second is None) and min(len(left.parts), len(right.parts)) > 3:
        return _compare_ranges(left, right)
    if first is None or second is None:
        return _compare_parts(left.parts, right.parts)
    if first != second:
        return _compare_parts(_in_utc(left), _in_utc(right))
    return _compare_parts(left.parts, right.parts)


def compare_texts(left: str, right: str) -> int | None:
    """As `compare`, of two FHIR dates or instants as text; of malformed text some order, or None.

    Texts of one length and one offset order as their characters do.
    """
    shorter = min(len(left), len(right))
    if shorter <= _DATE_LENGTH:
        one, other = left[:shorter], right[:shorter]
        return -1 if one < other else 1 if one > other else 0 if len(left) == len(right) else None
    if len(left) == len(right) and _same_zone(left, right):
        return -1 if left < right else 1 if left > right else 0
    if _are_far_apart(left, right):
        return -1 if left < right else 1
    first, second = parse_datetime(left), parse_datetime(right)
    return None if first is None or second is None else compare(first, second)


# Characters of a whole date: 2026-11-22.
_DATE_LENGTH = 10

# Rough days (31 to the month) between dates that no offset can bring onto one day; a month's end
# counts for up to three too many.
_FAR_APART = 7


def _are_far_apart(left: str, right: str) -> bool:
    """Whether no offset can bring the two onto one day."""
    try:
        return abs(_rough_days(left) - _rough_days(right)) >= _FAR_APART
    except ValueError:
        return False


def _rough_days(text: str) -> int:
    """A number for the date that the text begins with, which grows as dates do."""
    return (int(text[:4]) * 12 + int(text[5:7])) * 31 + int(text[8:10])


def _same_zone(left: str, right: str) -> bool:
    """Whether both texts end in the same offset."""
    return (left[-1] == "Z" and right[-1] == "Z") or (left[-6:] == right[-6:] and left[-6] in "+-")


def _offset(value: Date | DateTime) -> int | None:
    """Minutes east of UTC, None where not said."""
    return value.offset if isinstance(value, DateTime) else None


def _compare_parts(left: tuple[Part, ...], right: tuple[Part, ...]) -> int | None:
    """The order of the first parts that differ; None where one ends before they do."""
    for one, other in zip(left, right, strict=False):
        if one != other:
            return -1 if one < other else 1
    return 0 if len(left) == len(right) else None


def _in_utc(value: Date | DateTime) -> tuple[Part, ...]:
    """The parts moved to UTC, as many as were said."""
    offset = _offset(value)
    if not offset or len(value.parts) < 4:
        return value.parts
    year, month, day, hour, minute = (int(part) for part in (*value.parts, 0)[:5])
    try:
        moved = datetime(year, month, day, hour, minute) - timedelta(minutes=offset)  # noqa: DTZ001 - the offset is what is taken away
    except OverflowError:  # the first and last hours of the calendar
        return value.parts
    parts: tuple[Part, ...] = (moved.year, moved.month, moved.day, moved.hour, moved.minute, *value.parts[5:])
    return parts[: len(value.parts)]


def _compare_ranges(left: Date | DateTime, right: Date | DateTime) -> int | None:
    """The order where one of the two says no offset: certain only where no offset could change it."""
    left_low, left_high = _utc_range(left)
    right_low, right_high = _utc_range(right)
    if left_high < right_low:
        return -1
    return 1 if left_low > right_high else None


def _utc_range(value: Date | DateTime) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The earliest and the latest instant in UTC that the value may mean."""
    offset = _offset(value)
    low = DateTime(earliest(value.parts), EASTERNMOST if offset is None else offset)
    high = DateTime(latest(value.parts), WESTERNMOST if offset is None else offset)
    return _in_utc(low), _in_utc(high)


def earliest(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """All six parts of the first instant that the parts leave open, to the millisecond."""
    filled = (*parts, *(1, 1, 1, 0, 0)[len(parts) :])
    second = Decimal(filled[5]) if len(filled) > 5 else Decimal(0)
    return (*filled[:5], _milliseconds(second, 0))


def latest(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """All six parts of the last instant that the parts leave open, to the millisecond."""
    year, month = int(parts[0]), int(parts[1]) if len(parts) > 1 else 12
    filled = (*parts, *(0, 12, calendar.monthrange(year, month)[1], 23, 59)[len(parts) :])
    second = Decimal(filled[5]) if len(filled) > 5 else Decimal(59)
    return (*filled[:5], _milliseconds(second, 9))


def _milliseconds(second: Decimal, fill: int) -> Decimal:
    """The second with three digits after the point, those not said filled with the digit given."""
    digits = max(0, -int(second.as_tuple().exponent))
    if digits >= 3:
        return second
    return Decimal(f"{second}{'' if digits else '.'}{str(fill) * (3 - digits)}")
