"""What $progress puts together of what it was asked for."""

from __future__ import annotations

import pytest

from service.operations.progress_figures import CLINICAL, PARITY, SERIES, Asked, figures
from service.operations.rated import Rated
from service.outcomes.days import ALWAYS, days_of
from service.outcomes.series import RATERS, read_points
from tests.outcomes.clinic import (
    ASH,
    MUM,
    ROWAN,
    extension,
    level,
    locate,
    own,
    rated_by,
    rating,
    refer,
)


def goal(id_, slot=None, start=None, **more):
    slots = [] if slot is None else [extension("goal-slot", valuePositiveInt=slot)]
    started = {} if start is None else {"startDate": start}
    return {
        "id": id_,
        "lifecycleStatus": "active",
        "subject": refer(ASH),
        "extension": slots,
        **started,
        **more,
    }


def rated(goals, *observations):
    points = tuple(point for each in observations for point in read_points(each, locate))
    return Rated({each["id"]: each for each in goals}, points)


def found(given, *, raters=RATERS, mode=CLINICAL, days=ALWAYS, about=("Patient", "ash")):
    asked = Asked(about, days, frozenset(raters), mode, SERIES, days_of("2026-04-01").first)
    return figures(given, asked, locate)


def test_goals_are_in_the_order_of_slots_then_of_their_beginnings_then_of_ids():
    given = rated(
        [
            goal("none-2"),
            goal("none-1"),
            goal("two", 2),
            goal("one-late", 1, "2026-03-01"),
            goal("one-early", 1, "2026-02-01"),
            goal("one-unsaid", 1),
        ]
    )
    assert [each.goal.id for each in found(given).goals] == [
        "one-unsaid",
        "one-early",
        "one-late",
        "two",
        "none-1",
        "none-2",
    ]
    assert all(each.progress == () for each in found(given).goals)


GIVEN = rated(
    [goal("school", 1), goal("sleep", 2)],
    rating("1", "school", "2", "2026-03-01", own(1)),
    rating("2", "school", "6", "2026-03-08", own(1)),
    rating("3", "sleep", "3", "2026-03-01", own(1)),
    rating("4", "sleep", "9", "2026-03-08", rated_by("parent"), MUM),
    level("5", "sleep", -1, "2026-03-01", "112296-9", ROWAN),
    level("6", "sleep", 1, "2026-03-08", "107334-5"),
)


def shown(figures_):
    return [
        (each.goal.id, progress.series.rater, progress.series.kind)
        for each in figures_.goals
        for progress in each.progress
    ]


def test_all_raters_by_the_goals_own_time():
    all_ = found(GIVEN)
    assert shown(all_) == [
        ("school", "young-person", "score"),
        ("sleep", "young-person", "score"),
        ("sleep", "parent-or-carer", "score"),
        ("sleep", "young-person", "level"),
        ("sleep", "clinician", "level"),
    ]
    assert [each.rater for each in all_.voices] == ["young-person", "parent-or-carer"]
    assert [each.code for each in all_.cautions] == ["slot-reused"]
    assert (all_.pairs, all_.national) == ((), None)
    assert {each.today for one in all_.goals for each in one.progress} == {days_of("2026-04-01").first}


@pytest.mark.parametrize(
    ("raters", "series", "summaries", "cautions"),
    [
        (["young-person"], 3, ["young-person"], 1),
        (["parent-or-carer"], 1, [], 0),
        (["clinician", "other"], 1, ["clinician"], 0),
    ],
)
def test_some_raters(raters, series, summaries, cautions):
    some = found(GIVEN, raters=raters)
    assert len(shown(some)) == series
    assert {rater for _, rater, _ in shown(some)} <= set(raters)
    assert [each.rater for each in some.attainment] == summaries
    assert len(some.cautions) == cautions


def test_the_summary_of_levels_looks_at_a_baseline_by_somebody_else():
    [summary] = found(GIVEN, raters=["young-person"]).attainment
    assert (str(summary.baseline), str(summary.latest), summary.baseline_raters) == (
        "40.00",
        "60.00",
        ("clinician",),
    )


def test_a_goals_weight_counts_in_the_summary():
    weighted = goal("calm", extension=[extension("goal-weight", valueDecimal=0)])
    given = rated([weighted], level("1", "calm", 1, "2026-03-08", "107334-5"))
    [summary] = found(given).attainment
    assert (summary.latest, len(summary.left_out)) == (None, 1)


def test_one_goal_has_no_summary_of_goals():
    assert found(GIVEN, about=("Goal", "sleep")).attainment == ()


def test_national_pairs_stand_alone():
    parity = found(GIVEN, mode=PARITY)
    assert (parity.voices, parity.attainment) == ((), ())
    assert [(pair.slot, pair.verdict) for pair in parity.pairs] == [(1, "improved")]
    assert (parity.national.improved, parity.national.verdict) == (1, "improved")
    assert shown(parity) == shown(found(GIVEN))
    others = found(GIVEN, mode=PARITY, raters=["clinician"])
    assert (others.pairs, others.national, others.cautions) == ((), None, ())


def test_days():
    later = found(GIVEN, days=days_of("2026-03-08"))
    assert [(goal_, rater) for goal_, rater, _ in shown(later)] == [
        ("school", "young-person"),
        ("sleep", "parent-or-carer"),
        ("sleep", "young-person"),
    ]
    assert later.cautions == ()
    assert [each.goal.id for each in later.goals] == ["school", "sleep"]  # goals are there, rated or not
