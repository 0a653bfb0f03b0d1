from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from service.outcomes.series import Point
from service.outcomes.unrated_goals import is_rated, last_rating, not_rated
from tests.outcomes.clinic import ASH, OURS, SNOMED, concept, extension

ON = date(2026, 11, 27).toordinal()
GAS = "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"


def goal(started: str | None = "2026-06-01", status: str = "active", **more):
    made = {"id": "g1", "lifecycleStatus": status, "extension": [extension("goal-slot", valuePositiveInt=1)]}
    return made | ({} if started is None else {"startDate": started}) | more


def point(when: str, value: str | None = "5", id_: str = "o1", rater: str = "young-person") -> Point:
    return Point(
        observation=id_,
        goal=("Goal", "g1"),
        child=ASH,
        rater=rater,
        rated_by=ASH,
        code=(SNOMED, "1034351000000101"),
        slot=1,
        when=when,
        day=date.fromisoformat(when[:10]).toordinal(),
        value=None if value is None else Decimal(value),
        kind="score",
        response=None,
        encounter=None,
    )


RATED = [
    ({"extension": [extension("goal-slot", valuePositiveInt=2)]}, True),
    ({"extension": [{"url": GAS}]}, True),
    ({"target": [{"measure": concept(f"{OURS}/CodeSystem/goal-score", "goal-score")}]}, True),
    ({"target": [{"measure": concept(SNOMED, "goal-score")}]}, False),
    ({"target": [{"dueDate": "2027-01-01"}]}, False),
    ({"extension": [extension("goal-agency")]}, False),
    ({}, False),  # one of the goals that were only written down
]


@pytest.mark.parametrize(("said", "rated"), RATED)
def test_which_goals_are_rated(said, rated):
    assert is_rated(said) is rated


# ratings (when, value), days at least, days since the last (None: not on the list)
RATINGS = [
    ([("2026-10-30", "4")], 28, 28),
    ([("2026-10-31", "4")], 28, None),
    ([("2026-10-31", "4")], 27, 27),
    ([("2026-10-01", "4"), ("2026-10-31", "5")], 28, None),
    ([("2026-10-31", "5"), ("2026-10-01", "4")], 28, None),  # in whatever order they come
    ([("2026-10-01", "4"), ("2026-10-31", "0")], 28, None),  # 0 is a rating
    ([("2026-10-01", "4"), ("2026-10-31", None)], 28, 57),  # one that was missed is not
    ([("2026-12-24", "4")], 0, None),  # ahead of the day of the list
    ([("2026-11-27", "4")], 0, 0),
]


@pytest.mark.parametrize(("ratings", "days", "since"), RATINGS)
def test_how_long_ago_a_goal_was_rated(ratings, days, since):
    points = [point(when, value, f"o{number}") for number, (when, value) in enumerate(ratings)]
    reasons = not_rated(goal(), points, ON, days)
    assert [(reason.code, reason.days) for reason in reasons] == (
        [] if since is None else [("goal-not-rated", since)]
    )


# agreed on, days at least, days since (None: not on the list)
AGREED = [
    ("2026-10-30", 28, 28),
    ("2026-10-31", 28, None),
    ("2026-10", 28, 57),  # it may have been the first of the month
    ("2026-11", 28, None),
]


@pytest.mark.parametrize(("started", "days", "since"), AGREED)
def test_a_goal_that_was_never_rated_counts_from_when_it_was_agreed(started, days, since):
    for points in ([], [point("2026-11-20", None)]):
        reasons = not_rated(goal(started), points, ON, days)
        assert [(reason.code, reason.days) for reason in reasons] == (
            [] if since is None else [("goal-never-rated", since)]
        )


def test_a_goal_without_any_day_is_always_one():
    [reason] = not_rated(goal(None), [], ON, 28)
    assert (reason.code, reason.day, reason.days) == ("goal-never-rated", None, None)


def test_the_reason_of_a_goal_that_was_never_rated_says_when_it_was_agreed():
    [reason] = not_rated(goal("2026-11-01"), [], ON, 0)
    assert reason.text == "The goal was never rated; it was agreed on 2026-11-01, 26 days before 2026-11-27."
    assert (reason.day, reason.about) == (ON - 26, ())


@pytest.mark.parametrize(
    "status", ["proposed", "planned", "accepted", "on-hold", "completed", "cancelled", "entered-in-error"]
)
def test_only_what_is_worked_towards_is_to_be_rated(status):
    assert not_rated(goal(status=status), [], ON, 28) == ()


def test_a_goal_that_is_only_written_down_is_not_to_be_rated():
    assert not_rated(goal(extension=[]), [], ON, 28) == ()


def test_the_reason_names_the_last_rating():
    ratings = [point("2026-09-01", id_="o1"), point("2026-09-29T16:00:00+01:00", id_="o2")]
    [reason] = not_rated(goal(), ratings, ON, 28)
    assert reason.about == (("Observation", "o2"),)
    assert reason.text == "The goal was last rated on 2026-09-29, 59 days before 2026-11-27."


def test_the_last_rating_goes_by_the_day_that_is_written():
    """Half past midnight in London on the 30th is the 29th in UTC, and stands before the day of the 29th ends."""
    late = point("2026-09-30T00:30:00+01:00", id_="o1")
    whole_day = point("2026-09-29", id_="o2")
    later_elsewhere = point("2026-09-29T23:45:00Z", id_="o3")
    assert last_rating([whole_day, later_elsewhere, late]) is late


def test_of_one_day_the_last_rating_is_the_latest():
    early, late = point("2026-09-29T09:00:00Z", id_="o2"), point("2026-09-29T10:00:00Z", id_="o1")
    assert last_rating([late, early]) is late
    assert last_rating([point("2026-09-29T11:00:00Z", None)]) is None
