from __future__ import annotations

import pytest

from service.outcomes.days import ALWAYS, NEVER, Days, days_of, days_of_period
from service.outcomes.goals import Goal
from service.outcomes.plans import (
    Plan,
    goes_on,
    has_goals_of_its_child,
    in_the_way,
    is_coordinated_otherwise,
    keeps_its_plans,
    one_coordinator_at_a_time,
    read_plan,
    unknown,
    who_coordinates,
)
from tests.outcomes.clinic import ASH, BRAMBLE, about, extension, locate, refer, told

FERN, MOSS = ("Practitioner", "fern"), ("Practitioner", "moss")
TRUST, SCHOOL = ("Organization", "trust"), ("Organization", "school")
GOAL = ("Goal", "sleep")
OVERLAP = [("error", "plan-coordinator-overlap", "CarePlan.period")]


def plan(id_="new", start="2026-03-10", end="2026-06-01", **more):
    last = NEVER if end is None else days_of(end).last
    says = {"child": ASH, "status": "active", "coordinator": FERN, "agency": TRUST}
    return Plan(**{"id": id_, "days": Days(days_of(start).first, last), **says, **more})


def test_what_a_plan_says_is_read():
    period = {"start": "2026-03-10"}
    given = {
        "resourceType": "CarePlan",
        "id": "p",
        **about(ASH),
        "status": "on-hold",
        "period": period,
        "extension": [
            extension("plan-coordinator", valueReference=refer(FERN)),
            extension("plan-review-date", valueDate="2026-04-01"),
            extension("plan-coordinating-agency", valueReference=refer(TRUST)),
        ],
        "goal": [{"display": "in words"}, refer(GOAL)],
    }
    goals = ((GOAL, "CarePlan.goal[1]"),)
    assert read_plan(given, locate) == Plan("p", ASH, "on-hold", days_of_period(period), FERN, TRUST, goals)
    assert read_plan({}, locate) == Plan("", None, "", ALWAYS, None, None, ())


@pytest.mark.parametrize(
    ("status", "running", "over", "in_error"),
    [
        ("draft", False, False, False),
        ("active", True, False, False),
        ("on-hold", True, False, False),
        ("revoked", False, True, False),
        ("completed", False, True, False),
        ("entered-in-error", False, False, True),
        ("unknown", False, False, False),
    ],
)
def test_statuses(status, running, over, in_error):
    found = plan(status=status)
    assert (found.is_running, found.is_over, found.is_in_error) == (running, over, in_error)


# Ash has a plan from 10 March to 1 June, coordinated by Fern of the trust. What of another one?
@pytest.mark.parametrize(
    ("what", "new", "refused"),
    [
        ("the same coordinator and agency", plan(), False),
        ("another coordinator of the same agency", plan(coordinator=MOSS), True),
        ("the same coordinator, for another agency", plan(agency=SCHOOL), True),
        ("another coordinator of another agency", plan(coordinator=MOSS, agency=SCHOOL), True),
        ("no coordinator said", plan(coordinator=None), False),
        ("no agency said", plan(agency=None), False),
        ("no coordinator said, and another agency", plan(coordinator=None, agency=SCHOOL), True),
        ("from the day on which it ends", plan(start="2026-06-01", end=None, coordinator=MOSS), False),
        ("from the day before", plan(start="2026-05-31", end=None, coordinator=MOSS), True),
        (
            "until the day on which it begins",
            plan(start="2026-01-01", end="2026-03-10", coordinator=MOSS),
            False,
        ),
        ("until the day after", plan(start="2026-01-01", end="2026-03-11", coordinator=MOSS), True),
        ("on hold", plan(status="on-hold", coordinator=MOSS), True),
        ("a draft", plan(status="draft", coordinator=MOSS), False),
        ("completed", plan(status="completed", coordinator=MOSS), False),
        ("revoked", plan(status="revoked", coordinator=MOSS), False),
        ("entered in error", plan(status="entered-in-error", coordinator=MOSS), False),
        ("another young person's", plan(child=BRAMBLE, coordinator=MOSS), False),
        ("nobody's", plan(child=None, coordinator=MOSS), False),
        ("the same plan with another coordinator", plan(id_="old", coordinator=MOSS), False),
    ],
)
def test_one_coordinator_at_a_time(what, new, refused):
    others = [plan(id_="earlier", start="2025-01-01", end="2025-06-01", agency=SCHOOL), plan(id_="old")]
    assert told(one_coordinator_at_a_time(new, others)) == (OVERLAP if refused else []), what


@pytest.mark.parametrize(
    ("what", "old", "refused"),
    [
        ("active", plan("old"), True),
        ("on hold", plan("old", status="on-hold"), True),
        ("completed", plan("old", status="completed"), False),
        ("another young person's", plan("old", child=BRAMBLE), False),
        ("of unknown coordination", plan("old", coordinator=None, agency=None), False),
    ],
)
def test_which_other_plans_count(what, old, refused):
    assert bool(one_coordinator_at_a_time(plan(coordinator=MOSS), [old])) is refused, what


def test_nobodys_plans_are_not_one_young_persons():
    assert one_coordinator_at_a_time(plan(child=None, coordinator=MOSS), [plan("old", child=None)]) == []


def test_of_a_plan_that_may_not_be_known_any_coordinator_may_be_another():
    there = unknown(plan("old"))
    for new in (plan(), plan(coordinator=MOSS), plan(agency=SCHOOL), plan(coordinator=None)):
        assert told(one_coordinator_at_a_time(new, [there])) == OVERLAP
    assert one_coordinator_at_a_time(plan(coordinator=None, agency=None), [there]) == []
    assert one_coordinator_at_a_time(plan(), [plan("old")]) == []
    assert one_coordinator_at_a_time(plan(start="2027-01-01", end=None), [there]) == []


@pytest.mark.parametrize(
    ("what", "new", "former", "is_so"),
    [
        ("as it was", plan(), plan(), True),
        ("on hold now", plan(status="on-hold"), plan(), True),
        ("followed again", plan(), plan(status="on-hold"), True),
        ("for a shorter time", plan(start="2026-04-01", end="2026-05-01"), plan(), True),
        ("from an earlier day", plan(start="2026-03-09"), plan(), False),
        ("to a later day", plan(end="2026-06-02"), plan(), False),
        ("without end", plan(end=None), plan(), False),
        ("by another", plan(coordinator=MOSS), plan(), False),
        ("by another agency", plan(agency=SCHOOL), plan(), False),
        ("by somebody, after nobody", plan(), plan(coordinator=None), False),
        ("for another young person", plan(child=BRAMBLE), plan(), False),
        ("after a draft", plan(), plan(status="draft"), False),
        ("after it was over", plan(), plan(status="completed"), False),
    ],
)
def test_a_plan_goes_on(what, new, former, is_so):
    assert goes_on(new, former) is is_so, what


def test_coordinated_otherwise():
    assert not is_coordinated_otherwise(plan(), plan("old"))
    assert not is_coordinated_otherwise(plan(coordinator=None, agency=None), plan("old"))
    assert is_coordinated_otherwise(plan(coordinator=MOSS), plan("old", agency=None))
    assert is_coordinated_otherwise(plan(coordinator=None, agency=SCHOOL), plan("old"))


@pytest.mark.parametrize(
    ("whose", "plan_of", "found"),
    [
        (ASH, ASH, []),
        (BRAMBLE, ASH, [("error", "goal-of-another-child", "CarePlan.goal[0]")]),
        (None, ASH, []),
        (BRAMBLE, None, []),
    ],
)
def test_the_goals_of_a_plan_are_its_young_persons(whose, plan_of, found):
    given = plan(
        child=plan_of, goals=((GOAL, "CarePlan.goal[0]"), (("Goal", "not here"), "CarePlan.goal[1]"))
    )
    assert told(has_goals_of_its_child(given, {GOAL: Goal("sleep", whose, "active")})) == found


@pytest.mark.parametrize(
    ("what", "goal", "plans", "refused"),
    [
        ("its own plans", Goal("sleep", ASH, "active"), [plan()], False),
        ("another young person's plan", Goal("sleep", BRAMBLE, "active"), [plan()], True),
        ("one of each", Goal("sleep", BRAMBLE, "active"), [plan(child=BRAMBLE), plan()], True),
        ("such a plan that has ended", Goal("sleep", BRAMBLE, "active"), [plan(status="completed")], True),
        ("such a plan, in error", Goal("sleep", BRAMBLE, "active"), [plan(status="entered-in-error")], False),
        (
            "such a plan, but the goal is in error",
            Goal("sleep", BRAMBLE, "entered-in-error"),
            [plan()],
            False,
        ),
        ("no plan", Goal("sleep", BRAMBLE, "active"), [], False),
    ],
)
def test_a_goal_stays_with_the_young_person_of_its_plans(what, goal, plans, refused):
    expected = [("error", "goal-planned-for-another-child", "Goal.subject")] if refused else []
    assert told(keeps_its_plans(goal, plans)) == expected, what


def test_those_in_the_way_are_all_named():
    others = [
        plan("a", coordinator=MOSS),
        plan("b"),
        plan("c", agency=SCHOOL),
        plan("d", start="2026-06-01", coordinator=MOSS),
    ]
    assert [other.id for other in in_the_way(plan(), others)] == ["a", "c"]
    assert in_the_way(plan(status="draft"), others) == []


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({}, "It is CarePlan/p, coordinated by Practitioner/fern, for Organization/trust."),
        ({"coordinator": None}, "It is CarePlan/p, for Organization/trust."),
        ({"agency": None}, "It is CarePlan/p, coordinated by Practitioner/fern."),
        (
            {"agency": ("", "https://elsewhere.example/Organization/1")},
            "It is CarePlan/p, coordinated by Practitioner/fern, for https://elsewhere.example/Organization/1.",
        ),
    ],
)
def test_who_coordinates_in_a_sentence(what, said):
    assert who_coordinates(plan("p", **what)) == said
