from __future__ import annotations

import pytest

from service.fhir.conformance.items import Item
from service.fhir.conformance.leaves import is_member, target_type, target_types
from service.fhir.conformance.runs import Run
from service.fhir.terminology import Terminology
from tests.fhir.conformance.conftest import CORE, score

RESOURCE = score(contained=[{"resourceType": "Patient", "id": "a"}, "broken", {"id": "b"}])

TARGETS = [
    ({"reference": "Patient/1"}, "Patient"),
    ({"reference": "Patient/1/_history/2"}, "Patient"),
    ({"reference": "https://example.org/fhir/Goal/1"}, "Goal"),
    ({"reference": "#a"}, "Patient"),
    ({"reference": "#"}, "Observation"),
    ({"reference": "#c"}, None),
    ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "type": "Goal"}, "Goal"),
    ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, None),
    ({"type": "Goal"}, "Goal"),
    ({"display": "a"}, None),
    ({"reference": 7, "type": 7}, None),
]


@pytest.mark.parametrize(("reference", "type_"), TARGETS)
def test_the_type_that_a_reference_is_to(reference, type_):
    assert target_type(reference, Run(RESOURCE)) == type_


def reference(*profiles):
    return {"type": [{"code": "Reference", "targetProfile": [f"{CORE}{profile}" for profile in profiles]}]}


PERMITTED = [
    (reference("Patient", "Group"), {"Patient", "Group"}),
    (reference("Resource"), None),
    ({"type": [{"code": "Reference"}]}, None),
    ({"type": [{"code": "string"}]}, None),
    (reference("Patient", "unknown"), None),
    ({}, None),
]


@pytest.mark.parametrize(("element", "types"), PERMITTED)
def test_the_types_that_an_element_may_refer_to(element, types):
    known = {f"{CORE}{name}": name for name in ("Patient", "Group", "Resource")}
    assert target_types(element, known.get) == types


def test_items_are_values():
    assert Item(1, "integer", None, None) == Item(1, "integer", None, None)


@pytest.mark.parametrize("codings", [5, "a", {"code": "a"}, None, [5], [{"code": 5}]])
def test_what_stands_in_place_of_codings_is_none(codings, registry, guide):
    """Its form is told of elsewhere; here it must not be stumbled over."""
    item = Item({"coding": codings}, "CodeableConcept", None, None)
    terminology = Terminology(registry, guide)
    assert is_member(item, "http://hl7.org/fhir/ValueSet/languages", terminology, required=True) is False
