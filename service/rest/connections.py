"""One connection: how much head it may send, how slowly, how slowly it may read, and how many there may be.

Uvicorn's own protocol waits for all of these as long as it takes, so that one client could hold whatever a worker
has. Here each wait has an end; what the application waits for (a body, a database) has its own.

Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9 (408), https://www.rfc-editor.org/rfc/rfc6585#section-5
(431), docs/security.md
"""

from __future__ import annotations

import asyncio
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.fhir import codec
from service.fhir.codec import FHIR_JSON
from service.fhir.problems import Issue, operation_outcome
from service.rest.headers import FURTHER
from service.rest.responses import SECURITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uvicorn._types import ASGISendEvent, HTTPResponseStartEvent

_MALFORMED: Final = Issue(
    "error", "structure", "request-malformed", "The request line or its headers cannot be read."
)
_TOO_LARGE: Final = Issue(
    "error", "too-long", "headers-too-large", "The request line and the headers are too long together."
)
_BUSY: Final = Issue(
    "error", "transient", "server-busy", "The server has as many connections as it can take; try again."
)
_BODILESS: Final = frozenset({204, 304})
"""Answers that have no body. Source: https://www.rfc-editor.org/rfc/rfc9110#section-6.4.1"""
# By these an answer says something of its connection, or of how its body is cut up: uvicorn sees to both.
_OF_CONNECTIONS: Final = frozenset({b"connection", b"transfer-encoding"})
_NAME: Final = itemgetter(0)
# Source: https://www.rfc-editor.org/rfc/rfc9110#section-5.5
_LEGAL: Final = bytes(byte for byte in range(256) if byte == ord("\t") or (byte >= ord(" ") and byte != 0x7F))
_REASONS: Final = {
    400: b"Bad Request",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}


def answered(status: int, issue: Issue) -> bytes:
    """A whole answer, after which the connection is closed."""
    body = codec.encode(operation_outcome([issue]))
    headers = [
        (b"content-type", f"{FHIR_JSON}; charset=utf-8".encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *((b"retry-after", b"1") for _ in range(status == 503)),
        *SECURITY,
        *FURTHER,
    ]
    lines = [b"HTTP/1.1 %d %s" % (status, _REASONS[status]), *(b"%s: %s" % each for each in headers)]
    return b"\r\n".join((*lines, b"", body))


class Cycle(RequestResponseCycle):
    """Uvicorn's request and answer; head and body go out together where the whole body is at hand.

    Uvicorn sends the head alone, and then the body: two turns through the kernel, and as a rule two packets, of
    which the client is told twice. It also looks at each header by itself, where one look at all of them will do.
    """

    _start: HTTPResponseStartEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        """As ASGI's `send`; the head waits for what comes next."""
        if not self.response_started and message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is None:
            await super().send(message)
        elif message["type"] == "http.response.body" and not message.get("more_body", False):
            await self._whole(start, message.get("body", b""))
        else:
            await super().send(start)
            await super().send(message)

    async def _whole(self, start: HTTPResponseStartEvent, body: bytes) -> None:
        """Sends an answer in one piece, where uvicorn would do so with nothing of its own: else uvicorn does it."""
        status, headers = start["status"], list(start["headers"])
        length = next((int(value) for name, value in headers if name == b"content-length"), 0)
        bodiless = status in _BODILESS or self.scope["method"] == "HEAD"
        plain = self.keep_alive and not self.access_log and _OF_CONNECTIONS.isdisjoint(map(_NAME, headers))
        if self.flow.write_paused or not plain or not (bodiless or length == len(body) > 0):
            await super().send(start)
            await super().send({"type": "http.response.body", "body": body, "more_body": False})
            return
        if self.disconnected:
            return
        head = _head(status, [*self.default_headers, *headers])
        self.response_started, self.waiting_for_100_continue = True, False
        self.transport.writelines([head] if bodiless else [head, body])
        self.response_complete = True
        self.message_event.set()
        self.on_response()


def _head(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Status line and headers as they are sent.

    Raises:
        RuntimeError: one of them would be two, or nobody could read it.
    """
    parts = [STATUS_LINE[status]]
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"\r\n")
    head = b"".join(parts)
    # What is left of it without what may stand in it are the ends of its lines, and no more of them than it has.
    if head.translate(None, _LEGAL) != b"\r\n" * (len(headers) + 2):
        raise RuntimeError("a header of an answer cannot be sent")
    return head


class Connection(HttpToolsProtocol):
    """Uvicorn's connection, bounded.

    Units: `HEAD_BYTES` bytes of request line and headers (what comes at once counts whole), `HEAD_SECONDS` until
    these are there, from the first byte of a request or from the start; `BODY_SECONDS` from then until the body
    is, longer than the application waits for it (`THRIVE_BODY_SECONDS` at most an hour); `READ_SECONDS` in which
    a client must take something of what is ready for it; `LINGER_SECONDS` in which one that was refused may close;
    `MOST` connections of a worker.
    """

    HEAD_BYTES: ClassVar[int] = 128 * 1024
    HEAD_SECONDS: ClassVar[float] = 15
    BODY_SECONDS: ClassVar[float] = 3700
    READ_SECONDS: ClassVar[float] = 60
    LINGER_SECONDS: ClassVar[float] = 2
    MOST: ClassVar[int] = 1000

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head = 0  # bytes of the head that is coming; 0 also while a body is
        self._in_head = True
        self._turn = self._waiting = 0  # how far requests have come, and for what of it we wait
        self._patience: float | None = None  # seconds
        self._refused = False
        self._since = 0.0  # when it began to wait, by the loop's clock
        self._incoming: asyncio.TimerHandle | None = None
        self._outgoing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Takes the connection, where there are too many in place of one on which nothing is under way."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if len(self.connections) > self.MOST and not self._another_closed():
            self._refuse(503, _BUSY)
            return
        self._await(self.HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits for nothing more."""
        self._await(None)
        self._await_reader(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what has come, where the head is not too long by then."""
        if self._refused:
            return
        if self._in_head:
            self._head += len(data)
        super().data_received(data)
        # Not in the parser's own calls: most requests come whole, and need no clock.
        if self._refused:
            return
        if self._turn != self._waiting:
            self._waiting = self._turn
            self._await(self._patience)
        if self._in_head and self._head > self.HEAD_BYTES:
            self._refuse(431, _TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins: its head is waited for."""
        super().on_message_begin()
        self._next(self.HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """The head is there: its body is waited for."""
        self._in_head, self._head = False, 0
        self._next(self.BODY_SECONDS)
        before = self.cycle
        super().on_headers_complete()
        if (
            self.cycle is not before
        ):  # uvicorn lets nobody say of which class these are; none of it has run yet
            self.cycle.__class__ = Cycle

    def on_message_complete(self) -> None:
        """All of the request is there."""
        self._in_head = True
        self._next(None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out: of a body that it did not need, not much more is waited for."""
        super().on_response_complete()
        self._since = self.loop.time()
        if not self._in_head:
            self._await(self.HEAD_SECONDS)

    def pause_writing(self) -> None:
        """The client does not take what is ready for it: it shall, before long."""
        super().pause_writing()
        self._await_reader(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has taken it."""
        self._await_reader(None)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP, in the words that all refusals have."""
        del msg
        self._refuse(400, _MALFORMED)

    def _refuse(self, status: int, issue: Issue) -> None:
        """Says why, and takes no notice of what else comes: closed at once, the answer could be lost on its way."""
        self._refused = True
        if not self._is_busy():
            self.transport.write(answered(status, issue))
            self.transport.write_eof()
            self._await(self.LINGER_SECONDS)
            return
        if not self.cycle.response_started:
            self.transport.write(answered(status, issue))
        self.transport.close()  # what the application has still to say comes to nobody

    def _another_closed(self) -> bool:
        """Whether a connection was closed on which nothing is under way: that which waits for the longest time.

        One that sends its head at once waits for milliseconds, one that is kept open to be in the way for seconds.
        """
        others = [each for each in self.connections if isinstance(each, Connection) and each is not self]
        waiting = [each for each in others if not each.transport.is_closing() and not each._is_busy()]  # noqa: SLF001 - of the same class
        if not waiting:
            return False
        min(waiting, key=lambda each: each._since).transport.close()  # noqa: SLF001 - as above
        return True

    def _is_busy(self) -> bool:
        """Whether a request is being answered."""
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _next(self, patience: float | None) -> None:
        """A request has come further; the rest of it is waited for so long, None: that is all of it."""
        self._turn += 1
        self._patience = patience

    def _await(self, seconds: float | None) -> None:
        """Waits so long for what the client has to send; None: it has nothing to."""
        if self._incoming is not None:
            self._incoming.cancel()
        self._incoming = None if seconds is None else self.loop.call_later(seconds, self._abort)

    def _await_reader(self, left: int | None) -> None:
        """Waits for the client to take some of the bytes that are left; None: there are none."""
        if self._outgoing is not None:
            self._outgoing.cancel()
        wait = self.loop.call_later
        self._outgoing = None if left is None else wait(self.READ_SECONDS, self._require_reader, left)

    def _require_reader(self, left: int) -> None:
        now = self.transport.get_write_buffer_size()
        if now < left:
            self._await_reader(now)
        else:
            self._abort()

    def _abort(self) -> None:
        """Ends the connection, whatever was still to be said on it."""
        self.transport.abort()
