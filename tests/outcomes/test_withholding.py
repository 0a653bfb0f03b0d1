"""What is left of a restricted young person's record; what is told of it in a search is asked of the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.outcomes.whose import DIRECTORY
from service.outcomes.withholding import PLACES, REVEALING, masked, reveals

EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[2] / "fhir_profiles" / "examples" / "valid").glob("*.json"))
    if json.loads(path.read_text())["resourceType"] not in DIRECTORY
]
MASKED = {
    "extension": [
        {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
    ]
}
REDACTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}


def shown(type_, **said):
    found = masked(type_, {"resourceType": type_, "id": "x", **said})
    assert found.pop("meta") == {"security": [REDACTED]}
    assert (found.pop("resourceType"), found.pop("id")) == (type_, "x")
    return found


KEPT = {"reference": "Patient/ash", "display": "Ash"}


@pytest.mark.parametrize("type_", sorted(PLACES))
def test_references_to_places_and_people_who_work_there_are_masked(type_):
    reference = {"reference": f"{type_}/x", "display": "North", "identifier": {"value": "N1"}}
    assert shown("Observation", performer=[reference, KEPT]) == {
        "performer": [{**MASKED, "type": type_}, KEPT]
    }
    nested = {"extension": [{"url": "urn:x", "valueReference": reference}]}
    assert shown("Goal", **nested) == {
        "extension": [{"url": "urn:x", "valueReference": {**MASKED, "type": type_}}]
    }


@pytest.mark.parametrize(
    "reference",
    [
        {"display": "Northside School"},
        {"identifier": {"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "EE123456"}},
        {"reference": "https://north.example/fhir/Patient/1"},
        {"reference": "urn:uuid:7d4c8f5e-0000-4000-8000-000000000000"},
        {"reference": "#place"},
        {"_reference": {"extension": []}, "display": "North"},
    ],
)
def test_what_leads_to_no_resource_of_ours_is_masked_as_it_may_be_a_place(reference):
    assert shown("Goal", expressedBy=reference) == {"expressedBy": MASKED}


def test_what_has_only_its_type_stays_what_it_is():
    assert shown("Goal", expressedBy={"type": "Organization"}) == {
        "expressedBy": {**MASKED, "type": "Organization"}
    }
    assert shown("Consent", provision={"type": "deny"}) == {"provision": {"type": "deny"}}
    assert shown("Goal", description={"coding": [{"display": "to sleep"}], "text": "to sleep"}) == {
        "description": {"coding": [{"display": "to sleep"}], "text": "to sleep"}
    }


def test_of_a_patient_nothing_tells_where_they_are():
    told = {
        "name": [{"family": "Invented"}],
        "birthDate": "2011-03-04",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}],
    }
    telling: dict[str, Any] = {
        "address": [{"postalCode": "ZZ99 3WZ"}],
        "telecom": [{"system": "phone", "value": "0"}],
        "contact": [{"telecom": [{"value": "0"}]}],
        "photo": [{"data": "AA=="}],
        "generalPractitioner": [{"reference": "Organization/gp"}],
        "managingOrganization": {"reference": "Organization/camhs"},
        "text": {"status": "generated", "div": "<div/>"},
        "extension": [{"url": "urn:birthPlace", "valueAddress": {"city": "North"}}],
    }
    assert shown("Patient", **told, **telling) == {**told, "extension": [{"url": "urn:birthPlace"}]}


def test_of_the_family_how_to_reach_them_is_left_out():
    assert shown("RelatedPerson", patient=KEPT, address=[{"city": "North"}], telecom=[{"value": "0"}]) == {
        "patient": KEPT
    }


def test_words_of_staff_are_left_out():
    said = {"note": [{"text": "seen at North"}], "text": {"status": "generated", "div": "<div/>"}}
    assert shown("CarePlan", title="Plan for Northside", description="weekly, at North", **said) == {}
    assert shown("CarePlan", activity=[{"progress": [{"text": "began at North"}]}]) == {}
    assert shown("List", title="Options near Northside", status="current") == {"status": "current"}
    assert shown("Task", description="Call North", status="ready") == {"status": "ready"}
    moved = [{"text": "moved to North"}]
    assert shown("Communication", reasonCode=moved, status="completed") == {"status": "completed"}
    assert shown("Task", reasonCode=moved[0], statusReason=moved[0], status="ready") == {"status": "ready"}
    assert shown("ServiceRequest", patientInstruction="Come to North") == {}
    goal = {"description": {"text": "to see friends"}}
    assert shown("Goal", **goal) == goal
    assert shown("CareTeam", name="Northside team", subject=KEPT) == {"subject": KEPT}


def test_messages_are_left_out():
    payload = [{"contentString": "moved to North"}, {"contentReference": {"reference": "Goal/g"}}]
    assert shown("Communication", status="completed", payload=payload) == {
        "status": "completed",
        "payload": [{"contentReference": {"reference": "Goal/g"}}],
    }
    assert shown("Communication", payload=payload[:1], _contentString={"id": "a"}) == {}


def test_places_that_are_contained_go_and_people_stay():
    contained = [
        {"resourceType": "Organization", "id": "o", "name": "North"},
        {"resourceType": "RelatedPerson", "id": "r", "address": [{"city": "North"}], "patient": KEPT},
    ]
    assert shown("Goal", contained=contained) == {
        "contained": [{"resourceType": "RelatedPerson", "id": "r", "patient": KEPT}]
    }


def test_where_it_came_from_is_left_out_and_other_labels_stay():
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    meta = {"versionId": "1", "source": "https://north.example", "security": [label, REDACTED]}
    found = masked("Goal", {"resourceType": "Goal", "meta": meta})
    assert found["meta"] == {"versionId": "1", "security": [label, REDACTED]}
    assert meta["security"] == [label, REDACTED], "what was given stays as it is"


def test_a_document_is_left_out():
    assert shown("Binary", contentType="application/pdf", data="AA==") == {"contentType": "application/pdf"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_example_tells_of_a_place_once_it_is_masked(path):
    resource = json.loads(path.read_text())
    text = json.dumps(masked(resource["resourceType"], resource))
    for type_ in PLACES:
        assert f'"{type_}/' not in text
    assert masked(resource["resourceType"], json.loads(text)) == json.loads(text), "masked once is masked"


def test_every_parameter_that_may_lead_to_a_place_is_revealing(registry):
    """Those that lead to anything are not: what they lead to says whether they tell of a place."""
    anything = 100
    for type_ in sorted(registry.served):
        if type_ in DIRECTORY or type_ in {"AuditEvent", "Group"}:
            continue
        for code, parameter in registry.search_parameters(type_).items():
            telling = PLACES & set(parameter.targets) and len(parameter.targets) < anything
            if telling and code not in {"subject", "patient"}:
                assert reveals(type_, code), (type_, code)


def test_what_is_revealing_is_a_parameter(registry):
    for type_, code in REVEALING:
        assert code in registry.search_parameters(type_), (type_, code)
    for code in ("address", "address-city", "address-postalcode", "phone", "email", "telecom"):
        assert reveals("Patient", code)
        assert reveals("RelatedPerson", code)
    assert reveals("Goal", "_text")
    for code in ("notes", "title"):
        assert reveals("List", code)
    assert not reveals("Goal", "subject")
