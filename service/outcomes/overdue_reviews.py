"""Overdue reviews: plans that are followed, and were to be looked at again by a day that is over.

A review that was held moves the plan's day of review on, so the plan alone says whether one is due.

Source: domain facts section 5 (review date); docs/operations/worklist.md
"""

from __future__ import annotations

from typing import Final

from service.outcomes.days import days_of
from service.outcomes.plans import RUNNING
from service.outcomes.reasons import Reason, placed
from service.outcomes.recognition import OURS, Resource

REVIEW_DATE_EXTENSION: Final = f"{OURS}/StructureDefinition/plan-review-date"

LEAST_DAYS: Final = 1
"""Units: days. The day of review itself is in time."""


def last_day_of_review(plan: Resource) -> int | None:
    """The last day on which the plan can be reviewed in time; None where it says none."""
    for extension in plan.get("extension", ()):
        if extension.get("url") == REVIEW_DATE_EXTENSION:
            days = days_of(extension.get("valueDate"))
            return None if days is None else days.last
    return None


def review_overdue(plan: Resource, on: int, days: int = LEAST_DAYS) -> tuple[Reason, ...]:
    """Why a plan is past its review by at least so many days; empty where it is not.

    A plan on hold is one that is taken up again, so that it is reviewed as well.
    """
    due = last_day_of_review(plan)
    if due is None or plan.get("status") not in RUNNING or on - due < days:
        return ()
    text = f"The plan was to be reviewed by {placed(due, on)}."
    return (Reason("review-overdue", text, due, on - due),)
