"""Goals over time: what each rater's ratings come to by each rule, as tables.

Each goal's ratings stand as one text, a week apart, `-` where nobody was asked: `2 - 6`.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.outcomes.days import ALWAYS, Days, days_of
from service.outcomes.progress import Progress, voices, within
from service.outcomes.series import read_points, series_of
from tests.outcomes.clinic import (
    ASH,
    DAD,
    GENERIC,
    MUM,
    PROGRESS_CHART,
    ROWAN,
    SAGE,
    SNOMED,
    concept,
    level,
    locate,
    own,
    rated_by,
    rating,
)

I, D, N, X = "improved", "deteriorated", "no-change", "not-rated-twice"  # noqa: E741 - the columns of the tables


def weeks(goal, ratings, code, by=ASH, since=0):
    """One Observation a week of March 2026, from the week `since` on."""
    return [
        rating(
            f"{goal}-{by[1]}-{since + week}",
            goal,
            None if value == "-" else value,
            f"2026-03-{1 + 7 * (since + week):02}",
            code,
            by,
        )
        for week, value in enumerate(ratings.split())
    ]


def series(*observations):
    return series_of(point for each in observations for point in read_points(each, locate))


def said(voice):
    """Goals rated twice, their changes together, and the verdicts of the mean rule and of the slot rule."""
    return voice.mean.goals, str(voice.mean.total), voice.mean.verdict, voice.slots.verdict


TODAY = days_of("2026-04-01").first


@pytest.mark.parametrize(
    ("what", "goals", "number", "total", "mean", "mean_rule", "slot_rule"),
    [
        ("the worked example", ["2 6", "3 3", "4 5"], 3, "5", "1.67", N, I),
        ("two up, one down", ["2 7", "1 6", "6 3"], 3, "7", "2.33", N, D),
        ("two up a lot, one down", ["0 8", "1 9", "6 3"], 3, "13", "4.33", I, D),
        ("all a little", ["2 4.5", "3 5.5", "4 6.5"], 3, "7.5", "2.50", I, N),
        ("one goal by 3", ["2 5"], 1, "3", "3.00", I, I),
        ("one goal by 2", ["2 4"], 1, "2", "2.00", N, N),
        ("two goals by 5 in all", ["2 4", "2 5"], 2, "5", "2.50", I, I),
        ("two goals by 4 in all", ["2 4", "2 4"], 2, "4", "2.00", N, N),
        ("three goals by 8 in all", ["2 4", "2 5", "2 5"], 3, "8", "2.67", I, I),
        ("three goals by 7 in all", ["2 4", "2 4", "2 5"], 3, "7", "2.33", N, I),
        ("three goals worse by 8 in all", ["4 2", "5 2", "5 2"], 3, "-8", "-2.67", D, D),
        ("from zero", ["0 3", "0 0"], 2, "3", "1.50", N, I),
        ("to zero", ["3 0"], 1, "-3", "-3.00", D, D),
        ("zero all along", ["0 0"], 1, "0", "0.00", N, N),
        ("decimals at the bound of the mean", ["2 4.45"], 1, "2.45", "2.45", N, N),
        ("decimals over it", ["2 4.46"], 1, "2.46", "2.46", I, N),
        ("decimals below the bound of the slot", ["2.5 5.49"], 1, "2.99", "2.99", I, N),
        ("only first and last count", ["2 9 0 6"], 1, "4", "4.00", I, I),
        ("a goal rated once is left out", ["2 6", "5"], 1, "4", "4.00", I, I),
        ("a goal never rated is left out", ["2 6", "- -"], 1, "4", "4.00", I, I),
        ("missed first: the first rating is the baseline", ["- 2 6"], 1, "4", "4.00", I, I),
        ("missed last: the last rating is the latest", ["2 6 -"], 1, "4", "4.00", I, I),
        ("missed in between", ["0 - 3"], 1, "3", "3.00", I, I),
        ("all rated once", ["2", "5"], 0, "0", "None", X, X),
        ("never rated", ["-"], 0, "0", "None", X, X),
    ],
)
def test_what_the_young_persons_scores_say(what, goals, number, total, mean, mean_rule, slot_rule):
    observations = [
        each for slot, ratings in enumerate(goals, 1) for each in weeks(f"goal-{slot}", ratings, own(slot))
    ]
    [voice] = voices(series(*observations))
    assert said(voice) == (number, total, mean_rule, slot_rule), what
    assert str(voice.mean.mean) == mean, what
    assert (voice.rater, voice.rated_by) == ("young-person", ASH)


def test_raters_are_side_by_side_and_never_averaged():
    observations = [
        *weeks("school", "2 6", own(1)),
        *weeks("sleep", "3 3", own(2)),
        *weeks("school", "1 1", rated_by("parent"), MUM),
        *weeks("sleep", "9 5", rated_by("parent"), MUM),
        *weeks("school", "4 9", rated_by("parent"), DAD),
        *weeks("school", "3", rated_by("clinician"), ROWAN),
        *weeks("school", "6", rated_by("clinician"), SAGE, since=1),
        *weeks("school", "5", rated_by("other"), MUM),
    ]
    expected = [
        ("young-person", ASH, (2, "4", N, I)),
        ("parent-or-carer", DAD, (1, "5", I, I)),
        ("parent-or-carer", MUM, (2, "-4", N, D)),
        ("clinician", None, (1, "3", I, I)),  # staff changed; it is one view
        ("other", MUM, (0, "0", X, X)),
    ]
    for given in (observations, observations[::-1]):
        assert [(each.rater, each.rated_by, said(each)) for each in voices(series(*given))] == expected


def test_persons_who_cannot_be_told_apart_stand_first():
    unnamed = [{"type": "RelatedPerson", "display": "a carer"}]
    found = voices(
        series(
            *weeks("school", "2 6", rated_by("parent"), MUM),
            *(each | {"performer": unnamed} for each in weeks("school", "2 3", rated_by("parent"), DAD)),
        )
    )
    assert [(each.rated_by, said(each)[1]) for each in found] == [(None, "1"), (MUM, "4")]


def test_persons_are_in_one_order_whichever_goals_they_rated():
    by_number = [{"type": "RelatedPerson", "identifier": {"value": "1"}}]
    unnamed = [{"type": "RelatedPerson", "display": "a carer"}]
    found = voices(
        series(
            *weeks("a", "1", rated_by("parent"), MUM),
            *weeks("b", "2", rated_by("parent"), DAD),
            *(each | {"performer": by_number} for each in weeks("c", "3", rated_by("parent"))),
            *(each | {"performer": unnamed} for each in weeks("d", "4", rated_by("parent"))),
        )
    )
    assert [each.rated_by for each in found] == [None, ("", "|1"), DAD, MUM]


def test_a_goal_that_replaced_another_in_its_slot_is_a_goal_of_its_own():
    # Slot 1: the first goal went from 6 to 5 and was given up, the next one began at 1.
    found = series(*weeks("old", "6 5", own(1)), *weeks("new", "1 4", own(1), since=2))
    assert [(each.goal[1], Progress(each, TODAY).each_slot) for each in found] == [("new", I), ("old", N)]
    [voice] = voices(found)
    assert said(voice) == (2, "2", N, I)


def test_a_switch_of_code_sets_breaks_nothing():
    found = series(
        *weeks("school", "2 3", own(1, PROGRESS_CHART)),
        *weeks("school", "5", own(1), since=2),
        *weeks("school", "6", concept(SNOMED, GENERIC), since=3),
    )
    [voice] = voices(found)
    assert said(voice) == (1, "4", I, I)


@pytest.mark.parametrize(
    ("what", "corrected", "total", "verdicts"),
    [
        ("as it was rated", {}, "4", (I, I)),
        ("the baseline was mistyped", {"school-ash-0": ("4", "amended")}, "2", (N, N)),
        ("the last one was mistyped", {"school-ash-2": ("1", "corrected")}, "-1", (N, N)),
        ("the baseline was of another child", {"school-ash-0": ("2", "entered-in-error")}, "2", (N, N)),
        ("the last one was of another child", {"school-ash-2": ("6", "entered-in-error")}, "2", (N, N)),
        ("not said for good yet", {"school-ash-2": ("6", "preliminary")}, "2", (N, N)),
        ("what lies between changes nothing", {"school-ash-1": ("9", "amended")}, "4", (I, I)),
    ],
)
def test_late_corrections(what, corrected, total, verdicts):
    observations = []
    for each in weeks("school", "2 4 6", own(1)):
        if each["id"] in corrected:
            value, status = corrected[each["id"]]
            each |= {"valueQuantity": {"value": Decimal(value)}, "status": status}
        observations.append(each)
    [voice] = voices(series(*observations))
    assert (str(voice.mean.total), (voice.mean.verdict, voice.slots.verdict)) == (total, verdicts), what


def test_what_comes_late_stands_where_it_belongs():
    late = rating("late", "school", "1", "2026-02-20", own(1))
    [voice] = voices(series(*weeks("school", "2 4", own(1)), late))
    assert said(voice) == (1, "3", I, I)


def test_where_a_series_stands():
    [only] = series(*weeks("school", "0 - 4 6 -", own(1)))
    found = Progress(only, TODAY)
    assert (found.number, found.baseline.value, found.latest.value) == (3, 0, 6)
    assert (found.change.value, found.each_slot) == (6, I)
    # The last rating was on 22 March; that nobody was asked on the 29th changes nothing.
    assert found.days_since == 10
    assert Progress(only, days_of("2026-03-22").first).days_since == 0
    assert Progress(only, days_of("2026-03-21").first).days_since == -1


def test_where_a_series_of_one_rating_stands():
    [only] = series(*weeks("school", "0", own(1)))
    found = Progress(only, TODAY)
    assert (found.number, found.baseline, found.latest) == (1, only.points[0], only.points[0])
    assert (found.change, found.each_slot) == (None, X)


def test_where_a_series_without_ratings_stands():
    [only] = series(*weeks("school", "-", own(1)))
    found = Progress(only, TODAY)
    assert (found.number, found.baseline, found.latest, found.days_since) == (0, None, None, None)
    assert (found.change, found.each_slot) == (None, X)


def test_levels_of_attainment_have_a_change_and_no_rule_of_goal_scores():
    levels = [
        level("a", "school", -1, "2026-03-01", "107334-5"),
        level("b", "school", 2, "2026-03-08", "107334-5"),
    ]
    [only] = series(*levels)
    found = Progress(only, TODAY)
    assert (found.change.value, found.each_slot) == (3, None)
    assert voices([only]) == ()


@pytest.mark.parametrize(
    ("days", "school", "missed", "sleep"),
    [
        (ALWAYS, ["2", "4", "6"], 1, ["1"]),
        (Days(days_of("2026-03-08").first, ALWAYS.last), ["4", "6"], 1, None),
        (Days(days_of("2026-03-09").first, ALWAYS.last), ["6"], 1, None),
        (Days(ALWAYS.first, days_of("2026-03-08").last), ["2", "4"], 0, ["1"]),
        (Days(ALWAYS.first, days_of("2026-03-07").last), ["2"], 0, ["1"]),
        (days_of("2026-03-15"), [], 1, None),
        (days_of("2026-03-16"), None, 0, None),
    ],
)
def test_ratings_of_some_days_alone(days, school, missed, sleep):
    found = {
        each.goal[1]: each
        for each in within(series(*weeks("school", "2 4 - 6", own(1)), *weeks("sleep", "1", own(2))), days)
    }
    expected = {"school": school, "sleep": sleep}
    assert {goal: [str(point.value) for point in each.points] for goal, each in found.items()} == {
        goal: values for goal, values in expected.items() if values is not None
    }
    assert sum(len(each.missed) for each in found.values()) == missed


def test_a_day_is_that_of_the_text():
    late = rating("late", "school", "1", "2026-06-30T23:59:00+01:00", own(1))
    early = rating("early", "school", "1", "2026-07-01T00:01:00+01:00", own(1))
    [june] = within(series(late, early), days_of("2026-06"))
    assert [point.observation for point in june.points] == ["late"]
