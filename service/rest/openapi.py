"""The OpenAPI 3.1 document, made from the same table of routes that requests are looked up in.

Source: https://spec.openapis.org/oas/v3.1.1.html, docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from service.fhir.parameters import PRIMITIVES, Input
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.fhir.search.criteria import offered
from service.interactions.capabilities import SOFTWARE_VERSION
from service.operations import validate
from service.operations.offered import OPERATIONS
from service.operations.operation import Operation
from service.rest import handlers
from service.rest.handlers import Handler
from service.rest.media import FHIR_JSON, FORM, JSON_PATCH
from service.rest.routes import Route, beside, operation_routes, type_routes

Json = dict[str, Any]

# Answers that any operation under the base may give, and the words for every status.
_ALWAYS = (401, 406, 500, 503)
_MEANINGS: dict[int, str] = {
    200: "Done; the body is what was asked for.",
    201: "Created under the address in Location.",
    204: "Done; there is nothing to show.",
    304: "The client has this version already.",
    400: "The request cannot be read.",
    401: "No caller, or none that can be believed.",
    404: "There is nothing under this address.",
    405: "Not offered here; Allow says what is.",
    406: "In none of the formats that are accepted.",
    409: "Collides with what is stored.",
    410: "Was here, and was deleted.",
    412: "If-Match, or a condition, does not hold.",
    413: "Larger than the limit.",
    415: "In a format that is not read here.",
    422: "Can be read, but breaks a rule.",
    500: "A fault of the server.",
    503: "The database does not answer; try again.",
}
_WRITING = ("Prefer", "XProvenance")
_OUTCOME = "#/components/schemas/OperationOutcome"


@dataclass(frozen=True, slots=True)
class Described:
    """How an operation is described: `answers` are schema names by status, faults are statuses alone."""

    name: str
    summary: str
    answers: dict[int, str | None]
    faults: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    searches: bool = False
    query: tuple[Json, ...] = ()
    tagged: bool = True  # whether the answer is a version, with its ETag
    may_lack_body: bool = False


_DESCRIBED: dict[Handler, Described] = {
    handlers.read: Described(
        "read",
        "The current version.",
        {200: "Resource", 304: None},
        (400, 404, 410),
        ("IfNoneMatch", "IfModifiedSince"),
    ),
    handlers.vread: Described(
        "vread", "A certain version.", {200: "Resource", 304: None}, (400, 404, 410), ("IfNoneMatch",)
    ),
    handlers.update: Described(
        "update",
        "A whole new content, or a new resource under this id.",
        {200: "Resource", 201: "Resource"},
        (400, 404, 409, 412, 413, 415, 422),
        ("IfMatch", *_WRITING),
        (FHIR_JSON,),
    ),
    handlers.patch: Described(
        "patch",
        "A part of it changed.",
        {200: "Resource"},
        (400, 404, 409, 410, 412, 413, 415, 422),
        ("IfMatch", *_WRITING),
        (JSON_PATCH, FHIR_JSON),
    ),
    handlers.delete: Described(
        "delete",
        "Deleted; the history stays.",
        {200: "OperationOutcome", 204: None},
        (400, 404, 409, 412),
        ("IfMatch", *_WRITING),
    ),
    handlers.create: Described(
        "create",
        "A new resource under an id of the server's choosing.",
        {200: "Resource", 201: "Resource"},
        (400, 409, 412, 413, 415, 422),
        ("IfNoneExist", *_WRITING),
        (FHIR_JSON,),
    ),
    handlers.search: Described(
        "search", "The resources that match.", {200: "Bundle"}, (400,), ("PreferHandling",), searches=True
    ),
    handlers.conditional_update: Described(
        "conditionalUpdate",
        "A whole new content for the one resource that matches, or a new one.",
        {200: "Resource", 201: "Resource"},
        (400, 409, 412, 413, 415, 422),
        ("IfMatch", *_WRITING, "Criteria"),
        (FHIR_JSON,),
    ),
    handlers.conditional_patch: Described(
        "conditionalPatch",
        "A part changed of the one resource that matches.",
        {200: "Resource"},
        (400, 404, 409, 410, 412, 413, 415, 422),
        ("IfMatch", *_WRITING, "Criteria"),
        (JSON_PATCH, FHIR_JSON),
    ),
    handlers.conditional_delete: Described(
        "conditionalDelete",
        "All that match deleted.",
        {200: "OperationOutcome", 204: None},
        (400, 409, 412),
        ("Prefer", "Criteria"),
    ),
    handlers.history: Described(
        "history", "Versions, newest first.", {200: "Bundle"}, (400, 404), ("Count", "Since", "At")
    ),
    handlers.bundle: Described(
        "bundle",
        "A batch or a transaction carried out.",
        {200: "Bundle"},
        (400, 404, 405, 409, 410, 412, 413, 415, 422),
        ("Prefer",),
        (FHIR_JSON,),
    ),
}


def document(registry: Registry) -> Json:
    """The OpenAPI document of everything that the registry serves."""
    paths: Json = dict(_system_paths(registry))
    setting = Setting(registry, "", now=0)
    for type_ in sorted(registry.served):
        routes = type_routes(type_, registry.served[type_], OPERATIONS)
        searched = tuple(offered(setting, type_))
        for found in routes:
            if found.methods:
                paths[found.template] = _path(found, searched)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "thrive-fhir",
            "version": SOFTWARE_VERSION,
            "description": "FHIR R4 (4.0.1) REST for goal-based outcomes in children and young people's mental health. "
            "HEAD answers wherever GET does. Every refusal is an OperationOutcome. "
            "In the sandbox no token is needed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": [
            {"name": "System"},
            *({"name": type_} for type_ in sorted({*registry.served, *beside(registry, OPERATIONS)})),
        ],
        "paths": paths,
        "components": _components(),
    }


def _path(route: Route, searched: tuple[str, ...]) -> Json:
    """One path: what its parts are, and an operation for each method."""
    parts = [
        {"$ref": f"#/components/parameters/{name}"}
        for name in ("id", "version")
        if f"{{{name}}}" in route.template
    ]
    path: Json = {"parameters": [*parts, *_refs("parameters", ("Format", "Pretty"))]}
    for method, handler in route.methods.items():
        if method != "HEAD":
            described = (
                _DESCRIBED[handler] if route.operation is None else _of_operation(route.operation, method)
            )
            path[method.lower()] = _operation(route, described, searched)
    return path


def _of_operation(operation: Operation, method: str) -> Described:
    """How a FHIR operation is described; what can stand in a query may stand there with POST too."""
    return Described(
        operation.name if method == "POST" else f"{operation.name}ByQuery",
        operation.summary,
        {200: "OperationOutcome" if operation is validate.OPERATION else "Resource"},
        (400, 404, 410, *((413, 415, 422) if method == "POST" else (422,))),
        body=(FHIR_JSON,) if method == "POST" else (),
        query=tuple(_query(each) for each in operation.inputs if each.type in PRIMITIVES),
        tagged=False,
        may_lack_body=True,
    )


def _query(given: Input) -> Json:
    schema = {"type": {"boolean": "boolean", "integer": "integer"}.get(given.type, "string")}
    return {"name": given.name, "in": "query", "schema": schema}


def _operation(route: Route, described: Described, searched: tuple[str, ...]) -> Json:
    parameters = [*_refs("parameters", described.headers), *described.query]
    if described.searches:
        parameters += [
            {"name": code, "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}
            for code in searched
        ]
    operation: Json = {
        "operationId": _operation_id(route, described),
        "tags": [route.type or "System"],
        "summary": described.summary,
        "responses": _responses(described, reads_body=bool(described.body) or route.form),
    }
    bodies = (FORM,) if route.form else described.body
    if route.form:
        parameters = _refs("parameters", described.headers)
    if parameters:
        operation["parameters"] = parameters
    if bodies:
        operation["requestBody"] = {
            "required": not (route.form or described.may_lack_body),
            "content": {
                media: {"schema": {"$ref": f"#/components/schemas/{_SENT[media]}"}} for media in bodies
            },
        }
    return operation


_SENT = {FHIR_JSON: "Resource", JSON_PATCH: "JsonPatch", FORM: "Form"}


def _operation_id(route: Route, described: Described) -> str:
    """Such as `readGoal`, `historyInstanceGoal`, `searchFormGoal`: no two are the same."""
    is_instance = (described.name == "history" or route.operation is not None) and "{id}" in route.template
    shape = "Instance" if is_instance else ""
    return described.name + shape + ("Form" if route.form else "") + route.type


def _responses(described: Described, *, reads_body: bool) -> Json:
    responses: Json = {}
    for status, schema in described.answers.items():
        response: Json = {"description": _MEANINGS[status]}
        if schema is not None:
            response["content"] = {FHIR_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
        if schema != "Bundle" and described.tagged:
            response["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
        responses[str(status)] = response
    faults = {*described.faults, *_ALWAYS, *((413, 415) if reads_body else ())}
    for status in sorted(faults - described.answers.keys()):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return responses


def _refs(kind: str, names: Iterable[str]) -> list[Json]:
    return [{"$ref": f"#/components/{kind}/{name}"} for name in names]


def _system_paths(registry: Registry) -> Iterable[tuple[str, Json]]:
    base = Route("/fhir", "", {"POST": handlers.bundle})
    yield "/fhir", {**_path(base, ()), "options": _statement("capabilities", public=False)}
    yield "/fhir/metadata", {"get": _statement("metadata", public=True)}
    yield "/fhir/_history", _path(Route("/fhir/_history", "", {"GET": handlers.history}), ())
    for found in operation_routes(OPERATIONS, "", "system").values():
        yield found.template, _path(found, ())
    for type_ in beside(registry, OPERATIONS):
        for found in operation_routes(OPERATIONS, type_, "type").values():
            yield found.template, _path(found, ())
    yield "/health/live", {"get": _plain("live", "Whether the process runs.")}
    ready = _plain(
        "ready", "Whether requests can be answered: the database is there, its schema the right one."
    )
    ready["responses"]["503"] = {"$ref": "#/components/responses/503"}
    yield "/health/ready", {"get": ready}
    yield "/openapi.json", {"get": _plain("openapi", "This document.")}


def _statement(name: str, *, public: bool) -> Json:
    described = Described(name, "The CapabilityStatement.", {200: "Resource"}, (400,))
    responses = _responses(described, reads_body=False)
    del responses["200"]["headers"]
    operation: Json = {
        "operationId": name,
        "tags": ["System"],
        "summary": described.summary,
        "parameters": _refs("parameters", ("Format", "Pretty")),
        "responses": responses,
    }
    if public:
        del responses["401"]
        operation["security"] = []
    return operation


def _plain(name: str, summary: str) -> Json:
    return {
        "operationId": name,
        "tags": ["System"],
        "summary": summary,
        "security": [],
        "responses": {
            "200": {
                "description": _MEANINGS[200],
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "500": {"$ref": "#/components/responses/500"},
        },
    }


def _components() -> Json:
    return {
        "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        "schemas": _SCHEMAS,
        "headers": {
            "ETag": {"description": 'The version, such as W/"3".', "schema": {"type": "string"}},
            "Allow": {"description": "The methods that are offered.", "schema": {"type": "string"}},
            "WWW-Authenticate": {"schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
        },
        "parameters": {**_PATH_PARAMETERS, **_QUERY_PARAMETERS, **_HEADER_PARAMETERS},
        "responses": {str(status): _fault(status) for status in _MEANINGS if status >= 400},
    }


def _fault(status: int) -> Json:
    fault: Json = {
        "description": _MEANINGS[status],
        "content": {FHIR_JSON: {"schema": {"$ref": _OUTCOME}}},
    }
    header = {401: "WWW-Authenticate", 405: "Allow", 503: "Retry-After"}.get(status)
    if header is not None:
        fault["headers"] = {header: {"$ref": f"#/components/headers/{header}"}}
    return fault


def _resource_schema(type_: str | None) -> Json:
    name: Json = {"type": "string"} if type_ is None else {"const": type_}
    return {"type": "object", "required": ["resourceType"], "properties": {"resourceType": name}}


def _parameter(place: str, name: str, text: str, **schema: Any) -> Json:
    shown: Json = {"name": name, "in": place, "description": text, "schema": {"type": "string", **schema}}
    if place == "path":
        shown["required"] = True
    return shown


_TAG = r'^(W/)?"[^"]*"$'
_SCHEMAS: Json = {
    "Resource": _resource_schema(None),
    "Bundle": _resource_schema("Bundle"),
    "OperationOutcome": {
        "type": "object",
        "required": ["resourceType", "issue"],
        "properties": {
            "resourceType": {"const": "OperationOutcome"},
            "issue": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["severity", "code"],
                    "properties": {
                        "severity": {"enum": ["fatal", "error", "warning", "information"]},
                        "code": {"type": "string"},
                        "details": {"type": "object"},
                        "diagnostics": {"type": "string"},
                        "expression": {"type": "array", "items": {"type": "string"}},
                    },
                },
            },
        },
    },
    "JsonPatch": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["op", "path"],
            "properties": {
                "op": {"enum": ["add", "remove", "replace", "move", "copy", "test"]},
                "path": {"type": "string"},
            },
        },
    },
    "Form": {"type": "object", "additionalProperties": {"type": "string"}},
}
_PATH_PARAMETERS: Json = {
    "id": _parameter("path", "id", "The logical id.", pattern=r"^[A-Za-z0-9\-.]{1,64}$"),
    "version": _parameter("path", "version", "The version number."),
}
_QUERY_PARAMETERS: Json = {
    "Format": _parameter("query", "_format", "The format of the answer; goes before Accept."),
    "Pretty": _parameter("query", "_pretty", "Whether the answer is indented."),
    "Count": _parameter("query", "_count", "Versions a page."),
    "Since": _parameter("query", "_since", "Versions from this instant on."),
    "Criteria": {
        "name": "criteria",
        "in": "query",
        "description": "Search parameters that say which resources are meant; one at least.",
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "At": _parameter("query", "_at", "Versions that were current at this time."),
}
_HEADER_PARAMETERS: Json = {
    "IfMatch": _parameter(
        "header", "If-Match", 'The version that must be current, such as W/"3".', pattern=_TAG
    ),
    "IfNoneMatch": _parameter(
        "header", "If-None-Match", "Versions that the client has.", pattern=rf"^\*$|{_TAG}"
    ),
    "IfModifiedSince": _parameter("header", "If-Modified-Since", "When the client got its version."),
    "IfNoneExist": _parameter("header", "If-None-Exist", "Search criteria: create only if nothing matches."),
    "XProvenance": _parameter("header", "X-Provenance", "A Provenance that is stored with the new version."),
    "Prefer": _parameter("header", "Prefer", "return=minimal, representation or OperationOutcome."),
    "PreferHandling": _parameter("header", "Prefer", "handling=strict or lenient: of unknown parameters."),
}
