"""How much at once, how often and how long: what one worker does for everybody, for a client, and for strangers.

Each worker counts for itself, so that a client whose connections are spread over all of them gets as many times
the rate. What is refused here has cost next to nothing, and leaves no audit entry: a flood would fill the table.

Source: https://www.rfc-editor.org/rfc/rfc6585#section-4, https://www.rfc-editor.org/rfc/rfc9110#name-retry-after,
docs/security.md
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from service.access.callers import Caller
from service.fhir.problems import Problem, TooMany, Unavailable
from service.rest.deadlines import Deadlines
from service.rest.errors import refusal
from service.rest.exchanges import deliver, exchange
from service.rest.rates import Rates

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# A client that was quiet may send as many seconds' worth at once: it comes after a night with what it has.
BURST_SECONDS = 10
# An IPv6 customer is given at least so many bits' worth of addresses: RFC 6177.
CUSTOMER_BITS = 64
# Whoever watches the service must not be turned away because others ask too much.
WATCHED = "/health/"
FHIR = "/fhir"
# Of all requests that may be under way, the part that strangers may have at the token endpoint and beside it, and
# the part that those of one address may.
ALL_STRANGERS = 4
ONE_STRANGER = 16
REMEMBERED = 1024  # addresses that need not be read anew
LONGEST = 64  # characters of an address, with room


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a worker allows; 0 stands for as much as comes.

    Units: `requests` and `client_requests` under way, `client_rate` and `stranger_rate` requests a second,
    `seconds` that a request may take until its answer begins. `proxies`: who is believed about the address of those it speaks for.
    """

    requests: int = 0
    client_requests: int = 0
    client_rate: float = 0
    stranger_rate: float = 0
    seconds: float = 0
    proxies: tuple[Network, ...] = ()


UNLIMITED = Allowance()


class Doors:
    """Counts who is inside. `deadlines` ends what takes too long."""

    __slots__ = (
        "_allowance",
        "_clients",
        "_counting",
        "_inside",
        "_outside",
        "_rates",
        "_strangers",
        "deadlines",
    )

    def __init__(self, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins with nobody inside. `clock` gives seconds."""
        self._allowance = allowance
        self.deadlines = Deadlines(allowance.seconds, clock)
        self._inside = 0
        self._outside: Counter[str] = Counter()
        self._counting = bool(allowance.client_requests or allowance.client_rate)
        self._clients: Counter[Hashable] = Counter()
        self._rates = Rates(allowance.client_rate, allowance.client_rate * BURST_SECONDS, clock)
        self._strangers = Rates(allowance.stranger_rate, allowance.stranger_rate * BURST_SECONDS, clock)

    def begin(self) -> None:
        """Lets a request in, whoever it is from.

        Raises:
            Unavailable: as many are under way as may be.
        """
        if self._allowance.requests and self._inside >= self._allowance.requests:
            raise _busy()
        self._inside += 1

    def end(self) -> None:
        """A request that was let in is answered."""
        self._inside -= 1

    def begin_outside(self, scope: Scope) -> str:
        """Lets a request in that is none of FHIR's, such as for a token; its address, for `end_outside`.

        A body may come slowly, and whose it is nobody knows yet: so few at once that others find room.

        Raises:
            TooMany: there were too many from its address, or are at once.
            Unavailable: as many as may be are under way from strangers, or from all.
        """
        self.stranger(scope)
        address = self.address(scope)
        most = self._allowance.requests
        if most and self._outside[address] >= max(1, most // ONE_STRANGER):
            raise TooMany("client-too-busy", "This address has as many requests under way as it may; wait.")
        if most and self._outside.total() >= max(1, most // ALL_STRANGERS):
            raise _busy()
        self.begin()
        self._outside[address] += 1
        return address

    def end_outside(self, address: str) -> None:
        """A request that `begin_outside` let in is answered."""
        self.end()
        self._outside[address] -= 1
        if not self._outside[address]:
            del self._outside[address]

    def stranger(self, scope: Scope) -> None:
        """Lets a request pass that says no name which is believed.

        Raises:
            TooMany: there were too many from its address.
        """
        if self._allowance.stranger_rate:
            _require(self._strangers.take(self.address(scope)))

    def enter(self, caller: Caller) -> None:
        """Lets a request of a client pass, which `leave` must follow.

        Raises:
            TooMany: there were too many, or are at once.
        """
        if not self._counting:
            return
        client = (caller.locality, caller.client)
        most = self._allowance.client_requests
        if most and self._clients[client] >= most:
            raise TooMany(
                "client-too-busy",
                f"This client has {most} requests under way, the most that it may; wait for answers.",
            )
        _require(self._rates.take(client))
        self._clients[client] += 1

    def charge(self, caller: Caller, count: int) -> None:
        """Counts so many requests more, which came as parts of one that passed `enter`.

        However many they are, they pass at once where the client owes nothing; what comes next waits for them.

        Raises:
            TooMany: the client owes some of what it sent before.
        """
        if count > 0:
            _require(self._rates.take((caller.locality, caller.client), count))

    def leave(self, caller: Caller) -> None:
        """A request of a client that passed `enter` is answered."""
        if not self._counting:
            return
        client = (caller.locality, caller.client)
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]

    def address(self, scope: Scope) -> str:
        """The address that a request comes from, of an IPv6 customer all that it may have; empty if unknown.

        What a proxy says of it (the header X-Forwarded-For) counts where the proxy is one that is believed.
        """
        client = cast("HTTPScope", scope).get("client")
        if client is None:
            return ""
        if not self._allowance.proxies:
            return _shown(client[0])
        found = client[0]
        hops = exchange(scope).fields.get(b"x-forwarded-for", b"").decode("latin-1").split(",")
        while hops and self._is_proxy(found):
            named = hops.pop().strip()[:LONGEST]
            if _parsed(named) is None:
                break
            found = named
        return _shown(found)

    def _is_proxy(self, text: str) -> bool:
        address = _parsed(text)
        return address is not None and any(address in network for network in self._allowance.proxies)


@lru_cache(REMEMBERED)
def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@lru_cache(REMEMBERED)
def _shown(text: str) -> str:
    """The address as one is counted; empty where it is none, such as that of a socket in the file system."""
    address = _parsed(text)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, CUSTOMER_BITS), strict=False))
    return "" if address is None else str(address)


def _busy() -> Unavailable:
    return Unavailable("server-busy", "The server has as much to do as it can take; try again.")


def _require(wait: float) -> None:
    if wait:
        problem = TooMany("rate-exceeded", "These are too many requests; Retry-After says when to go on.")
        problem.retry_after = math.ceil(wait)
        raise problem


def limited(app: ASGIApp, doors: Doors) -> ASGIApp:
    """The app that does so much at once and takes so long, and that strangers may ask so often outside of FHIR."""

    async def limit(scope: Scope, receive: Receive, send: Send) -> None:
        http = cast("HTTPScope", scope)
        path = http["path"]
        if path.startswith(WATCHED):
            await app(scope, receive, send)
            return
        address = None
        try:
            if path.startswith(FHIR):
                doors.begin()
            else:
                address = doors.begin_outside(scope)
        except Problem as problem:
            await _refuse(problem, http, send)
            return
        task = cast("asyncio.Task[object]", asyncio.current_task())
        doors.deadlines.begin(task, exchange(scope))
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            if not doors.deadlines.gave_up(task):
                raise
            await _refuse(_too_long(), http, send)
        finally:
            doors.deadlines.end(task)
            if address is None:
                doors.end()
            else:
                doors.end_outside(address)

    return limit


def _too_long() -> Unavailable:
    return Unavailable(
        "request-too-long",
        "This took longer than a request may and was given up. A change may have been stored all the same: look"
        " before you send it again.",
    )


async def _refuse(problem: Problem, scope: HTTPScope, send: Send) -> None:
    await deliver(refusal(problem), send, head=scope["method"] == "HEAD")
