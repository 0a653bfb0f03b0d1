"""Changes of goal scores, and the two rules by which a change is held to be reliable.

The two disagree: the mean rule (CORC) looks at all rated goals of a person together, the slot
rule (NHS England) at each alone. Whoever shows a verdict says by which rule.

Source: domain facts section 1 (two rules; missing data), data `gbo.rci_mean_of_goals` and
`gbo.rci_per_goal_nhse`, `reliable_change_national.rollup_per_rater`
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Literal

from service.outcomes.series import Point

Verdict = Literal["improved", "deteriorated", "no-change", "not-rated-twice"]

IMPROVED: Final = "improved"
DETERIORATED: Final = "deteriorated"
NO_CHANGE: Final = "no-change"
NOT_RATED_TWICE: Final = "not-rated-twice"

# More than this, either way. Source: Edbrooke-Childs et al. 2015; domain facts section 1
MEAN_THRESHOLD: Final = Decimal("2.45")
# This or more, either way. Source: NHSDigital/mental-health-monthly-statistics@7b4d742; domain facts section 1
SLOT_THRESHOLD: Final = Decimal(3)

# Means are shown with two digits after the point; they are judged unrounded.
_SHOWN: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Change:
    """From the first rating to the last one of at least two."""

    first: Point
    last: Point

    @property
    def value(self) -> Decimal:
        """By how much the last rating is higher than the first; negative where it is lower."""
        return _value(self.last) - _value(self.first)


@dataclass(frozen=True, slots=True)
class MeanChange:
    """What the mean rule says of the goals that were rated twice: how many, their changes together, the verdict."""

    goals: int
    total: Decimal
    verdict: Verdict

    @property
    def mean(self) -> Decimal | None:
        """The mean change, rounded half away from zero to two digits after the point; None without goals."""
        if self.goals == 0:
            return None
        return (self.total / self.goals).quantize(_SHOWN, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many verdicts are which, and what they come to together. Units: goals, or slots."""

    improved: int
    deteriorated: int
    unchanged: int

    @property
    def verdict(self) -> Verdict:
        """Deteriorated where anything is; else improved where anything is; else no change, if anything was judged."""
        if self.deteriorated:
            return DETERIORATED
        if self.improved:
            return IMPROVED
        return NO_CHANGE if self.unchanged else NOT_RATED_TWICE


def change_of(points: Sequence[Point]) -> Change | None:
    """The change over ratings that all have a value, oldest first; None where they are fewer than two."""
    return Change(points[0], points[-1]) if len(points) > 1 else None


def mean_of_goals(changes: Iterable[Change]) -> MeanChange:
    """The mean rule: the mean change over the goals that were rated twice is more than 2.45, strictly.

    One change for each such goal; goals that were not rated twice have none and are left out.

    Source: domain facts section 1 (the mean over goals rated at both points, with their number)
    """
    values = [change.value for change in changes]
    total = sum(values, Decimal(0))
    if not values:
        return MeanChange(0, total, NOT_RATED_TWICE)
    bound = MEAN_THRESHOLD * len(values)
    verdict: Verdict = NO_CHANGE
    if total > bound:
        verdict = IMPROVED
    elif total < -bound:
        verdict = DETERIORATED
    return MeanChange(len(values), total, verdict)


def slot_verdict(change: Change | None) -> Verdict:
    """The slot rule for one goal or slot: it changed by 3 or more. A higher score is better."""
    if change is None:
        return NOT_RATED_TWICE
    if change.value >= SLOT_THRESHOLD:
        return IMPROVED
    return DETERIORATED if change.value <= -SLOT_THRESHOLD else NO_CHANGE


def tally(verdicts: Iterable[Verdict]) -> Tally:
    """The verdicts counted; what was not rated twice is not counted."""
    given = list(verdicts)
    return Tally(given.count(IMPROVED), given.count(DETERIORATED), given.count(NO_CHANGE))


def _value(point: Point) -> Decimal:
    """The value of a rating that has one.

    Raises:
        ValueError: it has none, and should not have been counted.
    """
    if point.value is None:
        raise ValueError("What was not rated has no change.")
    return point.value
