"""goals-not-rated: goals that are worked towards and that nobody has rated for some time.

Candidates are active goals without a rating from after that time. Search reads dates in UTC
and the clinic by the day that is written, so one day beside the bound is left for the rule to tell.
The ratings of the goals of a page are read together, for the rule and for the reason that is told.

Source: docs/operations/worklist.md
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.fhir.search.expressions import And, Has, Missing, Not, Or, Query, Token
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.pauses import breathe
from service.operations.rated import GOAL_SCORE
from service.operations.worklists.asking import Asked, all_of, begins_after, of_agency
from service.operations.worklists.sifting import Judge, Listed, Sieve, referring_all
from service.outcomes.goals import ACTIVE
from service.outcomes.series import Point, read_points
from service.outcomes.unrated_goals import is_rated, last_rating, not_rated
from service.storage.store import Stored

GOAL: Final = "Goal"
SCORES: Final = (("Observation", "focus"),)
AT_ONCE: Final = 1

# What counts, of R4's eight statuses. Source: service/outcomes/series.py
COUNTED: Final = Or(
    tuple(Token("status", None, status) for status in ("final", "amended", "corrected", "unknown"))
)
RATING: Final = (GOAL_SCORE, COUNTED, Missing(parameter="data-absent-reason", missing=True))
_MARGIN: Final = 1  # days between what UTC and what a text call a day


def sieve(context: Context, act: Act, asked: Asked) -> Sieve:
    """What the list is made from."""
    since = begins_after("date", asked.on - asked.days + _MARGIN)
    where = all_of(
        Token("lifecycle-status", None, ACTIVE),
        *of_agency(asked, "goal-agency"),
        Not(Has("Observation", "focus", And((*RATING, since)))),
    )
    return Sieve((Query(GOAL, where, AT_ONCE),), _judge(context, act, asked), AT_ONCE)


def _judge(context: Context, act: Act, asked: Asked) -> Judge:
    async def judge(goals: Sequence[Stored]) -> list[Listed]:
        rated = [
            (stored, goal) for stored, goal in ((each, content(each)) for each in goals) if is_rated(goal)
        ]
        ratings = await ratings_of(context, act, [stored.id for stored, _ in rated])
        found = []
        for stored, goal in rated:
            given = ratings[stored.id]
            points = [point for _, point in given]
            reasons = not_rated(goal, points, asked.on, asked.days)
            if reasons:
                last = last_rating(points)
                beside = tuple(rating for rating, point in given if point is last)
                found.append(Listed(stored, reasons, beside, (stored, *beside)))
        return found

    return judge


async def ratings_of(
    context: Context, act: Act, goals: Sequence[str]
) -> dict[str, list[tuple[Stored, Point]]]:
    """The ratings of each of the goals, by its id, that have a value, by whomever."""
    found: dict[str, list[tuple[Stored, Point]]] = {goal: [] for goal in goals}
    if not goals:
        return found
    locate = Addresses(context.registry, context.base_url).target
    targets = [(GOAL, goal) for goal in goals]
    scores = await referring_all(context.store, act.caller.locality, targets, SCORES)
    for index, stored in enumerate(scores):
        for point in read_points(content(stored), locate):
            if point.value is not None and point.goal[1] in found:
                found[point.goal[1]].append((stored, point))
        await breathe(index)
    return found
