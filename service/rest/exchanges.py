"""One request and its answer, seen from outside: request id, time, status and size, for one line of the log.

Source: docs/logging.md, https://hl7.org/fhir/R4/http.html#custom
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from time import perf_counter_ns
from typing import cast

from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPResponseBodyEvent,
    Message,
    Receive,
    Scope,
    Send,
)
from structlog.typing import FilteringBoundLogger

from service.interactions.context import Act, Context
from service.rest import logs
from service.rest.errors import detail, failure
from service.rest.requests import Pairs, fields, request_id
from service.rest.responses import Reply

_KEY = "thrive_exchange"
_MICROSECOND = 1000  # nanoseconds


@dataclass(slots=True)
class Exchange:
    """What is known of a request under way; `route` and `type` are filled in where the path is understood.

    `status` is 0 until an answer begins. `act` and `context`, made for this request alone, are None until
    somebody was let in whose token allows it. `form` are the parameters that came in the body.
    """

    request_id: str
    fields: dict[bytes, bytes]
    route: str = ""
    type: str = ""
    status: int = 0
    bytes: int = 0
    form: Pairs = ()
    act: Act | None = None
    context: Context | None = None


def exchange(scope: Scope) -> Exchange:
    """The exchange that a request belongs to."""
    return cast("Exchange", scope["state"][_KEY])


def observed(app: ASGIApp, log: FilteringBoundLogger, request_ids: Callable[[], str]) -> ASGIApp:
    """The app with a request id on every answer, one log line a request, and 500 for what nobody caught."""

    async def observe(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        started = perf_counter_ns()
        headers = fields(scope["headers"])
        seen = Exchange(request_id(headers, request_ids), headers)
        scope.setdefault("state", {})[_KEY] = seen

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", seen.request_id.encode())]
            else:
                seen.bytes += len(cast("HTTPResponseBodyEvent", message)["body"])
            await send(message)

        try:
            await app(scope, receive, note)
        except Exception as fault:  # noqa: BLE001 - the last boundary: whatever it is becomes 500 and a log line
            log.error(logs.REQUEST_FAILED, request=seen.request_id, detail=detail(fault))  # noqa: TRY400 - would add the message
            if not seen.status:
                await deliver(failure(), note, head=scope["method"] == "HEAD")
        log.info(
            logs.REQUEST_ANSWERED if seen.status else logs.REQUEST_ABANDONED,
            request=seen.request_id,
            method=scope["method"] if scope["method"] in METHODS else "other",
            route=seen.route or scope.get("path_template") or "unknown",
            type=seen.type,
            status=seen.status,
            ms=(perf_counter_ns() - started) // _MICROSECOND / 1000,
            bytes=seen.bytes,
        )

    return observe


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


async def deliver(reply: Reply, send: Send, *, head: bool, receive: Receive | None = None) -> None:
    """Sends the reply, for HEAD without its body.

    Of a stream no more is made than is taken: it ends when `receive` says that the client has left.
    """
    headers = reply.headers
    if reply.stream is not None:
        async with aclosing(reply.stream) as stream:
            await send({"type": "http.response.start", "status": reply.status, "headers": headers})
            if head or await _poured(stream, send, receive):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    if reply.status not in _BODILESS:
        headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else reply.body, "more_body": False})


async def _poured(stream: AsyncIterator[bytes], send: Send, receive: Receive | None) -> bool:
    """Sends what comes, each piece when the one before was taken; False where the client left before the end."""
    leaving = None if receive is None else asyncio.create_task(_left(receive))
    try:
        async for piece in stream:
            if leaving is not None and leaving.done():
                return False
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    finally:
        if leaving is not None:
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
    return True


async def _left(receive: Receive) -> None:
    """Ends when the client has left; what else it sends is of no interest."""
    while (await receive())["type"] != "http.disconnect":
        pass


_BODILESS = frozenset({204, 304})
