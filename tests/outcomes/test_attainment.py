"""Goal attainment scaling: the summary T, whose baseline counts, and which goals the two scores stand on."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.attainment import attainment, t_score, weight_of
from service.outcomes.series import read_points, series_of
from tests.outcomes.clinic import ASH, DAD, MUM, ROWAN, SAGE, extension, level, locate, own, rating

BASELINE = "112296-9"
BY_PRACTITIONER, BY_PATIENT, BY_CAREGIVER = "107333-7", "107334-5", "107331-1"
CODES = {"B": BASELINE, "p": BY_PRACTITIONER, "y": BY_PATIENT, "c": BY_CAREGIVER}
PEOPLE = {"ash": ASH, "mum": MUM, "dad": DAD, "rowan": ROWAN, "sage": SAGE}


@pytest.mark.parametrize(
    ("levels", "weights", "t"),
    [
        # one goal: ten points a level, whatever it weighs
        ("-2", "1", "30.00"),
        ("-1", "1", "40.00"),
        ("0", "1", "50.00"),
        ("+1", "1", "60.00"),
        ("+2", "1", "70.00"),
        ("+2", "7", "70.00"),
        # all as expected is 50, whatever the number and weights of the goals
        ("0 0", "1 1", "50.00"),
        ("0 0 0", "1 2 3", "50.00"),
        ("+1 -1", "1 1", "50.00"),
        # two goals: 50 + 10 * 2 / sqrt(0.7 * 2 + 0.3 * 4) = 50 + 20 / 1.6125
        ("+1 +1", "1 1", "62.40"),
        # three goals: 50 + 10 * 3 / sqrt(0.7 * 3 + 0.3 * 9) = 50 + 30 / 2.1909
        ("+1 +1 +1", "1 1 1", "63.69"),
        ("-1 -1 -1", "1 1 1", "36.31"),
        ("-2 -2 -2", "1 1 1", "22.61"),
        ("+2 +2 +2", "1 1 1", "77.39"),
        ("+1 0 -2", "1 1 1", "45.44"),
        # weights 3, 2, 1: 50 + 10 * 4 / sqrt(0.7 * 14 + 0.3 * 36) = 50 + 40 / 4.5387
        ("+1 +1 -1", "3 2 1", "58.81"),
        ("-1 +1 +1", "3 2 1", "50.00"),
        # only how the weights stand to each other counts
        ("+1 +1 -1", "6 4 2", "58.81"),
        ("+1 +1 -1", "0.3 0.2 0.1", "58.81"),
        # a goal that weighs nothing does not count
        ("+2 -1", "0 1", "40.00"),
        ("+2", "0", None),
        ("+2 +1", "0 0", None),
        ("", "", None),
    ],
)
def test_t_of_levels_and_weights(levels, weights, t):
    pairs = zip(map(Decimal, weights.split()), map(Decimal, levels.split()), strict=True)
    assert t_score(pairs) == (None if t is None else Decimal(t))
    if t is not None:
        assert (
            str(t_score(zip(map(Decimal, weights.split()), map(Decimal, levels.split()), strict=True))) == t
        )


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(-2, 2)), min_size=1, max_size=6))
def test_t_is_what_the_formula_says_in_floats(goals):
    weights, reached = sum(w for w, _ in goals), sum(w * x for w, x in goals)
    spread = math.sqrt(0.7 * sum(w * w for w, _ in goals) + 0.3 * weights * weights)
    found = t_score((Decimal(w), Decimal(x)) for w, x in goals)
    assert float(found) == pytest.approx(50 + 10 * reached / spread, abs=0.00501)
    assert found + t_score((Decimal(w), Decimal(-x)) for w, x in goals) == 100


@pytest.mark.parametrize(
    ("said", "weight"),
    [
        ({}, 1),
        ({"extension": [extension("goal-slot", valuePositiveInt=3)]}, 1),
        ({"extension": [extension("goal-weight", valueDecimal=Decimal("2.5"))]}, Decimal("2.5")),
        ({"extension": [extension("goal-weight", valueDecimal=0)]}, 0),
        ({"extension": [extension("goal-hardness", valueDecimal=3)]}, 1),
        ({"extension": [extension("goal-weight", valueDecimal=100)]}, 100),
        # what the profile refuses says nothing
        ({"extension": [extension("goal-weight", valueDecimal=101)]}, 1),
        ({"extension": [extension("goal-weight", valueDecimal=-1)]}, 1),
        ({"extension": [extension("goal-weight")]}, 1),
    ],
)
def test_a_goal_counts_once_where_it_does_not_say_how_much(said, weight):
    assert weight_of({"resourceType": "Goal", **said}) == weight


def rated(text):
    """Ratings such as `lunch B rowan -1` (goal, code, who, level), a day apart, as series."""
    points = []
    for number, line in enumerate(text.split(", ")):
        goal, code, who, value = line.split()
        when = f"2026-03-{number + 1:02}"
        given_ = level(f"o{number:02}", goal, int(value), when, CODES[code], PEOPLE[who])
        points += read_points(given_, locate)
    return series_of(points)


def row(found):
    who = found.rater if found.rated_by is None else found.rated_by[1]
    return (
        who,
        len(found.goals),
        len(found.left_out),
        *(None if t is None else str(t) for t in (found.baseline, found.latest, found.change)),
        " ".join(found.baseline_raters),
    )


@pytest.mark.parametrize(
    ("ratings", "rows"),
    [
        # who rated both: own baseline
        ("lunch B ash -1, lunch y ash +1", [("ash", 1, 0, "40.00", "60.00", "20.00", "young-person")]),
        # 0 is a level
        ("lunch B ash 0, lunch y ash 0", [("ash", 1, 0, "50.00", "50.00", "0.00", "young-person")]),
        ("lunch B ash -1, lunch y ash 0", [("ash", 1, 0, "40.00", "50.00", "10.00", "young-person")]),
        # the latest follow-up counts, not the best
        (
            "lunch B ash -1, lunch y ash +2, lunch y ash -2",
            [("ash", 1, 0, "40.00", "30.00", "-10.00", "young-person")],
        ),
        # the goal's baseline, given by the clinician, is everybody's who gave none
        (
            "lunch B rowan -2, lunch y ash 0, lunch c mum +1, lunch p sage -1",
            [
                ("ash", 1, 0, "30.00", "50.00", "20.00", "clinician"),
                ("mum", 1, 0, "30.00", "60.00", "30.00", "clinician"),
                ("clinician", 1, 0, "30.00", "40.00", "10.00", "clinician"),
            ],
        ),
        # raters side by side: each with their own baseline where they gave one
        (
            "lunch B rowan -2, lunch B ash -1, lunch y ash +1, lunch p rowan +1",
            [
                ("ash", 1, 0, "40.00", "60.00", "20.00", "young-person"),
                ("clinician", 1, 0, "30.00", "60.00", "30.00", "clinician"),
            ],
        ),
        # mother and father are two
        (
            "lunch B mum -1, lunch c mum +1, lunch c dad -2",
            [
                ("dad", 1, 0, "40.00", "30.00", "-10.00", "parent-or-carer"),
                ("mum", 1, 0, "40.00", "60.00", "20.00", "parent-or-carer"),
            ],
        ),
        # of two baselines of a goal the first is the goal's
        ("lunch B rowan -2, lunch B mum -1, lunch y ash 0", [
            ("ash", 1, 0, "30.00", "50.00", "20.00", "clinician"),
            ("mum", 1, 0, "40.00", None, None, "parent-or-carer"),
            ("clinician", 1, 0, "30.00", None, None, "clinician"),
        ]),
        (
            "lunch B mum -2, lunch B rowan -1, lunch y ash 0",
            [
                ("ash", 1, 0, "30.00", "50.00", "20.00", "parent-or-carer"),
                ("mum", 1, 0, "30.00", None, None, "parent-or-carer"),
                ("clinician", 1, 0, "40.00", None, None, "clinician"),
            ],
        ),
        # no baseline by its code: the first of two ratings is one, a single rating is none
        ("lunch y ash -1, lunch y ash +1", [("ash", 1, 0, "40.00", "60.00", "20.00", "young-person")]),
        ("lunch y ash -1", [("ash", 1, 0, None, "40.00", None, "")]),
        ("lunch B ash -1", [("ash", 1, 0, "40.00", None, None, "young-person")]),
        # what was rated before the baseline is no follow-up of it
        ("lunch y ash +2, lunch B ash -1", [("ash", 1, 0, "40.00", None, None, "young-person")]),
        # both scores stand on the goals that have both
        (
            "lunch B ash -1, sleep B ash -2, lunch y ash +1",
            [("ash", 1, 1, "40.00", "60.00", "20.00", "young-person")],
        ),
        (
            "lunch B ash -1, sleep B ash -1, lunch y ash +1, sleep y ash 0",
            [("ash", 2, 0, "37.60", "56.20", "18.60", "young-person")],
        ),
        (
            "lunch B ash -1, lunch y ash +1, sleep y ash +2",
            [("ash", 1, 1, "40.00", "60.00", "20.00", "young-person")],
        ),
        # nothing with both: the latest alone, else the baselines alone
        ("lunch B ash -1, sleep y ash +2", [("ash", 1, 1, None, "70.00", None, "")]),
        ("lunch B ash -1, sleep B ash -1", [("ash", 2, 0, "37.60", None, None, "young-person")]),
    ],
)  # fmt: skip
def test_what_each_rater_s_goals_come_to(ratings, rows):
    assert [row(found) for found in attainment(rated(ratings), {})] == rows


@pytest.mark.parametrize(
    ("weights", "rows"),
    [
        ({}, (2, 0, "37.60", "62.40")),
        # over the square root of 0.7 times 10 and 0.3 times 16
        ({"lunch": 3}, (2, 0, "38.36", "61.64")),
        # sleep's levels are kept and do not count
        ({"sleep": 0}, (1, 1, "40.00", "60.00")),
        ({"lunch": 0, "sleep": 0}, (0, 2, "None", "None")),
    ],
)
def test_weights_of_goals(weights, rows):
    series = rated("lunch B ash -1, sleep B ash -1, lunch y ash +1, sleep y ash +1")
    [found] = attainment(series, {("Goal", id_): Decimal(weight) for id_, weight in weights.items()})
    assert (len(found.goals), len(found.left_out), str(found.baseline), str(found.latest)) == rows


def test_the_change_is_between_what_is_shown():
    [found] = attainment(rated("lunch B ash -1, sleep B ash -1, lunch y ash +1, sleep y ash 0"), {})
    assert replace(found, latest=Decimal("56.21")).change == Decimal("18.61")


def test_what_was_rated_is_told_goal_by_goal():
    [found] = attainment(
        rated("lunch B ash -1, sleep B ash -2, lunch y ash +1"), {("Goal", "lunch"): Decimal(2)}
    )
    [lunch], [sleep] = found.goals, found.left_out
    assert (lunch.goal, lunch.weight) == (("Goal", "lunch"), 2)
    assert (lunch.baseline.observation, lunch.latest.observation) == ("o00", "o02")
    assert (sleep.baseline.value, sleep.latest) == (-2, None)


def test_scores_from_0_to_10_have_no_part_in_it():
    points = read_points(rating("s", "lunch", "4", "2026-03-01", own(1)), locate)
    assert attainment(series_of(points), {}) == ()


def test_a_goal_that_was_not_rated_when_asked_has_none():
    asked = rating("s", "lunch", None, "2026-03-01", level("x", "lunch", 0, "2026", BASELINE)["code"])
    assert attainment(series_of(read_points(asked, locate)), {}) == ()
