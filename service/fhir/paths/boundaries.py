"""The least and the greatest value that a value of limited precision may mean, and that precision.

Source: https://hl7.org/fhirpath/#lowboundary, https://hl7.org/fhirpath/#precision
"""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from service.fhir.paths.dates import (
    EASTERNMOST,
    WESTERNMOST,
    Date,
    DateTime,
    Part,
    Time,
    earliest,
    latest,
)
from service.fhir.paths.quantities import ARITHMETIC, Quantity

# Digits of a value with so many parts: year, month, day, hour, minute, millisecond.
_DATE_DIGITS = {4: 1, 6: 2, 8: 3}
_DATETIME_DIGITS = {**_DATE_DIGITS, 10: 4, 12: 5, 14: 6, 17: 6}
_TIME_DIGITS = {2: 1, 4: 2, 6: 3, 9: 3}

# Digits after the point where none are asked for, and the most that we give.
_DECIMAL_DIGITS = 8
_MOST_DIGITS = 28


def low_boundary(value: Any, precision: int | None = None) -> Any:
    """The least value meant, to the precision asked for; None where there is no such precision."""
    return _boundary(value, precision, high=False)


def high_boundary(value: Any, precision: int | None = None) -> Any:
    """The greatest value meant, to the precision asked for; None where there is no such precision."""
    return _boundary(value, precision, high=True)


def _boundary(value: Any, precision: int | None, *, high: bool) -> Any:
    match value:
        case Quantity():
            number = _decimal_boundary(value.value, precision, high=high)
            return None if number is None else replace(value, value=number)
        case int() | Decimal():
            return _decimal_boundary(Decimal(value), precision, high=high)
        case Date():
            parts = (latest if high else earliest)(value.parts)[:3]
            return _cut(
                Date(tuple(int(part) for part in parts)),
                _DATE_DIGITS.get(8 if precision is None else precision),
            )
        case DateTime():
            return _datetime_boundary(value, 17 if precision is None else precision, high=high)
        case _:
            return _time_boundary(value, 9 if precision is None else precision, high=high)


def _decimal_boundary(value: Decimal, precision: int | None, *, high: bool) -> Decimal | None:
    """The boundary of a decimal: half a unit of its last digit away, rounded outwards to the precision."""
    places = _DECIMAL_DIGITS if precision is None else precision
    if not 0 <= places <= _MOST_DIGITS:
        return None
    half = Decimal(5).scaleb(-decimal_places(value) - 1)
    bound = ARITHMETIC.add(value, half if high else -half)
    return bound.quantize(Decimal(1).scaleb(-places), ROUND_CEILING if high else ROUND_FLOOR)


def decimal_places(value: Decimal) -> int:
    """How many digits stand after the point, trailing zeros counted."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _cut(value: Date, parts: int | None) -> Date | None:
    return None if parts is None else Date(value.parts[:parts])


def _datetime_boundary(value: DateTime, digits: int, *, high: bool) -> DateTime | None:
    """The boundary of an instant; where it says no offset, the one that makes it earliest or latest."""
    parts = _DATETIME_DIGITS.get(digits)
    if parts is None:
        return None
    filled = _to_seconds((latest if high else earliest)(value.parts)[:parts], digits == 14)
    if parts <= 3:
        return DateTime(filled)
    offset = value.offset
    return DateTime(filled, (WESTERNMOST if high else EASTERNMOST) if offset is None else offset)


def _time_boundary(value: Time, digits: int, *, high: bool) -> Time | None:
    parts = _TIME_DIGITS.get(digits)
    if parts is None:
        return None
    # A time of day is filled like the time of any day.
    filled = (latest if high else earliest)((2000, 1, 1, *value.parts))[3 : 3 + parts]
    return Time(_to_seconds(filled, digits == 6))


def _to_seconds(parts: tuple[Part, ...], whole: bool) -> tuple[Part, ...]:  # noqa: FBT001 - a private step of two callers
    """The parts, the second without its fraction where whole seconds are asked for."""
    return (*parts[:-1], Decimal(int(parts[-1]))) if whole else parts


def precision(value: Any) -> int:
    """The digits of precision of a decimal (after the point), date, instant or time."""
    match value:
        case Date() | DateTime():
            return (4, 6, 8, 10, 12, 14)[len(value.parts) - 1] + _fraction(value.parts, 6)
        case Time():
            return (2, 4, 6)[len(value.parts) - 1] + _fraction(value.parts, 3)
        case Quantity():
            return decimal_places(value.value)
        case _:
            return decimal_places(Decimal(value))


def _fraction(parts: tuple[Part, ...], seconds: int) -> int:
    """The digits of the fraction of a second."""
    return decimal_places(Decimal(parts[-1])) if len(parts) == seconds else 0
