from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from service.fhir.registry import APART
from service.fhir.search.grammar import parse
from service.interactions.capabilities import BULK_COHORT, OAUTH_URIS, SOFTWARE_VERSION, statement
from service.interactions.searching import setting_of
from service.operations.offered import definitions

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def understood(bare, type_, pairs):
    """The search that the grammar reads."""
    return parse(setting_of(bare), type_, pairs, count_default=10, count_limit=10, lenient=False)


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
    said = {item["code"] for item in rest["interaction"]}
    assert said == {"transaction", "batch", "history-system", "search-system"}


def test_conditions_are_offered_where_the_interaction_is(stated):
    (rest,) = stated()["rest"]
    by_type = {one["type"]: one for one in rest["resource"]}
    assert by_type["Goal"]["conditionalDelete"] == "multiple"
    assert by_type["Goal"]["conditionalCreate"] is True
    assert by_type["Goal"]["updateCreate"] is True
    assert by_type["AuditEvent"]["conditionalDelete"] == "not-supported"
    assert by_type["AuditEvent"]["updateCreate"] is False


def test_every_include_named_is_understood(stated, bare):
    named = set()
    for one in stated()["rest"][0]["resource"]:
        for element, name in (("searchInclude", "_include"), ("searchRevInclude", "_revinclude")):
            for value in one.get(element, ()):
                read = understood(bare, one["type"], [(name, value)])
                assert read.includes[0].parameters, (one["type"], name, value)
                named.add((one["type"], name, value))
    assert {
        ("Goal", "_include", "*"),
        ("Goal", "_include", "Goal:subject"),
        ("Patient", "_revinclude", "Goal:patient"),
        ("Goal", "_revinclude", "CarePlan:goal"),
        ("Goal", "_revinclude", "Provenance:target"),
        ("Questionnaire", "_revinclude", "QuestionnaireResponse:questionnaire"),
    } <= named
    assert ("Goal", "_revinclude", "Observation:subject") not in named


def test_what_is_not_named_cannot_be_included_by(stated, registry):
    for one in stated()["rest"][0]["resource"]:
        if one["type"] in APART:
            assert not one.keys() & {"searchInclude", "searchRevInclude"}
            continue
        references = {
            f"{one['type']}:{code}"
            for code, parameter in registry.search_parameters(one["type"]).items()
            if parameter.type == "reference"
        }
        assert references == set(one.get("searchInclude", ())) - {"*"}


def test_what_every_search_takes_is_understood(stated, bare):
    values = {
        "_type": "Goal,Patient",
        "_has": None,
        "_list": "1",
        "_text": "sleep",
        "_content": "sleep",
        "_sort": "-_lastUpdated",
        "_count": "5",
        "_include": "*",
        "_revinclude": "*",
        "_total": "accurate",
        "_summary": "data",
        "_elements": "id",
    }
    named = {one["name"] for one in stated()["rest"][0]["searchParam"]}
    assert named == set(values)
    for name, value in values.items():
        pair = ("_has:Observation:subject:code", "x") if value is None else (name, value)
        type_ = "" if name == "_type" else "Patient"
        assert understood(bare, type_, [pair]).ignored == ()


def test_the_compartment_of_patients_is_served(stated):
    (rest,) = stated()["rest"]
    assert rest["compartment"] == ["http://hl7.org/fhir/CompartmentDefinition/patient"]


def test_every_search_parameter_named_is_understood(stated, bare):
    values = {"date": "2026", "number": "1", "quantity": "1", "token": "a", "string": "a", "uri": "urn:a"}
    (rest,) = stated()["rest"]
    named = 0
    for one in rest["resource"]:
        codes = {parameter["name"] for parameter in one["searchParam"]}
        assert {"_id", "_lastUpdated"} <= codes
        for parameter in one["searchParam"]:
            named += 1
            if parameter["type"] == "composite":
                continue  # each takes a value of its own form, which tests/fhir/search tell
            value = values.get(parameter["type"])
            pairs = (
                [(parameter["name"] + ":missing", "true")] if value is None else [(parameter["name"], value)]
            )
            read = understood(bare, one["type"], pairs)
            assert read.ignored == ()
    assert named > 300


def test_operations_are_named_with_their_definitions(stated):
    (rest,) = stated(operations=definitions(["Goal"]))["rest"]
    validate = {"name": "validate", "definition": "http://hl7.org/fhir/OperationDefinition/Resource-validate"}
    by_type = {one["type"]: one for one in rest["resource"]}
    worklist = {"name": "worklist", "definition": "https://thrive-fhir.example/OperationDefinition/worklist"}
    export = {
        "name": "export",
        "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
    }
    assert [one for one in rest["operation"] if one["name"] != "import"] == [export, validate, worklist]
    assert [one["name"] for one in by_type["Goal"]["operation"]] == ["chart", "progress", "validate"]
    assert by_type["Goal"]["operation"][-1] == validate
    assert "operation" not in by_type["Patient"]
    assert "operation" not in stated()["rest"][0]


def test_it_says_that_it_is_a_server_of_bulk_data(stated):
    said = stated(operations=definitions(["Patient", "Group"]))
    assert said["instantiates"] == ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"]
    by_type = {one["type"]: one for one in said["rest"][0]["resource"]}
    for type_ in ("Patient", "Group"):
        named = {one["name"]: one["definition"] for one in by_type[type_]["operation"]}
        assert named["export"].endswith(f"/OperationDefinition/{type_.lower()}-export")
    not_exported = [one["type"] for one in by_type.values() if "extension" in one]
    assert not_exported == ["AuditEvent"]


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
    # A cohort with filters has the shape of Bulk Data's, whether or not that guide was added.
    assert by_type["Group"]["supportedProfile"] == [BULK_COHORT, f"{base}/thrive-cohort"]
    for url in set(named) - {BULK_COHORT}:
        assert guide.find("StructureDefinition", url)["kind"] == "resource"
    assert f"{base}/goal-slot" not in named  # an extension is no profile of a type


def test_tokens_are_told_of_only_where_they_are_needed(stated):
    assert "security" not in stated()["rest"][0]
    (extension,) = stated(token_url="http://127.0.0.1:8080/auth/token")["rest"][0]["security"]["extension"]
    assert extension["url"] == OAUTH_URIS
    assert extension["extension"] == [{"url": "token", "valueUri": "http://127.0.0.1:8080/auth/token"}]


def test_the_version_is_the_projects():
    assert tomllib.loads(PROJECT.read_text())["project"]["version"] == SOFTWARE_VERSION
