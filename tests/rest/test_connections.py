"""Connections as a client that means no good would use them: real sockets, no application in the way."""

import asyncio
import contextlib
import json
import socket

import pytest
import uvicorn

from service.rest.connections import Connection

WAIT = 5  # seconds that anything here may take
SOON = 0.2  # seconds, the time limits of these tests


class Quick(Connection):
    HEAD_BYTES = 10_000
    HEAD_SECONDS = SOON
    BODY_SECONDS = 2 * SOON
    READ_SECONDS = SOON
    LINGER_SECONDS = SOON
    MOST = 3


async def app(scope, receive, send):
    """Answers `/large` with much; `/deaf` at once; anything else when the body is whole."""
    body = b"x" * 20_000_000 if scope["path"] == "/large" else b"here"
    while scope["path"] != "/deaf":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message["more_body"]:
            break
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@contextlib.asynccontextmanager
async def serving(app):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=Quick, access_log=False, ws="none", lifespan="off", log_config=None, timeout_keep_alive=WAIT
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listening])
    yield listening.getsockname()[1]
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    server.force_exit = True
    await server.shutdown(sockets=[listening])


@pytest.fixture
async def port():
    async with serving(app) as port:
        yield port


@contextlib.asynccontextmanager
async def connected(port, **options):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **options)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def rest(reader) -> bytes:
    """What comes until the server closes."""
    try:
        return await asyncio.wait_for(reader.read(-1), WAIT)
    except ConnectionResetError:
        return b""


async def answer(reader) -> bytes:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT)
    return head + await asyncio.wait_for(reader.readexactly(4), WAIT)


def refused(raw: bytes, status: int, slug: str) -> None:
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0].split()[1] == str(status), raw
    assert {"connection: close", "x-content-type-options: nosniff", "cache-control: no-store"} <= set(lines)
    assert json.loads(body)["issue"][0]["details"]["coding"][0]["code"] == slug
    assert f"content-length: {len(body)}" in lines


GET = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def test_an_ordinary_connection_is_kept_open(port):
    async with connected(port) as (reader, writer):
        for _ in range(3):
            writer.write(GET + b"\r\n")
            assert (await answer(reader)).endswith(b"here")
            await asyncio.sleep(2 * SOON)


async def test_requests_in_pieces_and_several_at_once_are_answered(port):
    async with connected(port) as (reader, writer):
        for piece in (b"POST / HTTP/1.1\r\nhost: x\r\n", b"content-length: 4\r\n\r\n", b"ab", b"cd"):
            writer.write(piece)
            await asyncio.sleep(SOON / 8)
        assert (await answer(reader)).endswith(b"here")
        writer.write((GET + b"\r\n") * 3)
        for _ in range(3):
            assert (await answer(reader)).endswith(b"here")


async def test_who_says_nothing_is_not_waited_for(port):
    async with connected(port) as (reader, _):
        assert await rest(reader) == b""


async def test_a_head_that_never_ends_is_not_waited_for(port):
    async with connected(port) as (reader, writer):
        writer.write(GET)

        async def trickle():
            while True:
                writer.write(b"x: y\r\n")
                await asyncio.sleep(SOON / 10)

        trickling = asyncio.create_task(trickle())
        try:
            assert await rest(reader) == b""
        finally:
            trickling.cancel()


async def test_nor_one_on_a_connection_that_has_been_answered(port):
    async with connected(port) as (reader, writer):
        writer.write(GET + b"\r\n")
        await answer(reader)
        writer.write(GET)
        assert await rest(reader) == b""


async def test_a_body_that_never_ends_is_not_waited_for(port):
    async with connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nab")
        assert await rest(reader) == b""


async def test_nor_what_is_left_of_one_that_was_answered_already(port):
    async with connected(port) as (reader, writer):
        writer.write(b"POST /deaf HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nab")
        assert (await answer(reader)).endswith(b"here")
        assert await rest(reader) == b""


@pytest.mark.parametrize(
    "head", [b"GET /" + b"a" * 20_000, GET + b"x: " + b"y" * 20_000, GET + b"x: y\r\n" * 4000]
)
async def test_a_head_that_is_too_long_is_refused_before_its_end(port, head):
    async with connected(port) as (reader, writer):
        for start in range(0, len(head), 5000):
            writer.write(head[start : start + 5000])
            await asyncio.sleep(0)
        refused(await rest(reader), 431, "headers-too-large")


async def test_who_was_refused_and_goes_on_is_let_go(port):
    async with connected(port) as (reader, writer):
        writer.write(b"HELO there\r\n\r\n")
        refused(await rest(reader), 400, "request-malformed")

        async def go_on():
            while True:
                writer.write(GET + b"\r\n")
                await writer.drain()
                await asyncio.sleep(SOON / 10)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(go_on(), WAIT)


async def test_what_is_no_http_is_refused_in_our_words(port):
    async with connected(port) as (reader, writer):
        writer.write(b"HELO there\r\n\r\n")
        refused(await rest(reader), 400, "request-malformed")


@pytest.mark.parametrize(
    "fields",
    [
        b"content-length: 4\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 4\r\ncontent-length: 5\r\n",
        b"transfer-encoding: chunked, identity\r\n",
        b"content-length: 4\r\n x: folded\r\n",
        b"content-length: +4\r\n",
        b"content-length : 4\r\n",
    ],
)
async def test_where_a_proxy_could_see_another_end_of_the_body_it_is_refused(port, fields):
    """Source: https://www.rfc-editor.org/rfc/rfc9112#section-11.2 (request smuggling)."""
    async with connected(port) as (reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nhost: x\r\n" + fields + b"\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"
        )
        refused(await rest(reader), 400, "request-malformed")


async def test_a_body_that_is_no_http_ends_the_connection(port):
    chunked = b"POST %b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    async with connected(port) as (reader, writer):
        writer.write(chunked % b"/" + b"2\r\nab\r\n")
        await asyncio.sleep(SOON / 4)
        writer.write(b"no length\r\n")
        refused(await rest(reader), 400, "request-malformed")


async def test_who_does_not_take_the_answer_is_let_go(port):
    async with connected(port, limit=1024) as (reader, writer):
        writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        await asyncio.sleep(4 * SOON)
        assert len(await rest(reader)) < 20_000_000


async def test_who_takes_it_slowly_gets_it_all(port):
    async with connected(port, limit=1024) as (reader, writer):
        writer.write(b"GET /large HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        count = 0
        while piece := await asyncio.wait_for(reader.read(1_000_000), WAIT):
            count += len(piece)
            if count < 8_000_000:
                await asyncio.sleep(SOON / 40)
        assert count > 20_000_000


async def test_more_connections_than_there_may_be_are_refused(port):
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(Quick.MOST):
            _, writer = await stack.enter_async_context(connected(port))
            writer.write(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nab")
        await asyncio.sleep(SOON / 4)
        reader, _ = await stack.enter_async_context(connected(port))
        raw = await rest(reader)
        refused(raw, 503, "server-busy")
        assert b"\r\nretry-after: 1\r\n" in raw


async def test_one_that_dawdles_makes_place_the_oldest_first(port):
    """Whoever opens all that there may be and says little keeps nobody out."""
    async with contextlib.AsyncExitStack() as stack:
        held = []
        for _ in range(Quick.MOST):
            held.append(await stack.enter_async_context(connected(port)))
            held[-1][1].write(GET)
            await asyncio.sleep(SOON / 20)
        reader, writer = await stack.enter_async_context(connected(port))
        writer.write(GET + b"\r\n")
        assert (await answer(reader)).endswith(b"here")
        assert await asyncio.wait_for(held[0][0].read(-1), SOON / 4) == b""
        held[1][1].write(b"\r\n")
        assert (await answer(held[1][0])).endswith(b"here")


async def test_one_that_is_idle_makes_place(port):
    async with contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(connected(port)) for _ in range(Quick.MOST)]
        for reader, writer in held:
            writer.write(GET + b"\r\n")
            await answer(reader)
        reader, writer = await stack.enter_async_context(connected(port))
        writer.write(GET + b"\r\n")
        assert (await answer(reader)).endswith(b"here")
        ends = [asyncio.create_task(rest(each)) for each, _ in held]
        done, waiting = await asyncio.wait(ends, timeout=SOON)
        assert len(done) == 1
        for each in waiting:
            each.cancel()
