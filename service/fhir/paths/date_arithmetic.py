"""Dates and times plus and minus durations, with the calendar's semantics.

Source: https://hl7.org/fhirpath/N1/#datetime-arithmetic
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from decimal import ROUND_DOWN, Decimal

from service.fhir.paths.dates import Date, DateTime, Part, Temporal, Time
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.quantities import CALENDAR_UNITS, Quantity

# The place in a date's parts (or a time's) that a duration of the unit changes.
_DATE_PLACES = {"a": 0, "mo": 1, "wk": 2, "d": 2, "h": 3, "min": 4, "s": 5, "ms": 5}

# How many of a unit make one of the next coarser place, where a date does not go as far as the unit.
# Source: https://hl7.org/fhirpath/N1/#datetime-arithmetic
_COARSER = {1: Decimal(12), 2: Decimal(30), 3: Decimal(24), 4: Decimal(60), 5: Decimal(60)}
_DAYS_IN_YEAR = Decimal(365)

# Units of UCUM whose length the calendar does not share.
_INDEFINITE = frozenset({"a", "mo"})

_SECONDS_IN_DAY = 86400


def shift(value: Temporal, quantity: Quantity, sign: int) -> Temporal | None:
    """The value moved by the duration (sign 1) or back by it (sign -1), None where the calendar ends.

    Raises:
        EvaluationError: the quantity is no duration, or one that the value cannot be moved by.
    """
    code = _code(quantity)
    amount = quantity.value * sign
    if code == "wk":
        amount = amount.to_integral_value(ROUND_DOWN) * 7
    if code == "ms":
        amount /= 1000
    place = _DATE_PLACES[code]
    if isinstance(value, Time):
        return _shift_time(value, place, amount)
    while place >= len(value.parts):
        amount, place = _coarser(amount, place, len(value.parts))
    if place < 5:
        amount = amount.to_integral_value(ROUND_DOWN)
    parts = _shift_months(value.parts, int(amount) * (12 if place == 0 else 1)) if place < 2 else None
    if place >= 2:
        parts = _shift_seconds(value.parts, amount * (_SECONDS_IN_DAY, 3600, 60, 1)[place - 2])
    if parts is None:
        return None
    if isinstance(value, DateTime):
        return DateTime(parts, value.offset)
    return Date(tuple(int(part) for part in parts))


def _code(quantity: Quantity) -> str:
    """The duration's unit under its UCUM name.

    Raises:
        EvaluationError: it is no duration, or a year or month of UCUM.
    """
    if quantity.calendar or quantity.unit in CALENDAR_UNITS:
        return CALENDAR_UNITS[quantity.unit]
    if quantity.unit in _INDEFINITE or quantity.unit not in _DATE_PLACES:
        raise EvaluationError(f"'{quantity.unit}' is no duration that a date is moved by.")
    return quantity.unit


def _coarser(amount: Decimal, place: int, known: int) -> tuple[Decimal, int]:
    """The duration in a coarser unit, for a date that says no more than `known` parts."""
    if place == 2 and known == 1:
        return (amount / _DAYS_IN_YEAR).to_integral_value(ROUND_DOWN), 0
    return (amount / _COARSER[place]).to_integral_value(ROUND_DOWN), place - 1


def _shift_months(parts: tuple[Part, ...], months: int) -> tuple[Part, ...] | None:
    """The parts moved by months; a day that the new month does not have becomes its last."""
    year, month = int(parts[0]), int(parts[1]) if len(parts) > 1 else 1
    year, month = divmod(year * 12 + month - 1 + months, 12)
    if not 1 <= year <= 9999:
        return None
    moved: tuple[Part, ...] = (year, month + 1)
    if len(parts) > 2:
        moved = (*moved, min(int(parts[2]), calendar.monthrange(year, month + 1)[1]))
    return (*moved, *parts[3:])[: len(parts)]


def _shift_seconds(parts: tuple[Part, ...], seconds: Decimal) -> tuple[Part, ...] | None:
    """The parts moved by seconds, each minute, hour and day carried over."""
    clock = (*parts[3:], 0, 0, 0)[:3]
    total = Decimal(clock[0]) * 3600 + Decimal(clock[1]) * 60 + Decimal(clock[2]) + seconds
    days = int(total // _SECONDS_IN_DAY)
    if total < 0 and total % _SECONDS_IN_DAY:
        days -= 1
    try:
        moved = date(int(parts[0]), int(parts[1]), int(parts[2])) + timedelta(days=days)
    except OverflowError:
        return None
    return (moved.year, moved.month, moved.day, *_clock(total - days * _SECONDS_IN_DAY))[: len(parts)]


def _clock(seconds: Decimal) -> tuple[Part, ...]:
    """Hour, minute and second of a count of seconds within one day."""
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(int(minutes), 60)
    return hour, minute, second


def _shift_time(value: Time, place: int, amount: Decimal) -> Time:
    """The time of day moved, past midnight to the other end of the day.

    Raises:
        EvaluationError: the duration is of days or longer.
    """
    if place < 3:
        raise EvaluationError("A time of day is moved by hours or less.")
    while place - 3 >= len(value.parts):
        amount, place = (amount / 60).to_integral_value(ROUND_DOWN), place - 1
    if place < 5:
        amount = amount.to_integral_value(ROUND_DOWN)
    clock = (*value.parts, 0, 0)[:3]
    total = Decimal(clock[0]) * 3600 + Decimal(clock[1]) * 60 + Decimal(clock[2])
    total += amount * (3600, 60, 1)[place - 3]
    within = total % _SECONDS_IN_DAY
    return Time(_clock(within + _SECONDS_IN_DAY if within < 0 else within)[: len(value.parts)])
