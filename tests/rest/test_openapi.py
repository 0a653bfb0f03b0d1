"""The published OpenAPI document: equal to the file, whole, and true.

Source: https://spec.openapis.org/oas/v3.1.1.html
"""

import json
import re
from pathlib import Path

import pytest

from scripts.write_openapi import TARGET, published
from service.operations.offered import OPERATIONS
from service.rest.openapi import document
from service.rest.routes import served_routes

METHODS = {"get", "post", "put", "patch", "delete", "options"}


@pytest.fixture(scope="module")
def described(registry):
    return document(registry)


def operations(described):
    for path, item in described["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item[method]


def test_the_file_is_the_document():
    """Where this fails: `make openapi`."""
    assert Path(TARGET).read_bytes() == published()


async def test_it_is_served(client):
    response = await client.get("/openapi.json")
    assert response.json() == json.loads(TARGET.read_text())


def test_every_route_of_every_type_is_in_it_and_no_other(described, registry):
    expected = {
        (found.template, method.lower())
        for type_ in registry.served
        for found in served_routes(registry, type_, OPERATIONS)
        for method in found.methods
        if method != "HEAD"
    }
    expected |= {
        ("/fhir", "get"),
        ("/fhir", "post"),
        ("/fhir/_search", "post"),
        ("/fhir", "options"),
        ("/fhir/metadata", "get"),
        ("/fhir/_history", "get"),
        ("/fhir/$validate", "post"),
        ("/fhir/$worklist", "get"),
        ("/fhir/$worklist", "post"),
        ("/fhir/Bundle/$validate", "post"),
        ("/fhir/$export", "get"),
        ("/fhir/$export", "post"),
        ("/fhir/$import", "post"),
        ("/fhir/jobs/{id}", "get"),
        ("/fhir/jobs/{id}", "delete"),
        ("/fhir/jobs/{id}/{file}", "get"),
    }
    expected |= {("/health/live", "get"), ("/health/ready", "get"), ("/openapi.json", "get")}
    expected |= {(f"/auth/{name}", "post") for name in ("token", "introspect", "revoke")}
    expected |= {("/auth/jwks", "get")}
    expected |= {(f"{root}/.well-known/smart-configuration", "get") for root in ("", "/fhir")}
    assert {(path, method) for path, method, _ in operations(described)} == expected


def test_operation_ids_are_distinct(described):
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere_and_every_component_is_used(described):
    text = json.dumps(described)
    references = set(re.findall(r'"\$ref": "#/components/(\w+)/([\w-]+)"', text))
    components = {
        (kind, name)
        for kind, members in described["components"].items()
        for name in members
        if kind != "securitySchemes"
    }
    assert references == components


def test_path_parameters_are_declared(described):
    for path, item in described["paths"].items():
        named = {reference["$ref"].rpartition("/")[2] for reference in item.get("parameters", ())}
        assert set(re.findall(r"{(\w+)}", path)) == named & {"id", "version", "file"}


def test_searches_say_what_they_take(described):
    def taken(path, method="get"):
        named = [
            described["components"]["parameters"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
            for each in described["paths"][path][method].get("parameters", ())
        ]
        names = [each["name"] for each in named if each["in"] == "query"]
        assert len(names) == len(set(names)), path
        return set(names)

    results = {"_sort", "_count", "_total", "_include", "_revinclude", "_summary", "_elements", "_explain"}
    assert results | {"subject", "_id", "_text", "_content", "_list"} <= taken("/fhir/Goal")
    assert taken("/fhir/Patient/{id}/Goal") == taken("/fhir/Goal")
    assert "_type" not in taken("/fhir/Goal")
    assert results | {"_type", "_id", "_tag"} <= taken("/fhir")
    assert taken("/fhir/Patient/{id}/*") == taken("/fhir")
    assert {"max", "patient", "code"} <= taken("/fhir/Observation/$lastn")
    assert not results & taken("/fhir/Observation/$lastn", "post")
    assert {"start", "end", "_since", "_type", "_count"} <= taken("/fhir/Patient/{id}/$everything")


async def test_answers_are_among_those_described(client, described):
    """One true request and one false one for each operation of a type; schemathesis does this at length."""
    bodies = {"post": {"resourceType": "Flag"}, "put": {"resourceType": "Flag", "id": "x"}}
    for path, method, operation in operations(described):
        if "/Flag" not in path and not path.startswith(
            ("/health", "/openapi", "/fhir/metadata", "/fhir/_history")
        ):
            continue
        for id_ in ("none", "not_an_id", "_not_an_id"):
            for headers in (
                {},
                {"accept": "text/turtle"},
                {"content-type": "text/turtle"},
                {"if-none-match": "x"},
            ):
                if headers.get("accept") and not path.startswith("/fhir"):
                    continue
                response = await client.request(
                    method.upper(),
                    path.replace("{id}", id_).replace("{version}", "1"),
                    content=json.dumps(bodies[method]) if method in bodies else None,
                    headers={"content-type": "application/fhir+json", **headers},
                )
                assert str(response.status_code) in operation["responses"], (
                    method,
                    path,
                    headers,
                    response.text,
                )
