from __future__ import annotations

from service.operations.measured import Measured
from service.operations.measures_figures import Asked, clinical, parity
from service.outcomes.days import ALWAYS, Days, days_of
from service.outcomes.norms import Person
from service.outcomes.referrals import Contact, Referral, Referrals
from tests.outcomes.instruments import day, known, measure, taking

GIRL = Person(days_of("2012-03-10"), "female")
FOUND = Measured(
    GIRL,
    (
        taking("ors-total", "2026-02-01", 10),
        taking("ors-total", "2026-02-08", 12),
        taking("ors-total", "2026-05-01", 30),
        taking("gad-7-total", "2026-02-01", 5),
        taking("gad-7-total", "2026-02-08", 12),
    ),
)
REFERRAL = Referral(
    "r",
    day("2026-01-05"),
    day("2026-05-30"),
    is_closed=True,
    is_rejected=False,
    contacts=tuple(Contact(when, day(when), (0, when)) for when in ("2026-02-01", "2026-02-08")),
)
UNDATED = Referral("a", None, None, is_closed=False, is_rejected=False)


ALL = frozenset(known())


def asked(days=ALWAYS, measures=ALL):
    return Asked("ash", days, "clinical", "series", measures)


def told(figures):
    return [(each.measure.code, each.change, each.verdict) for each in figures.changes]


def test_clinically_the_scores_of_the_days_count():
    assert told(clinical(asked(), FOUND)) == [
        ("gad-7-total", 7, "deteriorated"),
        ("ors-total", 20, "improved"),
    ]
    assert told(clinical(asked(Days(day("2026-02-08"), day("2026-05-01"))), FOUND)) == [
        ("gad-7-total", None, "not-rated-twice"),
        ("ors-total", 18, "improved"),
    ]
    assert told(clinical(asked(Days(day("2026-02-01"), day("2026-04-30"))), FOUND)) == [
        ("gad-7-total", 7, "deteriorated"),
        ("ors-total", 2, "no-change"),
    ]
    assert told(clinical(asked(Days(day("2026-02-02"), day("2026-02-07"))), FOUND)) == []
    assert clinical(asked(), FOUND).referrals == ()


def test_only_the_measures_that_are_asked_for_are_told():
    ors = frozenset([measure("ors-total")])
    assert told(clinical(asked(measures=ors), FOUND)) == [("ors-total", 20, "improved")]
    figures = parity(asked(measures=ors), FOUND, Referrals([REFERRAL]))
    assert told(figures) == [("ors-total", 20, "improved")]
    # The rater's view is of all of them all the same.
    [view] = figures.referrals[0].views
    assert view.tally.verdict == "deteriorated"


def test_the_national_figures_of_a_period_are_of_the_scores_up_to_its_end():
    april = Days(day("2026-04-01"), day("2026-04-30"))
    figures = parity(asked(april), FOUND, Referrals([REFERRAL]))
    assert told(figures) == [("gad-7-total", 7, "deteriorated"), ("ors-total", 2, "no-change")]
    [referral] = figures.referrals
    assert (referral.referral, referral.age, referral.reasons) == (REFERRAL, 13, ("closed-outside-period",))
    may = Days(day("2026-05-01"), day("2026-05-31"))
    figures = parity(asked(may), FOUND, Referrals([REFERRAL]))
    assert told(figures)[1] == ("ors-total", 20, "improved")
    assert figures.referrals[0].reasons == ()


def test_every_referral_is_told_of_and_its_views_are_its_own():
    figures = parity(asked(), FOUND, Referrals([REFERRAL, UNDATED]))
    assert [(each.referral.id, each.age, len(each.views)) for each in figures.referrals] == [
        ("a", None, 0),
        ("r", 13, 1),
    ]
