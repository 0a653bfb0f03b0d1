"""Changes of measures, as a clinician reads them: first score and last, and whether that is a reliable change.

Each measure stands for itself, and each rater's view of it. Better is what is better for the young
person. RCADS is judged on T scores, each by the norm for the age at which it was filled in;
where there is no norm, no change of it is called reliable. The thresholds are those of the
national metric, because no others are published for all of them in one place.

Source: domain facts sections 2.2, 3.3 and 9.6, 9.7
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from service.outcomes.changes import DETERIORATED, IMPROVED, NO_CHANGE, NOT_RATED_TWICE
from service.outcomes.measures import HIGHER_IS_BETTER, TEACHER, Direction, Measure
from service.outcomes.norms import Norm, Norms, Person
from service.outcomes.references import Target
from service.outcomes.referrals import Referral
from service.outcomes.series import CLINICIAN, RATERS
from service.outcomes.takings import Taking, once_each

Judged = Literal[
    "improved",
    "deteriorated",
    "no-change",
    "not-rated-twice",
    "no-threshold",
    "no-norm",
    "not-paired",
    "outside-metric",
    "no-referral",
]
Caution = Literal[
    "outside-range",
    "norms-differ",
    "before-first-contact",
    "direction-reversed",
    "counted-as-anothers",
    "raw-against-t-threshold",
    "raters-differ",
    "slot-reused",
    "referral-by-date",
]

NO_THRESHOLD: Final = "no-threshold"
NO_NORM: Final = "no-norm"

OUTSIDE_RANGE: Final = "outside-range"
NORMS_DIFFER: Final = "norms-differ"

# In the order in which they are shown; a code of an added package stands behind them.
_RATERS: Final = {rater: number for number, rater in enumerate((*RATERS, TEACHER))}


@dataclass(frozen=True, slots=True)
class Scored:
    """A taking with the norm by which it is judged, and the age that the norm was chosen by."""

    taking: Taking
    age: int | None = None
    norm: Norm | None = None

    @property
    def t_score(self) -> Fraction | None:
        """Its T score; None where there is no norm."""
        return None if self.norm is None else self.norm.t_score(self.taking.value)


@dataclass(frozen=True, slots=True)
class MeasureChange:
    """What became of one measure in one rater's view.

    `scored` are the scores that count, oldest first; `first` and `last` those that are compared.
    `change` is of T scores where `of_t_scores`, else of scores; None where there is nothing to
    compare. `direction` is the way that was taken for better and `threshold` the least change that
    was called reliable. `rated_by` is the person, None where several are one view.
    """

    measure: Measure
    rater: str
    rated_by: Target | None
    referral: Referral | None
    direction: Direction
    threshold: Decimal | None
    of_t_scores: bool
    scored: tuple[Scored, ...]
    first: Scored | None
    last: Scored | None
    change: Fraction | None
    verdict: Judged
    cautions: tuple[Caution, ...]


def clinical_changes(takings: Iterable[Taking], person: Person, norms: Norms) -> tuple[MeasureChange, ...]:
    """The change of each measure in each view: by measure, then rater, then person.

    Clinicians are one view together, because staff change; everybody else is one each.
    """
    held: dict[tuple[Measure, str, Target | None], list[Taking]] = {}
    for taking in once_each(takings):
        person_ = None if taking.rater == CLINICIAN else taking.rated_by
        held.setdefault((taking.measure, taking.rater, person_), []).append(taking)
    found = [_clinical(*key, scores, person, norms) for key, scores in held.items()]
    return tuple(sorted(found, key=place))


def place(change: MeasureChange) -> tuple[str, str, int, Target]:
    """What changes stand in the order of: measure, rater and person."""
    measure = change.measure.coding
    return measure[0], measure[1], place_of_rater(change.rater), change.rated_by or ("", "")


def place_of_rater(rater: str) -> int:
    """What raters stand in the order of."""
    return _RATERS.get(rater, len(_RATERS))


def verdict_of(change: Fraction, threshold: Decimal, direction: Direction) -> Judged:
    """What a change comes to: reliable from the threshold on, that value included.

    Source: domain facts section 3.3
    """
    if abs(change) < threshold:
        return NO_CHANGE
    return IMPROVED if (change > 0) is (direction == HIGHER_IS_BETTER) else DETERIORATED


def by_norm(taking: Taking, person: Person, norms: Norms, day: int | None) -> Scored:
    """The taking with the norm for the age on that day, where its measure is judged on T scores."""
    national = taking.measure.national
    if national is None or not national.of_t_scores:
        return Scored(taking)
    age = None if day is None else person.age_on(day)
    return Scored(taking, age, norms.find(taking.measure.code, person.sex, age))


def difference(first: Scored, last: Scored) -> Fraction:
    """How far the last score lies above the first."""
    return Fraction(last.taking.value) - Fraction(first.taking.value)


def t_difference(first: Scored, last: Scored) -> Fraction | None:
    """How far the last T score lies above the first; None where one of them has no norm."""
    before, after = first.t_score, last.t_score
    return None if before is None or after is None else after - before


def _clinical(
    measure: Measure,
    rater: str,
    rated_by: Target | None,
    takings: list[Taking],
    person: Person,
    norms: Norms,
) -> MeasureChange:
    scored = tuple(by_norm(taking, person, norms, taking.day) for taking in takings if taking.is_in_range)
    national = measure.national
    change = MeasureChange(
        measure=measure,
        rater=rater,
        rated_by=rated_by,
        referral=None,
        direction=measure.direction,
        threshold=None if national is None else national.threshold,
        of_t_scores=national is not None and national.of_t_scores,
        scored=scored,
        first=None,
        last=None,
        change=None,
        verdict=NOT_RATED_TWICE,
        cautions=() if len(scored) == len(takings) else (OUTSIDE_RANGE,),
    )
    match scored:
        case (first, *_, last):
            return _judged(change, first, last)
        case _:
            return change


def _judged(change: MeasureChange, first: Scored, last: Scored) -> MeasureChange:
    """The change from the first score to the last, and the verdict on it."""
    moved = t_difference(first, last) if change.of_t_scores else difference(first, last)
    verdict: Judged
    if change.threshold is None:
        verdict = NO_THRESHOLD
    elif moved is None:
        verdict = NO_NORM
    else:
        verdict = verdict_of(moved, change.threshold, change.direction)
    cautions = change.cautions if first.norm == last.norm else (*change.cautions, NORMS_DIFFER)
    return replace(change, first=first, last=last, change=moved, verdict=verdict, cautions=cautions)
