"""Quantities: a decimal and a unit, their order, equality and arithmetic.

Days, hours and the like mean the same in UCUM and in the calendar; years and months do not.

Source: https://hl7.org/fhirpath/N1/#quantity, https://hl7.org/fhirpath/N1/#time-valued-quantities
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Context, Decimal, DecimalException
from fractions import Fraction
from typing import Any

from service.fhir.paths.units import multiplied, parts, unit, written

UCUM = "http://unitsofmeasure.org"

# The words for calendar durations, and the UCUM unit of the same name.
CALENDAR_UNITS = {
    "year": "a", "years": "a", "month": "mo", "months": "mo", "week": "wk", "weeks": "wk",
    "day": "d", "days": "d", "hour": "h", "hours": "h", "minute": "min", "minutes": "min",
    "second": "s", "seconds": "s", "millisecond": "ms", "milliseconds": "ms",
}  # fmt: skip

_WORDS = {code: word for word, code in CALENDAR_UNITS.items()}

# Where durations are compared with no date to count from.
# Source: https://hl7.org/fhirpath/N1/#time-valued-quantities
_MONTHS = {"a": 12, "mo": 1}
_DAYS = {"a": 365, "mo": 30}

# Digits that results carry where they do not end by themselves; FHIRPath asks for 28.
# Source: https://hl7.org/fhirpath/N1/#decimal
ARITHMETIC = Context(prec=28)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value with its unit as written.

    `calendar` where the unit is a word such as `days`; `foreign` where it is neither that
    nor UCUM's (then it equals itself and converts to nothing).
    """

    value: Decimal
    unit: str
    calendar: bool = False
    foreign: bool = False

    def __str__(self) -> str:
        """The quantity as FHIRPath writes it: `4 days`, `10.5 'mg'`."""
        return f"{self.value:f} {self.unit}" if self.calendar else f"{self.value:f} '{self.unit}'"

    def json(self) -> dict[str, Any]:
        """The quantity as a FHIR Quantity."""
        if self.calendar or self.foreign:
            return {"value": self.value, "unit": self.unit}
        return {"value": self.value, "unit": self.unit, "system": UCUM, "code": self.unit}


def quantity_of(value: Any) -> Quantity | None:
    """The system quantity of a FHIR Quantity, None where it has no value or only a comparator's bound."""
    if not isinstance(value, dict) or "comparator" in value:
        return None
    number = value.get("value")
    if not isinstance(number, int | Decimal) or isinstance(number, bool) or not in_range(Decimal(number)):
        return None
    if value.get("system") == UCUM:
        return Quantity(Decimal(number), str(value.get("code", "1")))
    name = value.get("code") or value.get("unit")
    return (
        Quantity(Decimal(number), "1") if name is None else Quantity(Decimal(number), str(name), foreign=True)
    )


def as_quantity(value: Quantity | Decimal | int) -> Quantity:
    """The value as a quantity; a number is one of unit `1`."""
    return value if isinstance(value, Quantity) else Quantity(Decimal(value), "1")


def ucum_code(quantity: Quantity) -> str:
    """The UCUM unit of the quantity, for a calendar duration the one of the same name."""
    return CALENDAR_UNITS[quantity.unit] if quantity.calendar else quantity.unit


def _is_loose(quantity: Quantity) -> bool:
    """Whether the unit is a calendar year or month, whose length depends on the date."""
    return quantity.calendar and ucum_code(quantity) in _MONTHS


def ratio(left: Quantity, right: Quantity) -> Fraction | None:
    """How many of the left unit one of the right unit is, None where they do not compare."""
    if (left.unit, left.calendar, left.foreign) == (right.unit, right.calendar, right.foreign):
        return Fraction(1)
    if left.foreign or right.foreign:
        return None
    if _is_loose(left) or _is_loose(right):
        return _loose_ratio(left, right)
    one, other = unit(ucum_code(left)), unit(ucum_code(right))
    if one is None or other is None or one.dimension != other.dimension:
        return None
    return other.factor / one.factor


def _loose_ratio(left: Quantity, right: Quantity) -> Fraction | None:
    """As `ratio`, where one is a calendar year or month: known only between calendar durations."""
    if not (left.calendar and right.calendar):
        return None
    one, other = ucum_code(left), ucum_code(right)
    if one in _MONTHS and other in _MONTHS:
        return Fraction(_MONTHS[other], _MONTHS[one])
    return _in_days(other) / _in_days(one)


def _in_days(code: str) -> Fraction:
    """The length of a calendar duration in days."""
    if code in _DAYS:
        return Fraction(_DAYS[code])
    duration, day = unit(code), unit("d")
    if duration is None or day is None:
        raise KeyError(code)
    return duration.factor / day.factor


def decimal(number: Fraction) -> Decimal:
    """The fraction as a decimal, exact where 28 digits suffice."""
    return ARITHMETIC.divide(Decimal(number.numerator), Decimal(number.denominator))


def compare_quantities(left: Quantity | Decimal | int, right: Quantity | Decimal | int) -> int | None:
    """-1, 0 or 1 as left is less than, equal to or greater than right; None where they do not compare."""
    one, other = as_quantity(left), as_quantity(right)
    times = ratio(one, other)
    if times is None:
        return None
    difference = Fraction(one.value) - Fraction(other.value) * times
    return (difference > 0) - (difference < 0)


def equivalent_quantities(left: Quantity | Decimal | int, right: Quantity | Decimal | int) -> bool:
    """Whether the quantities are equal in the larger of their units, to the digits of the less precise."""
    one, other = as_quantity(left), as_quantity(right)
    if _is_loose(one) != _is_loose(other):
        one, other = _definite(one), _definite(other)
    times = ratio(one, other)
    if times is None:
        return False
    if times > 1:
        one, other, times = other, one, 1 / times
    return equivalent_decimals(one.value, decimal(Fraction(other.value) * times))


def _definite(quantity: Quantity) -> Quantity:
    """A calendar duration as the UCUM duration of the same name, to which it is equivalent."""
    return replace(quantity, unit=ucum_code(quantity), calendar=False)


def digits(value: Decimal) -> int:
    """How many digits stand after the point, trailing zeros not counted."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def equivalent_decimals(left: Decimal, right: Decimal) -> bool:
    """Whether the decimals are equal when rounded to the digits of the less precise.

    Source: https://hl7.org/fhirpath/N1/#equivalence
    """
    places = min(digits(left), digits(right))
    return round(left, places) == round(right, places)


def add(left: Quantity, right: Quantity, sign: int) -> Quantity | None:
    """The sum (sign 1) or difference (sign -1) in the left unit, None where the units do not compare.

    Years and months of the calendar are added only to their like: how many days they have
    nobody said.
    """
    times = ratio(left, right)
    if times is None or (times != 1 and (_is_loose(left) or _is_loose(right))):
        return None
    return replace(left, value=decimal(Fraction(left.value) + sign * Fraction(right.value) * times))


def multiply(left: Quantity, right: Quantity, sign: int) -> Quantity | None:
    """The product (sign 1) or quotient (sign -1), None for calendar durations, foreign units and division by zero."""
    value = Fraction(right.value)
    if sign < 0:
        if value == 0:
            return None
        value = 1 / value
    value *= Fraction(left.value)
    if right.unit == "1":
        return replace(left, value=decimal(value))
    if left.unit == "1" and sign > 0:
        return replace(right, value=decimal(value))
    if left.calendar or right.calendar or left.foreign or right.foreign:
        return None
    one, other = parts(left.unit), parts(right.unit)
    if one is None or other is None:
        return None
    return Quantity(decimal(value), written(multiplied(one, other, sign)))


def convert(quantity: Quantity, wanted: str) -> Quantity | None:
    """The quantity in another unit, None where there is no conversion; a number takes on the unit.

    Between the calendar and UCUM a duration is converted on its own side first, and then
    called by the other side's name: half a year of days is half a year of either.

    Source: https://hl7.org/fhirpath/#fn-toquantity
    """
    target = Quantity(Decimal(1), wanted, calendar=wanted in CALENDAR_UNITS)
    if quantity.unit == "1":
        known = target.calendar or unit(wanted) is not None
        return replace(target, value=quantity.value) if known else None
    step = target
    if quantity.calendar and not target.calendar and wanted in _WORDS:
        step = Quantity(Decimal(1), _WORDS[wanted], calendar=True)
    elif target.calendar and not quantity.calendar:
        step = _definite(target)
    times = ratio(step, quantity)
    return None if times is None else replace(target, value=decimal(Fraction(quantity.value) * times))


# The greatest decimal, and more digits after the point than any measurement has.
# Source: https://hl7.org/fhirpath/N1/#decimal
_LIMIT = Decimal(10) ** 28
_FINEST = -100


def in_range(value: Decimal) -> bool:
    """Whether we calculate with the decimal; beyond lies overflow or underflow, which gives nothing."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= _FINEST and abs(value) < _LIMIT


def calculated(operation: Any, *operands: Decimal) -> Decimal | None:
    """The result of a decimal operation, None where it has none (0/0, overflow, log of nothing)."""
    try:
        result: Decimal = operation(*operands)
    except (DecimalException, ValueError):
        return None
    return result if in_range(result) else None
