"""Unrated goals: goals that are worked towards and rated, and that nobody has rated for some time.

Whoever rated counts, as ratings stand side by side. A rating that was due and not given
(dataAbsentReason) is none; 0 is one.

Source: domain facts sections 1 (a goal is rated about every session) and 7; docs/operations/worklist.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from service.outcomes.days import days_of
from service.outcomes.goals import ACTIVE
from service.outcomes.reasons import Reason, placed
from service.outcomes.recognition import GOAL_SCORES, SLOT_EXTENSION, Resource, codings
from service.outcomes.series import Point

GAS_EXTENSION: Final = "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"
GOAL_MEASURE: Final = (GOAL_SCORES, "goal-score")


def is_rated(goal: Resource) -> bool:
    """Whether a goal is one that is rated: it has a slot, a point on the scale to reach, or attainment levels.

    More than three goals may be written down; those beyond have none of these, and are not rated.
    """
    extensions = {extension.get("url") for extension in goal.get("extension", ())}
    if not extensions.isdisjoint((SLOT_EXTENSION, GAS_EXTENSION)):
        return True
    return any(GOAL_MEASURE in codings(target.get("measure")) for target in goal.get("target", ()))


def last_rating(points: Iterable[Point]) -> Point | None:
    """The last of the ratings that have a value; None where there is none."""
    rated = [point for point in points if point.value is not None]
    return max(rated, key=lambda point: (point.day, point.order), default=None)


def not_rated(goal: Resource, points: Iterable[Point], on: int, days: int) -> tuple[Reason, ...]:
    """Why a goal is one that was not rated for at least so many days; empty where it is not.

    A goal that was never rated counts from the day on which it was agreed; where it does not say
    that day, it is always one.
    """
    if goal.get("lifecycleStatus") != ACTIVE or not is_rated(goal):
        return ()
    last = last_rating(points)
    if last is None:
        return _never_rated(goal, on, days)
    if on - last.day < days:
        return ()
    text = f"The goal was last rated on {placed(last.day, on)}."
    about = (("Observation", last.observation),)
    return (Reason("goal-not-rated", text, last.day, on - last.day, about),)


def _never_rated(goal: Resource, on: int, days: int) -> tuple[Reason, ...]:
    agreed = days_of(goal.get("startDate"))
    if agreed is None:
        return (Reason("goal-never-rated", "The goal was never rated."),)
    # Of a month or a year it may have been any day: the first, so that nobody is left out.
    if on - agreed.first < days:
        return ()
    text = f"The goal was never rated; it was agreed on {placed(agreed.first, on)}."
    return (Reason("goal-never-rated", text, agreed.first, on - agreed.first),)
