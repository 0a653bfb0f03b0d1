"""Quantities in one unit of their dimension, so that 0.5 g is found where 500 mg are asked for.

UCUM's units are told by `service.fhir.paths.units`; here come the two temperatures whose
scales do not begin at zero. Arithmetic is in fractions, so that equal quantities in
different units become the same float.

Source: https://ucum.org/ucum, https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from service.fhir.paths.units import unit, written
from service.fhir.search.numbers import real

UCUM = "http://unitsofmeasure.org"

# Longer than any unit of the clinic; keeps factors small.
LONGEST_UNIT = 40

_TEMPERATURE = "K"
_AFFINE = {
    "Cel": (Fraction("273.15"), Fraction(1)),
    "[degF]": (Fraction("459.67"), Fraction(5, 9)),
}


@dataclass(frozen=True, slots=True)
class Conversion:
    """From a unit to the canonical `code` of its dimension: add `zero`, then multiply by `factor`."""

    code: str
    zero: Fraction
    factor: Fraction

    def __call__(self, number: float | Decimal) -> float:
        """The number in the canonical unit; one beyond what a float holds stays infinite or 0."""
        known = real(number)
        if not math.isfinite(known) or (known == 0 and number != 0):
            return known
        exact = (Fraction(number) + self.zero) * self.factor
        try:
            return float(exact)
        except OverflowError:
            return math.inf if exact > 0 else -math.inf


@lru_cache(maxsize=1_024)
def conversion(system: str, code: str) -> Conversion | None:
    """The conversion of a unit; None where it is not of UCUM, is not known, or is a plain count (`1`, `{score}`)."""
    if system != UCUM or not code or len(code) > LONGEST_UNIT:
        return None
    if code in _AFFINE:
        return Conversion(_TEMPERATURE, *_AFFINE[code])
    found = unit(code)
    if found is None or (not found.dimension and found.factor == 1):
        return None
    return Conversion(written(found.dimension), Fraction(0), found.factor)
