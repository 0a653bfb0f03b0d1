"""Access tokens: given out for five minutes, and believed again by every worker until then.

A token says who it was given to and what it may do at most. Who that is, and what of it still holds, stands
in the registration, which is looked at again at least once a second: so what is revoked or taken away ends.
A token that was believed is known by its digest; the token itself is not kept.

Units: milliseconds since 1970, but the claims of tokens are seconds.

Source: https://www.rfc-editor.org/rfc/rfc9068, https://www.rfc-editor.org/rfc/rfc6750, ADR 0021
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final

from service.access.callers import Caller
from service.access.issuers import Issuers
from service.access.keys import Presented, moment, presented, signed_by, text_of
from service.access.registration import caller_of
from service.access.scopes import Person, Scopes, granted, read_scopes
from service.access.signing import ALGORITHM, TOKEN_TYPE, Signer
from service.fhir.problems import Problem, Unauthorized
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.storage.registrations import Registration, Registrations

# Units: seconds. Source: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html#issue-access-token
LIFETIME: Final = 300
# Units: bytes of a token: one with as many scopes as may be asked for is shorter.
LONGEST: Final = 16_384
# Units: seconds that a worker goes by what it last saw of a client and a token.
FRESH: Final = 1.0
# Units: seconds that a worker goes by the signature of a token from elsewhere: then it is looked at again, with the
# keys that its issuer has by now, so that a key which was withdrawn ends what it signed.
PROVEN: Final = 60.0
# Tokens that a worker remembers: as many as ten thousand clients have at a time.
REMEMBERED: Final = 10_000

_SECOND: Final = 1000
_MICROSECONDS: Final = 1000  # in a millisecond

TOKEN_MISSING: Final = "token-missing"  # noqa: S105 - a slug

Clock = Callable[[], int]


def missing() -> Unauthorized:
    """Why a request without a token is refused."""
    return Unauthorized("token-missing", "An access token is wanted: Authorization: Bearer, then the token.")


def invalid() -> Unauthorized:
    """Why a token is refused that this server cannot believe; of what stands in it nothing is said."""
    return Unauthorized("token-invalid", "The access token is none that this server believes.")


def expired() -> Unauthorized:
    """Why a token is refused that was once right."""
    return Unauthorized("token-expired", "The access token has expired; sign in again.")


def revoked() -> Unauthorized:
    """Why a token is refused that would be right still."""
    return Unauthorized("token-revoked", "The access token, or the client that it was given to, was revoked.")


@dataclass(frozen=True, slots=True)
class Believed:
    """What a token that is believed says: whose it is, of whom and what it speaks, and until when.

    `id` is the digest by which it can be called back. `registration` is what it was last seen to rest
    on; `outside` means that it was given out, and its client registered, elsewhere.
    """

    id: bytes
    issuer: str
    registration: Registration
    scope: str
    issued: int
    expires: int
    name: str
    user: Person | None = None
    patient: str | None = None
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """A token, how many seconds it lasts, and what it allows, as scopes."""

    token: str
    seconds: int
    scope: str


@dataclass(slots=True)
class _Known:
    believed: Believed
    caller: Caller
    checked: float
    proven: float
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What tokens are checked against. `base_url` is who gives ours out, and whom they are for."""

    registry: Registry
    base_url: str
    clock: Clock
    ids: Callable[[], str]
    elapsed: Callable[[], float] = time.monotonic


class Tokens:
    """The tokens of this server, and those of the issuers that it was told to believe."""

    def __init__(
        self, surroundings: Surroundings, signer: Signer, registrations: Registrations, issuers: Issuers
    ) -> None:
        self._at = surroundings
        self._signer = signer
        self._registrations = registrations
        self._issuers = issuers
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def setting(self) -> Setting:
        """How search parameters in scopes are read."""
        return Setting(self._at.registry, self._at.base_url, self._at.clock() * _MICROSECONDS)

    def issue(self, registration: Registration, scopes: Scopes) -> Issued:
        """A new token for the client, with these scopes."""
        now = self._at.clock() // _SECOND
        claims: dict[str, Any] = {
            "iss": self._at.base_url,
            "aud": self._at.base_url,
            "sub": registration.id,
            "client_id": registration.id,
            "iat": now,
            "exp": now + LIFETIME,
            "jti": self._at.ids(),
            "scope": scopes.text,
        }
        return Issued(self._signer.sign(claims), LIFETIME, scopes.text)

    async def caller(self, token: bytes) -> Caller:
        """Who calls with the token.

        Raises:
            Unauthorized: it is not believed, or no longer.
            Unavailable: that cannot be found out now.
        """
        return (await self._seen(token)).caller

    async def believed(self, token: bytes) -> Believed | None:
        """What the token says; None where it is not believed, or no longer."""
        try:
            return (await self._seen(token)).believed
        except Unauthorized:
            return None

    async def call_back(self, believed: Believed) -> None:
        """Lets the token count no longer, in this worker from now on and in others within `FRESH`."""
        await self._registrations.call_back(believed.id, believed.expires)
        for known in self._known.values():
            if known.believed.id == believed.id:
                known.checked = -FRESH

    async def _seen(self, token: bytes) -> _Known:
        digest = sha256(token).digest()
        known = self._known.get(digest)
        if known is None:
            known = self._remember(digest, await self._believe(token))
        if known.believed.expires <= self._at.clock():
            self._known.pop(digest, None)
            raise expired()
        now = self._at.elapsed()
        if known.believed.outside and now - known.proven > PROVEN:
            await self._prove_again(digest, known, token)
        elif now - known.checked > FRESH:
            await self._look_again(digest, known)
        return known

    def _remember(self, digest: bytes, known: _Known) -> _Known:
        self._known[digest] = known
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _look_again(self, digest: bytes, known: _Known) -> None:
        """Asks the store once for all that wait for the answer."""
        async with known.checking:
            began = self._at.elapsed()
            if began - known.checked <= FRESH:
                return  # another request asked while this one waited
            standing = await self._standing(known.believed)
            if standing is None:
                self._known.pop(digest, None)
                raise revoked()
            if standing != known.believed.registration:
                known.believed = replace(known.believed, registration=standing)
                known.caller = self._caller(known.believed)
            known.checked = began

    async def _prove_again(self, digest: bytes, known: _Known, token: bytes) -> None:
        """Believes a token from elsewhere anew, its signature included, once for all that wait."""
        async with known.checking:
            began = self._at.elapsed()
            if began - known.proven <= PROVEN:
                return  # another request did while this one waited
            try:
                believed = await self._read(token)
            except Problem:
                self._known.pop(digest, None)
                raise
            if believed != known.believed:
                known.believed, known.caller = believed, self._caller(believed)
            known.checked = known.proven = began

    async def _standing(self, believed: Believed) -> Registration | None:
        """The registration as it is now; None where the token or its client counts no longer."""
        if believed.outside:
            called_back = await self._registrations.is_called_back(believed.id)
            return None if called_back else believed.registration
        return await self._registrations.standing(believed.registration.id, believed.id)

    async def _believe(self, token: bytes) -> _Known:
        began = self._at.elapsed()
        believed = await self._read(token)
        return _Known(believed, self._caller(believed), began, began)

    async def _read(self, token: bytes) -> Believed:
        """What the token says, its signature looked at.

        Raises:
            Unauthorized: it is not believed.
            Unavailable: that cannot be found out now.
        """
        read = presented(token)
        if read is None:
            raise invalid()
        own = text_of(read.claims, "iss") == self._at.base_url
        return await (self._own(read) if own else self._foreign(read))

    async def _own(self, token: Presented) -> Believed:
        """What a token of ours says.

        Raises:
            Unauthorized: it is not one, has expired, or was revoked.
        """
        claims = token.claims
        own = token.header.get("typ") == TOKEN_TYPE and claims.get("aud") == self._at.base_url
        if not own or not signed_by(token, (self._signer.public,), (ALGORITHM,)):
            raise invalid()
        issued, expires = moment(claims, "iat") or 0, moment(claims, "exp") or 0
        name = text_of(claims, "jti")
        id_ = token_id(self._at.base_url, name)
        if expires * _SECOND <= self._at.clock():
            raise expired()
        registration = await self._registrations.standing(text_of(claims, "sub"), id_)
        if registration is None:
            raise revoked()
        return Believed(
            id_,
            self._at.base_url,
            registration,
            text_of(claims, "scope"),
            int(issued * _SECOND),
            int(expires * _SECOND),
            name,
        )

    async def _foreign(self, token: Presented) -> Believed:
        found = await self._issuers.believed(token, self._at.clock())
        if found is None:
            raise invalid()
        name = text_of(token.claims, "jti")
        # One without a name of its own is called back by all that it says.
        id_ = token_id(found.issuer, name or token.raw.split(b".")[1].decode("ascii"))
        if found.expires <= self._at.clock():
            raise expired()
        if await self._registrations.is_called_back(id_):
            raise revoked()
        return Believed(
            id_,
            found.issuer,
            found.registration,
            found.scope,
            found.issued,
            found.expires,
            name,
            found.user,
            found.patient,
            outside=True,
        )

    def _caller(self, believed: Believed) -> Caller:
        """Who calls, by what the registration allows now, however much the token says."""
        setting = self.setting()
        allowed = granted(setting, believed.scope, believed.registration.scopes).text
        scopes = read_scopes(setting, allowed, patient=believed.patient, user=believed.user)
        return caller_of(believed.registration, scopes, user=believed.user, patient=believed.patient)


def token_id(issuer: str, name: str) -> bytes:
    """The digest by which a token is called back: of who gave it out and what he called it."""
    return sha256(f"{issuer}\0{name}".encode()).digest()
