from __future__ import annotations

from service.fhir.paths.nodes import (
    Environment,
    Node,
    Scope,
    all_children,
    child_nodes,
    paired,
    resource_type,
)


def test_a_primitive_and_what_stands_beside_it(model, patient):
    [birth] = child_nodes(Node("Patient", patient), model.child("Patient", "birthDate"))
    assert (birth.type, birth.value, birth.sibling["id"]) == ("date", "2010-05-06", "b1")
    assert [node.value for node in child_nodes(birth, model.child("date", "id"))] == ["b1"]


def test_places_of_an_array_keep_their_numbers():
    assert paired([None, "b", None], [None, None, {"id": "c"}]) == [(1, "b", None), (2, None, {"id": "c"})]
    assert paired("a", None) == [(0, "a", None)]
    assert paired(None, [{"id": "a"}]) == [(0, None, {"id": "a"})]
    assert paired(["a"], {"id": "x"}) == [(0, "a", {"id": "x"})]


def test_locations(model, patient):
    nodes = all_children(model, Node("Patient", patient))
    assert [node.location for node in nodes if node.name == "name"] == ["Patient.name[0]", "Patient.name[1]"]
    assert [node.location for node in nodes if node.name == "deceased"] == ["Patient.deceased"]


def test_names_that_are_no_identifiers_are_quoted():
    assert Node("string", "x", None, Node("Patient", {}), "a b", "a b", 2).location == "Patient.`a b`[2]"


def test_children_of_what_is_no_object(model):
    for value in (None, "x", 1, [], [{"id": "x"}]):
        assert all_children(model, Node("Patient", value)) == []
        assert child_nodes(Node("Patient", value), model.child("Patient", "name")) == []


def test_the_type_of_a_resource():
    assert resource_type({"resourceType": "Goal"}, "Resource") == "Goal"
    assert resource_type({}, "Resource") == "Resource"
    assert resource_type("x", "Resource") == "Resource"


def test_what_surrounds_an_evaluation(patient, observation):
    alone = Scope(patient, patient, Environment())
    assert (alone.resource, alone.root) == (patient, patient)
    within = Scope({"value": 1}, {"value": 1}, Environment(resource=observation, root=patient))
    assert (within.resource, within.root) == (observation, patient)
    assert Scope("x", "x", Environment()).resource is None
