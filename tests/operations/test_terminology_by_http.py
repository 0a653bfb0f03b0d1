"""The terminology operations as a client asks for them: by query, with Parameters, and with a bare value set.

Source: https://hl7.org/fhir/R4/operations.html#request, https://hl7.org/fhir/R4/terminology-service.html
"""

from __future__ import annotations

import pytest

from service.fhir.guide import Guide
from service.fhir.terminology import Terminology
from tests.conftest import store
from tests.fhir.terminology.guides import HELP, HELP_SYSTEM, address, filtered, value_set
from tests.operations.conftest import told
from tests.rest.conftest import client, context, log, make_app, validator

__all__ = ["client", "context", "log", "make_app", "store", "validator"]

TALKING = value_set("talking", filtered("concept", "is-a", "talking"))


@pytest.fixture(scope="session")
def terminology(registry):
    return Terminology(registry, Guide([HELP_SYSTEM, TALKING]))


def parameters(**inputs):
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, **({"resource": value} if "resourceType" in value else {shape: value})}
            for name, (shape, value) in inputs.items()
        ],
    }


def codes(response):
    assert response.status_code == 200, response.text
    return [entry["code"] for entry in response.json()["expansion"].get("contains", ())]


def faults(response):
    issues = response.json()["issue"]
    return response.status_code, [issue["details"]["coding"][0]["code"] for issue in issues]


async def test_expand_by_query_by_parameters_and_with_a_bare_value_set(client):
    path = "/fhir/ValueSet/$expand"
    expected = ["talking", "alone", "group"]
    assert codes(await client.get(path, params={"url": address("talking")})) == expected
    assert codes(await client.post(path, json=parameters(url=("valueUri", address("talking"))))) == expected
    assert codes(await client.post(path, json=TALKING)) == expected
    assert codes(await client.post(path, json=parameters(valueSet=("", TALKING)))) == expected
    assert codes(await client.post(path, json=TALKING, params={"filter": "one", "count": 1})) == ["alone"]


async def test_validate_code_lookup_and_subsumes_by_query_and_by_parameters(client):
    query = {"url": address("talking"), "system": HELP, "code": "group"}
    found = await client.get("/fhir/ValueSet/$validate-code", params=query)
    assert told(found.json()) == {"result": True, "display": "In a group"}
    coding = {"system": HELP, "code": "group", "display": "Group work"}
    body = parameters(url=("valueUri", address("talking")), coding=("valueCoding", coding))
    found = await client.post("/fhir/ValueSet/$validate-code", json=body)
    assert told(found.json()) == {"result": True, "display": "In a group"}
    found = await client.get("/fhir/CodeSystem/$validate-code", params={"url": HELP, "code": "nothing"})
    assert told(found.json()) == {"result": False, "message": "The code system has no such code."}
    found = await client.get(
        "/fhir/CodeSystem/$lookup", params={"system": HELP, "code": "group", "property": "people"}
    )
    assert found.json()["parameter"][2] == {"name": "display", "valueString": "In a group"}
    query = {"system": HELP, "codeA": "help", "codeB": "group"}
    assert told((await client.get("/fhir/CodeSystem/$subsumes", params=query)).json()) == {
        "outcome": "subsumes"
    }


async def test_a_parameter_that_is_not_offered_is_refused_and_those_that_are_named(client):
    response = await client.get(
        "/fhir/ValueSet/$expand", params={"url": address("talking"), "date": "2026-11-27"}
    )
    assert faults(response) == (400, ["operation-parameter-unknown"])
    assert "includeDesignations" in response.json()["issue"][0]["diagnostics"]


STRANGE = (
    ({"include": [{"system": HELP, "filter": [{"property": "concept", "op": "is-a"}]}]}, 422),
    ({"include": [{"system": HELP, "concept": [{"display": "no code"}]}]}, 422),
    ({"include": [{"system": HELP, "filter": [{"property": "code", "op": "regex", "value": "(a+)+$"}]}]}, 422),
    ({"include": [{"system": "http://snomed.info/sct"}]}, 422),
    ({"include": [{"system": HELP, "concept": [{"_code": {"extension": [{"url": "urn:why", "valueCode": "unknown"}]}}]}]},
     200),
    ({"include": []}, 422),
    ({}, 422),
)  # fmt: skip


async def test_a_strange_value_set_is_an_answer_and_never_a_fault_of_ours(client):
    for compose, status in STRANGE:
        sent = {"resourceType": "ValueSet", "status": "draft", "compose": compose}
        assert (await client.post("/fhir/ValueSet/$expand", json=sent)).status_code == status, compose


async def test_what_is_not_there_is_404(client):
    assert faults(await client.get("/fhir/ValueSet/nobody/$expand")) == (404, ["resource-missing"])
    assert faults(await client.get("/fhir/ValueSet/$expand?url=urn:no")) == (404, ["value-set-missing"])
