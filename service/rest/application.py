"""The whole HTTP side of the service as one ASGI application.

Source: docs/adr/0012-one-mount.md
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, cast

from litestar import HttpMethod, Litestar, Request, Response, asgi, route
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from structlog.typing import FilteringBoundLogger

from service.access import needs
from service.access.authority import Authority
from service.fhir import codec
from service.fhir.problems import Malformed, Missing, Problem, Unavailable, Unoffered
from service.interactions import capabilities
from service.interactions.context import Answer, Context
from service.operations.offered import OPERATIONS, definitions
from service.rest import handlers, openapi
from service.rest.authorization import CONFIGURATION, Office, authorization_routes, configuration
from service.rest.bodies import Bounds
from service.rest.errors import refusal
from service.rest.exchanges import observed
from service.rest.headers import asked_first, constant, protected
from service.rest.limits import UNLIMITED, Allowance, Doors, limited
from service.rest.mount import Desk, mount
from service.rest.requests import Request as FhirRequest
from service.rest.responses import SECURITY, Reply
from service.rest.routes import Route, Table
from service.rest.routes import route as fhir_route
from service.rest.security import Gate

GET = [HttpMethod.GET, HttpMethod.HEAD]
_BASE = "/fhir"
_BELOW = f"{_BASE}/"
# The characters of a Host header: https://www.rfc-editor.org/rfc/rfc3986#section-3.2, as Litestar reads it.
_HOST = re.compile(rb"[0-9A-Za-z!$&'()*+,;=\-._~:\[\]@%]*")
_HOSTS = 64  # that need not be read anew: a service has few names


def application(  # noqa: PLR0913 - what the composition root has made, each thing for itself
    context: Context,
    gate: Gate,
    bounds: Bounds,
    log: FilteringBoundLogger,
    request_ids: Callable[[], str],
    *,
    allowance: Allowance = UNLIMITED,
    origins: frozenset[bytes] = frozenset(),
    authority: Authority | None = None,
) -> ASGIApp:
    """The application, ready to answer; `gate` says who may come in.

    `authority` gives out tokens; without one there are no addresses for that. `origins`: whose pages may ask (CORS).
    """
    doors = Doors(allowance)
    desk = Desk(
        Table(context.registry, system_routes(context, authority), OPERATIONS), gate, bounds, context, doors
    )
    fhir = mount(desk)
    app = Litestar(
        route_handlers=[
            asgi(_BASE, is_mount=True, copy_scope=False, name="fhir")(fhir),
            *outside(context, bounds, authority, doors.address),
        ],
        exception_handlers={Exception: _refused},
        openapi_config=None,
        logging_config=None,
        debug=False,  # said here, because Litestar would take it from the environment
    )
    bounded = asked_first(limited(straight(fhir, app), doors), origins)
    return protected(observed(bounded, log, request_ids), constant(context.base_url), origins)


def straight(fhir: Callable[[Scope, Receive, Send], Awaitable[None]], app: ASGIApp) -> ASGIApp:
    """The app where what is plainly below the FHIR base goes to `fhir` at once, as the app itself would send it there.

    The way through the app's router costs as much as a small read. Whatever is odd about a path goes that way.
    """

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        http = cast("HTTPScope", scope)
        path = http["path"]
        plain = path.startswith(_BELOW) and "//" not in path and not http.get("root_path")
        if plain and all(_is_host(value) for name, value in http["headers"] if name == b"host"):
            http["path"] = path[len(_BASE) :]
            await fhir(scope, receive, send)
        else:
            await app(scope, receive, send)

    return route


@lru_cache(_HOSTS)
def _is_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def outside(
    context: Context,
    bounds: Bounds,
    authority: Authority | None = None,
    address: Callable[[Scope], str] = lambda _: "",
) -> list[Any]:
    """What is beside the FHIR base: to be asked by anybody, so nothing of it tells of a young person.

    `address` says where a request comes from.
    """
    return [
        *_health(context),
        *([] if authority is None else authorization_routes(Office(authority, bounds, context, address))),
        _published("/openapi.json", codec.encode(openapi.document(context.registry))),
    ]


def system_routes(context: Context, authority: Authority | None = None) -> Mapping[str, Route]:
    """The routes that belong to no type, by path relative to the base."""
    operations = definitions(context.registry.served)
    token_url = None if authority is None else authority.addresses.token
    statement = codec.encode(capabilities.statement(context, operations, token_url=token_url))

    async def metadata(_context: Context, _request: FhirRequest) -> Answer:
        return Answer(200, document=statement)

    return {
        "": fhir_route(
            "/fhir",
            "",
            {"GET": handlers.search, "POST": handlers.bundle, "OPTIONS": metadata},
            # What a Bundle needs, each of its entries needs.
            {"GET": needs.of("search-system", ""), "POST": needs.NOTHING, "OPTIONS": needs.NOTHING},
        ),
        "_search": fhir_route(
            "/fhir/_search", "", {"POST": handlers.search}, {"POST": needs.of("search-system", "")}, form=True
        ),
        "_history": fhir_route(
            "/fhir/_history", "", {"GET": handlers.history}, {"GET": needs.of("history-system", "")}
        ),
        "metadata": fhir_route("/fhir/metadata", "", {"GET": metadata}, public=True),
        # Where there are no tokens nothing is here: clients are told so, not turned away, and go on without.
        CONFIGURATION: fhir_route(
            f"/fhir/{CONFIGURATION}",
            "",
            {} if authority is None else {"GET": configuration(authority)},
            public=True,
        ),
    }


def _health(context: Context) -> list[Any]:
    @route("/health/live", http_method=GET)
    async def live() -> Response[bytes]:
        return _json(b'{"status":"up"}')

    @route("/health/ready", http_method=GET)
    async def ready() -> Response[bytes]:
        if not await context.store.ready():
            raise Unavailable(
                "not-ready", "The database does not answer, or its schema is not the one expected."
            )
        context.trail.require()  # what could not be told to the audit is not done
        return _json(b'{"status":"ready"}')

    return [live, ready]


def _published(path: str, body: bytes) -> Any:
    @route(path, http_method=GET)
    async def published() -> Response[bytes]:
        return _json(body)

    return published


def _json(body: bytes) -> Response[bytes]:
    headers = {name.decode(): value.decode() for name, value in SECURITY}
    return Response(body, media_type="application/json", headers=headers)


def _refused(_request: Request[Any, Any, Any], fault: Exception) -> Response[bytes]:
    """What Litestar itself refuses, and what its handlers raise, in the same words as everything else."""
    match fault:
        case Problem():
            return _response(refusal(fault))
        case HTTPException(status_code=404):
            return _response(
                refusal(Missing("path-unknown", "There is nothing under this path; try /fhir/metadata."))
            )
        case HTTPException(status_code=405):
            allow = (fault.headers or {}).get("allow", "").encode()
            return _response(
                refusal(
                    Unoffered("method-not-offered", "This method is not offered here."), (b"allow", allow)
                )
            )
        case HTTPException(status_code=status) if 400 <= status < 500:
            return _response(
                refusal(Malformed("request-malformed", "The request line or its headers cannot be read."))
            )
        case _:
            raise fault


def _response(reply: Reply) -> Response[bytes]:
    headers = {name.decode(): value.decode() for name, value in reply.headers}
    return Response(
        reply.body, status_code=reply.status, headers=headers, media_type=headers.pop("content-type")
    )
