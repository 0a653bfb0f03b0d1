from __future__ import annotations

import pytest

from service.outcomes import recognition
from service.outcomes.recognition import SLOT_OF_CODE, codings, named_scales
from tests.outcomes.clinic import LOINC, OURS, SNOMED, concept, extension

LOCAL = f"{OURS}/CodeSystem/goal-score"

# system, code, whether it is a goal's score, and the slot that it says.
GOAL_CODES = [
    (SNOMED, "1034351000000101", True, 1),
    (SNOMED, "1034361000000103", True, 2),
    (SNOMED, "1034371000000105", True, 3),
    (SNOMED, "1638531000000102", True, 1),
    (SNOMED, "1638541000000106", True, 2),
    (SNOMED, "1638551000000109", True, 3),
    (SNOMED, "959951000000108", True, None),
    (LOINC, "112296-9", True, None),
    (LOINC, "107331-1", True, None),
    (LOINC, "107333-7", True, None),
    (LOINC, "107334-5", True, None),
    (LOCAL, "parent-rated-goal-score", True, None),
    (LOCAL, "clinician-rated-goal-score", True, None),
    (SNOMED, "959961000000106", False, None),  # a SCORE-15 total, often taken for goal 2
    (SNOMED, "959971000000104", False, None),
    (LOINC, "1034351000000101", False, None),  # the right code of the wrong system
    (SNOMED, "718437004", False, None),  # YP-CORE
    (f"{OURS}/CodeSystem/collaborate", "collaborate-mean", False, None),
]


@pytest.mark.parametrize(("system", "code", "is_score", "slot"), GOAL_CODES)
def test_goal_scores_by_code(system, code, is_score, slot):
    assert recognition.is_goal_score({"code": concept(system, code)}) is is_score
    assert SLOT_OF_CODE.get((system, code)) == slot


def test_any_of_several_codings_will_do():
    code = {"coding": [{"code": "x"}, {"system": SNOMED}, *concept(LOINC, "107334-5")["coding"]]}
    assert recognition.is_goal_score({"code": code})
    assert list(codings(code)) == [(LOINC, "107334-5")]


@pytest.mark.parametrize("nothing", [None, {}, {"text": "in words only"}, "a string"])
def test_without_codings_it_is_nothing(nothing):
    assert list(codings(nothing)) == []
    observation = {"code": nothing}
    assert not recognition.is_goal_score(observation)
    assert not recognition.is_grouping(observation)
    assert not recognition.is_collaborate_score(observation)


def test_groupings_by_code():
    assert recognition.is_grouping({"code": concept(f"{OURS}/CodeSystem/observable", "needs-based-grouping")})
    assert not recognition.is_grouping({"code": concept(f"{OURS}/CodeSystem/observable", "other")})
    assert not recognition.is_grouping({"code": concept(SNOMED, "needs-based-grouping")})


def test_collaborate_scores_by_code():
    assert recognition.is_collaborate_score({"code": concept(f"{OURS}/CodeSystem/collaborate", "x")})
    assert not recognition.is_collaborate_score({"code": concept(SNOMED, "718437004")})


@pytest.mark.parametrize(
    ("form", "is_session"),
    [
        (f"{OURS}/Questionnaire/gbo-session", True),
        (f"{OURS}/Questionnaire/gbo-session|0.1.0", True),
        (f"{OURS}/Questionnaire/gbo-session-2", False),
        (f"{OURS}/Questionnaire/collaborate-0-9", False),
        (None, False),
    ],
)
def test_sessions_by_their_form(form, is_session):
    assert recognition.is_goal_session({} if form is None else {"questionnaire": form}) is is_session


@pytest.mark.parametrize(
    ("plan", "is_thrive"),
    [
        ({}, False),
        ({"meta": {"profile": ["https://elsewhere.example/thrive-plan"]}}, False),
        ({"meta": {"profile": [None, f"{OURS}/StructureDefinition/thrive-plan"]}}, True),
        ({"meta": {"profile": [f"{OURS}/StructureDefinition/thrive-plan|0.1.0"]}}, True),
        ({"extension": [extension("plan-coordinator")]}, True),
        ({"extension": [extension("plan-coordinating-agency")]}, True),
        ({"extension": [extension("plan-review-date"), {"url": "x"}]}, False),
    ],
)
def test_thrive_plans_by_claim_or_coordinator(plan, is_thrive):
    assert recognition.is_thrive_plan(plan) is is_thrive


@pytest.mark.parametrize(
    ("texts", "scales"),
    [
        ([], set()),
        ([f"{OURS}/Questionnaire/collaborate-0-9"], {9}),
        ([f"{OURS}/Questionnaire/collaborate-0-4|1"], {4}),
        (["collaborate-0-4.listen"], {4}),
        (["scale-0-9"], {9}),
        (["scale-0-4"], {4}),
        (["scale-0-9", "collaborate-0-4"], {4, 9}),
        (["my-scale-0-9"], set()),
        (["listen", "0-9"], set()),
    ],
)
def test_scales_by_name(texts, scales):
    assert named_scales(texts) == scales
