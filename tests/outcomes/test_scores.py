from __future__ import annotations

import pytest

from service.outcomes.days import days_of, days_of_period
from service.outcomes.ratings import Rating
from service.outcomes.scores import Score, comes_from_sound_forms, read_score, targets
from tests.outcomes.clinic import ASH, LOINC, SNOMED, about, concept, locate, refer, told

SCHOOL, SLEEP = ("Goal", "school"), ("Goal", "sleep")
FORM, OTHER_FORM = ("QuestionnaireResponse", "march"), ("QuestionnaireResponse", "april")
SLOT_1 = {"system": SNOMED, "code": "1034351000000101"}
SLOT_1_NEWER = {"system": SNOMED, "code": "1638531000000102"}
SLOT_2 = {"system": SNOMED, "code": "1638541000000106"}


def score(**more):
    return {"resourceType": "Observation", "status": "final", **about(ASH), "focus": [refer(SCHOOL)], **more}


def test_what_a_score_says_is_read():
    read = read_score(
        score(
            code={"coding": [SLOT_1]},
            effectiveDateTime="2026-03-10T16:00:00Z",
            focus=[refer(("Patient", "x")), refer(SCHOOL), {"display": "said in words"}, refer(SLEEP)],
            derivedFrom=[{"display": "a paper form"}, refer(FORM)],
        ),
        locate,
    )
    says = (1, "Observation.code", days_of("2026-03-10"), "Observation.effective")
    assert read.ratings == (
        Rating(ASH, SCHOOL, "Observation.focus[1]", *says),
        Rating(ASH, SLEEP, "Observation.focus[3]", *says),
    )
    assert read.sources == ((FORM, "Observation.derivedFrom[1]"),)
    assert not read.is_in_error
    assert read_score(score(status="entered-in-error"), locate).is_in_error


@pytest.mark.parametrize(
    ("when", "days"),
    [
        ({"effectiveDateTime": "2026-03"}, days_of("2026-03")),
        ({"effectiveInstant": "2026-03-10T16:00:00Z"}, days_of("2026-03-10")),
        ({"effectivePeriod": {"start": "2026-03-10"}}, days_of_period({"start": "2026-03-10"})),
        ({"effectiveTiming": {}}, None),
        ({}, None),
    ],
)
def test_when(when, days):
    assert read_score(score(**when), locate).ratings[0].days == days


@pytest.mark.parametrize(
    ("code", "slot"),
    [
        ({"coding": [SLOT_1]}, 1),
        ({"coding": [SLOT_1, SLOT_1_NEWER]}, 1),  # the same slot in both sets
        ({"coding": [SLOT_1, SLOT_2]}, None),  # which of them?
        (concept(LOINC, "107334-5"), None),
        ({}, None),
    ],
)
def test_slots(code, slot):
    assert read_score(score(code=code), locate).ratings[0].slot == slot


def test_without_a_goal_it_rates_none():
    assert read_score({}, locate) == Score((), (), is_in_error=False)
    assert targets({"resourceType": "CarePlan"}, "goal", locate) == ()


IN_ERROR = ("error", "score-of-response-in-error")


@pytest.mark.parametrize(
    ("what", "sources", "before", "found"),
    [
        ("from a sound form", [OTHER_FORM], None, []),
        ("from one entered in error", [FORM], None, [(*IN_ERROR, "place 0")]),
        ("from both", [OTHER_FORM, FORM], None, [(*IN_ERROR, "place 1")]),
        ("from none", [], None, []),
        ("already from it before the form was marked", [FORM], [FORM], []),
        ("from another before, and now from it", [FORM], [OTHER_FORM], [(*IN_ERROR, "place 0")]),
        ("from none before, and now from it", [FORM], [], [(*IN_ERROR, "place 0")]),
    ],
)
def test_no_new_score_of_a_form_in_error(what, sources, before, found):
    def of(given):
        return Score((), tuple((source, f"place {n}") for n, source in enumerate(given)), is_in_error=False)

    former = None if before is None else of(before)
    assert told(comes_from_sound_forms(of(sources), {FORM}, former)) == found, what
