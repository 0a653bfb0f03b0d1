from __future__ import annotations

from typing import Any

import pytest

from service.fhir.patching.places import holder, items, put, take_out
from service.fhir.paths import Dialect, Node, compile_path

LOCATED = Dialect(located=True)


@pytest.fixture
def patient() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "name": [{"given": ["a", "b", "c"], "_given": [None, {"id": "x"}, None]}, {"use": "usual"}],
        "birthDate": "2010",
        "contact": [{"name": {"text": "somebody"}}],
    }


@pytest.fixture
def find(registry):
    def found(expression: str, resource: dict[str, Any]) -> Node:
        [node] = compile_path(expression, registry, "Patient", dialect=LOCATED).values(resource)
        return node

    return found


def test_siblings_stay_beside_their_values(patient, find):
    take_out(find("name[0].given[0]", patient))
    assert patient["name"][0] == {"given": ["b", "c"], "_given": [{"id": "x"}, None]}
    take_out(find("name[0].given[0]", patient))
    assert patient["name"][0] == {"given": ["c"]}


def test_what_is_left_empty_goes_too(patient, find):
    take_out(find("contact[0].name.text", patient))
    assert "contact" not in patient
    take_out(find("name[1].use", patient))
    assert len(patient["name"]) == 1


def test_a_primitive_without_its_extensions_keeps_its_value(patient, find):
    take_out(find("name[0].given[1].id", patient))
    assert patient["name"][0] == {"given": ["a", "b", "c"]}


def test_a_primitive_of_extensions_alone_goes_with_them(find):
    patient = {"resourceType": "Patient", "_birthDate": {"id": "x"}, "active": True}
    take_out(find("birthDate.id", patient))
    assert patient == {"resourceType": "Patient", "active": True}


def test_items_are_put_in_place(patient, find):
    put(find("name[0].given[1]", patient), ("z", None))
    assert patient["name"][0] == {"given": ["a", "z", "c"]}
    put(find("birthDate", patient), ("2011", {"id": "y"}))
    assert (patient["birthDate"], patient["_birthDate"]) == ("2011", {"id": "y"})


def test_a_holder_is_made_beside_a_primitive(patient, find):
    holder(find("name[0].given[2]", patient))["id"] = "z"
    assert patient["name"][0]["_given"] == [None, {"id": "x"}, {"id": "z"}]
    holder(find("birthDate", patient))["id"] = "w"
    assert patient["_birthDate"] == {"id": "w"}


def test_items_of_a_list(patient):
    assert items(patient["name"][0], "given") == [("a", None), ("b", {"id": "x"}), ("c", None)]
    assert items(patient, "telecom") == []


def test_the_resource_stands_in_nothing(patient):
    with pytest.raises(ValueError, match="nothing"):
        take_out(Node("Patient", patient))
