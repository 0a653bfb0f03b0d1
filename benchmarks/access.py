"""Access for the load: two clients that sign in as a vendor's do, and whose tokens are renewed while it runs.

One client writes: its agency is the author of what the load makes. The other one reads: its agency is in the young
people's care teams and wrote nothing, so that each of its reads asks who may see the child.

Source: docs/access.md; https://hl7.org/fhir/smart-app-launch/backend-services.html; RFC 7523
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey

from benchmarks import resources
from benchmarks.scenarios import created_id
from benchmarks.target import target
from benchmarks.wire import Exchange, Garbled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.servers import Server
    from benchmarks.target import Target

ALGORITHM = "ES384"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = "system/*.cruds"
ASSERTION_SECONDS = 240  # the specification allows five minutes
# A token is renewed when it has less than this left: more than the longest pause between two looks.
MARGIN_SECONDS = 60.0
LOOK_SECONDS = 15.0
OWN = b"/Patient/"
LINE = 64  # bytes in which a path of the load's begins
WRITER = "benchmark-writer"
"""The agency (Organization id) of the client that writes."""


@dataclass(slots=True)
class Client:
    """A registered client, its key, and the token that it has now. Units: seconds of the monotonic clock."""

    id: str
    token_endpoint: str
    key: ECKey
    token: bytes = b""
    _expires: float = 0.0

    def assertion(self) -> str:
        """Return a new signed assertion, which is good once."""
        now = int(time.time())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": self.token_endpoint,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self.key.kid}, claims, self.key, algorithms=[ALGORITHM])

    def sign_in(self) -> None:
        """Get a token unless the one at hand lasts. Raises Garbled, OSError."""
        if self._expires - time.monotonic() > MARGIN_SECONDS:
            return
        form = {
            "grant_type": "client_credentials",
            "scope": SCOPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self.assertion(),
        }
        answer = _posted(self.token_endpoint, form)
        self.token = answer["access_token"].encode()
        self._expires = time.monotonic() + float(answer["expires_in"])


def _posted(url: str, form: dict[str, str]) -> dict[str, str]:
    parts = urlsplit(url)
    with contextlib.closing(HTTPConnection(parts.hostname or "", parts.port, timeout=30)) as connection:
        head = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        connection.request("POST", parts.path, urlencode(form), head)
        answer = connection.getresponse()
        body = answer.read()
    if answer.status != 200:
        raise Garbled(f"sign-in: {answer.status} {body[:500].decode(errors='replace')}")
    decoded: dict[str, str] = json.loads(body)
    return decoded


@dataclass(slots=True)
class Access:
    """Who signs the load's requests. `reader_agency` is the Organization id of those who read."""

    writer: Client
    reader: Client
    reader_agency: str
    _renewing: asyncio.Task[None] | None = field(default=None, init=False)

    def signed(self, request: bytes, mark: bytes) -> bytes:
        """Return the request with a token in place of the mark: the reader's for GET, else the writer's.

        The load's young people come and go without a care team: their own author reads them.
        """
        shared = request.startswith(b"GET ") and request.find(OWN, 0, LINE) < 0
        return request.replace(mark, (self.reader if shared else self.writer).token, 1)

    async def fresh(self) -> None:
        """Return once both tokens last for a while. Raises Garbled, OSError."""
        for client in (self.writer, self.reader):
            await asyncio.to_thread(client.sign_in)

    @contextlib.asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Renew the tokens, now and within the block, whenever they are about to expire."""
        await self.fresh()
        ended = asyncio.Event()
        renewing = asyncio.create_task(self._renew(ended))
        try:
            yield
        finally:
            ended.set()
            await renewing  # a sign-in that is under way ends first

    async def _renew(self, ended: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), LOOK_SECONDS)
            if ended.is_set():
                return
            await self.fresh()


def register(server: Server, name: str, agency: str) -> Client:
    """Return a new client of the server that acts for the agency, not signed in yet. Raises NotServing."""
    key = ECKey.generate_key("P-384", {"kid": secrets.token_hex(8), "use": "sig", "alg": ALGORITHM})
    path = Path(server.folder) / f"{name}.jwk.json"
    path.write_bytes(msgspec.json.encode(key.as_dict(private=False)))
    told = server.run(
        "client", "add", "--name", name, "--agency", agency, "--scope", SCOPE, "--key", str(path), "--json"
    )
    registered = json.loads(told)
    return Client(registered["client_id"], registered["token_endpoint"], key)


def for_load(server: Server) -> Access:
    """Return access to a server that runs; the reader's agency is made on it. Raises NotServing, Garbled, OSError."""
    writer = register(server, "writer", WRITER)
    alone = Access(writer, writer, "")
    reader_agency = asyncio.run(_agency(target(server.base_url, access=alone)))
    return Access(writer, register(server, "reader", reader_agency), reader_agency)


async def _agency(goal: Target) -> str:
    exchange = Exchange(goal)
    try:
        if goal.access is not None:
            await goal.access.fresh()
        answer = await exchange(goal.post(b"/Organization", resources.encode(resources.organization())))
    finally:
        exchange.close()
    id_ = created_id(answer) if answer.status == 201 else None
    if id_ is None:
        raise Garbled(
            f"set-up of the reader's agency: {answer.status} {answer.body[:500].decode(errors='replace')}"
        )
    return id_


def for_search(server: Server, agency: str) -> Access:
    """Return access to a server whose young people all have the agency in their care teams. Raises NotServing."""
    reader = register(server, "reader", agency)
    return Access(reader, reader, agency)
