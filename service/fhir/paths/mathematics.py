"""Functions of numbers.

Source: https://hl7.org/fhirpath/N1/#math
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.quantities import ARITHMETIC, Quantity, calculated
from service.fhir.paths.scalars import MEASURE, NUMBER, WHOLE, Argument, scalar
from service.fhir.paths.types import DECIMAL

Number = int | Decimal

# Logarithms and powers never end; worked out to more digits than are given, their last one is right.
_CAREFUL = Context(prec=40)


def whole(value: Decimal) -> int | None:
    """The integer, None beyond FHIRPath's range.

    Source: https://hl7.org/fhirpath/N1/#integer
    """
    number = int(value)
    return number if -(2**31) <= number < 2**31 else None


def _magnitude(value: Number | Quantity) -> Number | Quantity:
    if isinstance(value, Quantity):
        return replace(value, value=abs(value.value))
    return abs(value) if isinstance(value, int) else value.copy_abs()


def _to_integer(rounding: str) -> Callable[[Number | Quantity], Any]:
    """A function that rounds one way; a quantity keeps its unit."""

    def run(value: Number | Quantity) -> Any:
        if isinstance(value, Quantity):
            return replace(value, value=value.value.to_integral_value(rounding))
        return whole(Decimal(value).to_integral_value(rounding))

    return run


def _round(value: Number | Quantity, places: int = 0) -> Decimal | Quantity | None:
    if not 0 <= places <= ARITHMETIC.prec:
        raise EvaluationError(f"round() takes 0 to {ARITHMETIC.prec} places.")
    if isinstance(value, Quantity):
        rounded = _rounded(value.value, places)
        return None if rounded is None else replace(value, value=rounded)
    return _rounded(Decimal(value), places)


def _rounded(value: Decimal, places: int) -> Decimal | None:
    return calculated(
        lambda number: number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, _CAREFUL), value
    )


def _given(value: Decimal | None) -> Decimal | None:
    """The value to the digits that FHIRPath carries."""
    return None if value is None else ARITHMETIC.plus(value).normalize(_CAREFUL)


def _exp(value: Number) -> Decimal | None:
    return _given(calculated(_CAREFUL.exp, Decimal(value)))


def _ln(value: Number) -> Decimal | None:
    return _given(calculated(_CAREFUL.ln, Decimal(value))) if value > 0 else None


def _log(value: Number, base: Number) -> Decimal | None:
    if value <= 0 or base <= 0 or base == 1:
        return None
    return _given(
        calculated(
            lambda number, root: _CAREFUL.divide(_CAREFUL.ln(number), _CAREFUL.ln(root)),
            Decimal(value),
            Decimal(base),
        )
    )


def _power(value: Number, exponent: Number) -> Number | None:
    if isinstance(value, int) and isinstance(exponent, int) and exponent >= 0:
        result = calculated(_CAREFUL.power, Decimal(value), Decimal(exponent))
        return None if result is None else whole(result)
    return _given(calculated(_CAREFUL.power, Decimal(value), Decimal(exponent)))


def _sqrt(value: Number) -> Decimal | None:
    return _given(calculated(_CAREFUL.sqrt, Decimal(value)))


_NUMBER = Argument(NUMBER)

MATHEMATICS = {
    "abs": scalar(_magnitude, MEASURE, None),
    "ceiling": scalar(_to_integer(ROUND_CEILING), MEASURE, None),
    "floor": scalar(_to_integer(ROUND_FLOOR), MEASURE, None),
    "truncate": scalar(_to_integer(ROUND_DOWN), MEASURE, None),
    "round": scalar(_round, MEASURE, None, Argument(WHOLE, optional=True)),
    "exp": scalar(_exp, NUMBER, DECIMAL),
    "ln": scalar(_ln, NUMBER, DECIMAL),
    "log": scalar(_log, NUMBER, DECIMAL, _NUMBER),
    "power": scalar(_power, NUMBER, None, _NUMBER),
    "sqrt": scalar(_sqrt, NUMBER, DECIMAL),
}
