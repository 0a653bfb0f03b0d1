"""Numbers as search sees them: floats, and the range that a number's digits imply.

Source: https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

# Longer than any FHIR decimal that a double can tell apart; keeps arithmetic on it cheap.
_LONGEST = 64
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)

# R4 recommends a tenth of the stated value for `ap`.
_APPROXIMATE = Decimal("0.1")


def real(number: float | Decimal) -> float:
    """The number as a float; one too great for a float is infinite, which still compares rightly."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def implied(text: str) -> tuple[float, float, float] | None:
    """The value and the range [low, high) that its digits imply; None where `text` is no number.

    Half a unit of the last digit lies on each side: 100 is [99.5, 100.5), 1e2 is [50, 150).
    """
    number = _decimal(text)
    if number is None:
        return None
    exponent = number.as_tuple().exponent
    half = Decimal(5).scaleb(int(exponent) - 1)
    return _finite(number, number - half, number + half)


def approximate(text: str) -> tuple[float, float, float] | None:
    """The value and the range [low, high) of what is about it; None where `text` is no number.

    A tenth of the value lies on each side, the upper end included, and never less than
    the digits imply.
    """
    number = _decimal(text)
    plain = implied(text)
    if number is None or plain is None:
        return None
    value, low, high = plain
    tenth = abs(number) * _APPROXIMATE
    return value, min(low, float(number - tenth)), max(high, math.nextafter(float(number + tenth), math.inf))


def _decimal(text: str) -> Decimal | None:
    if len(text) > _LONGEST or _NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text)


def _finite(value: Decimal, low: Decimal, high: Decimal) -> tuple[float, float, float] | None:
    """The three as floats, None where one has no float; the value lies in its range however long it is."""
    number = float(value)
    lower, upper = min(float(low), number), max(float(high), math.nextafter(number, math.inf))
    return (number, lower, upper) if math.isfinite(lower) and math.isfinite(upper) else None
