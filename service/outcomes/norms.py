"""Norms: what young people of an age and sex score on RCADS, and where one of them stands by that.

Thresholds of RCADS are of T scores. A T score compares a raw score with the mean and standard
deviation of the norm: 50 + 10 * (raw - mean) / sd. Norms are there for ages 8 to 17 in bands
of two years, for girls and for boys; nobody else has one.

Source: domain facts sections 2.2 and 9.7; `data/rcads_norms.json` as written by
scripts/write_norms.py (NHSDigital/mental-health-monthly-statistics @7b4d742)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

from service.fhir import codec
from service.outcomes.days import Days, days_of

Sex = Literal["female", "male"]

# A T score of 50 is the mean of the norm, 10 points are one standard deviation.
T_OF_MEAN: Final = 50
T_OF_DEVIATION: Final = 10
# T scores and changes of them are shown to this; verdicts are of the unrounded ones.
_SHOWN: Final = Decimal("0.01")
# More digits than any score has, so that a division that never ends is rounded once and not twice.
_DIGITS: Final = Context(prec=50)

_SEXES: Final[Mapping[str, Sex]] = MappingProxyType({"female": "female", "male": "male"})


@dataclass(frozen=True, slots=True)
class Norm:
    """What those score with whom a young person is compared."""

    mean: Decimal
    deviation: Decimal

    def t_score(self, raw: Decimal) -> Fraction:
        """The T score of a raw score, exactly."""
        away = (Fraction(raw) - Fraction(self.mean)) / Fraction(self.deviation)
        return T_OF_MEAN + T_OF_DEVIATION * away


class Norms:
    """Norms by measure, sex and age."""

    __slots__ = ("_by_group",)

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Takes rows of `measure` (its code), `sex`, `ages` (first and last, both included), `mean` and `sd`."""
        self._by_group = {
            (row["measure"], row["sex"], age): Norm(Decimal(row["mean"]), Decimal(row["sd"]))
            for row in rows
            for age in range(row["ages"][0], row["ages"][1] + 1)
        }

    def find(self, measure: str, sex: Sex | None, age: int | None) -> Norm | None:
        """The norm of the measure of that code; None where there is none for this sex and age."""
        return None if sex is None or age is None else self._by_group.get((measure, sex, age))


def rcads_norms() -> Norms:
    """The norms of RCADS that come with the service."""
    written = resources.files("service.outcomes").joinpath("data", "rcads_norms.json").read_bytes()
    return Norms(codec.decode(written)["rows"])


@dataclass(frozen=True, slots=True)
class Person:
    """What norms depend on: the days on one of which somebody was born, and their sex; None where it is not told."""

    born: Days | None
    sex: Sex | None

    def age_on(self, day: int) -> int | None:
        """How many years old they are on a day; None where that cannot be told, and before birth.

        Units: `day` as Python's date ordinal, the age in whole years.
        """
        if self.born is None:
            return None
        least, most = _years(self.born.last, day), _years(self.born.first, day)
        return most if least == most and least >= 0 else None


def read_person(patient: Mapping[str, Any]) -> Person:
    """What norms depend on, of a Patient; a gender that is neither female nor male has no norm."""
    return Person(days_of(patient.get("birthDate")), _SEXES.get(patient.get("gender", "")))


def _years(born: int, day: int) -> int:
    """Whole years from one day to another; who was born on 29 February has a birthday on 1 March in other years."""
    first, last = date.fromordinal(born), date.fromordinal(day)
    return last.year - first.year - ((last.month, last.day) < (first.month, first.day))


def shown(figure: Fraction) -> Decimal:
    """A T score, or a change of one, to two places, halves away from nought."""
    exact = _DIGITS.divide(Decimal(figure.numerator), Decimal(figure.denominator))
    return exact.quantize(_SHOWN, ROUND_HALF_UP)


NORMS: Final = rcads_norms()
