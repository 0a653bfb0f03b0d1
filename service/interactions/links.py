"""Page links: where the next page begins, sealed so that only what we wrote is followed.

A token is the place where a page ended and a seal over that place, the kind of list, the
locality, the type, the id and every other parameter. So it holds for the very query that
it was made for, by any worker, before and after a restart; a token that was changed, or
moved to another query, is refused. The place is hidden: it has the store's own numbers in it,
whose gaps would tell how much there is that the reader may not see.

Source: https://hl7.org/fhir/R4/search.html#paging, RFC 2104, RFC 5297 (the seal is the
initial vector of what is hidden)
"""

from __future__ import annotations

import base64
import binascii
import hmac
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from service.fhir.problems import Malformed

if TYPE_CHECKING:
    import hashlib

PAGE = "_page"
"""The parameter that carries a token."""

_SEAL_BYTES = 16  # half of SHA-256: 128 bits are out of reach of guessing
_NUMBER_BYTES = 8
_BLOCK_BYTES = 32  # that SHA-256 gives
_WORKED_BYTES = 64  # that SHA-256 works on at a time
# No message that is signed begins so: the first bytes of those are a length, far below this.
_HIDING = b"\xff\xff\xff\xffpage"
_READABLE = "/:,$"  # legal in a query as they are
_MOST_WRITTEN = 1_000  # queries that are remembered as they are written: clients ask the same again and again


@dataclass(frozen=True)
class PagedList:
    """The list that a page is of.

    `kind` is search or history. `type` and `id` are those of the path; of a search the whole path is
    the type, and the id says what else bounds it. `pairs` are its parameters without PAGE.
    """

    kind: str
    locality: str
    type: str | None
    id: str | None
    pairs: tuple[tuple[str, str], ...]

    @cached_property
    def query(self) -> str:
        """The pairs as the query of a URL: written once for all links and their seals."""
        return _written(self.pairs)


def seal(key: bytes, of: PagedList, place: Sequence[int]) -> str:
    """The token for the page of the list that begins after `place`."""
    packed = struct.pack(f">{len(place)}q", *place)
    signature = _signature(key, of, packed)
    return _encoded(signature + _hidden(key, signature, packed))


def open_seal(key: bytes, of: PagedList, token: str, numbers: int | None = None) -> tuple[int, ...]:
    """The place that a token of this list holds: `numbers` numbers, or as many as it was sealed with.

    Raises:
        Malformed: we did not write this token for this list.
    """
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise invalid() from None
    if _encoded(raw) != token:  # the last character has bits to spare, and `=` may follow it
        raise invalid()
    signature = raw[:_SEAL_BYTES]
    packed = _hidden(key, signature, raw[_SEAL_BYTES:])
    if not hmac.compare_digest(signature, _signature(key, of, packed)):
        raise invalid()
    held = len(packed) // _NUMBER_BYTES
    if numbers not in {None, held}:
        raise invalid()
    return struct.unpack(f">{held}q", packed)


def invalid() -> Malformed:
    """The refusal of a token that is not ours, or of another list."""
    return Malformed(
        "page-link-invalid", "This page link was not made by this server for this query; begin anew."
    )


def address(base_url: str, path: str, pairs: Sequence[tuple[str, str]]) -> str:
    """The absolute URL of `path` under the base (empty: of the base itself) with the parameters."""
    return _joined(base_url, path, _written(tuple(pairs)))


def page_address(base_url: str, path: str, of: PagedList, token: str | None = None) -> str:
    """The absolute URL of a page of the list, which is at `path`: of the first one without a token of ours."""
    if token is None:
        return _joined(base_url, path, of.query)
    # A token is made of letters that stand in a query as they are.
    return _joined(base_url, path, f"{of.query}&{PAGE}={token}" if of.query else f"{PAGE}={token}")


def _joined(base_url: str, path: str, query: str) -> str:
    whole = f"{base_url}/{path}" if path else base_url
    return f"{whole}?{query}" if query else whole


@lru_cache(_MOST_WRITTEN)
def _written(pairs: tuple[tuple[str, str], ...]) -> str:
    return urlencode(pairs, safe=_READABLE)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _hidden(key: bytes, signature: bytes, packed: bytes) -> bytes:
    """The place as nobody without the key can read it, or back; a stream of its own for each signature."""
    blocks = -(-len(packed) // _BLOCK_BYTES)
    stream = b"".join(_digest(key, _HIDING + signature + struct.pack(">I", block)) for block in range(blocks))
    size = len(packed)
    return (int.from_bytes(packed) ^ int.from_bytes(stream[:size])).to_bytes(size)


def _signature(key: bytes, of: PagedList, packed: bytes) -> bytes:
    # Every part is preceded by its length: no two lists can be written alike.
    parts = [of.kind, of.locality, of.type or "", of.id or "", of.query]
    message = (
        b"".join(struct.pack(">I", len(raw)) + raw for raw in (part.encode() for part in parts)) + packed
    )
    return _digest(key, message)[:_SEAL_BYTES]


def _digest(key: bytes, message: bytes) -> bytes:
    """The HMAC-SHA-256 of the message: as `hmac.digest`, in a third of its time, since the key is worked in already."""
    inner, outer = _keyed(key)
    inner, outer = inner.copy(), outer.copy()
    inner.update(message)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(2)  # a service has one key
def _keyed(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """The two hashes of RFC 2104 with the key in them."""
    if len(key) > _WORKED_BYTES:
        key = sha256(key).digest()
    padded = key.ljust(_WORKED_BYTES, b"\0")
    return sha256(bytes(byte ^ 0x36 for byte in padded)), sha256(bytes(byte ^ 0x5C for byte in padded))
