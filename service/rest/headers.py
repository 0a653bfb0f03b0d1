"""What every answer says beside what it is about: how browsers and caches shall treat it, and who may read it.

Source: https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers,
https://www.rfc-editor.org/rfc/rfc6797 (HSTS), https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from service.rest.exchanges import deliver, exchange
from service.rest.responses import SECURITY, Header, Reply

# Nothing of ours loads anything or is shown in a frame; a chart holds all that it needs.
POLICY = b"default-src 'none'; frame-ancestors 'none'"
FURTHER: tuple[Header, ...] = ((b"content-security-policy", POLICY),)
"""What answers say beside `responses.SECURITY`. Each header of each answer costs, so none is there for form's sake.

X-Frame-Options is older and says less than frame-ancestors. Cross-Origin-Resource-Policy guards what a browser
fetches with a user's cookies: there are none here.
"""

HTTPS_ALONE: Header = (b"strict-transport-security", b"max-age=31536000")
"""For a year, only by HTTPS."""

# What pages of another origin may see of an answer, beside what the standard lets them.
_EXPOSED = (
    b"Content-Location, Content-Range, ETag, Expires, Location, Preference-Applied, Retry-After, WWW-Authenticate,"
    b" X-Export-Status, X-Progress, X-Request-Id"
)
_METHODS = b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_SENDABLE = (
    b"Accept, Authorization, Content-Type, If-Match, If-Modified-Since, If-None-Exist, If-None-Match, If-Range,"
    b" Prefer, Range, X-Provenance, X-Request-Id"
)
_PREFLIGHT_SECONDS = b"600"


def constant(base_url: str) -> tuple[Header, ...]:
    """What every answer says beside `SECURITY`, of a service whose base clients see under that address."""
    return (*FURTHER, HTTPS_ALONE) if base_url.startswith("https://") else FURTHER


def protected(app: ASGIApp, headers: tuple[Header, ...], origins: frozenset[bytes] = frozenset()) -> ASGIApp:
    """The app with these headers on every answer, and those of `SECURITY` where it has none of that name.

    `origins`: whose pages may ask and read. None may by default; there is no wildcard, and no cookie is ever
    asked for or looked at, so that a page without a token of its own gets nothing.
    """

    async def protect(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        further = headers
        if origins:
            asked = next((value for name, value in scope["headers"] if name == b"origin"), b"")
            further = (*headers, *_shared(asked, origins))

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _whole(message["headers"], further)
            await send(message)

        await app(scope, receive, add)

    return protect


def _whole(given: Iterable[Header], further: tuple[Header, ...]) -> list[Header]:
    headers = [*given, *further]
    if SECURITY[0] not in headers:  # whoever says one of them says all: that is looked for alone, each time
        names = {name for name, _ in headers}
        headers += (each for each in SECURITY if each[0] not in names)
    return headers


def _shared(origin: bytes, origins: frozenset[bytes]) -> tuple[Header, ...]:
    """What lets a page of the origin read an answer; caches are told that it hangs on who asks."""
    if origin not in origins:
        return ((b"vary", b"Origin"),)
    return (
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
    )


def preflight(scope: HTTPScope, fields: Mapping[bytes, bytes], origins: frozenset[bytes]) -> Reply | None:
    """The answer to a browser that asks whether a page may send a request; None where it asks no such thing.

    A page of another origin gets None too: its question is answered like any OPTIONS, which is no leave.
    """
    if scope["method"] != "OPTIONS" or b"access-control-request-method" not in fields:
        return None
    if fields.get(b"origin", b"") not in origins:
        return None
    return Reply(
        204,
        [
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _SENDABLE),
            (b"access-control-max-age", _PREFLIGHT_SECONDS),
        ],
        b"",
    )


def asked_first(app: ASGIApp, origins: frozenset[bytes]) -> ASGIApp:
    """The app where pages of these origins may ask first whether they may send a request."""

    async def ask(scope: Scope, receive: Receive, send: Send) -> None:
        http = cast("HTTPScope", scope)
        answer = preflight(http, exchange(scope).fields, origins)
        if answer is None:
            await app(scope, receive, send)
        else:
            await deliver(answer, send, head=False)

    return ask if origins else app
