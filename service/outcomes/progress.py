"""Progress: where each series of ratings began, where it stands, and what the rules say of its change.

Source: domain facts section 1; docs/operations/progress.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from service.outcomes.changes import (
    Change,
    MeanChange,
    Tally,
    Verdict,
    change_of,
    mean_of_goals,
    slot_verdict,
    tally,
)
from service.outcomes.days import Days
from service.outcomes.references import Target
from service.outcomes.series import RATERS, SCORE, Point, Rater, Series


@dataclass(frozen=True, slots=True)
class Progress:
    """What a series comes to, on the day `today`.

    Units: `today` is a day as Python's date ordinal.
    """

    series: Series
    today: int

    @property
    def number(self) -> int:
        """How often the goal was rated; 0 is a rating, and what was missed is none."""
        return len(self.series.points)

    @property
    def baseline(self) -> Point | None:
        """The first rating; None where there is none."""
        return self.series.points[0] if self.series.points else None

    @property
    def latest(self) -> Point | None:
        """The last rating, which is the first one as well where there is but one."""
        return self.series.points[-1] if self.series.points else None

    @property
    def change(self) -> Change | None:
        """From the first rating to the last; None where there are not two."""
        return change_of(self.series.points)

    @property
    def days_since(self) -> int | None:
        """Days from the last rating to `today`, negative where it is of a later day; None without ratings."""
        return None if self.latest is None else self.today - self.latest.day

    @property
    def each_slot(self) -> Verdict | None:
        """What the slot rule says; None for levels of attainment, which it is not about."""
        return slot_verdict(self.change) if self.series.kind == SCORE else None


@dataclass(frozen=True, slots=True)
class Voice:
    """What the scores of one rater say, by each rule. `rated_by` is None for clinicians, who are one voice."""

    rater: Rater
    rated_by: Target | None
    mean: MeanChange
    slots: Tally


def within(series: Iterable[Series], days: Days) -> tuple[Series, ...]:
    """The series with what was rated or missed on these days alone; those without any are left out."""

    def kept(points: tuple[Point, ...]) -> tuple[Point, ...]:
        return tuple(point for point in points if days.first <= point.day <= days.last)

    cut = (replace(each, points=kept(each.points), missed=kept(each.missed)) for each in series)
    return tuple(each for each in cut if each.points or each.missed)


def voices(series: Iterable[Series]) -> tuple[Voice, ...]:
    """What each rater's scores say of all their goals together, in the order of `RATERS`, then by person.

    Levels of attainment have a summary of their own and are left out.
    """
    held: dict[tuple[Rater, Target | None], list[Series]] = {}
    for each in series:
        if each.kind == SCORE:
            held.setdefault((each.rater, each.rated_by), []).append(each)
    return tuple(
        _voice(rater, person, held[rater, person])
        for rater, person in sorted(held, key=lambda key: (RATERS.index(key[0]), key[1] or ("", "")))
    )


def _voice(rater: Rater, person: Target | None, series: Iterable[Series]) -> Voice:
    changes = [change_of(each.points) for each in series]
    return Voice(
        rater,
        person,
        mean_of_goals(change for change in changes if change is not None),
        tally(slot_verdict(change) for change in changes),
    )
