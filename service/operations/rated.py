"""What was rated: a young person's goals, or one goal, with every rating of them that counts.

What counts goals and ratings is `service/outcomes/series.py`; here they come from the store.

Source: docs/operations/progress.md
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from service.fhir.problems import Issue
from service.fhir.search.expressions import And, Expression, Or, Query, Reference, Token
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.read import require_current
from service.operations.every import every
from service.outcomes.recognition import GOAL_SCORES
from service.outcomes.references import Target
from service.outcomes.series import RATER_OF_CODE, Point, read_points
from service.outcomes.statuses import IN_ERROR

Json = dict[str, Any]

# Read at a time: what is rated in some years of help is fewer, so that one search finds it all.
STEP: Final = 1_000
# More ratings than this are no one person's.
MOST: Final = 20_000

# Every code of a goal's score, as a condition of a search of Observations.
GOAL_SCORE: Final = Or(
    (
        Token("code", GOAL_SCORES, None),
        *(Token("code", system, code) for system, code in RATER_OF_CODE if system != GOAL_SCORES),
    )
)


@dataclass(frozen=True, slots=True)
class Rated:
    """Goals by id, as they are now, and the ratings of them that count, in no order.

    Goals entered in error are not among them, and no rating of one is.
    """

    goals: dict[str, Json]
    points: tuple[Point, ...]


async def rated_for_child(context: Context, act: Act, id_: str) -> Rated:
    """The goals of the young person Patient/`id_` and the ratings of them.

    Raises:
        Missing, Gone: there is no such Patient.
        Invalid: there are more ratings than any one person has.
    """
    stored = await context.store.read(act.caller.locality, "Patient", id_)
    require_current(stored, "Patient", id_)
    subject = Reference("subject", "Patient", id_)
    # The ratings first: a goal that is stored after them can be there without its ratings, but not they without it.
    points = await ratings_where(context, act, subject)
    goals = {goal["id"]: goal async for goal in resources_where(context, act, "Goal", subject)}
    return sound(goals, points)


async def rated_for_goal(context: Context, act: Act, id_: str) -> Rated:
    """The goal Goal/`id_` and the ratings of it; none where it was entered in error.

    Raises:
        Missing, Gone: there is no such Goal.
        Invalid: there are more ratings than any one goal has.
    """
    points = await ratings_where(context, act, Reference("focus", "Goal", id_))
    stored = await context.store.read(act.caller.locality, "Goal", id_)
    goal = content(require_current(stored, "Goal", id_))
    me: Target = ("Goal", id_)
    return sound({id_: goal}, tuple(point for point in points if point.goal == me))


async def ratings_where(context: Context, act: Act, where: Expression) -> tuple[Point, ...]:
    """Every rating that counts in the goal scores for which the expression holds.

    Raises:
        Malformed: not every Observation can be found by the expression yet.
        Invalid: more than `MOST` match.
    """
    locate = Addresses(context.registry, context.base_url).target
    found: list[Point] = []
    async for observation in resources_where(context, act, "Observation", And((where, GOAL_SCORE))):
        found += read_points(observation, locate)
    return tuple(found)


async def resources_where(context: Context, act: Act, type_: str, where: Expression) -> AsyncIterator[Json]:
    """The contents of the resources of a type for which the expression holds, a page of the store at a time.

    Raises:
        Malformed: not everything that is stored can be found by the expression yet.
        Invalid: more than `MOST` match.
    """
    text = f"More than {MOST} resources of the type {type_} are asked about; that is no one person's."
    too_many = Issue("error", "too-costly", "ratings-too-many", text)
    async for found in every(context, act, Query(type_, where, STEP), MOST, too_many):
        yield found


def sound(goals: dict[str, Json], points: tuple[Point, ...]) -> Rated:
    """Without the goals that were entered in error, and without ratings of these or of goals that are gone."""
    kept = {id_: goal for id_, goal in goals.items() if goal.get("lifecycleStatus") != IN_ERROR}
    return Rated(kept, tuple(point for point in points if point.goal[1] in kept))
