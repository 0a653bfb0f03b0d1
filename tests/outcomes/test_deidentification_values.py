"""What is kept of values whoever they are about."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    "system",
    [
        "http://hl7.org/fhir/JaneDoe",
        "http://terminology.hl7.org/CodeSystem/Jane.Doe",
        "http://terminology.hl7.org/CodeSystem/v3-ActCode/JaneDoe",
        "https://fhir.hl7.org.uk/CodeSystem/Jane",
        "https://fhir.nhs.uk/CodeSystem/Jane",
        "https://thrive-fhir.example/CodeSystem/Jane",
        "https://fhir.nhs.uk/Id/nhs-number",
    ],
)
def test_a_system_is_known_by_its_whole_address(system):
    assert values.coding({"system": system, "code": "AMB"}, None) is None
    kept = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}
    assert values.coding(kept, None) == kept


@pytest.mark.parametrize("code", ["718347000", "73211009", "1034351000000101", "1638551000000109"])
def test_concepts_of_snomed_stay(code):
    kept = {"system": "http://snomed.info/sct", "code": code}
    assert values.coding(kept, None) == kept


@pytest.mark.parametrize(
    "code",
    [
        "718347001",  # another check digit
        "7183470",  # another length, and so another check digit
        "9990000018",  # a test NHS number
        "9449305552",
        "07700900123",
        "73211",  # too short
        "1034351000000101000",  # too long
        "83201016",  # right by its check digit, but a description's partition
    ],
)
def test_what_is_no_concept_of_snomed_goes(code):
    assert values.coding({"system": "http://snomed.info/sct", "code": code}, None) is None


@given(st.integers(1, 9), st.lists(st.integers(0, 9), min_size=3, max_size=14), st.integers(0, 8))
def test_of_every_number_one_check_digit_in_ten_is_right_and_every_exchange_is_found(first, rest, at):
    """What Verhoeff's method is for: one wrong digit, or two neighbours exchanged, and it is no concept."""
    stem = f"{first}{''.join(map(str, rest))}00"
    right = [f"{stem}{last}" for last in range(10) if values.is_concept(f"{stem}{last}")]
    assert len(right) == 1
    digits = list(right[0])
    place = at % (len(digits) - 4)
    digits[place], digits[place + 1] = digits[place + 1], digits[place]
    assert values.is_concept("".join(digits)) == (digits == list(right[0]))


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
