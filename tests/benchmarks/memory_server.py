"""A tiny FHIR server in memory, to test the load and the kill tests' verification with: it can be made to fail.

It stands for any server that the benchmarks are run against, so it shares no code with ours.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec

REQUEST = re.compile(rb"(GET|PUT|POST|DELETE) /fhir(/[^ ]*)? HTTP/1.1\r\n")
decode = msgspec.json.Decoder(float_hook=Decimal).decode
encode = msgspec.json.Encoder(decimal_format="number").encode
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class MemoryServer:
    """`versions` holds each resource's bodies, None for a deletion. The rest are ways to fail."""

    def __init__(self):
        self.versions: dict[tuple[str, str], list[bytes | None]] = {}
        self.port = 0
        self.asked = 0
        self.answer_status = None  # answers everything so
        self.unready = 0  # refuses so many requests for now, and says when to ask again
        self.die_at = None  # ends all connections at this request, having done the work
        self.die_before = None  # ends all connections at this request, having done nothing
        self.half = None  # of the transaction at which it dies, stores this many entries
        self.closes = False  # says `connection: close` after each answer, and does
        self.held = asyncio.Event()  # answers wait for it
        self.held.set()
        self._ids = itertools.count(1)
        self._writers: set[asyncio.StreamWriter] = set()
        self.connections: set[asyncio.Task[None]] = set()
        self._server = None

    async def start(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    @property
    def base_url(self):
        return f"http://127.0.0.1:{self.port}/fhir"

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        self.connections.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                method, path = REQUEST.match(head).groups()
                await self._answer(writer, method.decode(), (path or b"").decode(), body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, writer, method, path, body):
        self.asked += 1
        await self.held.wait()
        if self.unready:
            self.unready -= 1
            writer.write(b"HTTP/1.1 503 Any\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n{}")
            return
        if self.asked == self.die_before:
            await self.stop()
            raise ConnectionResetError
        status, headers, answer = self.respond(method, path, body)
        if self.asked == self.die_at:
            await self.stop()
            raise ConnectionResetError
        if self.answer_status:
            status = self.answer_status
        if self.closes:
            headers["Connection"] = "close"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        writer.write(
            f"HTTP/1.1 {status} Any\r\n{lines}Content-Length: {len(answer)}\r\n\r\n".encode() + answer
        )
        if self.closes:
            raise ConnectionResetError

    def respond(self, method, path, body):
        path, _, query = path.partition("?")
        parts = path.strip("/").split("/") if path else []
        match method, parts:
            case "POST", []:
                return self._transaction(decode(body))
            case "POST", [type_]:
                return self._created(type_, decode(body), 201)
            case "PUT", [type_, id_]:
                return self._stored(type_, id_, decode(body), 200)
            case "DELETE", [type_, id_]:
                self.versions[type_, id_].append(None)
                return 204, {"ETag": self._etag(type_, id_)}, b""
            case "GET", [type_]:
                return self._search(type_, query)
            case "GET", [type_, id_]:
                return self._read(type_, id_, len(self.versions.get((type_, id_), ())))
            case "GET", [type_, id_, "_history", version]:
                return self._read(type_, id_, int(version))
        return 404, {}, b"{}"

    def _etag(self, type_, id_):
        return f'W/"{len(self.versions[type_, id_])}"'

    def _created(self, type_, resource, status):
        return self._stored(type_, f"id-{next(self._ids)}", resource, status)

    def _stored(self, type_, id_, resource, status):
        bodies = self.versions.setdefault((type_, id_), [])
        meta = {
            **resource.pop("meta", {}),
            "versionId": str(len(bodies) + 1),
            "lastUpdated": "2026-11-22T00:00:00Z",
        }
        body = encode({"resourceType": resource.pop("resourceType"), "id": id_, "meta": meta, **resource})
        bodies.append(body)
        location = f"{self.base_url}/{type_}/{id_}/_history/{len(bodies)}"
        return status, {"Location": location, "ETag": self._etag(type_, id_)}, body

    def _read(self, type_, id_, version):
        bodies = self.versions.get((type_, id_), [])
        if not 1 <= version <= len(bodies):
            return 404, {}, b"{}"
        body = bodies[version - 1]
        return (410, {}, b"{}") if body is None else (200, {"ETag": f'W/"{version}"'}, body)

    def _search(self, type_, query):
        value = query.partition("%7C")[2].partition("&")[0]
        found = [
            decode(bodies[-1])
            for (of, _), bodies in self.versions.items()
            if of == type_ and bodies[-1] is not None and f'"{value}"'.encode() in bodies[-1]
        ]
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "entry": [{"resource": one} for one in found],
        }
        return 200, {}, encode(bundle)

    def _transaction(self, bundle):
        names = {}
        for entry in bundle["entry"]:
            names[entry["fullUrl"]] = (entry["resource"]["resourceType"], f"id-{next(self._ids)}")
        text = encode(bundle).decode()
        for name, (type_, id_) in names.items():
            text = text.replace(f'"reference":"{name}"', f'"reference":"{type_}/{id_}"')
        entries = []
        for entry in decode(text)["entry"][: self.half if self.asked == self.die_at else None]:
            status, headers, _ = self._stored(*names[entry["fullUrl"]], entry["resource"], "201 Created")
            response = {"status": status, "location": headers["Location"].removeprefix(f"{self.base_url}/")}
            entries.append({"response": response})
        answer = {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}
        return 200, {}, encode(answer)


@asynccontextmanager
async def memory_server():
    server = MemoryServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        await asyncio.gather(*server.connections)
