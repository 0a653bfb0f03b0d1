"""Files that are fetched: whole from a real server, or said not to be."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager, suppress

import pytest

from service.bulk import import_fetching
from service.bulk.import_fetching import Unfetchable, fetched


@asynccontextmanager
async def answering(raw):
    """A server on this machine that answers everything with these bytes, and closes."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}/file.ndjson"


async def test_the_bytes_come_as_they_are():
    async with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\none\ntwo") as address:
        assert await whole(address) == b"one\ntwo"


async def whole(address):
    return b"".join([chunk async for chunk in fetched(address)])


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbroken off",
        b"no HTTP at all",
    ],
)
async def test_what_is_not_there_whole_is_said_to_be_so(raw):
    async with answering(raw) as address:
        with pytest.raises(Unfetchable):
            await whole(address)


@asynccontextmanager
async def dripping(piece, pause):
    """A server on this machine that sends the piece again and again, and never ends."""
    writers = []

    async def answer(reader, writer):
        writers.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}/file.ndjson"
    finally:
        for writer in writers:
            writer.close()
        server.close()
        await server.wait_closed()


async def test_what_comes_too_slowly_is_given_up(monkeypatch):
    monkeypatch.setattr(import_fetching, "SPAN", 0.3)
    async with asyncio.timeout(20), dripping(b"x", 0.05) as address:
        with pytest.raises(Unfetchable, match="too slowly"):
            await whole(address)


async def test_what_takes_too_long_in_all_is_given_up_however_fast_it_comes(monkeypatch):
    monkeypatch.setattr(import_fetching, "WHOLE", 0.3)
    async with asyncio.timeout(20), dripping(b"x" * 20_000, 0.01) as address:
        with pytest.raises(Unfetchable, match="longer than"):
            await whole(address)


async def test_what_comes_fast_enough_goes_on_beyond_a_span(monkeypatch):
    monkeypatch.setattr(import_fetching, "SPAN", 0.05)
    monkeypatch.setattr(import_fetching, "LEAST", 1000)
    came = 0
    async with asyncio.timeout(20), dripping(b"x" * 20_000, 0.01) as address:
        pieces = fetched(address)
        async with aclosing(pieces):
            async for piece in pieces:
                came += len(piece)
                if came > 1_000_000:
                    break
    assert came > 1_000_000


async def test_nobody_is_there():
    with pytest.raises(Unfetchable):
        await whole("http://127.0.0.1:1/file.ndjson")
