from __future__ import annotations

import pytest

from service.fhir.validation.properties import properties


@pytest.fixture
def names(registry):
    return lambda type_: set(properties(registry, registry.definition(type_)))


def test_a_choice_has_a_name_for_each_type(names):
    of_value = {name for name in names("Observation.component") if "value" in name}
    assert {
        "valueQuantity",
        "valueCodeableConcept",
        "valueString",
        "_valueString",
        "valueDateTime",
    } <= of_value
    assert not {"value", "_value", "_valueQuantity", "valuestring", "valueMoney"} & of_value


def test_primitives_have_a_sibling_and_nothing_else_has(names):
    found = names("Patient")
    assert {"birthDate", "_birthDate", "_active", "_implicitRules", "_language"} <= found
    assert not {"_name", "_id", "_text", "resourceType"} & found


@pytest.mark.parametrize(
    ("type_", "name"),
    [("Patient", "_id"), ("HumanName", "_id"), ("Extension", "_url"), ("Narrative", "_div")],
)
def test_what_xml_writes_as_an_attribute_or_as_xhtml_has_none(names, type_, name):
    assert name not in names(type_)
    assert name.removeprefix("_") in names(type_)


def test_the_url_of_other_types_has_one(names):
    assert "_url" in names("Attachment")


def test_a_property_knows_its_type_and_binding(registry):
    found = properties(registry, registry.definition("Observation"))
    assert (found["valueQuantity"].type, found["valueQuantity"].primitive) == ("Quantity", False)
    assert (found["valueInteger"].type, found["valueInteger"].primitive) == ("integer", True)
    assert found["_valueInteger"].sibling
    assert found["_valueInteger"].element is found["valueQuantity"].element
    assert found["status"].bound.required
    assert found["_status"].bound is None
