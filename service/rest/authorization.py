"""The token endpoint and its neighbours over HTTP, in OAuth's words rather than FHIR's.

Source: https://www.rfc-editor.org/rfc/rfc6749#section-5, https://www.rfc-editor.org/rfc/rfc7662, https://www.rfc-editor.org/rfc/rfc7009,
https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#using-well-known
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from litestar import asgi
from litestar.types import HTTPScope, Receive, Scope, Send

from service.access.authority import Authority
from service.access.callers import DEFAULT_LOCALITY
from service.access.refusing import Error, Refusal
from service.fhir import codec
from service.fhir.problems import Problem, Unauthorized, Unsupported
from service.interactions.context import Answer, Context
from service.interactions.noting import note_token
from service.rest.bodies import Bounds, Disconnected
from service.rest.errors import refusal
from service.rest.exchanges import Exchange, deliver, exchange
from service.rest.media import FORM
from service.rest.requests import Request, form_parameters
from service.rest.responses import SECURITY, Header, Reply
from service.rest.security import bearer
from service.storage.registrations import Registration

CONFIGURATION: Final = ".well-known/smart-configuration"
MEDIA: Final = "application/json"
OK: Final = 200
INTROSPECTED: Final = "introspect"
REVOKED: Final = "token-revoked"
"""What the audit says where a client called its token back."""

Form = Mapping[str, str]
Json = dict[str, Any]

# Units: seconds that the keys and the configuration may be kept by whoever fetched them.
KEPT: Final = 3600
# Both are wanted: https://www.rfc-editor.org/rfc/rfc6749#section-5.1
_NOT_KEPT: Final = (*SECURITY, (b"pragma", b"no-cache"))
_OF_STATUS: Final = frozenset({b"retry-after", b"connection"})
_KEPT: Final = (
    *((name, value) for name, value in SECURITY if name != b"cache-control"),
    (b"cache-control", b"public, max-age=%d" % KEPT),
)


@dataclass(frozen=True, slots=True)
class Office:
    """What requests for tokens are answered with: who decides, how much is read, who is told, and where they come from."""

    authority: Authority
    bounds: Bounds
    context: Context
    address: Callable[[Scope], str] = lambda _: ""

    async def note(self, seen: Exchange, address: str, dealt: Dealt) -> None:
        """Tells the audit what came of a request; one for what a token is worth only where it was refused."""
        if dealt.status == OK and dealt.what == INTROSPECTED:
            return
        client = dealt.client
        await note_token(
            self.context,
            status=dealt.status,
            request_id=seen.request_id,
            address=address,
            client="" if client is None else client.id,
            agency="" if client is None else client.agency,
            locality=DEFAULT_LOCALITY if client is None else client.locality,
            scope=dealt.scope,
            reason=dealt.reason,
        )


@dataclass(frozen=True, slots=True)
class Dealt:
    """What came of a request: which (`token`, `introspect`, `revoke`), its status, and the answer's document.

    `client` is who asked or claims to, None where there is no such client. `scope` is what was granted,
    `reason` OAuth's error where it was refused.
    """

    what: str
    client: Registration | None
    status: int = OK
    document: Json = field(default_factory=dict)
    scope: str = ""
    reason: str = ""


Deal = Callable[[Authority, Form, Mapping[bytes, bytes]], Awaitable[Dealt]]


def authorization_routes(office: Office) -> list[Any]:
    """The routes of the authorization server; the audit is told what came of each request before it is answered."""
    return [
        *(_posted(f"/auth/{what}", office, what) for what in _DEALS),
        _published("/auth/jwks", codec.encode(office.authority.keys())),
        _published(f"/{CONFIGURATION}", codec.encode(office.authority.configuration())),
    ]


async def _token(authority: Authority, form: Form, fields: Mapping[bytes, bytes]) -> Dealt:
    if b"authorization" in fields and "client_assertion" not in form:
        raise _unsigned()
    client, issued = await authority.token(form)
    document: Json = {
        "access_token": issued.token,
        "token_type": "bearer",
        "expires_in": issued.seconds,
        "scope": issued.scope,
    }
    return Dealt("token", client, document=document, scope=issued.scope)


async def _introspect(authority: Authority, form: Form, fields: Mapping[bytes, bytes]) -> Dealt:
    asking, described = await authority.introspect(form, _own(form, fields))
    return Dealt(INTROSPECTED, asking, document=described)


async def _revoke(authority: Authority, form: Form, fields: Mapping[bytes, bytes]) -> Dealt:
    return Dealt("revoke", await authority.revoke(form, _own(form, fields)), reason=REVOKED)


_DEALS: Final[Mapping[str, Deal]] = {"token": _token, INTROSPECTED: _introspect, "revoke": _revoke}


def configuration(authority: Authority) -> Callable[[Context, Request], Awaitable[Answer]]:
    """What answers under the FHIR base with the SMART configuration."""
    document = codec.encode(authority.configuration())

    async def configured(_context: Context, _request: Request) -> Answer:
        return Answer(200, document=document, media=MEDIA)

    return configured


def _posted(path: str, office: Office, what: str) -> Any:
    @asgi(path, copy_scope=False)
    async def posted(scope: Scope, receive: Receive, send: Send) -> None:
        http, seen = cast("HTTPScope", scope), exchange(scope)
        seen.route = path
        if http["method"] != "POST":
            refused = Refusal("invalid_request", "This address takes POST alone.", 405)
            answer = _refused(refused, (b"allow", b"POST"))
        else:
            try:
                answer = await _answered(office, what, receive, seen, office.address(scope))
            except Disconnected:
                return
        await deliver(answer, send, head=http["method"] == "HEAD")

    return posted


async def _answered(office: Office, what: str, receive: Receive, seen: Exchange, address: str) -> Reply:
    """The answer; that of a request which cannot be dealt with too.

    Raises:
        Disconnected: nobody is there to be answered.
    """
    try:
        office.context.trail.require()
        form = await _form(receive, seen.fields, office.bounds)
        dealt = await _DEALS[what](office.authority, form, seen.fields)
    except Refusal as refused:
        await office.note(seen, address, Dealt(what, refused.client, refused.status, reason=refused.error))
        return _refused(refused, *_challenge(refused, seen.fields))
    except Problem as problem:
        # Such as that the store cannot be reached: said in OAuth's words, with the headers that go with the status.
        kept = [each for each in refusal(problem).headers if each[0] in _OF_STATUS]
        error: Error = "temporarily_unavailable" if problem.status >= 500 else "invalid_request"
        if error == "invalid_request":
            await office.note(seen, address, Dealt(what, None, problem.status, reason=error))
        return _refused(Refusal(error, str(problem), problem.status), *kept)
    await office.note(seen, address, dealt)
    return Reply(OK, [(b"content-type", MEDIA.encode()), *_NOT_KEPT], codec.encode(dealt.document))


async def _form(receive: Receive, fields: Mapping[bytes, bytes], bounds: Bounds) -> dict[str, str]:
    """The form by name; what has no value counts as not sent.

    Raises:
        Refusal: something is said twice.
        Problem: it is no form, or too large, or comes too slowly.
        Disconnected: the client went away.

    Source: https://www.rfc-editor.org/rfc/rfc6749#section-3.2
    """
    try:
        given = [pair for pair in await form_parameters(receive, fields, bounds) if pair[1]]
    except Unsupported:
        raise Refusal("invalid_request", f"The request is a form: {FORM}.", 415) from None
    found = dict(given)
    if len(found) != len(given):
        raise Refusal("invalid_request", "A parameter is there more than once.")
    return found


def _own(form: Form, fields: Mapping[bytes, bytes]) -> bytes | None:
    """The token by which the client shows who it is, None where it does so by an assertion.

    Raises:
        Refusal: it tries in another way.
    """
    if b"authorization" not in fields or "client_assertion" in form:
        return None
    try:
        return bearer(fields)
    except Unauthorized:
        raise _unsigned() from None


def _unsigned() -> Refusal:
    return Refusal(
        "invalid_client", "Clients show who they are by client_assertion, and in no other way.", 401
    )


def _challenge(refused: Refusal, fields: Mapping[bytes, bytes]) -> tuple[Header, ...]:
    """What the standard wants beside 401, where a client tried in a header to show who it is."""
    if refused.status != 401:
        return ()
    scheme = b"Basic" if fields.get(b"authorization", b"")[:6].lower() == b"basic " else b"Bearer"
    return ((b"www-authenticate", scheme + b' realm="thrive-fhir"'),)


def _refused(refused: Refusal, *headers: Header) -> Reply:
    body = codec.encode({"error": refused.error, "error_description": refused.reason})
    return Reply(refused.status, [(b"content-type", MEDIA.encode()), *_NOT_KEPT, *headers], body)


def _published(path: str, body: bytes) -> Any:
    @asgi(path, copy_scope=False)
    async def published(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        http = cast("HTTPScope", scope)
        exchange(scope).route = path
        if http["method"] not in {"GET", "HEAD"}:
            refused = Refusal("invalid_request", "This address takes GET alone.", 405)
            await deliver(_refused(refused, (b"allow", b"GET, HEAD")), send, head=False)
            return
        reply = Reply(200, [(b"content-type", MEDIA.encode()), *_KEPT], body)
        await deliver(reply, send, head=http["method"] == "HEAD")

    return published
