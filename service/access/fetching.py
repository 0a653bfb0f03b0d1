"""JSON documents of others, fetched by address: key sets, and what an issuer of tokens says of itself.

What was fetched is gone by for a while. Where it cannot be fetched again it is gone by somewhat longer, and
then no more: nobody is let in by keys that may be withdrawn. No redirect is followed, no large document
read, and for nobody is the same address asked again and again.

Source: https://www.rfc-editor.org/rfc/rfc7517#section-5, https://www.rfc-editor.org/rfc/rfc8725#section-3.10, ADR 0021
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from service.access.registration import is_safe
from service.fhir import codec
from service.fhir.problems import Malformed

if TYPE_CHECKING:
    import httpx

# Units: seconds. A document is asked for anew after `FRESH`; where that fails it counts until `STALE`.
FRESH: Final = 300.0
STALE: Final = 900.0
# Units: seconds at least between two looks at an address: for a key that is not in what was fetched, or after a failure.
PAUSE: Final = 20.0
# Units: seconds that a fetch may take: somebody waits for it.
PATIENCE: Final = 5.0
# Units: bytes of a document: twenty keys with their certificates are shorter.
LARGEST: Final = 256 * 1024
# Addresses of which the document is kept.
REMEMBERED: Final = 1_000

# What httpx raises of a proxy that it cannot use, such as SOCKS. A file of authorities that is missing is an OSError.
_NO_WAY_OUT: Final = (ImportError, ValueError)

Json = dict[str, Any]


class Unfetched(Exception):  # noqa: N818 - a state of the world outside
    """There is no document at the address that could be gone by now."""


@dataclass(slots=True)
class _Place:
    document: Json | None = None
    fetched: float = 0.0
    tried: float | None = None
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)


Fetch = Callable[[str], Awaitable[Json]]


class Documents:
    """Documents by their address, as one worker last saw them."""

    def __init__(self, fetch: Fetch, elapsed: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._elapsed = elapsed
        self._places: OrderedDict[str, _Place] = OrderedDict()

    async def at(self, address: str, *, anew: bool = False) -> Json:
        """The document at the address; `anew` where the one that is known lacks what is looked for.

        Raises:
            Unfetched: it cannot be fetched, or is none.
        """
        place = self._place(address)
        if self._is_due(place, anew):
            async with place.fetching:
                if self._is_due(place, anew):  # else another request fetched it while this one waited
                    await self._renew(address, place)
        if place.document is None or self._elapsed() - place.fetched > STALE:
            raise Unfetched
        return place.document

    def _place(self, address: str) -> _Place:
        place = self._places.get(address)
        if place is None:
            place = self._places[address] = _Place()
            if len(self._places) > REMEMBERED:
                self._places.popitem(last=False)
        return place

    def _is_due(self, place: _Place, anew: bool) -> bool:  # noqa: FBT001 - as of `at`
        now = self._elapsed()
        if place.tried is not None and now - place.tried < PAUSE:
            return False
        return anew or place.document is None or now - place.fetched >= FRESH

    async def _renew(self, address: str, place: _Place) -> None:
        began = self._elapsed()
        try:
            place.document = await self._fetch(address)
            place.fetched = began
        except Unfetched:
            pass  # what was fetched before counts for a while
        finally:
            place.tried = began  # only now: who comes meanwhile waits for what is fetched


class Fetcher:
    """Fetches JSON documents over the network."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def fetch(self, address: str) -> Json:
        """The JSON object at the address.

        Raises:
            Unfetched: there is none, or it is too large, or takes too long, or the address is not safe.
        """
        import httpx  # noqa: PLC0415 - most servers never fetch anything, and it takes a while to load

        if not is_safe(address):
            raise Unfetched
        try:
            if self._client is None:
                # The way out (HTTPS_PROXY, ALL_PROXY, NO_PROXY) and who is trusted on it (SSL_CERT_FILE)
                # are the deployment's. What is fetched without TLS is on this machine: past every proxy.
                straight = {"http://": httpx.AsyncHTTPTransport()}
                self._client = httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False, mounts=straight)
            async with asyncio.timeout(PATIENCE):
                return codec.decode(await _body(self._client, address))
        except (*_NO_WAY_OUT, httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, Malformed) as failure:
            raise Unfetched from failure

    async def close(self) -> None:
        """Lets go of connections."""
        if self._client is not None:
            await self._client.aclose()


async def _body(client: httpx.AsyncClient, address: str) -> bytes:
    async with client.stream("GET", address, headers={"accept": "application/json"}) as answer:
        if answer.status_code != 200:
            raise Unfetched
        chunks: list[bytes] = []
        size = 0
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
            if size > LARGEST:
                raise Unfetched
            chunks.append(chunk)
    return b"".join(chunks)
