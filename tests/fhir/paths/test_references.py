from __future__ import annotations

from typing import Any

import pytest

from service.fhir.paths import Environment, Services
from service.fhir.paths.references import literal_type


@pytest.mark.parametrize(
    ("reference", "type_"),
    [
        ("Patient/1", "Patient"),
        ("Patient/1/_history/2", "Patient"),
        ("https://example.org/fhir/Goal/g-1", "Goal"),
        ("https://example.org/fhir/Goal/g-1#part", "Goal"),
        ("#c1", None),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", None),
        ("https://example.org/", None),
        ("patient/1", None),
        ("Patient", None),
        ("", None),
    ],
)
def test_the_type_that_a_reference_names(reference: str, type_: str | None):
    assert literal_type(reference) == type_


def subject(reference: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "subject": reference,
        "contained": [{"resourceType": "Group", "id": "g"}],
    }


@pytest.mark.parametrize(
    ("reference", "types"),
    [
        ({"reference": "Patient/1"}, ["Patient"]),
        ({"reference": "#g"}, ["Group"]),
        ({"reference": "#missing"}, []),
        ({"reference": "urn:uuid:1"}, []),
        ({"reference": "urn:uuid:1", "type": "Device"}, ["Device"]),
        ({"type": "Device", "identifier": {"value": "1"}}, ["Device"]),
        ({"reference": "Patient/1", "type": "Device"}, ["Patient"]),
        ({"display": "somebody"}, []),
        ({"reference": 7}, []),
    ],
)
def test_the_type_is_read_without_looking_anything_up(reference: dict, types: list[str], evaluate):
    for type_ in ("Patient", "Group", "Device"):
        found = evaluate(f"subject.where(resolve() is {type_})", subject(reference))
        assert bool(found) is (type_ in types)


def test_an_ancestor_of_the_type_will_do(evaluate):
    assert evaluate(
        "subject.where(resolve() is DomainResource).exists()", subject({"reference": "Patient/1"})
    ) == [True]


def test_resolve_finds_contained_resources(observation, evaluate):
    assert evaluate("performer.resolve().name", observation) == ["Example school"]
    assert evaluate("performer.where(resolve() is Organization).reference", observation) == ["#c1"]
    assert evaluate("performer.first().resolve() is Organization", observation) == [True]


def test_resolve_finds_neighbours_in_a_bundle(evaluate):
    entries = [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "p"}},
        {"fullUrl": "https://example.org/fhir/Goal/g", "resource": {"resourceType": "Goal", "id": "g"}},
        {
            "resource": {
                "resourceType": "List",
                "entry": [{"item": {"reference": "urn:uuid:1"}}, {"item": {"reference": "Goal/g"}}],
            }
        },
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    assert evaluate("entry.resource.ofType(List).entry.item.resolve().id", bundle) == ["p", "g"]
    assert evaluate(
        "entry.resource.ofType(List).entry.item.where(resolve() is Patient).reference", bundle
    ) == ["urn:uuid:1"]


def test_a_service_resolves_the_rest(evaluate):
    services = Services(resolve=lambda text: {"resourceType": "Device", "id": text.removeprefix("urn:x:")})
    resource = subject({"reference": "urn:x:7"})
    assert evaluate("subject.resolve().id", resource, services=services) == ["7"]
    assert evaluate("subject.where(resolve() is Device).exists()", resource, services=services) == [True]


def test_a_hash_alone_is_the_container(evaluate):
    container = {"resourceType": "Patient", "id": "p"}
    reference = {"reference": "#"}
    environment = Environment(resource=container, root=container)
    assert evaluate("resolve().id", reference, "Reference", environment=environment) == ["p"]
    assert evaluate("resolve() is Patient", reference, "Reference", environment=environment) == [True]


def test_text_resolves_as_well(evaluate):
    services = Services(resolve=lambda text: {"resourceType": "Questionnaire", "url": text})
    response = {"resourceType": "QuestionnaireResponse", "questionnaire": "https://example.org/q"}
    assert evaluate("questionnaire.resolve().url", response, services=services) == ["https://example.org/q"]
