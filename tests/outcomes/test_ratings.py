from __future__ import annotations

import pytest

from service.outcomes.days import days_of, days_of_period
from service.outcomes.goals import Goal
from service.outcomes.ratings import Rating, keeps_its_ratings, rates_its_goal
from tests.outcomes.clinic import ASH, BRAMBLE, told

THE_GOAL = ("Goal", "school")


def goal(**more):
    return Goal(**{"id": "school", "child": ASH, "status": "active", "slot": 1, **more})


def rating(day=None, **more):
    says = {
        "child": ASH,
        "goal": THE_GOAL,
        "place": "goal here",
        "slot": None,
        "slot_place": "slot here",
        "days_place": "day here",
    }
    return Rating(**{**says, "days": days_of(day), **more})


OTHER_CHILD = ("error", "goal-of-another-child", "goal here")
OTHER_SLOT = ("error", "rating-slot-differs", "slot here")
TOO_LATE = ("error", "rating-after-cancellation", "day here")
UNDATED = ("warning", "rating-cancellation-undated", "goal here")
TOO_EARLY = ("warning", "rating-before-start", "day here")
IN_ERROR = ("error", "rating-goal-in-error", "goal here")

CANCELLED = {"status": "cancelled", "changed": days_of("2026-03-10")}


@pytest.mark.parametrize(
    ("what", "rated", "its_goal", "found"),
    [
        ("the young person's own goal", rating(), goal(), []),
        ("another young person's goal", rating(child=BRAMBLE), goal(), [OTHER_CHILD]),
        ("a rating that does not say whose it is", rating(child=None), goal(), []),
        ("a goal that does not say whose it is", rating(), goal(child=None), []),
        ("by the goal's slot", rating(slot=1), goal(), []),
        ("by another slot", rating(slot=2), goal(), [OTHER_SLOT]),
        ("by no slot, as a parent's rating", rating(slot=None), goal(), []),
        ("by a slot, of a goal that holds none", rating(slot=2), goal(slot=None), []),
        ("the day before a goal was cancelled", rating("2026-03-09"), goal(**CANCELLED), []),
        ("the day on which it was cancelled", rating("2026-03-10"), goal(**CANCELLED), []),
        ("late on that day", rating("2026-03-10T23:59:00Z"), goal(**CANCELLED), []),
        ("the day after it was cancelled", rating("2026-03-11"), goal(**CANCELLED), [TOO_LATE]),
        ("some day of the month of it", rating("2026-03"), goal(**CANCELLED), []),
        ("some day of the month after", rating("2026-04"), goal(**CANCELLED), [TOO_LATE]),
        ("cancelled some time in March, rated on its last day",
         rating("2026-03-31"), goal(status="cancelled", changed=days_of("2026-03")), []),
        ("cancelled some time in March, rated in April",
         rating("2026-04-01"), goal(status="cancelled", changed=days_of("2026-03")), [TOO_LATE]),
        ("without a date, of a cancelled goal", rating(), goal(**CANCELLED), []),
        ("cancelled, nobody knows when", rating("2026-03-11"), goal(status="cancelled"), [UNDATED]),
        ("after it was completed", rating("2026-03-11"), goal(status="completed", changed=days_of("2026-03-10")), []),
        ("after it was put on hold", rating("2026-03-11"), goal(status="on-hold", changed=days_of("2026-03-10")), []),
        ("active, though it has a day of change",
         rating("2026-03-11"), goal(changed=days_of("2026-03-10")), []),
        ("the day before it was agreed", rating("2026-03-09"), goal(started=days_of("2026-03-10")), [TOO_EARLY]),
        ("the day on which it was agreed", rating("2026-03-10"), goal(started=days_of("2026-03-10")), []),
        ("some day of the month of it, before", rating("2026-03"), goal(started=days_of("2026-03-31")), []),
        ("some day of the month before", rating("2026-02"), goal(started=days_of("2026-03-01")), [TOO_EARLY]),
        ("without a date, of a goal agreed on a day", rating(), goal(started=days_of("2026-03-10")), []),
        ("a goal entered in error", rating(), goal(status="entered-in-error"), [IN_ERROR]),
        ("one entered in error, and all else wrong",
         rating("2020", child=BRAMBLE, slot=2), goal(status="entered-in-error"), [IN_ERROR]),
        ("all wrong at once", rating("2026-03-11", child=BRAMBLE, slot=2),
         goal(started=days_of("2026-04-01"), **CANCELLED), [OTHER_CHILD, OTHER_SLOT, TOO_LATE, TOO_EARLY]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rating(what, rated, its_goal, found):
    assert told(rates_its_goal(rated, its_goal)) == found, what


def test_a_rating_over_a_period_counts_from_its_first_day_to_its_last():
    week = rating(days=days_of_period({"start": "2026-03-09", "end": "2026-03-15"}))
    assert rates_its_goal(week, goal(**CANCELLED)) == []
    assert rates_its_goal(week, goal(started=days_of("2026-03-15"))) == []
    assert told(rates_its_goal(week, goal(started=days_of("2026-03-16")))) == [TOO_EARLY]


HANDED_ON = ("error", "goal-rated-for-another-child", "Goal.subject")
MOVED = ("error", "goal-rated-in-another-slot", "slot place")
ENDED_EARLY = ("error", "goal-rated-after-cancellation", "Goal.statusDate")


# There is one rating of the goal: Ash's, in slot 1, of 10 March. What of a change of the goal?
@pytest.mark.parametrize(
    ("what", "changed", "found"),
    [
        ("other words only", goal(), []),
        ("it becomes another young person's", goal(child=BRAMBLE), [HANDED_ON]),
        ("it does not say any more whose it is", goal(child=None), []),
        ("it moves to slot 2", goal(slot=2, slot_place="slot place"), [MOVED]),
        ("it gives up its slot", goal(slot=None), []),
        ("cancelled as of the day before", goal(status="cancelled", changed=days_of("2026-03-09")), [ENDED_EARLY]),
        ("cancelled as of that day", goal(status="cancelled", changed=days_of("2026-03-10")), []),
        ("completed as of the day before", goal(status="completed", changed=days_of("2026-03-09")), []),
        ("agreed on a later day", goal(started=days_of("2026-03-11")), []),
        ("entered in error, and all else", goal(status="entered-in-error", child=BRAMBLE, slot=2), []),
        ("all at once", goal(status="cancelled", changed=days_of("2026-03-09"), child=BRAMBLE, slot=3,
                             slot_place="slot place"), [HANDED_ON, MOVED, ENDED_EARLY]),
    ],
)  # fmt: skip
def test_what_a_change_of_a_goal_makes_wrong(what, changed, found):
    given = iter([rating("2026-03-01", slot=None), rating("2026-03-10", slot=1)])
    assert told(keeps_its_ratings(changed, given)) == found, what


def test_an_unrated_goal_can_change_as_it_likes():
    assert keeps_its_ratings(goal(child=BRAMBLE, slot=3, **CANCELLED), []) == []
