"""What an answer is as the value of an Observation."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.questionnaires.extractable import as_value

KILOGRAM = {"system": "http://unitsofmeasure.org", "code": "kg", "display": "kilogram"}
CODING = {"system": "urn:x", "code": "a"}


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ({"valueBoolean": False}, {"valueBoolean": False}),
        ({"valueInteger": 0}, {"valueInteger": 0}),
        ({"valueDecimal": Decimal("7.50")}, {"valueQuantity": {"value": Decimal("7.50")}}),
        ({"valueDate": "2026-03"}, {"valueDateTime": "2026-03"}),
        ({"valueDateTime": "2026-03-01T10:00:00Z"}, {"valueDateTime": "2026-03-01T10:00:00Z"}),
        ({"valueTime": "10:00:00"}, {"valueTime": "10:00:00"}),
        ({"valueString": "x"}, {"valueString": "x"}),
        ({"valueUri": "urn:x"}, {"valueString": "urn:x"}),
        ({"valueCoding": CODING}, {"valueCodeableConcept": {"coding": [CODING]}}),
        ({"valueQuantity": {"value": 1, "unit": "x"}}, {"valueQuantity": {"value": 1, "unit": "x"}}),
        ({"valueAttachment": {"title": "x"}}, None),
        ({"valueReference": {"reference": "Goal/1"}}, None),
        ({"extension": []}, None),
    ],
)
def test_each_type_of_answer(answer, value):
    assert as_value(answer, None) == value


@pytest.mark.parametrize("name", ["valueInteger", "valueDecimal"])
def test_a_number_whose_question_has_a_unit_is_a_quantity(name):
    whole = {"value": 0, "unit": "kilogram", "system": "http://unitsofmeasure.org", "code": "kg"}
    assert as_value({name: 0}, KILOGRAM) == {"valueQuantity": whole}


def test_a_unit_without_name_is_called_by_its_code():
    assert as_value({"valueInteger": 1}, {"code": "kg"}) == {
        "valueQuantity": {"value": 1, "unit": "kg", "code": "kg"}
    }


def test_a_unit_says_nothing_about_what_is_no_number():
    assert as_value({"valueString": "1"}, KILOGRAM) == {"valueString": "1"}
