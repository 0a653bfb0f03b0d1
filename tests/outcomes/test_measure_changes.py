from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.days import days_of
from service.outcomes.measure_changes import (
    Scored,
    by_norm,
    clinical_changes,
    difference,
    t_difference,
    verdict_of,
)
from service.outcomes.measures import HIGHER_IS_BETTER, HIGHER_IS_WORSE
from service.outcomes.norms import NORMS, Norm, Person, shown
from tests.outcomes.clinic import ASH
from tests.outcomes.instruments import DAD, HAZEL, MUM, ROWAN, day, known, taking

GIRL = Person(days_of("2012-03-10"), "female")  # 13 until 9 March 2026, 14 from then on
NOBODY = Person(None, None)
JANUARY, FEBRUARY, MAY = "2026-01-10", "2026-02-10", "2026-05-10"

JUDGED = [each for each in known() if each.national is not None]


def changes(*takings, person=GIRL):
    return clinical_changes(takings, person, NORMS)


def change(*takings, person=GIRL):
    [found] = changes(*takings, person=person)
    return found


@pytest.mark.parametrize("direction", [HIGHER_IS_BETTER, HIGHER_IS_WORSE])
@pytest.mark.parametrize(
    ("moved", "verdict"),
    [
        ("-6.61", "down"),
        ("-6.60", "down"),
        ("-6.59", "no-change"),
        ("0", "no-change"),
        ("6.59", "no-change"),
        ("6.60", "up"),
        ("6.61", "up"),
    ],
)
def test_a_change_is_reliable_from_the_threshold_on(direction, moved, verdict):
    expected = {
        "up": "improved" if direction == HIGHER_IS_BETTER else "deteriorated",
        "down": "deteriorated" if direction == HIGHER_IS_BETTER else "improved",
    }.get(verdict, verdict)
    assert verdict_of(Fraction(moved), Decimal("6.60"), direction) == expected


# First score, last score: what a clinician reads in it.
@pytest.mark.parametrize(
    ("code", "by", "first", "last", "moved", "verdict"),
    [
        ("ors-total", ASH, "10", "16.6", "6.6", "improved"),
        ("ors-total", ASH, "10", "16.5", "6.5", "no-change"),
        ("ors-total", ASH, "16.6", "10", "-6.6", "deteriorated"),
        ("ors-total", ASH, "0", "0", "0", "no-change"),
        ("cors-total", ASH, "0", "10", "10", "improved"),
        ("yp-core-total", ASH, "30", "22", "-8", "improved"),
        ("yp-core-total", ASH, "22", "29", "7", "no-change"),
        ("yp-core-total", ASH, "22", "30", "8", "deteriorated"),
        ("cgas-total", HAZEL, "40", "51", "11", "improved"),
        ("cgas-total", HAZEL, "40", "50", "10", "no-change"),
        ("sdq-self-11-17-emotional", ASH, "8", "4", "-4", "improved"),
        ("sdq-parent-4-17-peer", MUM, "8", "5", "-3", "improved"),
        ("sdq-self-11-17-peer", ASH, "8", "4", "-4", "no-change"),
        # More prosocial is better, whatever national figures say.
        ("sdq-self-11-17-prosocial", ASH, "2", "6", "4", "improved"),
        ("sdq-parent-4-17-prosocial", MUM, "9", "6", "-3", "deteriorated"),
        # Less trouble in the family is better, whatever national figures say.
        ("score-15-total", ASH, "60", "50", "-10", "improved"),
        ("score-15-total", ASH, "50", "60", "10", "deteriorated"),
        ("honosca-self-scale-1", ASH, "1", "3", "2", "deteriorated"),
        ("honosca-clinician-scale-1", HAZEL, "4", "2", "-2", "improved"),
        ("gad-7-total", ASH, "12", "8", "-4", "improved"),
        # No threshold is published.
        ("sdq-self-11-17-total", ASH, "25", "5", "-20", "no-threshold"),
        ("srs-total", ASH, "20", "38", "18", "no-threshold"),
        ("rcads-self-total-anxiety", ASH, "60", "10", "-50", "no-threshold"),
    ],
)
def test_what_became_of_a_measure(code, by, first, last, moved, verdict):
    found = change(taking(code, JANUARY, first, by), taking(code, MAY, last, by))
    assert found.change == Fraction(moved)
    assert found.verdict == verdict
    assert not found.of_t_scores
    assert (found.first.taking.value, found.last.taking.value) == (Decimal(first), Decimal(last))
    assert found.direction == found.measure.direction
    assert found.cautions == ()
    assert found.referral is None
    national = found.measure.national
    assert found.threshold == (None if national is None else national.threshold)


@pytest.mark.parametrize("measure", JUDGED, ids=lambda each: each.code)
def test_every_measure_with_a_threshold_is_judged_by_it_in_its_own_direction(measure):
    """All rows of the national list, both ways, at the threshold and below: section 3.3's, but clinically turned."""
    threshold = measure.national.threshold
    up = "improved" if measure.direction == HIGHER_IS_BETTER else "deteriorated"
    assert verdict_of(Fraction(threshold), threshold, measure.direction) == up
    assert verdict_of(-Fraction(threshold), threshold, measure.direction) != up
    just_below = Fraction(threshold) - Fraction(1, 10**9)
    assert verdict_of(just_below, threshold, measure.direction) == "no-change"
    assert verdict_of(-just_below, threshold, measure.direction) == "no-change"


def test_first_and_last_count_and_what_lies_between_does_not():
    found = change(
        taking("ors-total", MAY, 20), taking("ors-total", JANUARY, 10), taking("ors-total", FEBRUARY, 0)
    )
    assert [each.taking.value for each in found.scored] == [10, 0, 20]
    assert found.change == 10
    assert found.verdict == "improved"


def test_one_score_is_no_change():
    found = change(taking("ors-total", JANUARY, 10))
    assert (found.verdict, found.change, found.first, found.last) == ("not-rated-twice", None, None, None)
    assert len(found.scored) == 1
    untold = change(taking("srs-total", JANUARY, 10))
    assert untold.verdict == "not-rated-twice"


def test_scores_on_one_day_are_two_where_they_differ():
    once = taking("ors-total", JANUARY, 10, observation="a")
    assert change(once, taking("ors-total", JANUARY, 20, observation="b")).change == 10
    assert change(once, taking("ors-total", JANUARY, 10, observation="b")).change is None


def test_a_score_outside_the_range_counts_in_no_figure():
    found = change(
        taking("ors-total", JANUARY, "40.1"), taking("ors-total", FEBRUARY, 40), taking("ors-total", MAY, 0)
    )
    assert found.change == -40
    assert found.cautions == ("outside-range",)
    assert len(found.scored) == 2
    alone = change(taking("ors-total", JANUARY, "40.1"))
    assert (alone.verdict, alone.scored, alone.cautions) == ("not-rated-twice", (), ("outside-range",))


def test_a_legacy_and_an_active_id_of_one_measure_pair():
    present, former = known().codings_of(taking("ors-total", JANUARY, 1).measure)
    assert present != former
    found = change(taking("ors-total", JANUARY, 10, code=former), taking("ors-total", MAY, 20, code=present))
    assert found.change == 10


def test_raters_stand_side_by_side():
    """Parents one each, clinicians together because staff change, the young person for themselves."""
    found = changes(
        taking("srs-total", MAY, 6, HAZEL),
        taking("srs-total", JANUARY, 5, ROWAN),
        taking("srs-total", JANUARY, 4, MUM),
        taking("srs-total", JANUARY, 3, DAD),
        taking("srs-total", JANUARY, 2, ("Organization", "o")),
        taking("srs-total", JANUARY, 1, ASH),
        taking("sdq-teacher-4-17-total", JANUARY, 7, HAZEL),
        taking("ors-total", MAY, 9, ASH),
    )
    assert [
        (each.measure.code, each.rater, each.rated_by, [one.taking.value for one in each.scored])
        for each in found
    ] == [
        ("ors-total", "young-person", ASH, [9]),
        ("sdq-teacher-4-17-total", "teacher", HAZEL, [7]),
        ("srs-total", "young-person", ASH, [1]),
        ("srs-total", "parent-or-carer", DAD, [3]),
        ("srs-total", "parent-or-carer", MUM, [4]),
        ("srs-total", "clinician", None, [5, 6]),
        ("srs-total", "other", ("Organization", "o"), [2]),
    ]


def test_the_order_does_not_hang_on_what_comes_first():
    given = [
        taking("srs-total", JANUARY, 1, rater="of-a-package"),
        taking("srs-total", JANUARY, 2, rater="teacher"),
        taking("srs-total", JANUARY, 3, rater="other", rated_by=None),
        taking("srs-total", JANUARY, 3, rater="other", rated_by=MUM),
        taking("ors-total", JANUARY, 4),
        taking("1638531000000102", JANUARY, 4),
    ]
    found = changes(*given)
    assert found == changes(*reversed(given))
    assert [(each.measure.code, each.rater, each.rated_by) for each in found] == [
        ("1638531000000102", "young-person", ASH),
        ("ors-total", "young-person", ASH),
        ("srs-total", "other", None),
        ("srs-total", "other", MUM),
        ("srs-total", "teacher", ASH),
        ("srs-total", "of-a-package", ASH),
    ]


# A girl of 13 in January and February, of 14 in May. Norms of depression (self): at 12-13 and at 14-15.
AT_13 = NORMS.find("rcads-self-depression", "female", 13)
AT_14 = NORMS.find("rcads-self-depression", "female", 14)


@pytest.mark.parametrize(
    ("threshold_is", "first", "last", "verdict"),
    [
        # 17.73 T points are 1.773 standard deviations of the norm, whatever the raw scores are.
        ("reached", "20", "10", "improved"),
        ("reached the other way", "10", "20", "deteriorated"),
        ("just reached", "20", "13", "improved"),  # 17.90 points
        ("just missed", "20", "13.1", "no-change"),  # 17.65 points
    ],
)
def test_rcads_is_judged_on_t_scores(threshold_is, first, last, verdict):
    found = change(
        taking("rcads-self-depression", JANUARY, first), taking("rcads-self-depression", FEBRUARY, last)
    )
    deviations = (Fraction(last) - Fraction(first)) / Fraction(AT_13.deviation)
    assert found.of_t_scores
    assert found.change == 10 * deviations
    assert (abs(found.change) >= Fraction("17.73")) is (verdict != "no-change"), threshold_is
    assert found.verdict == verdict
    assert [each.age for each in found.scored] == [13, 13]
    assert found.cautions == ()


def test_each_t_score_goes_by_the_age_at_which_it_was_given():
    found = change(taking("rcads-self-depression", JANUARY, 12), taking("rcads-self-depression", MAY, 12))
    assert [each.age for each in found.scored] == [13, 14]
    assert [each.norm for each in found.scored] == [AT_13, AT_14]
    assert found.change == AT_14.t_score(Decimal(12)) - AT_13.t_score(Decimal(12)) != 0
    assert found.cautions == ("norms-differ",)
    assert found.verdict == "no-change"


@pytest.mark.parametrize(
    ("who", "person"),
    [
        ("no birth date", Person(None, "female")),
        ("a birth year alone", Person(days_of("2012"), "female")),
        ("a sex without norms", Person(days_of("2012-03-10"), None)),
        ("too young", Person(days_of("2020-03-10"), "female")),
        ("too old", Person(days_of("2007-03-10"), "female")),
        ("too old at the second score", Person(days_of("2008-03-10"), "female")),
        ("too young at the first score", Person(days_of("2018-03-10"), "female")),
    ],
)
def test_without_a_norm_no_change_of_rcads_is_called_reliable(who, person):
    found = change(
        taking("rcads-self-depression", JANUARY, 30),
        taking("rcads-self-depression", MAY, 0),
        person=person,
    )
    assert (found.verdict, found.change) == ("no-norm", None), who
    assert found.of_t_scores
    assert (found.first.taking.value, found.last.taking.value) == (30, 0)


def test_only_what_is_judged_on_t_scores_has_a_norm():
    assert by_norm(taking("ors-total", JANUARY, 1), GIRL, NORMS, day(JANUARY)).norm is None
    assert by_norm(taking("srs-total", JANUARY, 1), GIRL, NORMS, day(JANUARY)) == Scored(
        taking("srs-total", JANUARY, 1)
    )
    scored = by_norm(taking("rcads-self-depression", JANUARY, 1), GIRL, NORMS, day(JANUARY))
    assert (scored.age, scored.norm) == (13, AT_13)
    assert scored.t_score == AT_13.t_score(Decimal(1))
    undated = by_norm(taking("rcads-self-depression", JANUARY, 1), GIRL, NORMS, None)
    assert (undated.age, undated.norm, undated.t_score) == (None, None, None)


def test_differences():
    one, other = (Scored(taking("ors-total", JANUARY, value)) for value in ("7.1", "3"))
    assert difference(one, other) == Fraction("-4.1")
    assert t_difference(one, other) is None
    norm = Norm(Decimal(3), Decimal("1.5"))
    normed = [Scored(each.taking, 12, norm) for each in (one, other)]
    assert t_difference(*normed) == Fraction("-41") / Fraction("1.5")
    assert t_difference(normed[0], other) is None
    assert t_difference(one, normed[1]) is None


@given(
    st.sampled_from([each for each in JUDGED if each.national.of_t_scores]),
    st.sampled_from(["female", "male"]),
    st.integers(8, 16),
    st.decimals(0, 18, places=1),
    st.decimals(0, 18, places=1),
)
def test_rcads_verdicts_agree_with_the_formula_reckoned_in_floats(measure, sex, age, first, last):
    """A second way to reckon, with the tolerance that floats need: T = 50 + 10 * (raw - mean) / sd."""
    person = Person(days_of(f"{2026 - age}-01-01"), sex)
    found = change(
        taking(measure.code, "2026-03-01", first, MUM),
        taking(measure.code, "2026-04-01", last, MUM, observation="b"),
        person=person,
    )
    norm = NORMS.find(measure.code, sex, age)
    t_scores = [50 + 10 * (float(raw) - float(norm.mean)) / float(norm.deviation) for raw in (first, last)]
    moved = t_scores[1] - t_scores[0]
    assert float(shown(found.change)) == pytest.approx(moved, abs=0.0051)
    if abs(abs(moved) - float(measure.national.threshold)) > 1e-6:
        expected = "no-change"
        if abs(moved) > float(measure.national.threshold):
            expected = "deteriorated" if moved > 0 else "improved"
        assert found.verdict == expected
