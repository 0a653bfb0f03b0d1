"""What is kept of values whoever they are about."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.outcomes import deidentification_values as values

UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize("value", [0, Decimal("1.50"), True, False])
def test_numbers_stay_as_they_are(value):
    assert values.number(value, None) is value


@pytest.mark.parametrize("value", ["1", None, {}])
def test_what_is_no_number_goes(value):
    assert values.number(value, None) is None


@pytest.mark.parametrize(
    ("value", "kept"), [("final", "final"), ("in-progress", "in-progress"), ("two words", None), (1, None)]
)
def test_codes(value, kept):
    assert values.code(value, None) == kept


@pytest.mark.parametrize(
    ("value", "is_kept"),
    [
        ("https://thrive-fhir.example/Questionnaire/gbo-session|1.0", True),
        ("http://hl7.org/fhir/Questionnaire/3141", True),
        ("https://trust.example/Questionnaire/ash", False),
        ("https://thrive-fhir.example/Questionnaire/gbo session", False),
        ("http://hl7.org/fhirfly", False),
        (7, False),
    ],
)
def test_addresses_of_definitions(value, is_kept):
    assert values.canonical(value, None) == (value if is_kept else None)


def test_of_codings_text_goes():
    said = {"system": "http://snomed.info/sct", "code": "718347000", "display": "Ash's plan", "version": "x"}
    kept = {"system": "http://snomed.info/sct", "code": "718347000"}
    assert values.coding(said, None) == kept
    assert values.concept({"coding": [said, {"code": "x"}], "text": "Ash"}, None) == {"coding": [kept]}
    assert values.concept({"text": "Ash"}, None) is None


def test_of_quantities_the_unit_stays_as_a_code():
    said = {
        "value": Decimal("3.0"),
        "unit": "Ash's points",
        "system": UCUM,
        "code": "{ScoreOf}",
        "comparator": "<",
    }
    kept = {"value": Decimal("3.0"), "system": UCUM, "code": "{ScoreOf}", "comparator": "<"}
    assert values.quantity(said, None) == kept
    assert values.quantity({"unit": "Ash"}, None) is None
    assert values.range_({"low": said, "high": {"unit": "Ash"}}, None) == {"low": kept}
    assert values.range_({}, None) is None


def test_nothing_is_kept_of_what_is_not_known():
    assert values.nothing("Ash", 7) is None
