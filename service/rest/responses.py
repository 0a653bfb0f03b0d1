"""Answers in HTTP: status, headers and body by what the client prefers.

Source: https://hl7.org/fhir/R4/http.html#general, https://www.rfc-editor.org/rfc/rfc9110, docs/adr/0003-faults-are-values.md
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import msgspec

from service.fhir import codec
from service.fhir.codec import FHIR_JSON
from service.fhir.problems import operation_outcome
from service.interactions.context import Answer
from service.rest.conditions import etag, http_date
from service.rest.media import CONTENT_TYPES, content_type
from service.rest.requests import Form

Header = tuple[bytes, bytes]

# Clinical data stays out of every cache on the way (which makes Vary idle) and out of every
# Referer, and no browser may guess that it is a page.
SECURITY: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
)
_WITH_BODY: dict[str, tuple[Header, ...]] = {
    name: ((b"content-type", value), *SECURITY) for name, value in CONTENT_TYPES.items()
}
_INDENT = 2
_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes out: all but Content-Length, Content-Encoding and X-Request-Id, which the mount adds.

    A `stream` goes out piece by piece in place of the body, as fast as it is taken; it comes with its own
    Content-Length, where that is known, and Content-Encoding.
    """

    status: int
    headers: list[Header]
    body: bytes
    stream: AsyncGenerator[bytes, None] | None = None


def reply(answer: Answer, method: str, form: Form, base_url: str) -> Reply:
    """The answer of an interaction as HTTP."""
    body = _body(answer, method, form)
    status = 200 if answer.status == 204 and body else answer.status
    headers = [*_headers(answer.media or form.media)] if body else [*SECURITY]
    stored = answer.stored
    if stored is not None:
        headers.append((b"etag", etag(stored.version)))
        headers.append((b"last-modified", http_date(stored.updated)))
    if answer.location is not None:
        headers.append((b"location", f"{base_url}/{answer.location}".encode()))
    if answer.headers:
        headers += answer.headers
    if _applies(answer, method, form, body):
        headers.append((b"preference-applied", form.preference.applied))
    return Reply(status, headers, pretty(body) if form.pretty and body and not answer.media else body)


def _headers(media: str) -> tuple[Header, ...]:
    """The headers of an answer with a body in this media type."""
    return _WITH_BODY.get(media) or ((b"content-type", content_type(media)), *SECURITY)


def _applies(answer: Answer, method: str, form: Form, body: bytes) -> bool:
    """Whether the preferred kind of body is what the answer has."""
    returns = form.preference.returns
    if returns is None or method not in _CHANGING or answer.document is not None:
        return False
    return returns != "representation" or bool(body)


def _body(answer: Answer, method: str, form: Form) -> bytes:
    if answer.status == 304:
        return b""
    if answer.document is not None:
        return answer.document
    if method not in _CHANGING:
        return answer.stored.body if answer.stored is not None else b""
    match form.preference.returns:
        case "minimal":
            return b""
        case "OperationOutcome":
            return codec.encode(operation_outcome(answer.issues))
        case _ if answer.stored is not None and not answer.stored.deleted:
            return answer.stored.body
        case _:
            return codec.encode(operation_outcome(answer.issues)) if answer.issues else b""


def pretty(body: bytes) -> bytes:
    """The JSON indented, every number with the digits that it has."""
    return msgspec.json.format(body, indent=_INDENT)


def document(body: bytes, form: Form) -> Reply:
    """A finished JSON document with status 200."""
    return Reply(200, [*_WITH_BODY[form.media]], pretty(body) if form.pretty else body)


def outcome(status: int, body: bytes, *headers: Header) -> Reply:
    """An OperationOutcome; always in FHIR's own media type, since asking for another may be the fault."""
    return Reply(status, [*_WITH_BODY[FHIR_JSON], *headers], body)
