"""Words, dates and numbers of a chart: what each language has to say, and how it is put together.

Dates are written so that nobody takes a month for a day: the month by its name.

Source: docs/operations/chart.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from service.outcomes.series import Rater
from service.pages.charts.pictures import State

MINUS: Final = "\u2212"


@dataclass(frozen=True, slots=True)
class Words:
    """What a chart says in one language.

    `raters` are who rates; `states` what a goal is called that is not being worked on. `score_ends`
    and `level_ends` name points of the two scales. In sentences `{}` is what is told.
    """

    language: str
    months: tuple[str, ...]
    decimal_sign: str
    raters: Mapping[Rater, str]
    states: Mapping[State, str]
    score_ends: Mapping[int, str]
    level_ends: Mapping[int, str]
    goal: str  # its slot
    goal_without_slot: str
    chart: str
    wording: str
    score_scale: str
    level_scale: str
    rated_once: str  # a value
    figures: str  # who, number of ratings, first value and its day, latest and its day, change
    figures_of_one: str  # who, value and its day
    every_rating: str
    none: str
    no_goals: str
    band: str  # points, whose first rating, points
    missed: str  # what a cross means
    missed_on: str  # days

    def day(self, day: int) -> str:
        """A day, given by its ordinal, with the month by name."""
        found = date.fromordinal(day)
        return f"{found.day} {self.months[found.month - 1]} {found.year}"

    def number(self, value: Decimal) -> str:
        """A value without zeros that say nothing."""
        plain = f"{value.normalize():f}"
        return plain.replace("-", MINUS).replace(".", self.decimal_sign)

    def signed(self, value: Decimal) -> str:
        """A change or a level: with its sign, 0 without one."""
        return f"+{self.number(value)}" if value > 0 else self.number(value)

    def who(self, rater: Rater, number: int) -> str:
        """Who rates; with a number where there are several."""
        name = self.raters[rater]
        return f"{name} {number}" if number else name

    def goal_name(self, slot: int | None) -> str:
        """What a goal is called beside its wording."""
        return self.goal_without_slot if slot is None else self.goal.format(slot)
