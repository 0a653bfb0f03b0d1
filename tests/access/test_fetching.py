"""Documents of others: fetched when needed, not more often, not for ever, and never from just anywhere."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from service.access.fetching import FRESH, LARGEST, PAUSE, REMEMBERED, STALE, Documents, Fetcher, Unfetched

KEYS = "https://vendor.example/keys"


async def test_a_document_is_fetched_once_and_again_when_it_is_old(documents, elsewhere):
    elsewhere.documents[KEYS] = {"keys": [1]}
    assert await documents.at(KEYS) == {"keys": [1]}
    elsewhere.documents[KEYS] = {"keys": [2]}
    elsewhere.now += FRESH - 1
    assert await documents.at(KEYS) == {"keys": [1]}
    elsewhere.now += 1
    assert await documents.at(KEYS) == {"keys": [2]}
    assert elsewhere.asked == [KEYS, KEYS]


async def test_what_lacks_a_key_is_fetched_anew_but_not_again_and_again(documents, elsewhere):
    elsewhere.documents[KEYS] = {"keys": [1]}
    await documents.at(KEYS)
    elsewhere.documents[KEYS] = {"keys": [2]}
    elsewhere.now += PAUSE - 1
    assert await documents.at(KEYS, anew=True) == {"keys": [1]}
    elsewhere.now += 1
    assert await documents.at(KEYS, anew=True) == {"keys": [2]}
    for _ in range(50):
        await documents.at(KEYS, anew=True)
    assert len(elsewhere.asked) == 2


async def test_what_cannot_be_fetched_again_counts_for_a_while_and_no_longer(documents, elsewhere):
    elsewhere.documents[KEYS] = {"keys": [1]}
    await documents.at(KEYS)
    del elsewhere.documents[KEYS]
    elsewhere.now += STALE
    assert await documents.at(KEYS) == {"keys": [1]}
    elsewhere.now += 1
    with pytest.raises(Unfetched):
        await documents.at(KEYS)
    elsewhere.documents[KEYS] = {"keys": [3]}
    elsewhere.now += PAUSE
    assert await documents.at(KEYS) == {"keys": [3]}


async def test_where_there_is_nothing_is_not_asked_again_and_again(documents, elsewhere):
    for _ in range(50):
        with pytest.raises(Unfetched):
            await documents.at(KEYS)
    assert elsewhere.asked == [KEYS]


async def test_many_who_want_the_same_ask_once(elsewhere):
    async def slowly(address):
        await asyncio.sleep(0.01)
        return await elsewhere.fetch(address)

    elsewhere.documents[KEYS] = {"keys": []}
    documents = Documents(slowly, elsewhere.elapsed)
    assert await asyncio.gather(*(documents.at(KEYS) for _ in range(50))) == [{"keys": []}] * 50
    assert elsewhere.asked == [KEYS]


async def test_only_so_many_addresses_are_remembered(documents, elsewhere):
    for number in range(REMEMBERED + 5):
        elsewhere.documents[f"{KEYS}/{number}"] = {}
        await documents.at(f"{KEYS}/{number}")
    await documents.at(f"{KEYS}/{REMEMBERED + 4}")
    await documents.at(f"{KEYS}/0")
    assert elsewhere.asked.count(f"{KEYS}/0") == 2
    assert elsewhere.asked.count(f"{KEYS}/{REMEMBERED + 4}") == 1


@contextlib.asynccontextmanager
async def answering(*chunks: bytes) -> AsyncIterator[str]:
    """The address of a server that answers anything with these bytes."""

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"


@pytest.fixture
async def fetcher():
    made = Fetcher()
    yield made
    await made.close()


def ok(body: bytes, *headers: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", b"connection: close", *headers, b"", body])


async def test_a_json_object_is_fetched(fetcher):
    async with answering(ok(b'{"keys": []}')) as address:
        assert await fetcher.fetch(address) == {"keys": []}


@pytest.mark.parametrize(
    "answer",
    [
        ok(b"[1]"),
        ok(b"hello"),
        ok(b""),
        b"HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n{}",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
async def test_anything_else_is_none(fetcher, answer):
    async with answering(answer) as address:
        with pytest.raises(Unfetched):
            await fetcher.fetch(address)


async def test_nobody_is_sent_elsewhere(fetcher):
    async with answering(ok(b'{"keys": []}')) as inner:
        moved = f"HTTP/1.1 302 Found\r\nlocation: {inner}\r\nconnection: close\r\n\r\n".encode()
        async with answering(moved) as address:
            with pytest.raises(Unfetched):
                await fetcher.fetch(address)


async def test_a_large_document_is_not_read_to_its_end(fetcher):
    padding = json.dumps({"keys": [], "padding": "x" * LARGEST}).encode()
    async with answering(ok(b""), padding) as address:
        with pytest.raises(Unfetched):
            await fetcher.fetch(address)


async def test_who_does_not_answer_is_not_waited_for(fetcher, monkeypatch):
    monkeypatch.setattr("service.access.fetching.PATIENCE", 0.05)

    async def wait(_reader, writer):
        await asyncio.sleep(0.2)
        writer.close()

    silent = await asyncio.start_server(wait, "127.0.0.1", 0)
    async with silent:
        with pytest.raises(Unfetched):
            await fetcher.fetch(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/keys")
        await asyncio.sleep(0.3)


@pytest.mark.parametrize(
    "address", ["http://vendor.example/keys", "file:///etc/hosts", "ftp://x/", "", "keys"]
)
async def test_nothing_is_fetched_from_an_address_that_is_not_safe(fetcher, address):
    with pytest.raises(Unfetched):
        await fetcher.fetch(address)
    assert fetcher._client is None


@contextlib.asynccontextmanager
async def proxy() -> AsyncIterator[tuple[str, list[bytes]]]:
    """The address of a proxy that lets nobody through, and the first lines of what it was asked."""
    asked: list[bytes] = []

    async def answer(reader, writer):
        asked.append((await reader.readuntil(b"\r\n\r\n")).partition(b"\r\n")[0])
        writer.write(b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


@pytest.fixture
def surroundings(monkeypatch):
    """Sets variables of the environment that are about the way out, and no others of them."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    return monkeypatch.setenv


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
async def test_what_is_fetched_without_tls_goes_past_every_proxy(fetcher, surroundings, name):
    """It could answer with keys of its own."""
    async with answering(ok(b'{"keys": []}')) as address, proxy() as (way, asked):
        surroundings(name, way)
        assert await fetcher.fetch(address) == {"keys": []}
    assert asked == []


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
async def test_with_tls_the_deployments_proxy_is_the_way_out(fetcher, surroundings, name):
    async with proxy() as (way, asked):
        surroundings(name, way)
        with pytest.raises(Unfetched):
            await fetcher.fetch("https://vendor.example/keys")
    assert asked == [b"CONNECT vendor.example:443 HTTP/1.1"]


async def test_the_deployment_says_what_needs_no_proxy(fetcher, surroundings):
    async with proxy() as (way, asked):
        surroundings("HTTPS_PROXY", way)
        surroundings("NO_PROXY", "localhost")
        with pytest.raises(Unfetched):
            await fetcher.fetch("https://localhost:1/keys")
    assert asked == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALL_PROXY", "socks5://127.0.0.1:1"), ("HTTPS_PROXY", "gopher://x"), ("SSL_CERT_FILE", "/nowhere.pem")],
)
async def test_where_there_is_no_way_out_nothing_is_fetched(fetcher, surroundings, name, value):
    surroundings(name, value)
    with pytest.raises(Unfetched):
        await fetcher.fetch(KEYS)
