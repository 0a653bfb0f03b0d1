from __future__ import annotations

from random import Random

import pytest

from service.fhir.conformance.containment import LOCAL, REFERRED
from service.fhir.conformance.invariants import Invariants
from service.fhir.paths import Environment, Node
from tests.fhir.validation.mutations import mutated

REFERENCES = [
    # reference, whether something contained has the id a, whether ref-1 holds
    ({"reference": "Patient/1"}, False, True),
    ({"display": "a"}, False, True),
    ({"reference": "#a"}, True, True),
    ({"reference": "#a"}, False, False),
    ({"reference": "#b"}, True, False),
    ({"reference": "#"}, False, True),
]


@pytest.fixture(scope="module")
def invariants(registry):
    return Invariants(registry)


def rule(invariants, type_, key):
    (found,) = (rule for rule in invariants.of_type(type_) if rule.key == key)
    return found


def by_expression(found, node, environment):
    return found.path.holds(node, environment) is not False


@pytest.mark.parametrize(("reference", "contains", "holds"), REFERENCES)
def test_ref_1(invariants, reference, contains, holds):
    found = rule(invariants, "Reference", LOCAL)
    resource = {"resourceType": "Observation", "subject": reference}
    if contains:
        resource["contained"] = [{"resourceType": "Patient", "id": "a"}]
    environment = Environment(resource=resource, root=resource)
    node = Node("Reference", reference)
    assert found.holds(node, environment) is holds
    assert by_expression(found, node, environment) is holds


def observation(*contained, **elements):
    return {"resourceType": "Observation", "contained": list(contained), **elements}


PATIENT = {"resourceType": "Patient", "id": "a"}


def is_contained(one):
    known = isinstance(one, dict) and one.get("resourceType") in ("Patient", "Questionnaire")
    return known and isinstance(one.get("id", ""), str)


CONTAINED = [
    ("nothing is contained", observation(), True),
    ("it is referred to", observation(PATIENT, subject={"reference": "#a"}), True),
    ("it is not", observation(PATIENT, subject={"reference": "Patient/a"}), False),
    ("it is in an array", observation(PATIENT, performer=[{"reference": "Practitioner/1"}, {"reference": "#a"}]), True),
    ("one of two is", observation(PATIENT, PATIENT | {"id": "b"}, subject={"reference": "#a"}), False),
    ("one refers to the other", observation(PATIENT, PATIENT | {"id": "b", "link": [{"other": {"reference": "#a"}, "type": "refer"}]}, subject={"reference": "#b"}), True),
    ("it refers to what contains it", observation(PATIENT | {"link": [{"other": {"reference": "#"}, "type": "refer"}]}), True),
    ("a canonical leads to it", {"resourceType": "QuestionnaireResponse", "questionnaire": "#a", "contained": [{"resourceType": "Questionnaire", "id": "a"}]}, True),
    ("an extension's uri leads to it", observation(PATIENT, extension=[{"url": "http://example.org/e", "valueUri": "#a"}]), True),
    ("an extension's url leads to it", observation(PATIENT, extension=[{"url": "http://example.org/e", "valueUrl": "#a"}]), True),
    ("a text does not", observation(PATIENT, extension=[{"url": "http://example.org/e", "valueString": "#a"}]), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("resource", "holds"), [row[1:] for row in CONTAINED], ids=[row[0] for row in CONTAINED]
)
def test_dom_3(invariants, resource, holds):
    found = rule(invariants, resource["resourceType"], REFERRED)
    node, environment = (
        Node(resource["resourceType"], resource),
        Environment(resource=resource, root=resource),
    )
    assert found.holds(node, environment) is holds
    assert by_expression(found, node, environment) is holds


def test_both_are_what_their_expressions_say_of_thousands_of_resources(invariants, registry):
    random = Random(20261127)
    compared = 0
    for _, resource, _ in CONTAINED * 200:
        changed = mutated(resource, random)
        if not isinstance(changed, dict) or changed.get("resourceType") != resource["resourceType"]:
            continue
        inner = changed.get("contained", [])
        if not isinstance(inner, list) or not all(map(is_contained, inner)):
            continue
        environment = Environment(resource=changed, root=changed)
        for key, item in ((REFERRED, changed), (LOCAL, changed.get("subject"))):
            if not isinstance(item, dict) or not isinstance(item.get("reference", ""), str):
                continue
            found = rule(invariants, changed["resourceType"] if key == REFERRED else "Reference", key)
            invariants.containment.forget()
            node = Node(changed["resourceType"] if key == REFERRED else "Reference", item)
            assert found.holds(node, environment) is by_expression(found, node, environment), changed
            compared += 1
    assert compared > 1200


def test_what_was_known_of_a_resource_is_forgotten(invariants):
    found = rule(invariants, "Reference", LOCAL)
    resource = {"resourceType": "Observation", "contained": [{"resourceType": "Patient", "id": "a"}]}
    node, environment = Node("Reference", {"reference": "#b"}), Environment(resource=resource, root=resource)
    assert not found.holds(node, environment)
    resource["contained"].append({"resourceType": "Patient", "id": "b"})
    invariants.containment.forget()
    assert found.holds(node, environment)


def test_thousands_of_contained_resources_and_references_to_them(validator_of):
    count = 5000
    resource = {
        "resourceType": "Patient",
        "contained": [
            {"resourceType": "Organization", "id": f"o{number}", "name": "A"} for number in range(count)
        ],
        "generalPractitioner": [{"reference": f"#o{number}"} for number in range(count)],
    }
    assert validator_of().check(resource) == []
