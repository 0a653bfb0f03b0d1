"""THRIVE plans: one person and one agency coordinate them at a time, and their goals are the young person's.

A plan that is active or on hold counts for its whole period, open where it does not say an
end. The day on which one plan ends may be the day on which the next begins: a handover.

Source: domain facts section 5 (a single named individual and a single agency coordinating)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from service.fhir.problems import Issue
from service.outcomes.days import Days, days_of_period
from service.outcomes.goals import Goal
from service.outcomes.recognition import AGENCY_EXTENSION, COORDINATOR_EXTENSION, Resource
from service.outcomes.references import Locate, Target, child, target
from service.outcomes.scores import targets
from service.outcomes.statuses import IN_ERROR

RUNNING = frozenset({"active", "on-hold"})
OVER = frozenset({"completed", "revoked"})
# Like nobody whom a resource can name.
_SOMEBODY: Target = ("", "")


@dataclass(frozen=True, slots=True)
class Plan:
    """What the rules look at in a plan; coordinator and agency are None where it does not say them."""

    id: str
    child: Target | None
    status: str
    days: Days
    coordinator: Target | None
    agency: Target | None
    goals: tuple[tuple[Target, str], ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether it is being followed, or is to be again."""
        return self.status in RUNNING

    @property
    def is_over(self) -> bool:
        """Whether it was followed once, and is not any more."""
        return self.status in OVER

    @property
    def is_in_error(self) -> bool:
        """Whether it should never have been recorded."""
        return self.status == IN_ERROR


def read_plan(resource: Resource, locate: Locate) -> Plan:
    """What the rules look at in a CarePlan that is a THRIVE plan."""
    said = {
        extension.get("url"): target(extension.get("valueReference"), locate)
        for extension in resource.get("extension", ())
    }
    return Plan(
        id=resource.get("id", ""),
        child=child(resource, locate),
        status=resource.get("status", ""),
        days=days_of_period(resource.get("period")),
        coordinator=said.get(COORDINATOR_EXTENSION),
        agency=said.get(AGENCY_EXTENSION),
        goals=targets(resource, "goal", locate),
    )


def one_coordinator_at_a_time(plan: Plan, others: Iterable[Plan]) -> list[Issue]:
    """The issue of a running plan while which another running plan of the young person is coordinated otherwise."""
    if not in_the_way(plan, others):
        return []
    text = (
        "Another THRIVE plan of this young person has another coordinator or agency in this period."
        " End that plan first; the day on which it ends may be the day on which this one begins."
    )
    return [Issue("error", "business-rule", "plan-coordinator-overlap", text, "CarePlan.period")]


def in_the_way(plan: Plan, others: Iterable[Plan]) -> list[Plan]:
    """The running plans of the young person that are coordinated otherwise while a running plan shall be."""
    if not plan.is_running or plan.child is None:
        return []
    return [
        other
        for other in others
        if other.is_running
        and other.child == plan.child
        and other.id != plan.id
        and other.days.overlaps(plan.days)
        and is_coordinated_otherwise(plan, other)
    ]


def unknown(plan: Plan) -> Plan:
    """A plan of which it is not told who coordinates it: any other coordinator may be another.

    Whoever may not know it could else find it out by trying.
    """
    return replace(plan, coordinator=_SOMEBODY, agency=_SOMEBODY)


def goes_on(plan: Plan, former: Plan) -> bool:
    """Whether a plan is coordinated by whom it was, on days of which it was so already.

    What is in its way then was so before, and nothing is claimed anew.
    """
    is_same = (plan.child, plan.coordinator, plan.agency) == (former.child, former.coordinator, former.agency)
    return is_same and former.is_running and former.days.holds(plan.days)


def who_coordinates(plan: Plan) -> str:
    """A sentence on who coordinates a plan, by the addresses alone; for those only who may know."""
    said = [f"CarePlan/{plan.id}"]
    if plan.coordinator is not None:
        said.append(f"coordinated by {_address(plan.coordinator)}")
    if plan.agency is not None:
        said.append(f"for {_address(plan.agency)}")
    return f"It is {', '.join(said)}."


def _address(of: Target) -> str:
    return "/".join(filter(None, of))


def is_coordinated_otherwise(plan: Plan, other: Plan) -> bool:
    """Whether two plans name different coordinators, or different agencies; not where one of them names none."""
    return _differ(plan.coordinator, other.coordinator) or _differ(plan.agency, other.agency)


def _differ(one: Target | None, other: Target | None) -> bool:
    return one is not None and other is not None and one != other


def has_goals_of_its_child(plan: Plan, goals: Mapping[Target, Goal]) -> list[Issue]:
    """The issues of a plan's goals that are another young person's; those of `goals` that it has are looked at."""
    return [
        Issue(
            "error",
            "business-rule",
            "goal-of-another-child",
            "The goal is not of the young person that this is about.",
            place,
        )
        for goal, place in plan.goals
        if goal in goals and _differ(goals[goal].child, plan.child)
    ]


def keeps_its_plans(goal: Goal, plans: Iterable[Plan]) -> list[Issue]:
    """The issue of a goal that, as it shall be, is another young person's than a plan that has it."""
    if goal.is_in_error or not any(
        _differ(plan.child, goal.child) and not plan.is_in_error for plan in plans
    ):
        return []
    text = "A plan of another young person has this goal; a goal does not change hands."
    return [Issue("error", "business-rule", "goal-planned-for-another-child", text, "Goal.subject")]
