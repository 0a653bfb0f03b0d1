"""What leaves few resources in any store is told from the condition alone."""

from __future__ import annotations

import pytest

from service.storage.querying.narrowness import (
    DAY,
    IDENTIFIED,
    LONGER,
    MONTH,
    OF_A_PERSON,
    OF_AN_EVENT,
    is_hub,
    is_single,
    of_dates,
    of_reference,
    of_token,
)

HOUR = 3_600_000_000


@pytest.mark.parametrize("type_", ["Organization", "Practitioner", "Questionnaire", "Location", ""])
def test_one_for_a_whole_service_is_a_hub(type_):
    assert is_hub(type_)


@pytest.mark.parametrize("type_", ["Patient", "Goal", "Encounter", "QuestionnaireResponse"])
def test_one_of_a_young_person_is_no_hub(type_):
    assert not is_hub(type_)


@pytest.mark.parametrize(
    ("parameter", "narrow"),
    [
        ("identifier", IDENTIFIED), ("identifier:of-type", IDENTIFIED), ("subject:identifier", IDENTIFIED),
        ("code", None), ("status", None), ("_tag", None),
    ],
)  # fmt: skip
def test_identifiers_tell_one_from_another(parameter, narrow):
    assert of_token(parameter) == narrow


@pytest.mark.parametrize(
    ("type_", "parameter", "target", "narrow"),
    [
        ("Observation", "subject", "Patient", OF_A_PERSON), ("Observation", "focus", "Goal", OF_AN_EVENT),
        ("Observation", "encounter", "Encounter", OF_AN_EVENT), ("Observation", "performer", "Organization", None),
        ("QuestionnaireResponse", "questionnaire", "", None), ("Observation", "subject", None, OF_A_PERSON),
        ("Observation", "encounter", None, OF_A_PERSON), ("Observation", "performer", None, None),
    ],
)  # fmt: skip
def test_what_refers_to_a_young_person_or_less_is_narrow(registry, type_, parameter, target, narrow):
    assert of_reference(registry, type_, parameter, target) == narrow


@pytest.mark.parametrize(
    ("prefix", "hours", "length"),
    [
        ("eq", 24, DAY),
        ("eq", 25, DAY),
        ("eq", 31 * 24, MONTH),
        ("eq", 366 * 24, LONGER),
        ("ge", 24, LONGER),
        ("ne", 24, LONGER),
    ],
)
def test_how_long_the_time_is_that_is_asked_for(prefix, hours, length):
    assert of_dates(prefix, 0, hours * HOUR) == length


@pytest.mark.parametrize(
    ("type_", "code", "single"),
    [
        ("Observation", "date", True),
        ("Patient", "birthdate", True),
        ("Goal", "target-date", False),
        ("Patient", "death-date", True),
    ],
)
def test_whether_a_resource_has_one_such_date_at_most(registry, type_, code, single):
    assert is_single(registry, type_, code) is single
