"""A server that answers as a FHIR server would and does nothing: what it reaches is the generator's ceiling.

It knows no resource. Ids count up; a read answers the id it was asked for.

Source: RFC 9112
"""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import cast

import uvloop

_REQUEST = re.compile(rb"(GET|PUT|POST|DELETE) (?:/fhir)?(/[^/ ]*)?(?:/([^ ]*))? HTTP/1.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_FILLING = b"x" * 900
_SESSION = b'{"resourceType":"Bundle","type":"transaction-response","entry":[%b]}' % b",".join(
    [b'{"response":{"status":"201"}}'] * 5
)


class Bare(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._ids = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer the request that is complete."""
        data = self._held + data
        end = data.find(b"\r\n\r\n")
        length = _LENGTH.search(data, 0, end + 2)
        if end < 0 or len(data) < end + 4 + (int(length[1]) if length else 0):
            self._held = data
            return
        self._held = b""
        if self._transport is not None:
            self._transport.write(self._answer(data))

    def _answer(self, data: bytes) -> bytes:
        request = _REQUEST.match(data)
        if request is None:
            return b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"
        method, type_, id_ = request[1], (request[2] or b"/")[1:], request[3] or b""
        if method == b"DELETE":
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        if method == b"POST" and not type_:
            return _with_body(b"200 OK", b"", _SESSION)
        if method == b"POST":
            self._ids += 1
            id_ = b"%d" % self._ids
            location = b"location: http://127.0.0.1/fhir/%b/%b/_history/1\r\n" % (type_, id_)
            return _with_body(b"201 Created", location, _resource(type_, id_))
        return _with_body(b"200 OK", b"", _resource(type_, id_))


def _resource(type_: bytes, id_: bytes) -> bytes:
    return b'{"resourceType":"%b","id":"%b","text":"%b"}' % (type_, id_, _FILLING)


def _with_body(status: bytes, headers: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-type: application/fhir+json\r\n%bcontent-length: %d\r\n\r\n%b" % (
        status,
        headers,
        len(body),
        body,
    )


async def serve(port: int) -> None:
    """Answer on the loopback port until cancelled."""
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Run on the port given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
