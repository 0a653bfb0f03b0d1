"""Holders: who coordinates a young person's plan, told to those only who may know it.

Who may know: the agency that holds it, the agencies in an active care team of the young person,
and administrators; of those, who sees the plan with nothing withheld. Whoever else is refused
learns that somebody coordinates, and no more.

Source: domain facts section 9 (trap 15), section 8 (coordinator names reveal place), docs/rules.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from service.fhir.problems import Issue
from service.fhir.search.expressions import And, Reference, Token
from service.interactions.surroundings import Surroundings
from service.outcomes import circles, plans
from service.outcomes.days import uk_day
from service.outcomes.plans import Plan
from service.outcomes.references import Target

_PLAN: Final = "CarePlan"
_ACTIVE: Final = Token("status", None, circles.ACTIVE)


async def may_know(agency: Target | None, child: Target | None, around: Surroundings) -> bool:
    """Whether the caller may know that the agency does something for the young person.

    Asked of the store as it is, and as the caller sees it: what they write just now makes nobody know more.
    """
    me = ("Organization", around.caller.agency)
    if around.caller.administrator or agency == me:
        return True
    if child is None:
        return False
    teams = await around.glance("CareTeam", And((Reference("subject", *child), _ACTIVE)))
    return circles.is_in_circle(me, teams, uk_day(around.clock()), around.addresses.target)


async def with_holder(
    issues: list[Issue], plan: Plan, others: Iterable[Plan], around: Surroundings
) -> list[Issue]:
    """The issues of a plan that others are in the way of, with who coordinates the first that the caller may know of."""
    for other in plans.in_the_way(plan, others):
        knows = await may_know(other.agency, other.child, around)
        if knows and await around.sees_whole((_PLAN, other.id)):
            return [replace(issue, text=f"{issue.text} {plans.who_coordinates(other)}") for issue in issues]
    return issues
