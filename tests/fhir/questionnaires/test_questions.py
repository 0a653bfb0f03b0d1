"""Which types of answer a question takes, and which the Questionnaire's own mistakes are put up with."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.questionnaires import Form, extensions
from service.fhir.questionnaires.questions import ANSWERS, UNBOUNDED, Compilation
from tests.fhir.questionnaires.forms import (
    R4,
    answered,
    having,
    of_answer,
    question,
    questionnaire,
    response,
    said,
)  # fmt: skip

VALUES = {
    "valueBoolean": False,
    "valueDecimal": Decimal("0.0"),
    "valueInteger": 0,
    "valueDate": "2026-11-27",
    "valueDateTime": "2026-11-27",
    "valueTime": "09:30:00",
    "valueString": "a",
    "valueUri": "https://example.org",
    "valueCoding": {"system": "https://example.org", "code": "a"},
    "valueAttachment": {"contentType": "image/gif"},
    "valueReference": {"reference": "Goal/1"},
    "valueQuantity": {"value": 1},
}


@pytest.mark.parametrize("type_", ANSWERS)
@pytest.mark.parametrize("name", VALUES)
def test_a_question_takes_answers_of_its_type_alone(type_, name):
    faults = of_answer(question("q", type_), VALUES[name], name=name)
    assert faults == ([] if name in ANSWERS[type_] else ["answer-type"])


def test_a_choice_takes_the_types_of_what_it_offers():
    choice = question("q", "choice", answerOption=[{"valueInteger": 0}, {"valueString": "a"}])
    assert of_answer(choice, 0, name="valueInteger") == []
    assert of_answer(choice, "a", name="valueString") == []
    assert of_answer(choice, "2026-11-27", name="valueDate") == ["answer-type"]


def test_the_fault_stands_at_the_value():
    faults = said(questionnaire(question("q")), response(answered("q", "a", name="valueString")))
    assert faults == [("answer-type", "QuestionnaireResponse.item[0].answer[0].value")]


def test_heading_of_questions_takes_no_answer():
    assert of_answer(question("q", "question"), 1, name="valueInteger") == ["answer-unexpected"]


def test_of_two_items_with_one_link_the_first_counts():
    twice = questionnaire(question("q", "integer"), question("q", "string"))
    assert said(twice, response(answered("q", 1))) == []


@pytest.mark.parametrize(
    ("more", "least", "most"),
    [
        ({}, 0, 1),
        ({"required": True}, 1, 1),
        ({"repeats": True}, 0, UNBOUNDED),
        ({"repeats": True, "required": True}, 1, UNBOUNDED),
        ({"repeats": True, "extension": having((f"{R4}questionnaire-maxOccurs", "valueInteger", 3))}, 0, 3),
        ({"extension": having((f"{R4}questionnaire-maxOccurs", "valueInteger", 3))}, 0, 1),
        ({"repeats": True, "required": True, "extension": having((f"{R4}questionnaire-minOccurs", "valueInteger", 2))}, 2, UNBOUNDED),
    ],
)  # fmt: skip
def test_how_many_answers(more, least, most):
    compiled = Compilation(questionnaire(question("q", **more)), regexes=True).level.questions["q"]
    assert (compiled.least, compiled.most) == (least, most)


def test_a_questionnaire_without_items_takes_none():
    assert said({"resourceType": "Questionnaire"}, response(answered("q", 1))) == [
        ("question-unknown", "QuestionnaireResponse.item[0]")
    ]


ADDRESSES = [
    value for value in vars(extensions).values() if isinstance(value, str) and value.startswith("http://")
]
EXTENSIONS = st.lists(
    st.builds(lambda url, value: {"url": url, value[0]: value[1]}, st.sampled_from(ADDRESSES), st.sampled_from(list(VALUES.items()))),
    max_size=4,
)  # fmt: skip


@given(
    st.sampled_from(list(ANSWERS)), EXTENSIONS, st.lists(st.sampled_from(list(VALUES.items())), max_size=2)
)
def test_an_extension_of_whatever_type_does_not_make_it_fail(type_, found, answers):
    asked = question("q", type_, extension=found, repeats=True, required=True, initial=[{}], readOnly=True)
    item = {"linkId": "q", "answer": [dict([answer]) for answer in answers]}
    assert all(issue.is_fault for issue in Form(questionnaire(asked)).issues(response(item), lambda *_: None))
