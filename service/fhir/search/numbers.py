"""Numbers as search sees them: floats, and the range that a number's digits imply.

Source: https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal

# Longer than any FHIR decimal that a double can tell apart; keeps arithmetic on it cheap.
_LONGEST = 64
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)

Span = tuple[float, float, float]  # a value, and the range [low, high) about it
Convert = Callable[[Decimal], float]

# R4 recommends a tenth of the stated value for `ap`.
_APPROXIMATE = Decimal("0.1")


def real(number: float | Decimal) -> float:
    """The number as a float; one too great for a float is infinite, which still compares rightly."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def implied(text: str, convert: Convert = float) -> Span | None:
    """The value and the range [low, high) that its digits imply; None where `text` is no number.

    Half a unit of the last digit lies on each side: 100 is [99.5, 100.5), 1e2 is [50, 150).
    `convert` makes floats of them, in another unit where it likes.
    """
    number = exact(text)
    if number is None:
        return None
    half = _half(number)
    return _finite(convert(number), convert(number - half), convert(number + half))


def approximate(text: str, convert: Convert = float) -> Span | None:
    """The value and the range [low, high) of what is about it; None where `text` is no number.

    A tenth of the value lies on each side, the upper end included, and never less than
    the digits imply. `convert` as for `implied`.
    """
    number = exact(text)
    if number is None:
        return None
    half, tenth = _half(number), abs(number) * _APPROXIMATE
    low = min(convert(number - half), convert(number - tenth))
    high = max(convert(number + half), math.nextafter(convert(number + tenth), math.inf))
    return _finite(convert(number), low, high)


def _half(number: Decimal) -> Decimal:
    """Half a unit of the last digit."""
    return Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)


def exact(text: str) -> Decimal | None:
    """The number that the text writes, None where it is none or has more digits than a double can tell apart."""
    if len(text) > _LONGEST or _NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text)


def _finite(number: float, low: float, high: float) -> Span | None:
    """The three, None where one is infinite; the value lies in its range however long its digits are."""
    lower, upper = min(low, number), max(high, math.nextafter(number, math.inf))
    return (number, lower, upper) if math.isfinite(lower) and math.isfinite(upper) else None
