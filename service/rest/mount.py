"""Everything under the FHIR base: from a path to an interaction and back, by the table of routes.

Source: docs/adr/0012-one-mount.md, https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from litestar.types import HTTPScope, Receive, Scope, Send

from service.access.callers import Caller
from service.access.needs import NOTHING, Needs, of, require, together
from service.access.seeing import sight
from service.fhir.problems import Problem, Unauthorized, Unoffered, Unsupported
from service.interactions.context import Act, Context
from service.rest import bodies
from service.rest.auditing import FAILED, tell
from service.rest.bodies import Bounds, Disconnected
from service.rest.errors import refusal
from service.rest.exchanges import Exchange, deliver, exchange
from service.rest.limits import UNLIMITED, Doors
from service.rest.preferences import Preference
from service.rest.requests import PATCHES, Form, Request, form, form_parameters, own, pairs
from service.rest.responses import Header, Reply, reply
from service.rest.routes import UNKNOWN, Route, Table, Target, require_id, unoffered
from service.rest.security import ANYBODY, Gate

NOWHERE = Target(UNKNOWN)
READING = frozenset({"GET", "HEAD", "OPTIONS"})
MINIMAL = Preference(returns="minimal")
PROVENANCE = of("create", "Provenance")


@dataclass(frozen=True, slots=True)
class Desk:
    """What every request is answered with: the routes, who may come in, how much is read, how often, and the context."""

    table: Table
    gate: Gate
    bounds: Bounds
    context: Context
    doors: Doors = field(default_factory=lambda: Doors(UNLIMITED))


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
        problem: Problem | None = None
        try:
            answer = await _answer(desk, http, receive, target, seen)
        except Problem as refused:
            problem = refused
            answer = refusal(problem, *_offered(problem, target, http["method"]))
        except Disconnected:
            return
        except Exception:
            await tell(desk.context, http, target, seen, FAILED)
            raise
        await tell(desk.context, http, target, seen, answer.status, problem)
        packed = await _packed(answer, seen.fields)
        await deliver(packed, send, head=http["method"] == "HEAD", receive=receive)

    return fhir


async def _answer(desk: Desk, scope: HTTPScope, receive: Receive, target: Target, seen: Exchange) -> Reply:
    """The answer to a request, the caller let in before anything else of it is looked at.

    Raises:
        Problem: why there is none.
        Disconnected: nobody is there to be answered.
    """
    if target.route.public:
        desk.doors.stranger(scope)
        return await _handled(desk, scope, receive, target, seen, ANYBODY)
    desk.context.trail.require()
    caller = await _admitted(desk, scope, seen)
    desk.doors.enter(caller)
    try:
        return await _handled(desk, scope, receive, target, seen, caller)
    finally:
        desk.doors.leave(caller)


async def _admitted(desk: Desk, scope: HTTPScope, seen: Exchange) -> Caller:
    """Who calls; of those whom we do not know, so many and no more.

    Raises:
        Unauthorized: nobody that may come in.
        TooMany: neither, and there were too many like that.
    """
    try:
        return await desk.gate.admit(seen.fields)
    except Unauthorized:
        desk.doors.stranger(scope)
        raise


async def _handled(
    desk: Desk, scope: HTTPScope, receive: Receive, target: Target, seen: Exchange, caller: Caller
) -> Reply:
    """The answer to a request of the caller.

    Raises:
        Problem: why there is none.
        Disconnected: nobody is there to be answered.
    """
    act = seen.act = Act(
        caller, seen.request_id, desk.doors.address(scope), partial(desk.doors.charge, caller)
    )
    route = target.route
    method = scope["method"]
    handler = route.methods.get(method)
    if handler is None:
        offered = route.type or route.methods
        raise unoffered(route, method) if offered else desk.table.missing(scope["path"])
    needs = _needs(route, method, seen.fields)
    require(caller, needs)
    context = seen.context = desk.context.seen_by(act, sight(desk.context.registry, caller, needs))
    if target.id:
        require_id(target, method)
    query = scope["query_string"]
    parameters = pairs(query) if query else ()
    if route.form:
        seen.form = await form_parameters(receive, seen.fields, desk.bounds)
        parameters += seen.form
    shape = form(seen.fields, parameters, route.media if route.operation is None else route.operation.media)
    request = Request(
        type=route.type,
        id=target.id,
        version=target.version,
        act=act,
        fields=seen.fields,
        query=query,
        pairs=own(parameters) if parameters else (),
        form=shape,
        bounds=desk.bounds,
        receive=receive,
    )
    answer = await handler(context, request)
    if isinstance(answer, Reply):
        return answer
    return reply(answer, method, _shown(shape, route, method, caller), desk.context.base_url)


def _needs(route: Route, method: str, fields: Mapping[bytes, bytes]) -> Needs:
    """The scopes that the method on the route takes, by its headers."""
    if route.public:
        return NOTHING
    needs = route.needs[method]
    if b"if-none-exist" in fields and needs.letters == "c":
        needs = needs.conditional()
    return together((needs, PROVENANCE)) if b"x-provenance" in fields else needs


def _shown(shape: Form, route: Route, method: str, caller: Caller) -> Form:
    """How the answer shall look: who may not read what they write is not shown what became of it."""
    if method in READING or route.operation is not None or not route.type or caller.may(route.type, "r"):
        return shape
    if shape.preference.returns == "OperationOutcome":  # which tells what was found, and shows nothing of it
        return shape
    return replace(shape, preference=MINIMAL)


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
