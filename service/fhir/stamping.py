"""The bytes a client gets: a resource as JSON with its version and time stamped in at commit.

A body always begins `{"resourceType":…,"id":…,"meta":{"versionId":…,"lastUpdated":…`, then the
rest of meta, then the other elements in the order in which they came. It is made up
before the store decides version and time, so that only a join of bytes is left to do
while the database is locked.

Source: https://hl7.org/fhir/R4/resource.html#Meta
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from service.fhir import codec

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAMPED = frozenset({"versionId", "lastUpdated"})


def instant(updated: int) -> str:
    """The FHIR instant in UTC of a time in milliseconds since 1970, such as `2026-11-22T00:09:27.123Z`."""
    second, millisecond = divmod(updated, 1000)
    return f"{_second(second)}.{millisecond:03d}Z"


@lru_cache(maxsize=64)  # what is written within a second shares all but its milliseconds
def _second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def parts(resource: dict[str, Any]) -> tuple[bytes, bytes]:
    """What stands before the version id and what stands after the instant in the resource's body."""
    content = resource.copy()
    type_, id_ = codec.encode(content.pop("resourceType")), codec.encode(content.pop("id"))
    head = b'{"resourceType":%b,"id":%b,"meta":{"versionId":"' % (type_, id_)
    meta = content.pop("meta", None)
    if meta and not _STAMPED.isdisjoint(meta):
        meta = {name: value for name, value in meta.items() if name not in _STAMPED}
    before = b'",%b,' % codec.encode(meta)[1:] if meta else b'"},'
    return head, before + codec.encode(content)[1:] if content else before[:-1] + b"}"


def stamp(head: bytes, version: int, updated: int, tail: bytes) -> bytes:
    """The body of that version: `head` and `tail` as from `parts`, `updated` in milliseconds since 1970."""
    return b'%b%d","lastUpdated":"%b%b' % (head, version, instant(updated).encode(), tail)
