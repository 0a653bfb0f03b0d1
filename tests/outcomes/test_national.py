from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.changes import Tally
from service.outcomes.days import ALWAYS, Days, days_of, text_of_day
from service.outcomes.national import View, left_out_for, national_changes, pair, views
from service.outcomes.norms import NORMS, Person
from service.outcomes.referrals import Contact, Referral, Referrals
from tests.outcomes.clinic import ASH
from tests.outcomes.instruments import DAD, HAZEL, MUM, ROWAN, day, known, measure, taking

GIRL = Person(days_of("2012-03-10"), "female")  # 13 when she was referred
REFERRAL = ("ServiceRequest", "r")
BOTH_MET = ("2026-02-01", "2026-02-08")


def met(*days):
    return tuple(Contact(f"c{number}", day(when), (number, f"c{number}")) for number, when in enumerate(days))


def referral(id_="r", received="2026-01-05", closed="2026-05-30", days=BOTH_MET, **more):
    given = {
        "id": id_,
        "received": None if received is None else day(received),
        "closed": None if closed is None else day(closed),
        "is_closed": closed is not None,
        "is_rejected": False,
        "contacts": met(*days),
        "named": frozenset(f"{id_}-{when}" for when in days),
    }
    return Referral(**given | more)


def scored(name, when, value, by=ASH, **more):
    """A score that says to which referral it belongs."""
    return taking(name, when, value, by, **{"referral": REFERRAL, **more})


def changes(*takings, of=None, person=GIRL, **more):
    return national_changes(takings, Referrals([of or referral()]), person, NORMS, **more)


def change(*takings, **more):
    [found] = changes(*takings, **more)
    return found


def said(found):
    return found and (found.when, str(found.value))


# Contacts on 1 and 8 February, closed on 30 May. Which scores are compared?
@pytest.mark.parametrize(
    ("what", "given", "first", "last"),
    [
        ("on both contacts", [("02-01", 1), ("02-08", 2)], ("02-01", "1"), ("02-08", "2")),
        ("before the first contact", [("01-31", 9), ("02-08", 2)], ("02-08", "2"), None),
        (
            "before the first, and on it",
            [("01-31", 9), ("02-01", 1), ("02-08", 2)],
            ("02-01", "1"),
            ("02-08", "2"),
        ),
        ("second before the second contact", [("02-01", 1), ("02-07", 2)], ("02-01", "1"), None),
        ("both on the second contact's day", [("02-08", 1), ("02-08", 2)], ("02-08", "1"), ("02-08", "2")),
        (
            "the latest of many",
            [("02-01", 1), ("02-08", 2), ("03-01", 3), ("04-01", 4)],
            ("02-01", "1"),
            ("04-01", "4"),
        ),
        (
            "the first is the earliest, whatever it says",
            [("02-02", 5), ("02-03", 1), ("03-01", 3)],
            ("02-02", "5"),
            ("03-01", "3"),
        ),
        ("one alone", [("03-01", 3)], ("03-01", "3"), None),
        ("none", [], None, None),
        ("the same twice on one day is one", [("03-01", 3), ("03-01", 3)], ("03-01", "3"), None),
        ("the same on two days is two", [("03-01", 3), ("03-02", 3)], ("03-01", "3"), ("03-02", "3")),
        ("on the day of closing", [("02-01", 1), ("05-30", 2)], ("02-01", "1"), ("05-30", "2")),
        ("after closing", [("02-01", 1), ("05-31", 2)], ("02-01", "1"), None),
        ("out of range", [("02-01", 41), ("02-08", 2), ("03-01", "-1")], ("02-08", "2"), None),
        ("at both ends of the range", [("02-01", 0), ("02-08", 40)], ("02-01", "0"), ("02-08", "40")),
    ],
)
def test_pairs_within_a_referral(what, given, first, last):
    takings = [
        scored("ors-total", f"2026-{when}", value, observation=str(number))
        for number, (when, value) in enumerate(given)
    ]
    for order in (takings, takings[::-1]):
        found = pair(order, referral())
        assert [each and (each.when[5:], str(each.value)) for each in found] == [first, last], what


@pytest.mark.parametrize(
    ("what", "days", "first", "last"),
    [
        ("nobody was met", (), False, False),
        ("once", ("2026-02-01",), True, False),
        ("twice on one day", ("2026-02-01", "2026-02-01"), True, True),
        ("a third contact says nothing", ("2026-02-01", "2026-02-01", "2026-04-01"), True, True),
    ],
)
def test_there_are_pairs_from_two_contacts_on(what, days, first, last):
    found = pair(
        [scored("ors-total", "2026-02-01", 1), scored("ors-total", "2026-02-02", 2)], referral(days=days)
    )
    assert [each is not None for each in found] == [first, last], what


def test_without_a_day_of_closing_every_later_score_counts():
    found = pair(
        [scored("ors-total", "2026-02-01", 1), scored("ors-total", "2030-02-02", 2)], referral(closed=None)
    )
    assert said(found[1]) == ("2030-02-02", "2")


def test_of_equal_scores_the_earliest_stands_for_them():
    takings = [
        scored("ors-total", "2026-02-01T12:00:00Z", 1, observation="b"),
        scored("ors-total", "2026-02-01T09:00:00Z", 1, observation="c"),
        scored("ors-total", "2026-02-01T12:00:00Z", 1, observation="a"),
        scored("ors-total", "2026-03-01T12:00:00Z", 2, observation="d"),
    ]
    assert [each.observation for each in pair(takings, referral())] == ["c", "d"]


def test_what_counts_is_the_day_and_not_the_instant():
    """By its own text on 31 January, though the instant is later than one of 1 February."""
    takings = [
        scored("ors-total", "2026-02-01T00:10:00+13:00", 2, observation="a"),
        scored("ors-total", "2026-02-02T00:10:00+13:00", 3, observation="b"),
        scored("ors-total", "2026-02-01T23:00:00Z", 4, observation="c"),
        scored("ors-total", "2026-02-08", 5, observation="d"),
    ]
    assert [each.observation for each in pair(takings, referral())] == ["a", "d"]
    assert [each.observation for each in pair(takings[:1] + takings[2:], referral())] == ["a", "d"]


# First score, last score: what England's metric says of it, and which way it took for better.
@pytest.mark.parametrize(
    ("code", "by", "first", "last", "rater", "verdict", "cautions"),
    [
        ("ors-total", ASH, "10", "16.6", "young-person", "improved", ()),
        ("ors-total", ASH, "10", "16.5", "young-person", "no-change", ()),
        ("yp-core-total", ASH, "22", "30", "young-person", "deteriorated", ()),
        ("cgas-total", HAZEL, "40", "51", "clinician", "improved", ()),
        ("sdq-parent-4-17-conduct", MUM, "8", "4", "parent-or-carer", "improved", ()),
        # Quirk 1: more prosocial is worse.
        ("sdq-self-11-17-prosocial", ASH, "2", "6", "young-person", "deteriorated", ("direction-reversed",)),
        ("sdq-parent-4-17-prosocial", MUM, "9", "6", "parent-or-carer", "improved", ("direction-reversed",)),
        # Quirk 2: more trouble in the family is better.
        ("score-15-total", ASH, "50", "60", "young-person", "improved", ("direction-reversed",)),
        ("score-15-total", ASH, "60", "50", "young-person", "deteriorated", ("direction-reversed",)),
        # Quirk 3: the young person's own scale 1 counts as a parent's.
        ("honosca-self-scale-1", ASH, "1", "3", "parent-or-carer", "deteriorated", ("counted-as-anothers",)),
        ("honosca-self-scale-2", ASH, "1", "3", "young-person", "deteriorated", ()),
        # Parents' goals go out as the young person's.
        ("1638531000000102", ASH, "2", "5", "young-person", "improved", ()),
        ("1638531000000102", ASH, "2", "4.9", "young-person", "no-change", ()),
        ("1638531000000102", MUM, "5", "2", "young-person", "deteriorated", ("counted-as-anothers",)),
        ("1034351000000101", HAZEL, "2", "5", "young-person", "improved", ("counted-as-anothers",)),
        ("959951000000108", ASH, "2", "5", "young-person", "improved", ()),
        ("ors-total", ("Organization", "trust"), "10", "20", "young-person", "improved", ()),
    ],
)
def test_what_the_metric_says(code, by, first, last, rater, verdict, cautions):
    found = change(scored(code, "2026-02-01", first, by), scored(code, "2026-02-08", last, by))
    assert (found.rater, found.verdict, found.cautions) == (rater, verdict, cautions)
    assert found.change == Fraction(last) - Fraction(first)
    assert (found.direction, found.threshold) == (
        found.measure.national.direction,
        found.measure.national.threshold,
    )
    assert found.rated_by is None
    assert found.referral == referral()


# Quirks 4 and 5: what is outside, whatever the reference table says of it, and what is inside.
@pytest.mark.parametrize(
    ("code", "inside"),
    [
        ("sdq-teacher-4-17-emotional", False),
        ("sdq-teacher-2-4-emotional", False),
        ("sdq-parent-2-4-emotional", False),
        ("sdq-self-11-17-total", False),
        ("rcads-self-total-anxiety", False),
        ("rcads-parent-total-anxiety-depression", False),
        ("srs-total", False),
        ("yp-core-total", True),
        ("swemwbs-total", True),
        ("wemwbs-total", True),
        ("score-15-total", True),
        ("sdq-self-11-17-peer", True),
        ("sdq-self-11-17-prosocial", True),
        ("sdq-parent-4-17-peer", True),
        ("sdq-parent-4-17-prosocial", True),
    ],
)
def test_what_is_in_the_metric(code, inside):
    found = change(scored(code, "2026-02-01", 20, MUM), scored(code, "2026-02-08", 10, MUM))
    assert (found.verdict != "outside-metric") is inside
    if not inside:
        assert (found.threshold, found.change, found.first, found.last) == (None, None, None, None)
        assert found.direction == found.measure.direction
        assert found.rater == (found.measure.rater or "parent-or-carer")
        assert views([found]) == ()


NORM = NORMS.find("rcads-self-panic", "female", 13)


def test_rcads_goes_by_the_age_at_receipt_for_both_scores():
    """Quirk 5: she turns 14 on 10 March, and the norm stays that of 13."""
    found = change(scored("rcads-self-panic", "2026-02-01", 20), scored("rcads-self-panic", "2026-05-01", 10))
    assert [(each.age, each.norm) for each in found.scored] == [(13, NORM), (13, NORM)]
    assert found.of_t_scores
    assert found.change == -100 / Fraction(NORM.deviation)
    assert found.cautions == ()
    assert found.verdict == "improved"


@pytest.mark.parametrize(
    ("who", "person", "received"),
    [
        ("no sex with norms", Person(days_of("2012-03-10"), None), "2026-01-05"),
        ("too young", Person(days_of("2018-01-06"), "female"), "2026-01-05"),
        ("too old", Person(days_of("2008-01-05"), "female"), "2026-01-05"),
        ("no age", Person(None, "female"), "2026-01-05"),
        ("no day of receipt", GIRL, None),
    ],
)
@pytest.mark.parametrize(
    ("last", "verdict"), [("1.71", "improved"), ("1.72", "no-change"), ("20", "no-change")]
)
def test_without_a_norm_the_score_itself_is_compared_with_the_threshold_of_t_scores(
    who, person, received, last, verdict
):
    """Quirk 5: panic's threshold is 18.29 T points."""
    found = change(
        scored("rcads-self-panic", "2026-02-01", 20),
        scored("rcads-self-panic", "2026-05-01", last),
        person=person,
        of=referral(received=received),
    )
    assert (found.verdict, found.of_t_scores) == (verdict, False), who
    assert found.change == Fraction(last) - 20
    assert found.cautions == ("raw-against-t-threshold",)


def test_the_youngest_and_the_oldest_with_a_norm():
    for born in ("2018-01-05", "2008-01-06"):
        found = change(scored("rcads-self-panic", "2026-02-01", 20), person=Person(days_of(born), "female"))
        assert found.scored[0].norm is not None


def test_what_is_not_paired_says_what_there_is():
    found = change(scored("ors-total", "2026-02-01", 1), scored("ors-total", "2026-02-07", 20))
    assert (found.verdict, found.change, found.last) == ("not-paired", None, None)
    assert said(found.first.taking) == ("2026-02-01", "1")
    assert len(found.scored) == 2
    early = change(scored("ors-total", "2026-01-31", 1))
    assert (early.verdict, early.first, early.cautions) == ("not-paired", None, ("before-first-contact",))
    unmet = change(scored("ors-total", "2026-01-31", 1), of=referral(days=()))
    assert (unmet.verdict, unmet.first, unmet.cautions) == ("not-paired", None, ())
    on_the_day = change(scored("ors-total", "2026-02-01", 1))
    assert on_the_day.cautions == ()


def test_what_else_may_mislead_is_said():
    wild = change(scored("ors-total", "2026-02-01", 1), scored("ors-total", "2026-02-08", 41))
    assert (wild.verdict, wild.cautions, len(wild.scored)) == ("not-paired", ("outside-range",), 1)
    alone = change(scored("ors-total", "2026-02-01", 41))
    assert (alone.verdict, alone.cautions, alone.scored) == ("not-paired", ("outside-range",), ())
    two = change(
        scored("sdq-parent-4-17-peer", "2026-02-01", 1, MUM),
        scored("sdq-parent-4-17-peer", "2026-02-08", 4, DAD),
    )
    assert (two.verdict, two.cautions) == ("deteriorated", ("raters-differ",))
    staff = change(
        scored("cgas-total", "2026-02-01", 1, HAZEL), scored("cgas-total", "2026-02-08", 40, ROWAN)
    )
    assert (staff.verdict, staff.cautions) == ("improved", ())


@pytest.mark.parametrize(
    ("what", "goals", "cautions"),
    [
        ("the same goal", [("Goal", "a")], ()),
        ("another goal", [("Goal", "b")], ("slot-reused",)),
    ],
)
def test_a_slot_that_was_used_again_makes_a_false_pair(what, goals, cautions):
    found = change(
        scored("1638531000000102", "2026-02-01", 8, goals=(("Goal", "a"),)),
        scored("1638531000000102", "2026-02-08", 2, goals=tuple(goals)),
    )
    assert (found.verdict, found.cautions) == ("deteriorated", cautions), what


def test_a_switch_of_code_sets_breaks_a_pair_and_a_legacy_id_does_not():
    switched = changes(
        scored("1034351000000101", "2026-02-01", 2), scored("1638531000000102", "2026-02-08", 9)
    )
    assert [each.verdict for each in switched] == ["not-paired", "not-paired"]
    former = known().codings_of(measure("ors-total"))[1]
    assert (
        change(
            scored("ors-total", "2026-02-01", 2, code=former), scored("ors-total", "2026-02-08", 9)
        ).verdict
        == "improved"
    )


def test_scores_up_to_the_end_of_the_period_count():
    given = [
        scored("ors-total", "2026-02-01", 1),
        scored("ors-total", "2026-02-08", 10),
        scored("ors-total", "2026-03-01", 2),
    ]
    assert change(*given, until=day("2026-03-01")).verdict == "no-change"
    assert change(*given, until=day("2026-02-28")).verdict == "improved"
    assert changes(*given, until=day("2026-01-31")) == ()


def test_what_is_of_no_referral_is_in_no_figure():
    found = change(taking("ors-total", "2026-01-04", 1), taking("ors-total", "2026-01-03", 20))
    assert (found.verdict, found.referral, found.change) == ("no-referral", None, None)
    assert found.cautions == ()
    assert found.threshold == Decimal("6.6")
    assert views([found]) == ()


@pytest.mark.parametrize(
    ("what", "more", "cautions"),
    [
        ("it says so", {"referral": REFERRAL}, ()),
        ("its contact says so", {"encounter": ("Encounter", "r-2026-02-01")}, ()),
        ("its day decides", {}, ("referral-by-date",)),
        (
            "of a referral that is not here, so that its day decides",
            {"referral": ("ServiceRequest", "x")},
            ("referral-by-date",),
        ),
    ],
)
def test_to_which_referral_a_score_belongs(what, more, cautions):
    found = change(taking("ors-total", "2026-02-01", 1, **more), scored("ors-total", "2026-02-08", 10))
    assert (found.referral.id, found.verdict, found.cautions) == ("r", "improved", cautions), what


def test_scores_of_two_referrals_are_no_pair():
    second = referral("s", "2026-03-01", None, ("2026-03-02", "2026-03-09"))
    given = [
        scored("ors-total", "2026-02-01", 1),
        scored("ors-total", "2026-03-02", 20, referral=("ServiceRequest", "s")),
        taking("ors-total", "2025-01-01", 3),
        scored("cors-total", "2026-03-02", 20, referral=("ServiceRequest", "s")),
    ]
    for order in (given, given[::-1]):
        found = national_changes(order, Referrals([second, referral()]), GIRL, NORMS)
        assert [(each.referral and each.referral.id, each.measure.code, each.verdict) for each in found] == [
            ("r", "ors-total", "not-paired"),
            ("s", "cors-total", "not-paired"),
            ("s", "ors-total", "not-paired"),
            (None, "ors-total", "no-referral"),
        ]


def both(name, first, last, by=ASH, **more):
    return [scored(name, "2026-02-01", first, by, **more), scored(name, "2026-02-08", last, by, **more)]


IMPROVED_GOAL = both("1638531000000102", 2, 6)
STEADY_GOAL = both("1638541000000106", 3, 3)
STEADY_TOO = both("1638551000000109", 4, 5)
WORSE_PANIC = both("rcads-self-panic", 2, 20)


# Domain facts section 1: the worked example, and what one scale of RCADS does to it.
@pytest.mark.parametrize(
    ("what", "takings", "told"),
    [
        (
            "goals 2 to 6, 3 to 3, 4 to 5",
            [*IMPROVED_GOAL, *STEADY_GOAL, *STEADY_TOO],
            [("young-person", "improved", 1, 0, 2)],
        ),
        (
            "and panic worse",
            [*IMPROVED_GOAL, *STEADY_GOAL, *WORSE_PANIC],
            [("young-person", "deteriorated", 1, 1, 1)],
        ),
        ("nothing moved", [*STEADY_GOAL, *STEADY_TOO], [("young-person", "no-change", 0, 0, 2)]),
        ("nothing was paired", IMPROVED_GOAL[:1], [("young-person", "not-rated-twice", 0, 0, 0)]),
        (
            "every rater has a view",
            [*both("cgas-total", 40, 60, HAZEL), *both("sdq-parent-4-17-peer", 2, 8, MUM), *IMPROVED_GOAL],
            [
                ("young-person", "improved", 1, 0, 0),
                ("parent-or-carer", "deteriorated", 0, 1, 0),
                ("clinician", "improved", 1, 0, 0),
            ],
        ),
        # Quirk 6: HoNOSCA scale by scale, so that one of thirteen decides.
        (
            "one scale of HoNOSCA worse, eleven better",
            [
                *both("honosca-clinician-scale-1", 1, 3, HAZEL),
                *(
                    one
                    for scale in range(2, 13)
                    for one in both(f"honosca-clinician-scale-{scale}", 4, 0, HAZEL)
                ),
                *both("honosca-clinician-scale-13", 4, 3, HAZEL),
            ],
            [("clinician", "deteriorated", 11, 1, 1)],
        ),
        ("what is outside says nothing", both("srs-total", 1, 40), []),
    ],
)
def test_what_all_measures_of_a_rater_come_to(what, takings, told):
    seen = views(changes(*takings))
    assert [
        (each.rater, each.tally.verdict, each.tally.improved, each.tally.deteriorated, each.tally.unchanged)
        for each in seen
    ] == told, what
    assert all(each.referral == referral() for each in seen)


def test_views_are_of_one_referral_each():
    second = referral("s", "2026-03-01", None, ("2026-02-01", "2026-02-08"))
    found = national_changes(
        [*IMPROVED_GOAL, *both("ors-total", 20, 1, referral=("ServiceRequest", "s"))],
        Referrals([referral(), second]),
        GIRL,
        NORMS,
    )
    assert views(found) == (
        View(referral(), "young-person", Tally(1, 0, 0)),
        View(second, "young-person", Tally(0, 1, 0)),
    )


# The cohort of section 3.3, as far as it can be told. She was born on 10 March 2012.
@pytest.mark.parametrize(
    ("what", "given", "reasons"),
    [
        ("closed in the period", {}, ()),
        ("on the first day of the period", {"closed": "2026-05-01"}, ()),
        ("on the last", {"closed": "2026-05-31"}, ()),
        ("before it", {"closed": "2026-04-30"}, ("closed-outside-period",)),
        ("after it", {"closed": "2026-06-01"}, ("closed-outside-period",)),
        ("open", {"closed": None}, ("still-open",)),
        ("closed, nobody knows when", {"closed": None, "is_closed": True}, ("closing-undated",)),
        ("received before 2016", {"received": "2015-12-31"}, ("received-before-2016",)),
        ("received on the first day of 2016", {"received": "2016-01-01"}, ()),
        ("received nobody knows when", {"received": None}, ("received-undated",)),
        ("aged 17", {"received": "2030-03-09"}, ()),
        ("aged 18", {"received": "2030-03-10"}, ("aged-18-or-over",)),
        ("received before birth", {"received": "2012-03-09"}, ("received-before-2016", "age-unknown")),
        ("rejected", {"is_rejected": True}, ("rejected",)),
        ("a stay in hospital", {"has_hospital_stay": True}, ("hospital-stay",)),
        (
            "all at once",
            {"closed": None, "received": "2030-03-10", "is_rejected": True, "has_hospital_stay": True},
            ("aged-18-or-over", "rejected", "hospital-stay", "still-open"),
        ),
    ],
)
def test_why_the_metric_leaves_a_referral_out(what, given, reasons):
    may = Days(day("2026-05-01"), day("2026-05-31"))
    assert left_out_for(referral(**given), GIRL, may) == reasons, what


def test_without_a_period_every_closed_referral_is_in_it():
    assert left_out_for(referral(closed="2016-01-02", received="2016-01-01"), GIRL, ALWAYS) == ()
    assert left_out_for(referral(), Person(None, None), ALWAYS) == ("age-unknown",)


DAYS = st.integers(day("2026-01-20"), day("2026-03-10"))


@given(
    st.lists(st.tuples(DAYS, st.integers(-1, 41)), max_size=12),
    st.lists(DAYS, max_size=4).map(sorted),
    st.none() | DAYS,
)
def test_pairs_agree_with_the_rule_spelt_out(given_, contacts, closed):
    """By sorting and numbering, as the published statements do: row number 1, and the last of those from 2 on."""
    takings = [
        scored("ors-total", text_of_day(when), value, observation=f"{number:02}")
        for number, (when, value) in enumerate(given_)
    ]
    of = Referral(
        "r",
        None,
        closed,
        is_closed=True,
        is_rejected=False,
        contacts=tuple(Contact(str(number), when, (number, "")) for number, when in enumerate(contacts)),
    )
    found = pair(takings, of)
    rows = sorted(
        {
            (when, min(number for number, one in enumerate(given_) if one == (when, value)), value)
            for when, value in given_
            if 0 <= value <= 40 and contacts and when >= contacts[0] and (closed is None or when <= closed)
        }
    )
    first = rows[0] if rows else None
    later = [row for row in rows[1:] if len(contacts) > 1 and row[0] >= contacts[1]]
    assert [each and (each.day, each.value) for each in found] == [
        first and (first[0], first[2]),
        (later[-1][0], later[-1][2]) if later else None,
    ]
