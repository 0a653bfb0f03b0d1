"""Bundles as bytes: stored bodies are joined as they are, never read.

Source: https://hl7.org/fhir/R4/bundle.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from service.fhir import codec, stamping
from service.fhir.problems import Issue, Problem, operation_outcome
from service.interactions.context import Answer
from service.interactions.etags import etag
from service.storage.store import Stored


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a Bundle, such as self or next."""

    relation: str
    url: str


def bundle(
    type_: str, entries: Iterable[bytes], *, total: int | None = None, links: Sequence[Link] = ()
) -> bytes:
    """A Bundle of that type with entries that are JSON already."""
    parts = [b'{"resourceType":"Bundle","type":"', type_.encode(), b'"']
    if total is not None:
        parts.append(b',"total":%d' % total)
    if links:
        shown = [{"relation": link.relation, "url": link.url} for link in links]
        parts.append(b',"link":' + codec.encode(shown))
    joined = b",".join(entries)
    # An empty array is not legal in FHIR's JSON.
    parts.append(b',"entry":[' + joined + b"]}" if joined else b"}")
    return b"".join(parts)


def match_entry(base_url: str, stored: Stored) -> bytes:
    """The entry of a searchset for a resource that was searched for."""
    return _found_entry(base_url, stored, b"match")


def listed_entry(base_url: str, stored: Stored, why: Sequence[dict[str, Any]]) -> bytes:
    """The entry of a searchset for a resource that is on a list, with extensions that say why it is."""
    return b'{"fullUrl":%b,"resource":%b,"search":{"extension":%b,"mode":"match"}}' % (
        full_url(base_url, stored),
        stored.body,
        codec.encode(list(why)),
    )


def include_entry(base_url: str, stored: Stored) -> bytes:
    """The entry of a searchset for a resource that is shown beside those that were searched for."""
    return _found_entry(base_url, stored, b"include")


def _found_entry(base_url: str, stored: Stored, mode: bytes) -> bytes:
    return b'{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (
        full_url(base_url, stored),
        stored.body,
        mode,
    )


def outcome_entry(issues: list[Issue]) -> bytes:
    """The entry of a searchset that tells of issues with the search."""
    return b'{"resource":%b,"search":{"mode":"outcome"}}' % codec.encode(operation_outcome(issues))


def version_entry(base_url: str, stored: Stored) -> bytes:
    """The entry of a history for one version; a deletion has no resource."""
    resource = b"" if stored.deleted else b'"resource":%b,' % stored.body
    address = stored.type if stored.method == "POST" else f"{stored.type}/{stored.id}"
    return b'{"fullUrl":%b,%b"request":{"method":"%b","url":"%b"},"response":{"status":"%b",%b}}' % (
        full_url(base_url, stored),
        resource,
        stored.method.encode(),
        address.encode(),
        status_line(_history_status(stored)),
        _state(stored),
    )


def answer_entry(base_url: str, answer: Answer, *, representation: bool) -> bytes:
    """The entry of a batch or transaction response for what one entry came to.

    Documents (what a search or history found) are always in it; a version's body only with `representation`.
    """
    parts = []
    if answer.document is not None:
        parts.append(b'"resource":' + answer.document)
    elif representation and answer.stored is not None and not answer.stored.deleted and answer.status != 304:
        parts.append(b'"fullUrl":%b,"resource":%b' % (full_url(base_url, answer.stored), answer.stored.body))
    response = [b'"status":"%b"' % status_line(answer.status)]
    if answer.location is not None:
        response.append(b'"location":"%b"' % answer.location.encode())
    if answer.stored is not None:
        response.append(_state(answer.stored))
    if answer.issues:
        response.append(b'"outcome":' + codec.encode(operation_outcome(answer.issues)))
    parts.append(b'"response":{' + b",".join(response) + b"}")
    return b"{" + b",".join(parts) + b"}"


def refusal_entry(problem: Problem) -> bytes:
    """The entry of a batch response for an entry that was refused."""
    return b'{"response":{"status":"%b","outcome":%b}}' % (
        status_line(problem.status),
        codec.encode(operation_outcome(problem.issues)),
    )


def full_url(base_url: str, stored: Stored) -> bytes:
    """The JSON string of a resource's absolute URL."""
    return codec.encode(f"{base_url}/{stored.type}/{stored.id}")


def status_line(status: int) -> bytes:
    """A status with its phrase, such as `201 Created`."""
    return f"{status} {HTTPStatus(status).phrase}".encode()


def _state(stored: Stored) -> bytes:
    return b'"etag":%b,"lastModified":"%b"' % (
        codec.encode(etag(stored.version)),
        stamping.instant(stored.updated).encode(),
    )


def _history_status(stored: Stored) -> int:
    """The status of the interaction that made the version; what brought it back from deletion shows as 200."""
    if stored.deleted:
        return 204
    return 201 if stored.version == 1 else 200
