"""What a connection sends of an answer, byte for byte, whether it sends head and body together or leaves it to uvicorn.

Source: https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import asyncio

import pytest

from tests.rest.test_connections import WAIT, connected, rest, serving

LENGTH = (b"content-length", b"4")
KIND = (b"content-type", b"application/fhir+json; charset=utf-8")
GET, LAST = b"GET / HTTP/1.1\r\nhost: x\r\n", b"connection: close\r\n"


def start(*headers, status=200):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(content, *, more=False):
    return {"type": "http.response.body", "body": content, "more_body": more}


def saying(*messages, pause=0.0, sent=None):
    """An application that says these one after another."""

    async def app(scope, receive, send):
        for message in messages:
            await send(message)
            await asyncio.sleep(pause)
        if sent is not None:
            sent.append(scope["method"])

    return app


async def answered(app, request):
    """All that comes for the request, until the server closes."""
    async with serving(app) as port, connected(port) as (reader, writer):
        writer.write(request + b"\r\n")
        return await rest(reader)


async def first(app, request):
    """What comes at once for a request, the connection being kept."""
    async with serving(app) as port, connected(port) as (reader, writer):
        writer.write(request + b"\r\n")
        return await asyncio.wait_for(reader.read(100_000), WAIT)


def lines(raw):
    head, _, content = raw.partition(b"\r\n\r\n")
    return {line for line in head.split(b"\r\n") if not line.startswith(b"date: ")}, content


async def test_head_and_body_come_together():
    raw = await first(saying(start(KIND, LENGTH), body(b"here"), pause=0.05), GET)
    assert lines(raw) == (
        {b"HTTP/1.1 200 OK", b"content-type: application/fhir+json; charset=utf-8", b"content-length: 4"},
        b"here",
    )


@pytest.mark.parametrize(
    ("app", "request_", "expected"),
    [
        (saying(start(LENGTH), body(b"here")), b"HEAD / HTTP/1.1\r\nhost: x\r\n", ({b"HTTP/1.1 200 OK", b"content-length: 4"}, b"")),
        (saying(start(status=204), body(b"")), GET, ({b"HTTP/1.1 204 No Content"}, b"")),
        (saying(start((b"etag", b'W/"1"'), status=304), body(b"")), GET, ({b"HTTP/1.1 304 Not Modified", b'etag: W/"1"'}, b"")),
        (saying(start((b"x", b"a\tb")  , LENGTH), body(b"here")), GET, ({b"HTTP/1.1 200 OK", b"x: a\tb", b"content-length: 4"}, b"here")),
    ],
    ids=["head", "no-content", "not-modified", "tab"],
)  # fmt: skip
async def test_what_has_no_body_or_an_odd_header_is_sent_as_it_is(app, request_, expected):
    assert lines(await first(app, request_)) == expected


async def test_a_connection_that_is_to_be_closed_is_closed_with_the_answer():
    found, content = lines(await answered(saying(start(LENGTH), body(b"here")), GET + LAST))
    assert (b"connection: close" in found, content) == (True, b"here")
    found, content = lines(
        await answered(saying(start(LENGTH, (b"connection", b"close")), body(b"here")), GET)
    )
    assert (b"connection: close" in found, content) == (True, b"here")


async def test_what_has_no_length_or_comes_in_pieces_comes_so():
    found, content = lines(await answered(saying(start(), body(b"here")), GET + LAST))
    assert (b"transfer-encoding: chunked" in found, content) == (True, b"4\r\nhere\r\n0\r\n\r\n")
    pieces = saying(start(), body(b"he", more=True), body(b"re"), pause=0.05)
    assert lines(await answered(pieces, GET + LAST))[1] == b"2\r\nhe\r\n2\r\nre\r\n0\r\n\r\n"
    sized = saying(start(LENGTH), body(b"he", more=True), body(b"re"), pause=0.05)
    assert lines(await answered(sized, GET + LAST))[1] == b"here"
    assert lines(await first(saying(start((b"content-length", b"0")), body(b"")), GET))[1] == b""


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\x00b", b"a\x7fb"])
async def test_a_header_that_would_be_two_is_never_sent(value):
    for request in (GET, GET + LAST):
        raw = await answered(saying(start((b"location", value), LENGTH), body(b"here")), request)
        assert raw == b"" or raw.startswith(b"HTTP/1.1 500 ")
        assert b"location" not in raw


async def test_an_application_that_ends_before_its_body_is_answered_for():
    assert (await answered(saying(start(LENGTH)), GET + LAST)).startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("content", [b"he", b"hereafter"])
async def test_a_length_that_is_not_the_bodys_ends_the_connection(content):
    raw = await answered(saying(start(LENGTH), body(content)), GET)
    assert b"hereafter" not in raw


async def test_answers_to_requests_sent_together_come_in_their_order():
    sent = []
    app = saying(start(LENGTH), body(b"here"), sent=sent)
    async with serving(app) as port, connected(port) as (reader, writer):
        writer.write((GET + b"\r\n") * 3)
        for _ in range(3):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT)
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert await asyncio.wait_for(reader.readexactly(4), WAIT) == b"here"
    assert sent == ["GET"] * 3
