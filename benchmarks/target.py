"""Where the load goes: the base URL of a server on this machine, and requests to it as finished bytes.

Source: RFC 9112 (HTTP/1.1); https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from benchmarks.access import Access

FHIR_JSON = "application/fhir+json"
# Stands in prepared requests where the token goes, which changes while they are used.
TOKEN_MARK = b"<token>"


class Refused(ValueError):  # noqa: N818 - a decision, not a fault
    """A run that we do not do; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A FHIR base URL taken apart. Only loopback addresses: load on other people's machines is an attack."""

    host: str
    port: int
    path: str
    headers: tuple[str, ...] = ()
    access: Access | None = None
    _tail: bytes = field(init=False)

    def __post_init__(self) -> None:
        lines = [f"Host: {self.host}:{self.port}", f"Accept: {FHIR_JSON}", *self.headers]
        if self.access is not None:
            lines.append(f"Authorization: Bearer {TOKEN_MARK.decode()}")
        object.__setattr__(self, "_tail", "".join(f"{line}\r\n" for line in lines).encode())

    @property
    def base_url(self) -> str:
        """The URL without a trailing slash."""
        return f"http://{self.host}:{self.port}{self.path}"

    def signed(self, request: bytes) -> bytes:
        """Return the request as it is sent: with today's token where there is access control."""
        return request if self.access is None else self.access.signed(request, TOKEN_MARK)

    def get(self, path: bytes) -> bytes:
        """Return the request that reads `path`, which is relative to the base (`/Goal/1`)."""
        return b"GET %b%b HTTP/1.1\r\n%b\r\n" % (self.path.encode(), path, self._tail)

    def delete(self, path: bytes) -> bytes:
        """Return the request that deletes `path`."""
        return b"DELETE %b%b HTTP/1.1\r\n%b\r\n" % (self.path.encode(), path, self._tail)

    def post(self, path: bytes, body: bytes) -> bytes:
        """Return the request that posts a resource to `path` (empty: the base itself)."""
        return self._with_body(b"POST", path, body)

    def put(self, path: bytes, body: bytes) -> bytes:
        """Return the request that updates `path`."""
        return self._with_body(b"PUT", path, body)

    def _with_body(self, method: bytes, path: bytes, body: bytes) -> bytes:
        return b"%b %b%b HTTP/1.1\r\n%bContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            method,
            self.path.encode(),
            path,
            self._tail,
            FHIR_JSON.encode(),
            len(body),
            body,
        )


def target(base_url: str, headers: tuple[str, ...] = (), access: Access | None = None) -> Target:
    """Return the target of a base URL. Raises Refused unless it is plain HTTP to a loopback address."""
    parts = urlsplit(base_url)
    if parts.scheme != "http" or parts.query or parts.fragment or parts.username:
        raise Refused(f"«{base_url}» is not a plain http:// base URL")
    host = "127.0.0.1" if parts.hostname == "localhost" else (parts.hostname or "")
    if not _is_loopback(host):
        raise Refused(f"«{parts.hostname}» is not this machine: only loopback addresses are loaded")
    if any("\r" in line or "\n" in line or ":" not in line for line in headers):
        raise Refused("a header is one line «Name: value»")
    return Target(host, parts.port or 80, parts.path.rstrip("/"), headers, access)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
