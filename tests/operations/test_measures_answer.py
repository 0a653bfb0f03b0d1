from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest

from service.fhir import codec
from service.operations.measures_answer import CAUTIONS, SOURCES, moved, outcome, t_score, told
from service.operations.measures_figures import Asked, Figures, Told
from service.operations.progress_figures import CLINICAL, PARITY
from service.outcomes import measure_changes, national
from service.outcomes.changes import Tally
from service.outcomes.days import ALWAYS, Days, days_of
from service.outcomes.measure_changes import clinical_changes
from service.outcomes.national import View, national_changes
from service.outcomes.norms import NORMS, Person
from service.outcomes.referrals import Contact, Referral, Referrals
from tests.operations.measuring import part, parts
from tests.outcomes.instruments import HAZEL, MUM, day, known, taking

GIRL = Person(days_of("2012-03-10"), "female")
REFERRAL = Referral(
    "r",
    day("2026-01-05"),
    day("2026-05-30"),
    is_closed=True,
    is_rejected=False,
    contacts=tuple(Contact(when, day(when), (0, when)) for when in ("2026-02-01", "2026-02-08")),
)


def asked(mode=CLINICAL, days=ALWAYS):
    return Asked("ash", days, mode, "series", frozenset(known()))


def clinically(*takings):
    return clinical_changes(takings, GIRL, NORMS)


def shown(*takings):
    """The one measure as a client gets it."""
    answer = codec.decode(codec.encode(told(asked(), Figures(clinically(*takings)))))
    return part(answer, "measure")


def test_an_answer_says_whose_and_how():
    answer = told(asked(), Figures(()))
    assert answer == {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "about", "valueReference": {"reference": "Patient/ash"}},
            {"name": "mode", "valueCode": "clinical"},
            {"name": "source", "valueString": SOURCES[CLINICAL]},
        ],
    }
    dated = told(asked(PARITY, Days(day("2026-05-01"), day("2026-05-31"))), Figures(()))
    assert part(dated, "period") == {"start": "2026-05-01", "end": "2026-05-31"}
    assert part(dated, "source") == SOURCES[PARITY]


def test_a_measure_is_told_whole():
    found = shown(
        taking("ors-total", "2026-02-01", "7.10", observation="a", encounter=("Encounter", "e")),
        taking("ors-total", "2026-02-08", "0", observation="b"),
        taking("ors-total", "2026-03-01", "17.30", observation="c"),
    )
    assert part(found, "measure") == {
        "system": "https://thrive-fhir.example/CodeSystem/measures",
        "code": "ors-total",
        "display": "ORS: total",
    }
    said = {name: part(found, name) for name in ("rater", "direction", "scale", "ratings", "verdict")}
    assert said == {
        "rater": "young-person",
        "direction": "higher-is-better",
        "scale": "score",
        "ratings": 3,
        "verdict": "improved",
    }
    assert part(found, "rated-by") == {"reference": "Patient/ash"}
    numbers = [part(found, name) for name in ("minimum", "maximum", "at-least", "change")]
    assert numbers == [0, 40, Decimal("6.6"), Decimal("10.20")]
    assert str(numbers[3]) == "10.20"
    assert part(found, "baseline")["part"] == [
        {"name": "value", "valueDecimal": Decimal("7.10")},
        {"name": "date", "valueDateTime": "2026-02-01"},
        {"name": "observation", "valueReference": {"reference": "Observation/a"}},
    ]
    assert part(part(found, "latest"), "value") == Decimal("17.30")
    ratings = parts(found, "rating")
    assert [part(each, "value") for each in ratings] == [Decimal("7.10"), 0, Decimal("17.30")]
    assert [part(each, "encounter") for each in ratings] == [{"reference": "Encounter/e"}, None, None]
    assert part(ratings[0], "code") == {"system": "http://snomed.info/sct", "code": "716613004"}
    assert part(found, "caution") is None
    assert part(found, "referral") is None


def test_what_there_is_not_is_left_out():
    found = shown(taking("srs-total", "2026-02-01", 20, HAZEL))
    names = {each["name"] for each in found["part"]}
    assert names.isdisjoint({"at-least", "baseline", "latest", "change", "rated-by"})
    assert part(found, "verdict") == "not-rated-twice"


def test_t_scores_are_told_beside_scores_with_the_age_that_they_go_by():
    found = shown(taking("rcads-self-panic", "2026-02-01", 20), taking("rcads-self-panic", "2026-05-01", 10))
    norms = [NORMS.find("rcads-self-panic", "female", age) for age in (13, 14)]
    expected = [
        round(50 + 10 * (raw - norm.mean) / norm.deviation, 2)
        for raw, norm in zip((20, 10), norms, strict=True)
    ]
    assert [part(part(found, name), "t-score") for name in ("baseline", "latest")] == expected
    assert [part(each, "age") for each in parts(found, "rating")] == [13, 14]
    assert part(found, "scale") == "t-score"
    exact = 10 * (Fraction(10) - Fraction(norms[1].mean)) / Fraction(norms[1].deviation) - 10 * (
        Fraction(20) - Fraction(norms[0].mean)
    ) / Fraction(norms[0].deviation)
    assert abs(part(found, "change") - Decimal(float(exact))) < Decimal("0.0051")
    assert part(found, "caution") == "norms-differ"


def test_what_was_not_compared_has_no_change():
    [once] = clinically(taking("ors-total", "2026-02-01", 1))
    assert moved(once) is None
    assert t_score(once.scored[0]) is None


def test_each_caution_that_was_met_is_explained_once():
    changes = clinically(
        taking("rcads-self-panic", "2026-02-01", 20),
        taking("rcads-self-panic", "2026-05-01", 10),
        taking("rcads-self-ocd", "2026-02-01", 1),
        taking("rcads-self-ocd", "2026-05-01", 1),
    )
    answer = told(asked(), Figures(changes))
    [caution] = parts(answer, "caution")
    assert caution["part"] == [
        {"name": "caution", "valueCode": "norms-differ"},
        {"name": "text", "valueString": CAUTIONS["norms-differ"]},
    ]


def test_every_caution_has_its_words():
    given = {
        value
        for module in (measure_changes, national)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    words = set(measure_changes.Caution.__args__)
    assert set(CAUTIONS) == words
    assert words <= given


def test_a_referral_is_told_whole():
    view = View(REFERRAL, "young-person", Tally(1, 2, 3))
    unpaired = View(REFERRAL, "clinician", Tally(0, 0, 0))
    figures = Figures((), (Told(REFERRAL, 13, ("rejected", "hospital-stay"), (view, unpaired)),))
    referral = part(told(asked(PARITY), figures), "referral")
    assert referral["part"] == [
        {"name": "referral", "valueReference": {"reference": "ServiceRequest/r"}},
        {"name": "received", "valueDate": "2026-01-05"},
        {"name": "closed", "valueDate": "2026-05-30"},
        {"name": "age", "valueUnsignedInt": 13},
        {"name": "contacts", "valueUnsignedInt": 2},
        {"name": "counted", "valueBoolean": False},
        {"name": "reason", "valueCode": "rejected"},
        {"name": "reason", "valueCode": "hospital-stay"},
        {
            "name": "view",
            "part": [
                {"name": "rater", "valueCode": "young-person"},
                {"name": "verdict", "valueCode": "deteriorated"},
                {"name": "improved", "valueUnsignedInt": 1},
                {"name": "deteriorated", "valueUnsignedInt": 2},
                {"name": "no-change", "valueUnsignedInt": 3},
            ],
        },
        {
            "name": "view",
            "part": [
                {"name": "rater", "valueCode": "clinician"},
                {"name": "verdict", "valueCode": "not-paired"},
                {"name": "improved", "valueUnsignedInt": 0},
                {"name": "deteriorated", "valueUnsignedInt": 0},
                {"name": "no-change", "valueUnsignedInt": 0},
            ],
        },
    ]


def test_a_referral_that_tells_little():
    bare = replace(REFERRAL, received=None, closed=None, contacts=())
    referral = part(told(asked(PARITY), Figures((), (Told(bare, None, (), ()),))), "referral")
    assert [each["name"] for each in referral["part"]] == ["referral", "contacts", "counted"]
    assert part(referral, "contacts") == 0
    assert part(referral, "counted") is True


def test_a_measure_says_of_which_referral_it_is():
    changes = national_changes(
        [taking("sdq-parent-4-17-peer", "2026-02-01", 1, MUM)], Referrals([REFERRAL]), GIRL, NORMS
    )
    found = part(told(asked(PARITY), Figures(changes)), "measure")
    assert part(found, "referral") == {"reference": "ServiceRequest/r"}
    assert part(found, "caution") == "referral-by-date"


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        (Tally(0, 0, 0), "not-paired"),
        (Tally(1, 0, 0), "improved"),
        (Tally(1, 1, 0), "deteriorated"),
        (Tally(0, 0, 1), "no-change"),
    ],
)
def test_what_a_view_comes_to(tally, expected):
    assert outcome(View(REFERRAL, "clinician", tally)) == expected
