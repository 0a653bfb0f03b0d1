"""Ratings of goals: scores, and the answers of a session's form; each must fit the goal that it rates.

What a rating says is judged when it is written, and again when its goal changes: a change
of the goal may not make wrong what was rated before.

Source: domain facts sections 1 (slots and pairing) and 2.1 (codes of the slots);
https://hl7.org/fhir/R4/goal-definitions.html#Goal.statusDate
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from service.fhir.problems import Issue
from service.outcomes.days import Days
from service.outcomes.goals import Goal
from service.outcomes.references import Target


class Rating(NamedTuple):
    """One rating of one goal, as a score or a form says it; `…_place` is where it says so.

    `slot` is None where the rating does not say one, `days` where it has no date.
    """

    child: Target | None
    goal: Target
    place: str
    slot: int | None
    slot_place: str
    days: Days | None
    days_place: str


def is_of_another_child(rating: Rating, goal: Goal) -> bool:
    """Whether the goal is another young person's; not where one of the two does not say whose it is."""
    return rating.child is not None and goal.child is not None and rating.child != goal.child


def is_in_another_slot(rating: Rating, goal: Goal) -> bool:
    """Whether the rating goes by another slot than the goal holds; not where one of the two says none."""
    return rating.slot is not None and goal.slot is not None and rating.slot != goal.slot


def is_after_cancellation(rating: Rating, goal: Goal) -> bool:
    """Whether the goal had been cancelled on an earlier day; the day itself still counts."""
    if not goal.is_cancelled or goal.changed is None or rating.days is None:
        return False
    return rating.days.first > goal.changed.last


def is_before_start(rating: Rating, goal: Goal) -> bool:
    """Whether the goal was only agreed on a later day."""
    return rating.days is not None and goal.started is not None and rating.days.last < goal.started.first


def rates_its_goal(rating: Rating, goal: Goal) -> list[Issue]:
    """What is wrong with a rating of this goal."""
    if goal.is_in_error:
        return [
            _broken(
                slug="rating-goal-in-error",
                text="The goal was entered in error and is not rated.",
                place=rating.place,
            )
        ]
    issues = []
    if is_of_another_child(rating, goal):
        text = "The goal is not of the young person that this is about."
        issues.append(_broken(slug="goal-of-another-child", text=text, place=rating.place))
    if is_in_another_slot(rating, goal):
        text = "This goes by another slot than the goal holds."
        issues.append(_broken(slug="rating-slot-differs", text=text, place=rating.slot_place))
    if is_after_cancellation(rating, goal):
        text = "The goal had been cancelled before this day; it is not rated any more."
        issues.append(_broken(slug="rating-after-cancellation", text=text, place=rating.days_place))
    elif goal.is_cancelled and goal.changed is None:
        text = "The goal is cancelled and does not say since when, so this may be a score from after its end."
        issues.append(Issue("warning", "business-rule", "rating-cancellation-undated", text, rating.place))
    if is_before_start(rating, goal):
        text = "The goal was agreed on a later day than this."
        issues.append(Issue("warning", "business-rule", "rating-before-start", text, rating.days_place))
    return issues


def keeps_its_ratings(goal: Goal, ratings: Iterable[Rating]) -> list[Issue]:
    """What a goal, as it shall be from now on, would make wrong of the ratings that there are of it.

    A goal that was entered in error keeps none, and its ratings are for whoever entered them to mark.
    """
    if goal.is_in_error:
        return []
    given = tuple(ratings)
    issues = []
    if any(is_of_another_child(rating, goal) for rating in given):
        text = "There are ratings of this goal for another young person; a goal does not change hands."
        issues.append(_broken(slug="goal-rated-for-another-child", text=text, place="Goal.subject"))
    if any(is_in_another_slot(rating, goal) for rating in given):
        text = "There are ratings of this goal by another slot; a goal keeps its slot once it is rated."
        issues.append(_broken(slug="goal-rated-in-another-slot", text=text, place=goal.slot_place))
    if any(is_after_cancellation(rating, goal) for rating in given):
        text = "There are ratings of this goal from after the day on which it says it was cancelled."
        issues.append(_broken(slug="goal-rated-after-cancellation", text=text, place="Goal.statusDate"))
    return issues


def _broken(*, slug: str, text: str, place: str) -> Issue:
    return Issue("error", "business-rule", slug, text, place)
