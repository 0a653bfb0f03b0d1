from __future__ import annotations

from collections import Counter
from itertools import pairwise

from service.sandbox.cohort import cohort
from tests.sandbox.conftest import Cohort, code, extension

COORDINATOR = ("http://snomed.info/sct", "768820003")


def plans(person: list[dict]) -> list[dict]:
    return [found for found in person if found["resourceType"] == "CarePlan"]


def test_one_plan_and_so_one_coordinator_at_a_time(made: Cohort):
    followed = 0
    for person in made.people:
        periods = [plan["period"] for plan in plans(person)]
        for before, after in pairwise(periods):
            assert before["end"] < after["start"]
            followed += 1
    assert followed > 10


def test_every_plan_has_one_person_and_one_agency_that_employs_them(made: Cohort):
    for plan in made.of_type("CarePlan"):
        names = Counter(found["url"].rsplit("/", 1)[1] for found in plan["extension"])
        assert (names["plan-coordinator"], names["plan-coordinating-agency"]) == (1, 1)
        person = extension(plan, "plan-coordinator")["valueReference"]["reference"]
        agency = extension(plan, "plan-coordinating-agency")["valueReference"]["reference"]
        role = made.by_reference[f"PractitionerRole/{person.split('/')[1]}-role"]
        assert role["organization"]["reference"] == agency


def test_the_team_names_the_coordinator_of_each_plan_for_its_time(made: Cohort):
    for person in made.people:
        made_plans = plans(person)
        teams = [found for found in person if found["resourceType"] == "CareTeam"]
        assert len(teams) == bool(made_plans)
        for team in teams:
            coordinators = [
                found
                for found in team["participant"]
                if "coding" in found["role"][0] and code(found["role"][0]) == COORDINATOR
            ]
            assert [(found["member"], found["onBehalfOf"], found["period"]) for found in coordinators] == [
                (
                    extension(plan, "plan-coordinator")["valueReference"],
                    extension(plan, "plan-coordinating-agency")["valueReference"],
                    plan["period"],
                )
                for plan in made_plans
            ]


def test_a_plan_names_its_goals_grouping_review_and_ending(made: Cohort):
    for plan in made.of_type("CarePlan"):
        assert extension(plan, "plan-review-date")["valueDate"] > plan["period"]["start"]
        assert extension(plan, "plan-agreed-ending")["valueString"]
        grouping = extension(plan, "plan-grouping")["valueCodeableConcept"]
        last = made.at(plan["supportingInfo"][-1])
        assert last["valueCodeableConcept"] == grouping
        for goal in plan.get("goal", ()):
            assert made.at(goal)["subject"] == plan["subject"]
    with_goals = [plan for plan in made.of_type("CarePlan") if "goal" in plan]
    assert len(with_goals) > 0.9 * len(made.of_type("CarePlan"))


def test_a_plan_for_risk_support_has_its_section(made: Cohort):
    at_risk = 0
    for plan in made.of_type("CarePlan"):
        if code(extension(plan, "plan-grouping")["valueCodeableConcept"])[1] == "getting-risk-support":
            parts = {part["url"] for part in extension(plan, "plan-risk-support")["extension"]}
            assert parts == {"warning-signs", "what-helps", "keeping-safe", "who-to-call", "agreed"}
            at_risk += 1
    assert at_risk > 2


def test_goals_of_a_plan_ran_during_it(made: Cohort):
    for plan in made.of_type("CarePlan"):
        for reference in plan.get("goal", ()):
            goal = made.at(reference)
            assert goal["startDate"] <= plan["period"].get("end", "9999")
            if goal["lifecycleStatus"] in {"completed", "cancelled"}:
                assert goal["statusDate"] >= plan["period"]["start"]


def test_a_plan_that_is_taken_over_when_all_goals_are_over_keeps_the_last():
    """Of that seed all goals of one young person ended before another agency took the plan over."""
    found = [one for batch in cohort(4, 1038) for one in batch]
    [taken_over] = [one for one in found if one["id"] == "yp-1038-000004-plan-2"]
    [kept] = taken_over["goal"]
    [goal] = [one for one in found if f"Goal/{one['id']}" == kept["reference"]]
    assert goal["statusDate"] <= taken_over["period"]["start"]


def test_an_ended_plan_says_how_it_ended(made: Cohort):
    states = Counter()
    for plan in made.of_type("CarePlan"):
        assert (plan["status"] == "active") == ("end" not in plan["period"])
        states[plan["status"]] += 1
    assert states.keys() == {"active", "completed", "revoked"}


def test_a_handover_goes_to_another_agency_the_next_day(made: Cohort):
    handed = 0
    for plan in made.of_type("CarePlan"):
        for reference in plan.get("replaces", ()):
            before = made.at(reference)
            assert before["status"] == "revoked"
            old, new = (
                extension(found, "plan-coordinating-agency")["valueReference"] for found in (before, plan)
            )
            assert old != new
            assert before["period"]["end"] < plan["period"]["start"]
            handed += 1
    assert handed > 3


def test_reviews_come_in_kept_sessions_and_some_are_overdue(made: Cohort):
    reviews = made.with_profile("thrive-plan-review")
    assert reviews
    for review in reviews:
        assert made.at(review["encounter"])["status"] == "finished"
    overdue = [
        plan
        for plan in made.of_type("CarePlan")
        if plan["status"] == "active" and extension(plan, "plan-review-date")["valueDate"] < "2026-10-30"
    ]
    assert overdue
