from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from service.interactions.capabilities import OAUTH_URIS, SOFTWARE_VERSION, statement
from service.interactions.search import read_search
from service.operations.offered import definitions

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.fixture
def stated(bare):
    return lambda **options: statement(bare, **options)


def test_it_is_a_sound_capability_statement(stated, validator):
    for options in ({}, {"token_url": "http://127.0.0.1:8080/auth/token"}):
        assert [issue for issue in validator.check(stated(**options)) if issue.is_fault] == []


def test_it_says_the_same_every_time(stated):
    assert stated() == stated()


def test_types_and_interactions_are_the_registrys(stated, registry):
    (rest,) = stated()["rest"]
    said = {one["type"]: {item["code"] for item in one["interaction"]} for one in rest["resource"]}
    assert said == registry.served
    assert {item["code"] for item in rest["interaction"]} == {"transaction", "batch", "history-system"}


def test_conditions_are_offered_where_the_interaction_is(stated):
    (rest,) = stated()["rest"]
    by_type = {one["type"]: one for one in rest["resource"]}
    assert by_type["Goal"]["conditionalDelete"] == "multiple"
    assert by_type["Goal"]["conditionalCreate"] is True
    assert by_type["Goal"]["updateCreate"] is True
    assert by_type["AuditEvent"]["conditionalDelete"] == "not-supported"
    assert by_type["AuditEvent"]["updateCreate"] is False


def test_every_search_parameter_named_is_understood(stated, bare):
    values = {"date": "2026", "number": "1", "quantity": "1", "token": "a", "string": "a", "uri": "urn:a"}
    (rest,) = stated()["rest"]
    named = 0
    for one in rest["resource"]:
        codes = {parameter["name"] for parameter in one["searchParam"]}
        assert {"_id", "_lastUpdated"} <= codes
        for parameter in one["searchParam"]:
            value = values.get(parameter["type"])
            pairs = (
                [(parameter["name"] + ":missing", "true")] if value is None else [(parameter["name"], value)]
            )
            assert read_search(bare, one["type"], pairs, lenient=False).ignored == ()
            named += 1
    assert named > 300


def test_operations_are_named_with_their_definitions(stated):
    (rest,) = stated(operations=definitions(["Goal"]))["rest"]
    validate = {"name": "validate", "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate"}
    by_type = {one["type"]: one for one in rest["resource"]}
    assert rest["operation"] == [validate]
    assert by_type["Goal"]["operation"] == [validate]
    assert "operation" not in by_type["Patient"]
    assert "operation" not in stated()["rest"][0]


def test_a_type_that_is_not_served_is_said_with_its_operations_alone(stated, validator):
    said = stated(operations=definitions([]))
    (bundle,) = [one for one in said["rest"][0]["resource"] if one["type"] == "Bundle"]
    assert set(bundle) == {"type", "profile", "operation"}
    assert [issue for issue in validator.check(said) if issue.is_fault] == []


def test_our_profiles_are_supported_by_their_types(stated, guide):
    by_type = {one["type"]: one for one in stated()["rest"][0]["resource"]}
    base = "https://thrive-fhir.example/StructureDefinition"
    assert by_type["Goal"]["supportedProfile"] == [
        f"{base}/gas-goal",
        f"{base}/gbo-goal",
        f"{base}/thrive-goal",
    ]
    assert "supportedProfile" not in by_type["Measure"]
    named = [url for one in by_type.values() for url in one.get("supportedProfile", ())]
    for url in named:
        assert guide.find("StructureDefinition", url)["kind"] == "resource"
    assert f"{base}/goal-slot" not in named  # an extension is no profile of a type


def test_tokens_are_told_of_only_where_they_are_needed(stated):
    assert "security" not in stated()["rest"][0]
    (extension,) = stated(token_url="http://127.0.0.1:8080/auth/token")["rest"][0]["security"]["extension"]
    assert extension["url"] == OAUTH_URIS
    assert extension["extension"] == [{"url": "token", "valueUri": "http://127.0.0.1:8080/auth/token"}]


def test_the_version_is_the_projects():
    assert tomllib.loads(PROJECT.read_text())["project"]["version"] == SOFTWARE_VERSION
