from __future__ import annotations

import pytest

from service.fhir.search.compartments import condition, members
from service.fhir.search.expressions import Ids, Nothing, Or, Reference


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("Goal", Reference("patient", "Patient", "x")),
        ("Observation", Or((Reference("subject", "Patient", "x"), Reference("performer", "Patient", "x")))),
        ("Patient", Or((Ids(frozenset({"x"})), Reference("link", "Patient", "x")))),
        ("Organization", Nothing()),
        ("Medication", Nothing()),
    ],
)
def test_what_is_in_a_patients_compartment(registry, type_, expected):
    assert condition(registry, "Patient", "x", type_) == expected


def test_no_other_compartment_is_searched(registry):
    assert condition(registry, "Practitioner", "x", "Goal") == Nothing()
    assert members(registry, "Practitioner") == ()


def test_the_types_of_a_compartment_are_those_that_something_can_be_found_of(registry):
    found = members(registry, "Patient")
    assert {"Goal", "Patient", "QuestionnaireResponse"} <= set(found)
    assert not {"Organization", "Questionnaire", "Medication"} & set(found)
    assert list(found) == sorted(found)
    for type_ in registry.served:
        assert (condition(registry, "Patient", "x", type_) != Nothing()) == (type_ in found)
