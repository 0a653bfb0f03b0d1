"""How each operation of the OpenAPI document is described, by what answers it.

Source: https://hl7.org/fhir/R4/http.html#summary
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from service.bulk.export_request import NDJSON
from service.fhir.codec import FHIR_JSON
from service.fhir.parameters import INTEGERS, PRIMITIVES, Input
from service.operations import validate
from service.operations.operation import Operation
from service.rest import handlers, jobs
from service.rest.handlers import Handler
from service.rest.media import JSON_PATCH
from service.rest.routes import Route

Json = dict[str, Any]

_WRITING = ("Prefer", "XProvenance")
SHOWING = (
    "Matches", "Sort", "Total", "Include", "RevInclude", "Summary", "Elements", "Explain", "List", "Text", "Content",
)  # fmt: skip
"""What every search takes, as the document's components name it."""

PARTS = ("Summary", "Elements")
"""What reading takes: which parts of a resource are shown."""


@dataclass(frozen=True, slots=True)
class Described:
    """How an operation is described: `answers` are schema names by status, faults are statuses alone.

    `headers` and `showing` name parameters among the document's components, the latter those
    that say how what is found is shown. One that `searches` takes the search parameters of its type.
    """

    name: str
    summary: str
    answers: dict[int, str | None]
    faults: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    searches: bool = False
    showing: tuple[str, ...] = ()
    query: tuple[Json, ...] = ()
    tagged: bool = True  # whether the answer is a version, with its ETag
    may_lack_body: bool = False
    media: tuple[str, ...] = ()  # the media types of the answer, where these are not FHIR's JSON alone


DESCRIBED: Mapping[Handler, Described] = {
    handlers.read: Described(
        "read",
        "The current version.",
        {200: "Resource", 304: None},
        (400, 404, 410),
        ("IfNoneMatch", "IfModifiedSince"),
        showing=PARTS,
    ),
    handlers.vread: Described(
        "vread",
        "A certain version.",
        {200: "Resource", 304: None},
        (400, 404, 410),
        ("IfNoneMatch",),
        showing=PARTS,
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
        "search",
        "The resources that match.",
        {200: "Bundle"},
        (400, 403),
        ("PreferHandling",),
        searches=True,
        showing=SHOWING,
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
    jobs.status: Described(
        "jobStatus",
        "How a job is, and when it is done, where its files are.",
        {200: "Resource", 202: "Resource"},
        (400, 404, 410),
        ("Page",),
        tagged=False,
        media=(jobs.JSON,),
    ),
    jobs.cancel: Described(
        "jobCancel",
        "The job ends, and its files are removed.",
        {202: "OperationOutcome"},
        (400, 404, 410),
        tagged=False,
    ),
    jobs.download: Described(
        "jobDownload",
        "A file that a job has made.",
        {200: "Resource", 206: "Resource", 302: None, 304: None},
        (400, 404, 410, 416),
        ("Range",),
        media=(NDJSON,),
    ),
}


def described(route: Route, method: str) -> Described:
    """How what answers the method on the route is described."""
    if route.operation is not None:
        return _of_operation(route.operation, method)
    if route.member:
        return _WITHIN if route.member != "*" else replace(_WITHIN, showing=(*SHOWING, "Types"))
    found = DESCRIBED[route.methods[method]]
    return replace(found, showing=(*SHOWING, "Types")) if found.searches and not route.type else found


_WITHIN = replace(
    DESCRIBED[handlers.search],
    name="searchWithin",
    summary="The resources of one young person that match.",
    faults=(400, 403, 404),
)


def _of_operation(operation: Operation, method: str) -> Described:
    """How a FHIR operation is described; what can stand in a query may stand there with POST too."""
    answer = "Bundle" if operation.finds else "Resource"
    return Described(
        operation.name if method == "POST" else f"{operation.name}ByQuery",
        operation.summary,
        {202: "OperationOutcome"}
        if operation.starts
        else {200: "OperationOutcome" if operation is validate.OPERATION else answer},
        (
            *(400, 404, 410),
            *((413, 415, 422) if method == "POST" else (422,)),
            *((409, 412) if operation.guarded else ()),
        ),
        headers=_headers(operation),
        body=(FHIR_JSON,) if method == "POST" else (),
        searches=operation.searches,
        query=tuple(_query(each) for each in operation.inputs if not PRIMITIVES.isdisjoint(each.types)),
        tagged=False,
        may_lack_body=True,
        media=operation.media,
    )


def _headers(operation: Operation) -> tuple[str, ...]:
    """What the operation heeds beside what all do."""
    if operation.starts:
        return ("PreferAsync",)
    return ("PreferHandling",) if operation.searches else ("IfMatch",) if operation.guarded else ()


def _query(given: Input) -> Json:
    kind = "integer" if given.type in INTEGERS else "boolean" if given.type == "boolean" else "string"
    schema: Json = {"type": kind}
    if given.type == "positiveInt":
        schema["minimum"] = 1
    return {"name": given.name, "in": "query", "schema": schema}
