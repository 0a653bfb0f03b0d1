"""A response with an item for each of the Questionnaire's, and the answers that it begins with."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths import Node
from service.fhir.questionnaires.initial_expressions import Inexpressible
from service.fhir.questionnaires.populating import as_answer, populate

SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-"
OPTIONS = [{"valueCoding": {"code": "a"}}, {"valueCoding": {"code": "b"}, "initialSelected": True}]


def item(link, type_="integer", **more):
    return {"linkId": link, "type": type_, **more}


def expression(text="x"):
    stated = {"language": "text/fhirpath", "expression": text}
    return [{"url": f"{SDC}initialExpression", "valueExpression": stated}]


def initial(*values):
    return [{"valueInteger": value} for value in values]


def nothing(_expression):
    return []


def filled(*items, evaluate=nothing, **more):
    return populate({"resourceType": "Questionnaire", "item": list(items), **more}, evaluate)


def slugs(populated):
    return [issue.slug for issue in populated.issues]


def test_an_item_for_each_and_no_words():
    within = [item("b", text="words"), item("c", "display", text="words")]
    populated = filled(item("a", "group", text="words", item=within), item("d", "group"))
    assert populated.items == [
        {"linkId": "a", "item": [{"linkId": "b"}, {"linkId": "c"}]},
        {"linkId": "d"},
    ]
    assert populated.issues == ()


def test_initial_values_zero_included():
    assert filled(item("a", initial=initial(0))).items == [{"linkId": "a", "answer": [{"valueInteger": 0}]}]
    repeated = filled(item("a", initial=initial(1, 2), repeats=True))
    assert repeated.items == [{"linkId": "a", "answer": [{"valueInteger": 1}, {"valueInteger": 2}]}]


def test_an_option_that_is_chosen_beforehand():
    [made] = filled(item("a", "choice", answerOption=OPTIONS)).items
    assert made["answer"] == [{"valueCoding": {"code": "b"}}]


def test_several_values_for_one_answer():
    populated = filled(item("a", initial=initial(1, 2)))
    assert populated.items == [{"linkId": "a"}]
    assert slugs(populated) == ["populate-several-values"]
    assert populated.issues[0].expression == "Questionnaire.item[0]"


def test_an_expression_comes_before_initial_values():
    asked = item("a", extension=expression("one"), initial=initial(5))
    told = filled(asked, evaluate=lambda stated: [Node("System.Integer", len(stated["expression"]))])
    assert told.items == [{"linkId": "a", "answer": [{"valueInteger": 3}]}]
    assert filled(asked).items == [{"linkId": "a", "answer": [{"valueInteger": 5}]}]


def test_an_expression_that_cannot_be_worked_out_leaves_the_question_open():
    def fail(_expression):
        raise Inexpressible("Not here.")

    populated = filled(item("g", "group", item=[item("a", extension=expression())]), evaluate=fail)
    assert populated.items == [{"linkId": "g", "item": [{"linkId": "a"}]}]
    [issue] = populated.issues
    assert (issue.slug, issue.text, issue.severity) == ("populate-expression", "Not here.", "information")
    assert issue.expression == "Questionnaire.item[0].item[0]"


def test_a_value_that_is_no_answer():
    populated = filled(item("a", extension=expression()), evaluate=lambda _: [Node("string", "x")])
    assert populated.items == [{"linkId": "a"}]
    assert slugs(populated) == ["populate-value-type"]


def test_items_within_an_answer():
    asked = item("a", initial=initial(1), item=[item("b", initial=initial(2))])
    [made] = filled(asked).items
    assert made["answer"] == [
        {"valueInteger": 1, "item": [{"linkId": "b", "answer": [{"valueInteger": 2}]}]},
    ]
    assert filled(item("a", item=[item("b")])).items == [{"linkId": "a"}]


def test_other_ways_are_told_of():
    period = [{"url": f"{SDC}observationLinkPeriod", "valueDuration": {"value": 1}}]
    populated = filled(
        item("a", extension=period),
        extension=[{"url": f"{SDC}sourceStructureMap", "valueCanonical": "urn:x"}],
    )
    assert [(issue.slug, issue.expression) for issue in populated.issues] == [
        ("populate-way", "Questionnaire"),
        ("populate-way", "Questionnaire.item[0]"),
    ]


CODING = {"system": "urn:x", "code": "a"}


@pytest.mark.parametrize(
    ("asked", "node", "answer"),
    [
        ("boolean", Node("boolean", value=False), {"valueBoolean": False}),
        ("boolean", Node("System.Integer", 1), None),
        ("integer", Node("positiveInt", 0), {"valueInteger": 0}),
        ("integer", Node("System.Boolean", value=True), None),
        ("integer", Node("decimal", Decimal(1)), None),
        ("decimal", Node("System.Decimal", Decimal("1.0")), {"valueDecimal": Decimal("1.0")}),
        ("decimal", Node("System.Integer", 1), {"valueDecimal": 1}),
        ("date", Node("dateTime", "2026-11-27T10:00:00Z"), {"valueDate": "2026-11-27"}),
        ("date", Node("date", "2026"), {"valueDate": "2026"}),
        ("date", Node("string", "2026"), None),
        ("dateTime", Node("instant", "2026-11-27T10:00:00Z"), {"valueDateTime": "2026-11-27T10:00:00Z"}),
        ("time", Node("System.Time", "10:00:00"), {"valueTime": "10:00:00"}),
        ("string", Node("code", "x"), {"valueString": "x"}),
        ("text", Node("markdown", "x"), {"valueString": "x"}),
        ("text", Node("date", "2026"), None),
        ("string", Node("string", None), None),
        ("url", Node("uri", "urn:x"), {"valueUri": "urn:x"}),
        ("quantity", Node("System.Quantity", {"value": 1}), {"valueQuantity": {"value": 1}}),
        ("quantity", Node("Reference", {"reference": "Goal/1"}), None),
        ("quantity", Node("Patient", {"resourceType": "Patient", "id": "1"}), None),
        ("attachment", Node("Attachment", {"title": "x"}), {"valueAttachment": {"title": "x"}}),
        (
            "reference",
            Node("Reference", {"reference": "Goal/1"}),
            {"valueReference": {"reference": "Goal/1"}},
        ),
        (
            "reference",
            Node("Patient", {"resourceType": "Patient", "id": "1"}),
            {"valueReference": {"reference": "Patient/1"}},
        ),
        ("reference", Node("Patient", {"resourceType": "Patient"}), None),
        ("reference", Node("string", "Goal/1"), None),
        ("choice", Node("Coding", CODING), {"valueCoding": CODING}),
        ("choice", Node("code", "a"), {"valueCoding": {"code": "a"}}),
        ("choice", Node("code", "c"), None),
        ("open-choice", Node("string", "c"), {"valueString": "c"}),
        ("choice", Node("CodeableConcept", {"coding": [CODING]}), None),
        ("question", Node("string", "x"), None),
    ],
)
def test_what_is_an_answer_to_what(asked, node, answer):
    assert as_answer(item("a", asked, answerOption=OPTIONS), node) == answer


def test_a_code_that_two_options_have_says_neither():
    twice = [{"valueCoding": {"system": system, "code": "a"}} for system in ("urn:x", "urn:y")]
    assert as_answer(item("a", "choice", answerOption=twice), Node("code", "a")) is None
