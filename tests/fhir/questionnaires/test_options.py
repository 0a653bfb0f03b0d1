"""What a question offers: lists, value sets, answers that stand alone, and those that are given."""

from __future__ import annotations

import pytest

from service.fhir.questionnaires.options import exclusive, offered, valued
from tests.fhir.questionnaires.forms import (
    R4,
    SDC,
    answered,
    having,
    of_answer,
    question,
    questionnaire,
    response,
    said,
    slugs,
)  # fmt: skip

SYSTEM = "https://thrive-fhir.example/CodeSystem/needs-based-grouping"
VALUE_SET = "https://thrive-fhir.example/ValueSet/needs-based-grouping"
NOT_OFFERED = ["answer-not-an-option"]


def grouping(code, **more):
    return {"system": SYSTEM, "code": code, **more}


OPTIONS = [{"valueCoding": grouping("getting-help")}, {"valueCoding": {"display": "Neither"}}]
LISTED = question("q", "choice", answerOption=OPTIONS)
OPEN = question("q", "open-choice", answerOption=OPTIONS)

CHOICES = [
    (LISTED, "valueCoding", grouping("getting-help"), []),
    (LISTED, "valueCoding", grouping("getting-help", display="Help"), []),  # displays are for reading
    (LISTED, "valueCoding", grouping("coping"), NOT_OFFERED),
    (LISTED, "valueCoding", {"code": "getting-help"}, NOT_OFFERED),
    (LISTED, "valueCoding", {"display": "Neither"}, []),
    (LISTED, "valueCoding", {"display": "Both"}, NOT_OFFERED),
    (LISTED, "valueCoding", {"system": [], "code": {}}, NOT_OFFERED),
    (OPEN, "valueCoding", grouping("coping"), NOT_OFFERED),
    (OPEN, "valueString", "something else", []),
    (question("q", "integer", answerOption=[{"valueInteger": 0}, {"valueInteger": 5}]), "valueInteger", 0, []),
    (question("q", "integer", answerOption=[{"valueInteger": 0}]), "valueInteger", 5, NOT_OFFERED),
    (question("q", "integer", answerOption=[{"valueInteger": 0}]), "valueInteger", False, NOT_OFFERED),
    (question("q", "time", answerOption=[{"valueTime": "10:00:00"}]), "valueTime", "09:00:00", NOT_OFFERED),
    (
        question("q", "choice", answerOption=[{"valueReference": {"reference": "Goal/1"}}]),
        "valueReference", {"reference": "Goal/1", "display": "Sleep"}, [],
    ),
    (
        question("q", "choice", answerOption=[{"valueReference": {"reference": "Goal/1"}}]),
        "valueReference", {"reference": "Goal/2"}, NOT_OFFERED,
    ),
    (question("q", "choice", answerOption=[{"extension": []}]), "valueCoding", grouping("coping"), []),
]  # fmt: skip


@pytest.mark.parametrize(("item", "name", "value", "faults"), CHOICES)
def test_listed(item, name, value, faults):
    assert of_answer(item, value, name=name) == faults


def contains(value_set, system, code):
    known = {(SYSTEM, "getting-help"): True, (SYSTEM, "coping"): False}
    return known.get((system, code)) if value_set == VALUE_SET else None


FROM_SET = question("q", "choice", answerValueSet=VALUE_SET)


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        (grouping("getting-help"), []),
        (grouping("coping"), NOT_OFFERED),
        (grouping("unheard-of"), []),  # nobody can tell
        ({"display": "Getting Help"}, NOT_OFFERED),
        ({"system": 7, "code": "a"}, NOT_OFFERED),
    ],
)
def test_from_a_value_set(value, faults):
    given = response(answered("q", value, name="valueCoding"))
    assert slugs(questionnaire(FROM_SET), given, contains) == faults


def test_a_code_without_a_system_is_asked_for_as_one_without():
    asked = []
    given = response(answered("q", {"code": "a"}, name="valueCoding"))
    slugs(questionnaire(FROM_SET), given, lambda *question: asked.append(question))
    assert asked == [(VALUE_SET, "", "a")]


def test_text_is_free_beside_a_value_set():
    free = question("q", "open-choice", answerValueSet=VALUE_SET)
    given = response(answered("q", "mine", name="valueString"))
    assert slugs(questionnaire(free), given, lambda *_: False) == []


def test_from_a_contained_value_set():
    colours = {
        "resourceType": "ValueSet",
        "id": "colours",
        "compose": {"include": [{"system": "urn:colours", "concept": [{"code": "red"}]}]},
    }
    form = questionnaire(question("q", "choice", answerValueSet="#colours"), contained=[colours])
    for code, faults in (("red", []), ("blue", NOT_OFFERED)):
        given = response(answered("q", {"system": "urn:colours", "code": code}, name="valueCoding"))
        assert slugs(form, given) == faults


ALONE = question(
    "q", "choice", repeats=True,
    answerOption=[
        {"valueCoding": grouping("getting-help")},
        {"valueCoding": grouping("thriving"), "extension": having((f"{R4}questionnaire-optionExclusive", "valueBoolean", True))},
    ],
)  # fmt: skip


def test_an_answer_that_stands_alone():
    def faults(*codes):
        given = response(answered("q", *map(grouping, codes), name="valueCoding"))
        return said(questionnaire(ALONE), given)

    assert faults("thriving") == []
    assert faults("getting-help", "getting-help") == []
    assert faults("getting-help", "thriving") == [
        ("answer-exclusive", "QuestionnaireResponse.item[0].answer[1]")
    ]


GIVEN = {"type_": "string", "readOnly": True, "initial": [{"valueString": "as agreed"}]}


@pytest.mark.parametrize(
    ("more", "text", "faults"),
    [
        ({}, "as agreed", []),
        ({}, "otherwise", ["answer-fixed"]),
        ({"readOnly": False}, "otherwise", []),
        ({"initial": []}, "otherwise", []),
        ({"extension": having((f"{SDC}calculatedExpression", "valueExpression", {}))}, "otherwise", []),
        ({"extension": having((f"{SDC}initialExpression", "valueExpression", {}))}, "otherwise", []),
    ],
)
def test_a_read_only_answer_is_the_one_given(more, text, faults):
    assert of_answer(question("q", **(GIVEN | more)), text, name="valueString") == faults


def test_what_is_offered_is_read_under_the_name_of_an_answer():
    assert offered({"answerOption": [{"valueDate": "2026"}, {}]}) == [("valueDate", "2026")]
    assert valued({"answerDate": "2026"}, "answer") == ("valueDate", "2026")
    assert exclusive({"answerOption": [{"extension": having((f"{R4}questionnaire-optionExclusive", "valueBoolean", True))}]}) == frozenset()  # fmt: skip
