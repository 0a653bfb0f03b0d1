"""Both change rules at their bounds, and the worked examples of domain facts section 1."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from service.outcomes.changes import (
    MEAN_THRESHOLD,
    SLOT_THRESHOLD,
    Change,
    MeanChange,
    Tally,
    change_of,
    mean_of_goals,
    slot_verdict,
    tally,
)
from service.outcomes.series import read_points
from tests.outcomes.clinic import locate, own, rating

I, D, N, X = "improved", "deteriorated", "no-change", "not-rated-twice"  # noqa: E741 - the columns of the tables


def points(*values):
    return [
        point
        for week, value in enumerate(values)
        for point in read_points(rating(str(week), "school", value, f"2026-03-{week + 1:02}", own(1)), locate)
    ]


def change(first, last):
    return Change(*points(first, last))


def test_a_change_is_from_the_first_rating_to_the_last():
    assert change_of([]) is None
    assert change_of(points("4")) is None
    found = change_of(points("4", "9", "6"))
    assert found is not None
    assert (found.first.value, found.last.value, found.value) == (4, 6, 2)
    assert change_of(points("6", "2")).value == -4
    assert str(change_of(points("2.50", "6")).value) == "3.50"


def test_what_was_not_rated_has_no_change():
    [missed] = points(None)
    with pytest.raises(ValueError, match="no change"):
        _ = Change(missed, replace(missed, value=Decimal(3))).value


@pytest.mark.parametrize(
    ("goals", "number", "total", "mean", "verdict"),
    [
        # domain facts section 1: mean change (4+0+1)/3 = 1.67, not reliable
        (["2 6", "3 3", "4 5"], 3, "5", "1.67", N),
        # one goal: 3 points with whole scores
        (["2 4"], 1, "2", "2.00", N),
        (["2 5"], 1, "3", "3.00", I),
        (["5 3"], 1, "-2", "-2.00", N),
        (["5 2"], 1, "-3", "-3.00", D),
        # two goals: 5 points in total
        (["2 4", "2 4"], 2, "4", "2.00", N),
        (["2 4", "2 5"], 2, "5", "2.50", I),
        (["4 2", "5 2"], 2, "-5", "-2.50", D),
        # three goals: 8 points in total (7.35 rounded up)
        (["2 4", "2 4", "2 5"], 3, "7", "2.33", N),
        (["2 4", "2 5", "2 5"], 3, "8", "2.67", I),
        (["4 2", "5 2", "5 2"], 3, "-8", "-2.67", D),
        (["5 3", "4 2", "5 2"], 3, "-7", "-2.33", N),
        # strictly more than 2.45, either way; it is the unrounded mean that counts
        (["2 4.45"], 1, "2.45", "2.45", N),
        (["2 4.451"], 1, "2.451", "2.45", I),
        (["4.45 2"], 1, "-2.45", "-2.45", N),
        (["4.451 2"], 1, "-2.451", "-2.45", D),
        (["2 4.45", "2 4.45", "2 4.45"], 3, "7.35", "2.45", N),
        (["2 4.45", "2 4.45", "2 4.46"], 3, "7.36", "2.45", I),
        # zero is a score, as a baseline and as the last one
        (["0 3"], 1, "3", "3.00", I),
        (["0 0"], 1, "0", "0.00", N),
        (["3 0", "0 0"], 2, "-3", "-1.50", N),
        # up and down come together in the mean
        (["0 8", "8 0"], 2, "0", "0.00", N),
        # means are rounded half away from zero
        (["2 2.01", "2 2"], 2, "0.01", "0.01", N),
        (["2 1.99", "2 2"], 2, "-0.01", "-0.01", N),
        # more goals than three are all counted
        (["2 4", "2 4", "2 5", "2 5"], 4, "10", "2.50", I),
    ],
)
def test_the_mean_rule(goals, number, total, mean, verdict):
    found = mean_of_goals(change(*goal.split()) for goal in goals)
    assert (found.goals, found.total, str(found.mean), found.verdict) == (
        number,
        Decimal(total),
        mean,
        verdict,
    )


def test_the_mean_of_no_goals_is_none():
    none = mean_of_goals([])
    assert none == MeanChange(0, Decimal(0), X)
    assert none.mean is None


@pytest.mark.parametrize(
    ("first", "last", "verdict"),
    [
        ("2", "6", I),
        ("3", "3", N),
        ("4", "5", N),
        ("2", "5", I),
        ("2", "4.99", N),
        ("2.01", "5", N),
        ("5", "2", D),
        ("4.99", "2", N),
        ("0", "3", I),
        ("3", "0", D),
        ("0", "0", N),
        ("0", "10", I),
    ],
)
def test_the_slot_rule(first, last, verdict):
    assert slot_verdict(change(first, last)) == verdict


def test_a_slot_that_was_not_rated_twice_has_no_verdict_but_that():
    assert slot_verdict(None) == X


@pytest.mark.parametrize(
    ("verdicts", "counted", "together"),
    [
        ([], (0, 0, 0), X),
        ([X, X], (0, 0, 0), X),
        ([N, X], (0, 0, 1), N),
        ([I, N, X], (1, 0, 1), I),
        ([I, I, D], (2, 1, 0), D),  # an improved goal is cancelled by one that deteriorated
        ([D, N, N], (0, 1, 2), D),
        ([D], (0, 1, 0), D),
    ],
)
def test_verdicts_together(verdicts, counted, together):
    found = tally(iter(verdicts))
    assert found == Tally(*counted)
    assert found.verdict == together


def test_the_thresholds_are_those_of_the_rules():
    assert (Decimal("2.45"), Decimal(3)) == (MEAN_THRESHOLD, SLOT_THRESHOLD)
