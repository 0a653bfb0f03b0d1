"""The figures of $measures: what was measured, put together as it was asked for.

Source: docs/operations/measures.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.outcomes.measure_changes import MeasureChange, clinical_changes
from service.outcomes.national import Reason, View, left_out_for, national_changes, views
from service.outcomes.norms import NORMS

if TYPE_CHECKING:
    from service.operations.measured import Measured
    from service.outcomes.days import Days
    from service.outcomes.measures import Measure
    from service.outcomes.referrals import Referral, Referrals


@dataclass(frozen=True, slots=True)
class Asked:
    """What measures are asked for, of the Patient of that `id`: on which days, which ones, and how.

    In the mode nhse-parity the days are those on which referrals were closed.
    """

    id: str
    days: Days
    mode: str
    rows: str
    measures: frozenset[Measure]


@dataclass(frozen=True, slots=True)
class Told:
    """A referral, the age on the day of its receipt, why the metric would leave it out, and each rater's view of it."""

    referral: Referral
    age: int | None
    reasons: tuple[Reason, ...]
    views: tuple[View, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What measures come to; `referrals` are of the mode nhse-parity alone."""

    changes: tuple[MeasureChange, ...]
    referrals: tuple[Told, ...] = ()


def clinical(asked: Asked, found: Measured) -> Figures:
    """The figures as a clinician reads them, of the scores of the days that are asked for."""
    days = asked.days
    within = (taking for taking in found.takings if days.first <= taking.day <= days.last)
    changes = clinical_changes(within, found.person, NORMS)
    return Figures(_wanted(asked, changes))


def parity(asked: Asked, found: Measured, referrals: Referrals) -> Figures:
    """The figures as the national metric counts them, of scores up to the last day that is asked for.

    What a rater's measures come to is always of all of them, whichever are asked for.
    """
    changes = national_changes(found.takings, referrals, found.person, NORMS, asked.days.last)
    seen = views(changes)
    return Figures(
        _wanted(asked, changes),
        tuple(
            Told(
                referral,
                None if referral.received is None else found.person.age_on(referral.received),
                left_out_for(referral, found.person, asked.days),
                tuple(view for view in seen if view.referral == referral),
            )
            for referral in referrals
        ),
    )


def _wanted(asked: Asked, changes: tuple[MeasureChange, ...]) -> tuple[MeasureChange, ...]:
    return tuple(change for change in changes if change.measure in asked.measures)
