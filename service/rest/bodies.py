"""Bodies in and out: read as they come, never past the limit; gzip undone and done.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-content-encoding, https://www.rfc-editor.org/rfc/rfc1952
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from litestar.types import Receive

from service.fhir.problems import Malformed, TooLarge, TooSlow, Unsupported

GZIP = 16 + zlib.MAX_WBITS  # zlib's way of saying: with gzip's frame
GZIP_FROM = 1024  # bytes; below about this, gzip's frame and the work eat the gain
GZIP_ASIDE_FROM = (
    128 * 1024
)  # bytes; from here packing takes milliseconds, which other requests should not wait for
PIECE_SECONDS = 10  # in which something of a body must come that is taken piece by piece
LEAST_RATE = 1000  # bytes a second that must come of it on the whole, beyond the first PIECE_SECONDS
BODY_SECONDS = 60  # for the whole of a body: 10 MiB over 1.4 Mbit/s
GZIP_LEVEL = 5  # FHIR JSON repeats itself: 9 gains 2 % over 5 and takes twice the time

_PLAIN = frozenset({b"", b"identity"})
_GZIPPED = frozenset({b"gzip", b"x-gzip"})


class Disconnected(Exception):  # noqa: N818 - a state, not an error: nobody is there to be answered
    """The client went away before its body was whole; nothing was done."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large (bytes, gzip undone), how deep (nested arrays and objects) and how slow (seconds) a body may be."""

    body_bytes: int
    json_depth: int
    body_seconds: float = BODY_SECONDS


async def read(
    receive: Receive, fields: Mapping[bytes, bytes], limit: int, seconds: float = BODY_SECONDS
) -> bytes:
    """The whole body, gzip undone.

    The limit counts what comes and what it unpacks to, whatever Content-Length says.

    Raises:
        TooLarge: more than `limit` bytes; the rest is not read.
        TooSlow: not whole after so many seconds.
        Unsupported: packed in a way that is not undone here.
        Malformed: gzip that is none.
        Disconnected: the client went away.
    """
    encoding = fields.get(b"content-encoding", b"").strip().lower()
    if encoding not in _PLAIN and encoding not in _GZIPPED:
        raise Unsupported(
            "content-encoding-not-read", "Bodies are read plain or with Content-Encoding: gzip."
        )
    declared = fields.get(b"content-length", b"0")
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _read(receive, limit, _Inflation(limit) if encoding in _GZIPPED else None)
    except TimeoutError:
        raise TooSlow("body-too-slow", f"The body was not whole within {seconds:g} seconds.") from None


async def pieces(receive: Receive, seconds: float = PIECE_SECONDS) -> AsyncIterator[bytes]:
    """The body piece by piece, as it comes: nothing of it is kept, and whoever takes it counts.

    Only the time that the client is waited for counts.

    Raises:
        TooSlow: nothing came for so many seconds, or less than LEAST_RATE on the whole.
        Disconnected: the client went away.
    """
    clock = asyncio.get_running_loop().time
    waited, size, more = 0.0, 0, True
    while more:
        began = clock()
        try:
            async with asyncio.timeout(min(seconds, seconds + size / LEAST_RATE - waited)):
                message = await receive()
        except TimeoutError:
            text = (
                f"Nothing of the body came for {seconds:g} seconds, or less than {LEAST_RATE} bytes a second."
            )
            raise TooSlow("body-too-slow", text) from None
        waited += clock() - began
        if message["type"] != "http.request":
            raise Disconnected
        more = message["more_body"]
        size += len(message["body"])
        if message["body"]:
            yield message["body"]


async def _read(receive: Receive, limit: int, inflate: _Inflation | None) -> bytes:
    chunks: list[bytes] = []
    count = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        more = message["more_body"]
        chunk = message["body"] if inflate is None else inflate.feed(message["body"])
        count += len(chunk)
        if count > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    if inflate is not None:
        inflate.finish()
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        "body-too-large", f"The body is larger than {limit} bytes, the most that this server reads."
    )


class _Inflation:
    """Undoes gzip piece by piece and stops as soon as the limit is passed, however small the pieces."""

    __slots__ = ("_limit", "_produced", "_stream")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._produced = 0
        self._stream = zlib.decompressobj(GZIP)

    def feed(self, packed: bytes) -> bytes:
        """What the piece unpacks to, at most one byte over the limit."""
        out: list[bytes] = []
        while packed:
            if self._stream.eof:  # a gzip file may be several, one after the other
                self._stream = zlib.decompressobj(GZIP)
            try:
                piece = self._stream.decompress(packed, self._limit + 1 - self._produced)
            except zlib.error as fault:
                raise _not_gzip() from fault
            self._produced += len(piece)
            if self._produced > self._limit:
                raise _too_large(self._limit)
            out.append(piece)
            packed = self._stream.unused_data or self._stream.unconsumed_tail
        return b"".join(out)

    def finish(self) -> None:
        """Refuses what broke off in the middle."""
        if not self._stream.eof:
            raise _not_gzip()


def _not_gzip() -> Malformed:
    return Malformed("gzip-malformed", "The body says that it is gzip, and is not, or breaks off.")


@lru_cache(128)  # clients of one kind send the same header
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether the client can take gzip: named, or by `*`, and not with q=0."""
    weights: dict[str, str] = {}
    for part in accept_encoding.decode("latin-1").lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = parameter.replace(" ", "").removeprefix("q=")
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", "0")))
    return weight.strip("0.") != "" or weight == ""


async def gzipped(body: bytes) -> bytes:
    """The body packed; a long one in a thread, so that other requests go on meanwhile."""
    if len(body) < GZIP_ASIDE_FROM:
        return _pack(body)
    return await asyncio.to_thread(_pack, body)


def _pack(body: bytes) -> bytes:
    return zlib.compress(body, GZIP_LEVEL, GZIP)
