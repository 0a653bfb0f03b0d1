"""Asking the service in process: one request, as whoever a name says, and what came back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from litestar.types import ASGIApp

from service.fhir import codec

BASE = "/fhir"


@dataclass(frozen=True)
class Said:
    """An answer: its status, its headers in small letters, and its bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return codec.decode(self.body) if self.body else None


async def ask(app: ASGIApp, who: str, method: str, url: str, body: Any = None, **headers: str) -> Said:
    """The answer to a request of the caller `who`; `url` is relative to the FHIR base, or whole."""
    parts = urlsplit(url)
    path = parts.path if parts.scheme or url.startswith(BASE) else f"{BASE}/{parts.path}".rstrip("/")
    content = body if isinstance(body, bytes) else b"" if body is None else codec.encode(body)
    fields = {"authorization": f"Bearer {who}", "content-length": str(len(content)), **headers}
    if content:
        fields.setdefault("content-type", "application/fhir+json")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": quote(parts.query, safe="=&:|,$%/?._-+~*@!()';").encode(),
        "root_path": "",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8080),
        "state": {},
    }
    sent: list[dict[str, Any]] = []
    given = iter([{"type": "http.request", "body": content, "more_body": False}])

    async def receive() -> Any:
        return next(given, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    heads = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Said(start["status"], heads, b"".join(each.get("body", b"") for each in sent[1:]))
