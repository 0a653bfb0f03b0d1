from __future__ import annotations

import pytest

from service.outcomes.days import Days, days_of
from service.outcomes.goals import Goal, one_goal_a_slot, read_goal
from tests.outcomes.clinic import ASH, BRAMBLE, about, extension, locate, told

SLOT_2 = [{"url": "elsewhere"}, extension("goal-slot", valuePositiveInt=2)]


def test_what_a_goal_says_is_read():
    read = read_goal(
        {
            "resourceType": "Goal",
            "id": "school",
            **about(ASH),
            "lifecycleStatus": "active",
            "startDate": "2026-03-09",
            "statusDate": "2026-04",
            "extension": SLOT_2,
        },
        locate,
    )
    assert read == Goal(
        "school", ASH, "active", 2, "Goal.extension[1]", days_of("2026-03-09"), Days(*_april())
    )


def _april():
    return days_of("2026-04-01").first, days_of("2026-04-30").last


def test_what_it_does_not_say_is_not_made_up():
    assert read_goal({}, locate) == Goal("", None, "", None, "Goal", None, None)
    assert read_goal({}, locate) == Goal("", None, "")


def test_the_slot_is_in_its_own_extension():
    slot, other = extension("goal-slot", valuePositiveInt=2), extension("other", valuePositiveInt=3)
    for extensions, place in (([slot, other], "Goal.extension[0]"), ([other, slot], "Goal.extension[1]")):
        read = read_goal({"extension": extensions}, locate)
        assert (read.slot, read.slot_place) == (2, place)
    assert read_goal({"extension": [other]}, locate).slot is None


@pytest.mark.parametrize(
    ("status", "active", "cancelled", "in_error"),
    [
        ("proposed", False, False, False),
        ("accepted", False, False, False),
        ("active", True, False, False),
        ("on-hold", False, False, False),
        ("completed", False, False, False),
        ("cancelled", False, True, False),
        ("rejected", False, False, False),
        ("entered-in-error", False, False, True),
    ],
)
def test_lifecycle(status, active, cancelled, in_error):
    goal = Goal("g", ASH, status)
    assert (goal.is_active, goal.is_cancelled, goal.is_in_error) == (active, cancelled, in_error)


# A young person has an active goal in slot 1. What of another one?
@pytest.mark.parametrize(
    ("what", "goal", "refused"),
    [
        ("an active goal in slot 1", Goal("new", ASH, "active", 1, "here"), True),
        ("an active goal in slot 2", Goal("new", ASH, "active", 2, "here"), False),
        ("an active goal without slot", Goal("new", ASH, "active"), False),
        ("a proposed goal in slot 1", Goal("new", ASH, "proposed", 1, "here"), False),
        ("a goal on hold in slot 1", Goal("new", ASH, "on-hold", 1, "here"), False),
        ("a completed goal in slot 1", Goal("new", ASH, "completed", 1, "here"), False),
        ("one entered in error in slot 1", Goal("new", ASH, "entered-in-error", 1, "here"), False),
        ("another young person's goal in slot 1", Goal("new", BRAMBLE, "active", 1, "here"), False),
        ("nobody's goal in slot 1", Goal("new", None, "active", 1, "here"), False),
        ("the same goal again", Goal("old", ASH, "active", 1, "here"), False),
    ],
)
def test_one_active_goal_a_slot(what, goal, refused):
    old = Goal("old", ASH, "active", 1)
    expected = [("error", "goal-slot-taken", "here")] if refused else []
    assert told(one_goal_a_slot(goal, [Goal("third", ASH, "active", 3), old])) == expected, what


# And where the goal that was there is …
@pytest.mark.parametrize(
    ("what", "old", "refused"),
    [
        ("active", Goal("old", ASH, "active", 1), True),
        ("on hold", Goal("old", ASH, "on-hold", 1), False),
        ("completed", Goal("old", ASH, "completed", 1), False),
        ("cancelled", Goal("old", ASH, "cancelled", 1), False),
        ("entered in error", Goal("old", ASH, "entered-in-error", 1), False),
        ("without slot", Goal("old", ASH, "active"), False),
        ("another young person's", Goal("old", BRAMBLE, "active", 1), False),
    ],
)
def test_only_active_goals_hold_a_slot(what, old, refused):
    issues = one_goal_a_slot(Goal("new", ASH, "active", 1, "here"), [old])
    assert bool(issues) is refused, what


def test_nobodys_goals_are_not_one_young_persons():
    assert one_goal_a_slot(Goal("new", None, "active", 1), [Goal("old", None, "active", 1)]) == []


def test_goals_without_slot_do_not_share_one():
    assert one_goal_a_slot(Goal("new", ASH, "active"), [Goal("old", ASH, "active")]) == []


def test_many_in_the_slot_are_told_of_once():
    others = [Goal(str(number), ASH, "active", 1) for number in range(3)]
    assert len(one_goal_a_slot(Goal("new", ASH, "active", 1), others)) == 1


def test_in_a_free_slot_it_stands():
    assert one_goal_a_slot(Goal("new", ASH, "active", 1), []) == []
