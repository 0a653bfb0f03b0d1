from __future__ import annotations

from service.fhir.paths import Environment, Node, compile_path


def test_children(patient, evaluate):
    assert evaluate("name.first().children()", patient) == ["official", "Testfamily", "Testgiven", "Second"]
    assert evaluate("birthDate.children().count()", patient) == [2]
    assert evaluate("'a'.children()", patient) == []


def test_children_are_counted_as_they_are_found(patient, model):
    path = compile_path("children().count()", model, "HumanName")
    listed = compile_path("children()", model, "HumanName")
    for name in patient["name"]:
        assert [node.value for node in path.values(name)] == [len(listed.values(name))]


def test_descendants_reach_primitives_extensions_and_contained(observation, evaluate):
    assert "asked" in evaluate("descendants().ofType(code)", observation)
    assert evaluate("descendants().ofType(Organization).name", observation) == ["Example school"]
    assert evaluate("descendants().reference", observation) == [
        "Patient/p1",
        "#c1",
        "https://example.org/fhir/Practitioner/2/_history/1",
    ]


def test_descendants_of_the_resource_are_those_of_this_evaluation(model):
    path = compile_path("%resource.descendants().count()", model, "Patient")
    small, large = (
        {"resourceType": "Patient", "active": True},
        {"resourceType": "Patient", "name": [{"family": "a"}]},
    )
    counts = [path.values(resource, Environment())[0].value for resource in (small, large, small)]
    assert counts == [1, 2, 1]


def test_unknown_members_are_no_children(evaluate):
    assert evaluate("children()", {"resourceType": "Patient", "nonsense": 1, "_nonsense": {}, "": 2}) == []


def test_children_of_a_node_know_their_parent(model, patient):
    from service.fhir.paths import Dialect

    found = compile_path("Patient.name.children()", model, "Patient", dialect=Dialect(located=True)).values(
        patient
    )
    assert all(isinstance(node, Node) and node.location.startswith("Patient.name[") for node in found)
