"""Needs-based groupings: one at a time, each for a dated period.

Source: domain facts section 5 (a grouping reflects current need and changes over time)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.fhir.problems import Issue
from service.outcomes.days import Days, days_of_period
from service.outcomes.recognition import Resource
from service.outcomes.references import Locate, Target, child
from service.outcomes.statuses import IN_ERROR


@dataclass(frozen=True, slots=True)
class Grouping:
    """What the rules look at in a grouping; `days` is None where it has no period."""

    id: str
    child: Target | None
    days: Days | None
    is_in_error: bool = False


def read_grouping(resource: Resource, locate: Locate) -> Grouping:
    """What the rules look at in an Observation that is a grouping."""
    period = resource.get("effectivePeriod")
    return Grouping(
        id=resource.get("id", ""),
        child=child(resource, locate),
        days=None if period is None else days_of_period(period),
        is_in_error=resource.get("status") == IN_ERROR,
    )


def one_grouping_at_a_time(grouping: Grouping, others: Iterable[Grouping]) -> list[Issue]:
    """The issue of a grouping in whose period the young person has another."""
    if grouping.is_in_error or grouping.child is None or grouping.days is None:
        return []
    if not any(
        not other.is_in_error
        and other.child == grouping.child
        and other.id != grouping.id
        and other.days is not None
        and other.days.overlaps(grouping.days)
        for other in others
    ):
        return []
    text = (
        "The young person has another grouping in this period."
        " End that one first; the day on which it ends may be the day on which this one begins."
    )
    return [Issue("error", "business-rule", "grouping-overlap", text, "Observation.effective")]
