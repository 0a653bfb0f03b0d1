"""Scores: the Observations in which a goal is rated.

Source: domain facts sections 1 and 2.1, section 6.3 (focus leads to the goal, derivedFrom to the form)
"""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from service.fhir.problems import Issue
from service.outcomes.days import Days, days_of, days_of_period
from service.outcomes.ratings import Rating
from service.outcomes.recognition import SLOT_OF_CODE, Resource, codings
from service.outcomes.references import Locate, Target, child, target
from service.outcomes.statuses import IN_ERROR


class Score(NamedTuple):
    """What the rules look at in a score: its ratings, and the forms that it comes from, each with its place."""

    ratings: tuple[Rating, ...]
    sources: tuple[tuple[Target, str], ...]
    is_in_error: bool


def read_score(resource: Resource, locate: Locate) -> Score:
    """What the rules look at in an Observation that rates a goal."""
    whose, slot, days = child(resource, locate), _slot(resource), _days(resource)
    ratings = tuple(
        Rating(whose, goal, place, slot, "Observation.code", days, "Observation.effective")
        for goal, place in targets(resource, "focus", locate)
        if goal[0] == "Goal"
    )
    sources = targets(resource, "derivedFrom", locate)
    return Score(ratings, sources, resource.get("status") == IN_ERROR)


def targets(resource: Resource, element: str, locate: Locate) -> tuple[tuple[Target, str], ...]:
    """What the references of a repeating element lead to, each with its place."""
    type_ = resource.get("resourceType")
    found = (
        (target(reference, locate), f"{type_}.{element}[{index}]")
        for index, reference in enumerate(resource.get(element, ()))
    )
    return tuple((leads_to, place) for leads_to, place in found if leads_to is not None)


def _slot(resource: Resource) -> int | None:
    slots = {SLOT_OF_CODE[coding] for coding in codings(resource.get("code")) if coding in SLOT_OF_CODE}
    return slots.pop() if len(slots) == 1 else None


def _days(resource: Resource) -> Days | None:
    period = resource.get("effectivePeriod")
    if period is not None:
        return days_of_period(period)
    return days_of(resource.get("effectiveDateTime") or resource.get("effectiveInstant"))


def comes_from_sound_forms(
    score: Score, in_error: Container[Target], before: Score | None = None
) -> list[Issue]:
    """The issue of a score that is taken from a form entered in error.

    Not of one that was (`before`) taken from it when the form still held: what is amended then is no new score.
    """
    known = () if before is None else {source for source, _ in before.sources}
    return [
        Issue(
            "error",
            "business-rule",
            "score-of-response-in-error",
            "The response was entered in error; no score is taken from it.",
            place,
        )
        for source, place in score.sources
        if source in in_error and source not in known
    ]
