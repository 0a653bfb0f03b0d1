"""Page links: where the next page begins, sealed so that only what we wrote is followed.

A token is the place where a page ended and a seal over that place, the kind of list, the
locality, the type, the id and every other parameter. So it holds for the very query that
it was made for, by any worker, before and after a restart; a token that was changed, or
moved to another query, is refused.

Source: https://hl7.org/fhir/R4/search.html#paging, RFC 2104
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from service.fhir.problems import Malformed

PAGE = "_page"
"""The parameter that carries a token."""

_SEAL_BYTES = 16  # half of SHA-256: 128 bits are out of reach of guessing
_NUMBER_BYTES = 8
_READABLE = "/:,$"  # legal in a query as they are


@dataclass(frozen=True, slots=True)
class PagedList:
    """The list that a page is of: `kind` is search or history, `pairs` its parameters without PAGE."""

    kind: str
    locality: str
    type: str | None
    id: str | None
    pairs: tuple[tuple[str, str], ...]


def seal(key: bytes, of: PagedList, place: Sequence[int]) -> str:
    """The token for the page of the list that begins after `place`."""
    packed = struct.pack(f">{len(place)}q", *place)
    return base64.urlsafe_b64encode(_signature(key, of, packed) + packed).rstrip(b"=").decode()


def open_seal(key: bytes, of: PagedList, token: str, numbers: int) -> tuple[int, ...]:
    """The place, as `numbers` numbers, that a token of this list holds.

    Raises:
        Malformed: we did not write this token for this list.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _invalid() from None
    signature, packed = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
    if len(packed) != numbers * _NUMBER_BYTES or not hmac.compare_digest(
        signature, _signature(key, of, packed)
    ):
        raise _invalid()
    return struct.unpack(f">{numbers}q", packed)


def address(base_url: str, path: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The absolute URL of `path` under the base with the parameters."""
    query = urlencode(pairs, safe=_READABLE)
    return f"{base_url}/{path}?{query}" if query else f"{base_url}/{path}"


def _signature(key: bytes, of: PagedList, packed: bytes) -> bytes:
    # Every part is preceded by its length: no two lists can be written alike.
    parts = [of.kind, of.locality, of.type or "", of.id or "", urlencode(of.pairs)]
    message = (
        b"".join(struct.pack(">I", len(raw)) + raw for raw in (part.encode() for part in parts)) + packed
    )
    return hmac.digest(key, message, "sha256")[:_SEAL_BYTES]


def _invalid() -> Malformed:
    return Malformed(
        "page-link-invalid", "This page link was not made by this server for this query; begin anew."
    )
