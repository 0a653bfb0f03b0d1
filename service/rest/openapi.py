"""The OpenAPI 3.1 document, made from the same table of routes that requests are looked up in.

Source: https://spec.openapis.org/oas/v3.1.1.html, docs/adr/0008-routes-from-the-registry.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from service.access import needs
from service.fhir.codec import FHIR_JSON
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import TotalMode
from service.fhir.search.subsets import SUMMARIES
from service.interactions.capabilities import SOFTWARE_VERSION, taken
from service.operations.offered import OPERATIONS
from service.rest import handlers
from service.rest.calls import ALL
from service.rest.descriptions import Described, described
from service.rest.media import FORM, JSON_PATCH
from service.rest.routes import Route, beside, job_routes, operation_routes, route, served_routes
from service.rest.schemes import WANTED, schemes, signing_in, wanted

Json = dict[str, Any]

# Answers that any operation under the base may give, and the words for every status.
_ALWAYS = (401, 403, 406, 429, 500, 503)
_MEANINGS: dict[int, str] = {
    200: "Done; the body is what was asked for.",
    201: "Created under the address in Location.",
    202: "Under way, or taken; Content-Location says where to look, Retry-After when to look again.",
    204: "Done; there is nothing to show.",
    206: "The part of the file that Range asks for.",
    302: "The file lies where Location says.",
    304: "The client has this version already.",
    400: "The request cannot be read.",
    401: "No caller, or none that can be believed.",
    403: "The caller may not.",
    404: "There is nothing under this address.",
    405: "Not offered here; Allow says what is.",
    406: "In none of the formats that are accepted.",
    408: "The body did not come in time.",
    409: "Collides with what is stored.",
    410: "Was here, and was deleted.",
    412: "If-Match, or a condition, does not hold.",
    413: "Larger than the limit.",
    415: "In a format that is not read here.",
    416: "The file has no such part.",
    422: "Can be read, but breaks a rule.",
    429: "More than the limits allow; try again after Retry-After.",
    500: "A fault of the server.",
    503: "Not now, such as when the database does not answer; try again.",
}
_OUTCOME = "#/components/schemas/OperationOutcome"

TOTALS = get_args(TotalMode)
# By which everything can be searched, whatever its type.
COMMON = ("_id", "_lastUpdated", "_profile", "_security", "_source", "_tag")


def document(registry: Registry) -> Json:
    """The OpenAPI document of everything that the registry serves."""
    paths: Json = dict(_system_paths(registry))
    setting = Setting(registry, "", now=0)
    searched = {type_: tuple(taken(setting, type_)) for type_ in registry.served}
    for type_ in sorted(registry.served):
        for found in served_routes(registry, type_, OPERATIONS):
            if found.methods:
                paths[found.template] = _path(found, searched.get(found.member or type_, COMMON))
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "thrive-fhir",
            "version": SOFTWARE_VERSION,
            "description": "FHIR R4 (4.0.1) REST for goal-based outcomes in children and young people's mental health. "
            "HEAD answers wherever GET does. Every refusal is an OperationOutcome. "
            "In the sandbox no token is needed, and there are none.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [WANTED],
        "tags": [
            {"name": "System"},
            {"name": "Access"},
            *({"name": type_} for type_ in sorted({*registry.served, *beside(registry, OPERATIONS)})),
        ],
        "paths": paths,
        "components": _components(paths),
    }


def _path(route: Route, searched: tuple[str, ...]) -> Json:
    """One path: what its parts are, and an operation for each method."""
    parts = [
        {"$ref": f"#/components/parameters/{name}"}
        for name in ("id", "version", "file")
        if f"{{{name}}}" in route.template
    ]
    path: Json = {"parameters": [*parts, *_refs("parameters", ("Format", "Pretty"))]}
    for method in route.methods:
        if method != "HEAD":
            operation = _operation(route, described(route, method), searched)
            path[method.lower()] = {**operation, "security": wanted(route.needs[method])}
    return path


def _operation(route: Route, told: Described, searched: tuple[str, ...]) -> Json:
    parameters = [*_refs("parameters", told.headers), *told.query]
    if not route.form:
        parameters += _refs("parameters", told.showing)
    if told.searches and not route.form:
        parameters += [
            {"name": code, "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}
            for code in searched
        ]
    operation: Json = {
        "operationId": _operation_id(route, told),
        "tags": [route.type or "System"],
        "summary": told.summary,
        "responses": _responses(told, reads_body=bool(told.body) or route.form),
    }
    bodies = (FORM,) if route.form else told.body
    if parameters:
        operation["parameters"] = parameters
    if bodies:
        operation["requestBody"] = {
            "required": not (route.form or told.may_lack_body),
            "content": {
                media: {"schema": {"$ref": f"#/components/schemas/{_SENT[media]}"}} for media in bodies
            },
        }
    return operation


_SENT = {FHIR_JSON: "Resource", JSON_PATCH: "JsonPatch", FORM: "Form"}


def _operation_id(route: Route, told: Described) -> str:
    """Such as `readGoal`, `historyInstanceGoal`, `searchFormGoal`: no two are the same."""
    is_instance = (told.name == "history" or route.operation is not None) and "{id}" in route.template
    shape = "Instance" if is_instance else ""
    member = {"": "", ALL: "All"}.get(route.member, route.member)
    return told.name + shape + ("Form" if route.form else "") + route.type + member


def _responses(told: Described, *, reads_body: bool) -> Json:
    responses: Json = {}
    for status, schema in told.answers.items():
        response: Json = {"description": _MEANINGS[status]}
        if schema is not None:
            response["content"] = {
                media: {"schema": {"$ref": f"#/components/schemas/{schema}"}} if media == FHIR_JSON else {}
                for media in told.media or (FHIR_JSON,)
            }
        if schema != "Bundle" and told.tagged:
            response["headers"] = {"ETag": {"$ref": "#/components/headers/ETag"}}
        responses[str(status)] = response
    faults = {*told.faults, *_ALWAYS, *((408, 413, 415) if reads_body else ())}
    for status in sorted(faults - told.answers.keys()):
        responses[str(status)] = {"$ref": f"#/components/responses/{status}"}
    return responses


def _refs(kind: str, names: Iterable[str]) -> list[Json]:
    return [{"$ref": f"#/components/{kind}/{name}"} for name in names]


def _system_paths(registry: Registry) -> Iterable[tuple[str, Json]]:
    searched = needs.of("search-system", "")
    base = route(
        "/fhir",
        "",
        {"GET": handlers.search, "POST": handlers.bundle},
        {"GET": searched, "POST": needs.NOTHING},
    )
    yield "/fhir", {**_path(base, COMMON), "options": _statement("capabilities", public=False)}
    yield (
        "/fhir/_search",
        _path(route("/fhir/_search", "", {"POST": handlers.search}, {"POST": searched}, form=True), ()),
    )
    yield "/fhir/metadata", {"get": _statement("metadata", public=True)}
    yield (
        "/fhir/_history",
        _path(
            route("/fhir/_history", "", {"GET": handlers.history}, {"GET": needs.of("history-system", "")}),
            (),
        ),
    )
    for found in operation_routes(OPERATIONS, "", "system").values():
        yield found.template, _path(found, ())
    for type_ in beside(registry, OPERATIONS):
        for found in operation_routes(OPERATIONS, type_, "type").values():
            yield found.template, _path(found, ())
    for found in job_routes():
        yield found.template, _path(found, ())
    yield from signing_in()
    yield "/health/live", {"get": _plain("live", "Whether the process runs.")}
    ready = _plain(
        "ready", "Whether requests can be answered: the database is there, its schema the right one."
    )
    ready["responses"]["503"] = {"$ref": "#/components/responses/503"}
    yield "/health/ready", {"get": ready}
    yield "/openapi.json", {"get": _plain("openapi", "This document.")}


def _statement(name: str, *, public: bool) -> Json:
    told = Described(name, "The CapabilityStatement.", {200: "Resource"}, (400,))
    responses = _responses(told, reads_body=False)
    del responses["200"]["headers"]
    operation: Json = {
        "operationId": name,
        "tags": ["System"],
        "summary": told.summary,
        "parameters": _refs("parameters", ("Format", "Pretty")),
        "responses": responses,
    }
    if public:
        del responses["401"], responses["403"]
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
            "429": {"$ref": "#/components/responses/429"},
            "500": {"$ref": "#/components/responses/500"},
        },
    }


def _components(paths: Json) -> Json:
    operations = (told for path in paths.values() for told in path.values() if isinstance(told, dict))
    return {
        "securitySchemes": schemes(operations),
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


_HEADERS = {
    401: "WWW-Authenticate",
    403: "WWW-Authenticate",
    405: "Allow",
    429: "Retry-After",
    503: "Retry-After",
}


def _fault(status: int) -> Json:
    fault: Json = {
        "description": _MEANINGS[status],
        "content": {FHIR_JSON: {"schema": {"$ref": _OUTCOME}}},
    }
    header = _HEADERS.get(status)
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


def _several(name: str, text: str) -> Json:
    """A query parameter that repeats."""
    schema = {"type": "array", "items": {"type": "string"}}
    return {"name": name, "in": "query", "description": text, "schema": schema}


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
    "file": _parameter("path", "file", "The name of a file, as the manifest of its job has it."),
}
_QUERY_PARAMETERS: Json = {
    "Format": _parameter("query", "_format", "The format of the answer; goes before Accept."),
    "Pretty": _parameter("query", "_pretty", "Whether the answer is indented."),
    "Count": _parameter("query", "_count", "Versions a page."),
    "Matches": _parameter("query", "_count", "Matches a page; 0 for the total alone."),
    "Sort": _parameter("query", "_sort", "Search parameters, with commas; `-` before one for downwards."),
    "Total": _parameter("query", "_total", "Whether all matches are counted.", enum=list(TOTALS)),
    "Include": _several(
        "_include", "What matches refer to: `Type:parameter`, `Type:parameter:Target` or `*`."
    ),
    "RevInclude": _several("_revinclude", "What refers to matches, named likewise."),
    "Summary": _parameter("query", "_summary", "Which elements are shown.", enum=list(SUMMARIES)),
    "Elements": _parameter("query", "_elements", "The elements that are shown, with commas."),
    "Explain": _parameter("query", "_explain", "Whether the plan is told; of administrators alone."),
    "Types": _parameter("query", "_type", "The types that are searched, with commas; all without it."),
    "List": _parameter("query", "_list", "The id of a List that the matches are in."),
    "Text": _parameter("query", "_text", "Beginnings of words of the narrative."),
    "Content": _parameter("query", "_content", "Beginnings of words of any text."),
    "Since": _parameter("query", "_since", "Versions from this instant on."),
    "Criteria": {
        "name": "criteria",
        "in": "query",
        "description": "Search parameters that say which resources are meant; one at least.",
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    },
    "Page": _parameter(
        "query", "_page", "The page of a manifest that comes in several.", pattern=r"^[1-9]\d{0,5}$"
    ),
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
    "PreferAsync": _parameter(
        "header", "Prefer", "respond-async; handling=strict or lenient; separate-export-status."
    ),
    "Range": _parameter("header", "Range", "The bytes that are wanted, such as bytes=1000-."),
    "PreferHandling": _parameter("header", "Prefer", "handling=strict or lenient: of unknown parameters."),
}
