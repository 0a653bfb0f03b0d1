"""Ranges, lengths, forms, digits, units, targets and attachments, each as a table of answers."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from service.fhir.questionnaires import Form
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

UCUM = "http://unitsofmeasure.org"


def bounded(type_, name, low, high):
    return question("q", type_, extension=having((f"{R4}minValue", name, low), (f"{R4}maxValue", name, high)))


def quantity(value, code=None, **more):
    return {"value": value, **({"system": UCUM, "code": code} if code else {}), **more}


OUT, UNIT = ["answer-out-of-range"], ["answer-unit"]
SCORE = bounded("decimal", "valueDecimal", 0, 10)
LEVEL = bounded("integer", "valueInteger", -2, 2)
DAY = bounded("date", "valueDate", "2026-01-15", "2026-06")
HOUR = bounded("dateTime", "valueDateTime", "2026-03-29T00:30:00Z", "2026-03-29T03:00:00+01:00")
CLOCK = bounded("time", "valueTime", "09:00:00", "17:00:00")
WEIGHT = question("q", "quantity", extension=having(
    (f"{SDC}minQuantity", "valueQuantity", quantity(1, "kg")), (f"{SDC}maxQuantity", "valueQuantity", quantity(2, "kg"))
))  # fmt: skip

RANGES = [
    (SCORE, "valueDecimal", 0, []),
    (SCORE, "valueDecimal", Decimal("10.0"), []),
    (SCORE, "valueDecimal", Decimal("10.01"), OUT),
    (SCORE, "valueDecimal", Decimal("-0.5"), OUT),
    (SCORE, "valueDecimal", 11, OUT),
    (SCORE, "valueDecimal", "11", []),  # no number: structural validation says so
    (SCORE, "valueDecimal", True, []),
    (LEVEL, "valueInteger", -2, []),
    (LEVEL, "valueInteger", 3, OUT),
    (DAY, "valueDate", "2026-01-15", []),
    (DAY, "valueDate", "2026-01-14", OUT),
    (DAY, "valueDate", "2026-01", []),  # as far as it says
    (DAY, "valueDate", "2026-06-30", []),
    (DAY, "valueDate", "2026-07-01", OUT),
    (DAY, "valueDate", "soon", []),
    (HOUR, "valueDateTime", "2026-03-29T00:30:00Z", []),
    (HOUR, "valueDateTime", "2026-03-29T02:59:00+01:00", []),
    (HOUR, "valueDateTime", "2026-03-29T03:30:00+02:00", []),
    (HOUR, "valueDateTime", "2026-03-29T02:30:00Z", OUT),
    (CLOCK, "valueTime", "09:00:00", []),
    (CLOCK, "valueTime", "08:59:59.9", OUT),
    (WEIGHT, "valueQuantity", quantity(1500, "g"), []),
    (WEIGHT, "valueQuantity", quantity(2500, "g"), OUT),
    (WEIGHT, "valueQuantity", quantity(1, "m"), [*UNIT, *UNIT]),
    (WEIGHT, "valueQuantity", quantity(3, "kg", comparator="<"), []),
    (WEIGHT, "valueQuantity", {"unit": "kg"}, []),
]


@pytest.mark.parametrize(("item", "name", "value", "faults"), RANGES)
def test_range(item, name, value, faults):
    assert of_answer(item, value, name=name) == faults


def test_a_score_of_eleven_is_refused_at_its_value():
    faults = said(questionnaire(SCORE), response(answered("q", 11, name="valueDecimal")))
    assert faults == [("answer-out-of-range", "QuestionnaireResponse.item[0].answer[0].value")]


@pytest.mark.parametrize("status", ["in-progress", "completed", "amended", "entered-in-error", "stopped"])
def test_a_score_of_eleven_is_refused_whatever_the_status(status):
    assert of_answer(SCORE, 11, name="valueDecimal", status=status) == OUT


@pytest.mark.parametrize(
    ("text", "faults"),
    [("abc", []), ("ab", ["answer-too-short"]), ("abcde", []), ("abcdef", ["answer-too-long"])],
)
def test_length_of_text(text, faults):
    item = question("q", "string", maxLength=5, extension=having((f"{R4}minLength", "valueInteger", 3)))
    assert of_answer(item, text, name="valueString") == faults


@pytest.mark.parametrize(("number", "faults"), [(12, []), (123, ["answer-too-long"]), (True, [])])
def test_length_of_a_number(number, faults):
    assert of_answer(question("q", maxLength=2), number, name="valueInteger") == faults


FORMED = question("q", "string", extension=having((f"{R4}regex", "valueString", "[A-Z]{2}[0-9]+")))


@pytest.mark.parametrize(
    ("text", "faults"), [("AB1", []), ("AB", ["answer-pattern"]), ("xAB1", ["answer-pattern"])]
)
def test_regular_expression_holds_for_the_whole_answer(text, faults):
    assert of_answer(FORMED, text, name="valueString") == faults


def test_regular_expression_holds_for_a_number_as_it_is_written():
    item = question("q", extension=having((f"{R4}regex", "valueString", "[0-9]{2}")))
    assert of_answer(item, 7, name="valueInteger") == ["answer-pattern"]
    assert of_answer(item, 17, name="valueInteger") == []


def test_a_strangers_regular_expression_is_not_run():
    evil = question("q", "string", extension=having((f"{R4}regex", "valueString", "(a+)+b")))
    given = response(answered("q", "a" * 64, name="valueString"))
    assert slugs(Form(questionnaire(evil)), given) == []


def test_a_regular_expression_that_is_none_is_told_at_once():
    broken = question("q", "string", extension=having((f"{R4}regex", "valueString", "(")))
    with pytest.raises(re.error):
        Form(questionnaire(broken), regexes=True)


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        (Decimal("7.1"), []),
        (7, []),
        (Decimal("7.10"), ["answer-decimal-places"]),
        (Decimal("1E+2"), []),
    ],
)
def test_decimal_places(value, faults):
    item = question("q", "decimal", extension=having((f"{R4}maxDecimalPlaces", "valueInteger", 1)))
    assert of_answer(item, value, name="valueDecimal") == faults
    weighed = question("q", "quantity", extension=having((f"{R4}maxDecimalPlaces", "valueInteger", 1)))
    assert of_answer(weighed, quantity(value), name="valueQuantity") == faults


def unit(code):
    return {"system": UCUM, "code": code}


CHOSEN = question("q", "quantity", extension=having(
    (f"{R4}questionnaire-unitOption", "valueCoding", unit("kg")), (f"{R4}questionnaire-unitOption", "valueCoding", unit("g"))
))  # fmt: skip
CAPTURED = question("q", "quantity", extension=having((f"{R4}questionnaire-unit", "valueCoding", unit("kg"))))
HOURS = question("q", "integer", extension=having((f"{R4}questionnaire-unit", "valueCoding", unit("h"))))
FROM_SET = question(
    "q", "quantity", extension=having((f"{R4}questionnaire-unitValueSet", "valueCanonical", "urn:units"))
)

UNITS = [
    (CHOSEN, quantity(1, "kg"), []),
    (CHOSEN, quantity(1, "g"), []),
    (CHOSEN, quantity(1, "mg"), UNIT),
    (CHOSEN, quantity(1, unit="kg"), UNIT),
    (CAPTURED, quantity(1, "kg"), []),
    (CAPTURED, quantity(1, "mg"), []),  # converts
    (CAPTURED, quantity(1, "mg", comparator=">"), []),
    (CAPTURED, quantity(1, "m"), UNIT),
    (CAPTURED, quantity(1), UNIT),
    (FROM_SET, quantity(1, "kg"), []),
    (FROM_SET, quantity(1, "m"), UNIT),
    (FROM_SET, quantity(1), UNIT),
]


@pytest.mark.parametrize(("item", "value", "faults"), UNITS)
def test_unit(item, value, faults):
    in_set = lambda value_set, system, code: (value_set, system, code) == ("urn:units", UCUM, "kg")  # noqa: E731 - a value set of one code
    given = response(answered("q", value, name="valueQuantity"))
    assert slugs(questionnaire(item), given, in_set) == faults


def test_unit_of_a_number_asks_nothing_of_the_answer():
    assert of_answer(HOURS, 3, name="valueInteger") == []
    from_set = having((f"{R4}questionnaire-unitValueSet", "valueCanonical", "urn:units"))
    assert of_answer(question("q", extension=from_set), 3, name="valueInteger") == []


def test_a_quantity_does_not_compare_with_a_mere_number():
    assert of_answer(bounded("quantity", "valueInteger", 0, 9), quantity(1, "kg"), name="valueQuantity") == [
        *UNIT,
        *UNIT,
    ]


GOAL_OR_PLAN = question("q", "reference", extension=having(
    (f"{R4}questionnaire-referenceResource", "valueCode", "Goal"), (f"{R4}questionnaire-referenceResource", "valueCode", "CarePlan")
))  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "faults"),
    [
        ({"reference": "Goal/1"}, []),
        ({"reference": "https://example.org/fhir/CarePlan/1"}, []),
        ({"reference": "Patient/1"}, ["answer-target"]),
        ({"reference": "#goal"}, []),
        ({"reference": "#person"}, ["answer-target"]),
        ({"reference": "#nobody"}, []),
        ({"type": "Goal", "identifier": {"value": "1"}}, []),
        ({"type": "Patient", "identifier": {"value": "1"}}, ["answer-target"]),
        ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, []),
        ({"display": "the goal"}, []),
        ({"reference": 7}, []),
    ],
)
def test_target_of_a_reference(reference, faults):
    contained = [7, {"resourceType": "Goal", "id": "goal"}, {"resourceType": "Patient", "id": "person"}]
    assert of_answer(GOAL_OR_PLAN, reference, name="valueReference", contained=contained) == faults


@pytest.mark.parametrize(
    ("attachment", "faults"),
    [
        ({"contentType": "image/gif", "data": "YWJj"}, []),
        ({"contentType": "image/gif", "data": "YWJjZA=="}, []),
        ({"contentType": "image/gif", "data": "YWJjZGU="}, ["answer-attachment-size"]),
        ({"contentType": "image/gif", "size": 5}, ["answer-attachment-size"]),
        ({"contentType": "image/gif", "size": "5"}, []),
        ({"contentType": "application/pdf"}, ["answer-attachment-type"]),
        ({"data": "YWJj"}, ["answer-attachment-type"]),
        ({"contentType": ["image/gif"]}, ["answer-attachment-type"]),
    ],
)
def test_attachment(attachment, faults):
    drawing = question("q", "attachment", extension=having(
        (f"{R4}mimeType", "valueCode", "image/gif"), (f"{R4}maxSize", "valueDecimal", 4)
    ))  # fmt: skip
    assert of_answer(drawing, attachment, name="valueAttachment") == faults
