"""HTTP/1.1 over one kept-alive connection, as little of it as a load generator needs.

The generator shares the cores with the server it measures, so each response costs one search
for the end of its head and one for its length, and nothing is decoded that nobody asks for.

Source: RFC 9112
"""

from __future__ import annotations

import asyncio
import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.target import Target

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked", re.IGNORECASE)
# The spelling of most servers, found at a tenth of a regular expression's price.
_USUAL_LENGTH = b"\r\ncontent-length: "
_HEAD_END = b"\r\n\r\n"
# A server whose head is longer than this is not speaking to us.
HEAD_LIMIT = 64 * 1024
WITHOUT_BODY = frozenset({204, 304})


class Garbled(Exception):  # noqa: N818 - what the answer is
    """The server's bytes are no HTTP/1.1 response that we can follow."""


@dataclass(frozen=True, slots=True)
class Response:
    """A status and the undecoded rest."""

    status: int
    head: bytes
    body: bytes

    @property
    def closes(self) -> bool:
        """Whether the server ends the connection after this answer."""
        return b"onnection: close" in self.head

    def header(self, name: str) -> str | None:
        """Return the value of the first header of that name."""
        found = _header_line(name).search(self.head)
        return None if found is None else found[1].strip().decode("latin-1")


@functools.cache
def _header_line(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"\r\n" + re.escape(name.encode()) + rb":[ \t]*([^\r\n]*)", re.IGNORECASE)


class Parser:
    """Turns the bytes of one connection into responses; one request is under way at a time."""

    __slots__ = ("_held", "_needed")

    def __init__(self) -> None:
        self._held = bytearray()
        self._needed = 0

    def feed(self, data: bytes) -> Response | None:
        """Return the response that these bytes complete. Raises Garbled."""
        if self._held:
            self._held += data
            if len(self._held) < self._needed:
                return None
            data = bytes(self._held)
        parsed = parse(data)
        if isinstance(parsed, int):
            if not self._held:
                self._held = bytearray(data)
            self._needed = parsed
            return None
        if self._held:
            self._held = bytearray()
        return parsed


def parse(data: bytes) -> Response | int:
    """Return the response, or how many bytes it will have at least where some are missing. Raises Garbled."""
    end = data.find(_HEAD_END)
    if end < 0:
        if len(data) > HEAD_LIMIT:
            raise Garbled("a head without an end")
        return 0
    try:
        status = int(data[9:12])
    except ValueError as error:
        raise Garbled(f"no status in {data[:40]!r}") from error
    start = end + len(_HEAD_END)
    if status < 200:  # an interim answer: the real one follows
        rest = parse(data[start:])
        return rest + start if isinstance(rest, int) else rest
    length = 0 if status in WITHOUT_BODY else _length(data, end)
    if length < 0:
        body = _unchunked(data, start)
        return 0 if body is None else Response(status, data[:end], body)
    if len(data) < start + length:
        return start + length
    return Response(status, data[:end], data[start : start + length])


def _length(data: bytes, end: int) -> int:
    """Return the length of the body that the head announces, -1 for a chunked one. Raises Garbled."""
    at = data.find(_USUAL_LENGTH, 0, end)
    if at >= 0:
        at += len(_USUAL_LENGTH)
        line_end = data.find(b"\r\n", at, end + 2)
        return int(data[at:line_end])
    head = data[: end + 2]
    if _CHUNKED.search(head):
        return -1
    found = _LENGTH.search(head)
    if found is None:
        raise Garbled("a body of unknown length")
    return int(found[1])


def _unchunked(data: bytes, start: int) -> bytes | None:
    """Return the body that the chunks make up, None while the last is missing. Raises Garbled."""
    parts: list[bytes] = []
    while True:
        line_end = data.find(b"\r\n", start)
        if line_end < 0:
            return None
        try:
            size = int(data[start:line_end].partition(b";")[0], 16)
        except ValueError as error:
            raise Garbled("a chunk without a size") from error
        start = line_end + 2
        if size == 0:
            return b"".join(parts) if data.find(b"\r\n", start) >= 0 else None
        if len(data) < start + size + 2:
            return None
        parts.append(data[start : start + size])
        start += size + 2


class Connection(asyncio.Protocol):
    """One connection; `answered` is called with each response, `lost` once at its end."""

    __slots__ = ("_answered", "_lost", "_parser", "_target", "_transport")

    def __init__(
        self, target: Target, answered: Callable[[Response], None], lost: Callable[[str], None]
    ) -> None:
        self._target = target
        self._answered = answered
        self._lost = lost
        self._parser = Parser()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes) -> None:
        """Write one request, signed as the target wants it."""
        if self._transport is None:
            raise Garbled("sent before the connection was made")
        self._transport.write(self._target.signed(request))

    def data_received(self, data: bytes) -> None:
        """Hand on the response that is complete now."""
        try:
            response = self._parser.feed(data)
        except Garbled as fault:
            self._fail(str(fault))
            return
        if response is not None:
            self._answered(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that no answer will come any more."""
        self._lost(str(exc) if exc else "closed by the server")

    def close(self) -> None:
        """Close without waiting for anything."""
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, reason: str) -> None:
        self._lost(reason)
        self._lost = _ignore
        self.close()


def _ignore(_reason: str) -> None:
    """Take the news that was told already."""


async def connect(
    target: Target, answered: Callable[[Response], None], lost: Callable[[str], None]
) -> Connection:
    """Return an open connection. Raises OSError."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Connection(target, answered, lost), target.host, target.port
    )
    return connection


class Lost(Exception):  # noqa: N818 - what became of the connection
    """The connection ended before the answer came: whether the server did the work is unknown."""


class Unsent(Lost):
    """There was no connection to send on: the server did not get the request."""


class Exchange:
    """Requests one after another with `await`; for set-up and checks rather than for load."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: Connection | None = None
        self._waiting: asyncio.Future[Response] | None = None

    async def __call__(self, request: bytes) -> Response:
        """Return the answer to the request. Raises Lost, Unsent."""
        if self._connection is None:
            try:
                self._connection = await connect(self._target, self._answered, self._on_lost)
            except OSError as error:
                raise Unsent(str(error)) from error
        self._waiting = asyncio.get_running_loop().create_future()
        self._connection.send(request)
        return await self._waiting

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def _answered(self, response: Response) -> None:
        if response.closes:
            self.close()
            self._connection = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(response)

    def _on_lost(self, reason: str) -> None:
        self._connection = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Lost(reason))
