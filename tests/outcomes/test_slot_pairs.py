"""Pairs as national figures make them, and where these say another thing than the goals do."""

from __future__ import annotations

import pytest

from service.outcomes.progress import voices
from service.outcomes.series import read_points, series_of
from service.outcomes.slot_pairs import cautions, slot_pairs
from tests.outcomes.clinic import (
    ASH,
    GENERIC,
    GOAL_TOOL,
    MUM,
    PROGRESS_CHART,
    ROWAN,
    SNOMED,
    concept,
    level,
    locate,
    own,
    rated_by,
    rating,
)

I, D, N, X = "improved", "deteriorated", "no-change", "not-rated-twice"  # noqa: E741 - the columns of the tables
ANY_SLOT = concept(SNOMED, GENERIC)


def series(*observations):
    return series_of(point for each in observations for point in read_points(each, locate))


def given(*ratings):
    """Series of ratings, each a goal, a value, a day of March and a code."""
    return series(
        *(
            rating(str(number), goal, value, f"2026-03-{day:02}", code, *more)
            for number, (goal, value, day, code, *more) in enumerate(ratings)
        )
    )


def shown(pairs):
    """Code, slot, goals, how many ratings, change and verdict of each."""
    return [
        (
            pair.code[1],
            pair.slot,
            [id_ for _, id_ in pair.goals],
            len(pair.points),
            None if pair.change is None else int(pair.change.value),
            pair.verdict,
        )
        for pair in pairs
    ]


def warned(found):
    return [(each.code, [id_ for _, id_ in each.goals], [code for _, code in each.codes]) for each in found]


def test_each_slot_is_a_pair_of_its_own():
    found = given(
        ("sleep", "3", 1, own(2)),
        ("school", "2", 1, own(1)),
        ("school", "6", 8, own(1)),
        ("sleep", "3", 8, own(2)),
        ("friends", "4", 1, own(3)),
        ("friends", "1", 8, own(3)),
        ("once", "4", 1, ANY_SLOT),
    )
    assert shown(slot_pairs(found)) == [
        (GENERIC, None, ["once"], 1, None, X),
        (GOAL_TOOL[1], 1, ["school"], 2, 4, I),
        (GOAL_TOOL[2], 2, ["sleep"], 2, 0, N),
        (GOAL_TOOL[3], 3, ["friends"], 2, -3, D),
    ]
    assert all(pair.code[0] == SNOMED for pair in slot_pairs(found))
    assert cautions(found) == ()


def test_a_slot_that_is_used_again_makes_a_false_pair():
    # The first goal stood still and was replaced; the next one began low, and got nowhere either.
    found = given(
        ("old", "6", 1, own(1)),
        ("old", "6", 8, own(1)),
        ("new", "1", 15, own(1)),
        ("new", "2", 22, own(1)),
    )
    assert shown(slot_pairs(found)) == [(GOAL_TOOL[1], 1, ["old", "new"], 4, -4, D)]
    [voice] = voices(found)
    assert voice.slots.verdict == N  # by the goals themselves
    assert warned(cautions(found)) == [("slot-reused", ["old", "new"], [GOAL_TOOL[1]])]


def test_a_switch_of_code_sets_breaks_a_pair():
    found = given(
        ("school", "2", 1, own(1, PROGRESS_CHART)),
        ("school", "6", 8, own(1)),
    )
    assert shown(slot_pairs(found)) == [
        (PROGRESS_CHART[1], 1, ["school"], 1, None, X),
        (GOAL_TOOL[1], 1, ["school"], 1, None, X),
    ]
    [voice] = voices(found)
    assert voice.slots.verdict == I
    assert warned(cautions(found)) == [("code-set-switched", ["school"], [PROGRESS_CHART[1], GOAL_TOOL[1]])]


def test_another_set_for_another_goal_in_the_slot_is_no_false_pair():
    found = given(
        ("old", "6", 1, own(1, PROGRESS_CHART)),
        ("new", "1", 8, own(1)),
    )
    assert cautions(found) == ()


def test_only_own_ratings_by_the_codes_of_snomed_are_paired():
    found = given(
        ("school", "2", 1, rated_by("parent"), MUM),
        ("school", "9", 8, rated_by("clinician"), ROWAN),
        ("school", "5", 1, own(1)),
        ("school", None, 8, own(1)),
    )
    levels = series(level("x", "school", -1, "2026-03-01", "107334-5"))
    assert shown(slot_pairs((*found, *levels))) == [(GOAL_TOOL[1], 1, ["school"], 1, None, X)]
    assert cautions((*found, *levels)) == ()


def test_whatever_goes_by_the_generic_code_counts_as_the_young_persons_own():
    found = given(
        ("school", "2", 1, ANY_SLOT, ASH),
        ("school", "7", 8, ANY_SLOT, MUM),
        ("sleep", "3", 9, ANY_SLOT, ROWAN),
    )
    assert shown(slot_pairs(found)) == [(GENERIC, None, ["school", "sleep"], 3, 1, N)]
    assert warned(cautions(found)) == [
        ("slot-reused", ["school", "sleep"], [GENERIC]),
        ("counted-as-own", ["school"], [GENERIC]),
        ("counted-as-own", ["sleep"], [GENERIC]),
    ]


@pytest.mark.parametrize(
    ("what", "second", "ratings", "verdict"),
    [
        ("the same again on the same day", ("school", "4", 1, own(1)), 1, X),
        ("the same with other digits", ("school", "4.0", 1, own(1)), 1, X),
        ("the same on another day", ("school", "4", 2, own(1)), 2, N),
        ("another value on the same day", ("school", "7", 1, own(1)), 2, I),
        ("the same by another code", ("school", "4", 1, own(1, PROGRESS_CHART)), 1, X),
        ("the same of another goal", ("sleep", "4", 1, own(1)), 1, X),
    ],
)
def test_what_is_said_twice_on_a_day_counts_once(what, second, ratings, verdict):
    found = slot_pairs(given(("school", "4", 1, own(1)), second))
    [pair] = [each for each in found if each.code[1] == GOAL_TOOL[1]]
    assert (len(pair.points), pair.verdict) == (ratings, verdict), what


def test_order_is_by_day_then_by_instant():
    found = series(
        rating(
            "a", "school", "9", "2026-03-02T00:30:00+14:00", own(1)
        ),  # an instant of 1 March, but its day is the 2nd
        rating("b", "school", "2", "2026-03-01T23:00:00Z", own(1)),
        rating("c", "school", "5", "2026-03-01T22:00:00Z", own(1)),
    )
    [pair] = slot_pairs(found)
    assert [point.observation for point in pair.points] == ["c", "b", "a"]


def test_cautions_are_in_an_order_of_their_own():
    found = given(
        ("z", "1", 1, own(2)),
        ("z", "1", 2, own(2, PROGRESS_CHART)),
        ("a", "1", 3, own(2)),
        ("a", "1", 4, own(1)),
        ("b", "1", 5, own(1)),
    )
    assert warned(cautions(found)) == [
        ("slot-reused", ["a", "b"], [GOAL_TOOL[1]]),
        ("slot-reused", ["z", "a"], [GOAL_TOOL[2]]),
        ("code-set-switched", ["a"], [GOAL_TOOL[2], GOAL_TOOL[1]]),
        ("code-set-switched", ["z"], [GOAL_TOOL[2], PROGRESS_CHART[2]]),
    ]
