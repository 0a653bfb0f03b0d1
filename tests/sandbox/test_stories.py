"""The told stories tell what they promise (docs/sandbox.md), whatever the seed."""

from __future__ import annotations

from typing import Any

import pytest

from service.sandbox import stories
from service.sandbox.cohort import cohort
from tests.sandbox.conftest import Cohort, extension, scores, slot

SEEDS = range(1, 13)


@pytest.fixture(scope="module", params=SEEDS)
def told(request: pytest.FixtureRequest) -> Cohort:
    return Cohort(list(cohort(len(stories.TOLD), request.param)))


def goals(told: Cohort, number: int) -> list[dict[str, Any]]:
    return [found for found in told.people[number - 1] if found["resourceType"] == "Goal"]


def own(told: Cohort, goal: dict[str, Any]) -> list[Any]:
    found = [score for score in scores(told, goal) if score["performer"] == [goal["expressedBy"]]]
    return [score["valueQuantity"]["value"] for score in found]


def of_type(told: Cohort, number: int, type_: str) -> list[dict[str, Any]]:
    return [found for found in told.people[number - 1] if found["resourceType"] == type_]


def test_1_improves(told: Cohort):
    changes = [values[-1] - values[0] for goal in goals(told, 1) if (values := own(told, goal))]
    assert max(changes) >= 3
    assert min(changes) >= 0


def test_2_has_a_replaced_goal(told: Cohort):
    [new] = [goal for goal in goals(told, 2) if extension(goal, "goal-replaces")]
    old = told.at(extension(new, "goal-replaces")["valueReference"])
    assert old["lifecycleStatus"] == "cancelled"
    assert old["statusDate"] == new["startDate"]


def test_3_has_a_parents_goal_and_a_parents_ratings_of_the_young_persons_goal(told: Cohort):
    parents = [
        goal for goal in goals(told, 3) if goal["expressedBy"]["reference"].startswith("RelatedPerson/")
    ]
    assert [slot(goal) for goal in parents] == [2]
    others = [
        score
        for goal in goals(told, 3)
        if goal not in parents
        for score in scores(told, goal)
        if score["performer"][0]["reference"].startswith("RelatedPerson/")
    ]
    assert others


def test_4_is_handed_over(told: Cohort):
    plans = of_type(told, 4, "CarePlan")
    assert plans[0]["status"] == "revoked"
    agencies = [extension(plan, "plan-coordinating-agency")["valueReference"]["reference"] for plan in plans]
    assert len(set(agencies)) == 2
    assert len(of_type(told, 4, "EpisodeOfCare")) == 2


def test_5_begins_at_zero(told: Cohort):
    first = next(goal for goal in goals(told, 5) if slot(goal) == 1)
    values = own(told, first)
    assert values[0] == 0
    assert values[-1] > 0


def test_6_gets_risk_support_and_attainment_levels(told: Cohort):
    [plan] = of_type(told, 6, "CarePlan")
    assert extension(plan, "plan-risk-support")
    assert of_type(told, 6, "Flag")
    assert any("gas-goal" in goal["meta"]["profile"][0] for goal in goals(told, 6))
    assert any(goal["expressedBy"]["reference"].startswith("Practitioner/") for goal in goals(told, 6))


def test_7_is_reopened(told: Cohort):
    [episode] = of_type(told, 7, "EpisodeOfCare")
    states = [state["status"] for state in episode["statusHistory"]]
    assert states[:4] == ["waitlist", "active", "finished", "active"]
    slots = [slot(goal) for goal in goals(told, 7)]
    assert len(slots) > len(set(slots))


def test_8_gets_worse_and_has_corrections(told: Cohort):
    states = {response["status"] for response in of_type(told, 8, "QuestionnaireResponse")}
    assert states == {"completed", "amended", "entered-in-error"}
    values = [value for goal in goals(told, 8) if (value := own(told, goal))]
    assert any(series[-1] < series[0] for series in values) or all(series[0] == 0 for series in values)
    assert of_type(told, 8, "Provenance")


def test_9_uses_a_slot_again(told: Cohort):
    [new] = [goal for goal in goals(told, 9) if extension(goal, "goal-replaces")]
    old = told.at(extension(new, "goal-replaces")["valueReference"])
    assert slot(old) == slot(new)


def test_10_has_an_open_plan_that_nobody_reviewed(told: Cohort):
    [plan] = of_type(told, 10, "CarePlan")
    assert plan["status"] == "active"
    assert extension(plan, "plan-review-date")["valueDate"] < "2026-10-30"
    assert any(goal["lifecycleStatus"] == "active" for goal in goals(told, 10))
