"""Everything under the FHIR base: from a path to an interaction and back, by the table of routes.

Source: docs/adr/0012-one-mount.md, https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from litestar.types import HTTPScope, Receive, Scope, Send

from service.fhir.problems import Problem, Unoffered, Unsupported
from service.interactions.context import Act, Context
from service.rest import bodies
from service.rest.bodies import Bounds, Disconnected
from service.rest.errors import refusal
from service.rest.exchanges import Exchange, deliver, exchange
from service.rest.requests import PATCHES, Request, form, form_parameters, own, pairs
from service.rest.responses import Header, Reply, reply
from service.rest.routes import UNKNOWN, Table, Target, require_id, unoffered
from service.rest.security import ANYBODY, Gate

NOWHERE = Target(UNKNOWN)


@dataclass(frozen=True, slots=True)
class Desk:
    """What every request is answered with: the routes, who may come in, how much is read, and the context."""

    table: Table
    gate: Gate
    bounds: Bounds
    context: Context


def mount(desk: Desk) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application of the FHIR base."""
    find = desk.table.find

    async def fhir(scope: Scope, receive: Receive, send: Send) -> None:
        http = cast("HTTPScope", scope)
        seen = exchange(scope)
        path = http["path"]
        # The router matches by prefix: /fhirPatient comes here too, as Patient without a slash.
        target = find(path) if path.startswith("/") else NOWHERE
        seen.route = target.route.template
        seen.type = target.route.type
        try:
            answer = await _answer(desk, http, receive, target, seen)
        except Problem as problem:
            answer = refusal(problem, *_offered(problem, target, http["method"]))
        except Disconnected:
            return
        await deliver(await _packed(answer, seen.fields), send, head=http["method"] == "HEAD")

    return fhir


async def _answer(desk: Desk, scope: HTTPScope, receive: Receive, target: Target, seen: Exchange) -> Reply:
    """The answer to a request, the caller let in before anything else of it is looked at.

    Raises:
        Problem: why there is none.
        Disconnected: nobody is there to be answered.
    """
    route = target.route
    method = scope["method"]
    caller = ANYBODY if route.public else desk.gate(seen.fields)
    handler = route.methods.get(method)
    if handler is None:
        offered = route.type or route.methods
        raise unoffered(route, method) if offered else desk.table.missing(scope["path"])
    if target.id:
        require_id(target, method)
    query = scope["query_string"]
    parameters = pairs(query) if query else ()
    if route.form:
        parameters += await form_parameters(receive, seen.fields, desk.bounds)
    shape = form(seen.fields, parameters, () if route.operation is None else route.operation.media)
    request = Request(
        type=route.type,
        id=target.id,
        version=target.version,
        act=Act(caller, seen.request_id),
        fields=seen.fields,
        query=query,
        pairs=own(parameters) if parameters else (),
        form=shape,
        bounds=desk.bounds,
        receive=receive,
    )
    return reply(await handler(desk.context, request), method, shape, desk.context.base_url)


def _offered(problem: Problem, target: Target, method: str) -> tuple[Header, ...]:
    """What would have been right, in headers."""
    match problem:
        case Unoffered():
            return ((b"allow", target.route.allow),)
        case Unsupported() if method == "PATCH":
            return ((b"accept-patch", PATCHES),)
        case _:
            return ()


async def _packed(answer: Reply, fields: Mapping[bytes, bytes]) -> Reply:
    """The reply, gzipped where that pays and the client can take it."""
    if len(answer.body) < bodies.GZIP_FROM or not bodies.accepts_gzip(fields.get(b"accept-encoding", b"")):
        return answer
    headers = [*answer.headers, (b"content-encoding", b"gzip")]
    return replace(answer, headers=headers, body=await bodies.gzipped(answer.body))
