"""Reasons: why somebody or something is on a worklist, in words that a clinic's screen can show.

Source: docs/operations/worklist.md; CodeSystem worklist-reason
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from service.outcomes.days import text_of_day
from service.outcomes.references import Target

Code = Literal[
    "review-overdue",
    "goal-not-rated",
    "goal-never-rated",
    "closing-not-scored",
    "closing-scored-once",
    "closing-goal-scored-once",
    "coordinator-missing",
    "coordinator-gone",
    "coordinator-inactive",
    "team-inactive",
    "team-coordinator-missing",
    "team-coordinator-differs",
]

_ONE: Final = 1


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an entry is on a list; `text` has no word of anybody's in it.

    `day` is the day that it goes by, such as that of the last rating, `days` how many lie between
    it and the day of the list, negative where it lies ahead; both None where no day is known.
    `about` is what it is about beside the entry itself.

    Units: `day` as Python's date ordinal, `days` in days.
    """

    code: Code
    text: str
    day: int | None = None
    days: int | None = None
    about: tuple[Target, ...] = ()


def placed(day: int, on: int) -> str:
    """Where a day lies, seen from the day of the list, such as `2026-10-14, 44 days before 2026-11-27`."""
    if day < on:
        return f"{text_of_day(day)}, {_number(on - day)} before {text_of_day(on)}"
    if day > on:
        return f"{text_of_day(day)}, {_number(day - on)} after {text_of_day(on)}"
    return text_of_day(day)


def _number(days: int) -> str:
    return f"{days} day" if days == _ONE else f"{days} days"
