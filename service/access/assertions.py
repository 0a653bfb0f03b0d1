"""Client assertions: how a client proves who it is, by a token that it signs with its own key.

Each counts once, in whichever process it is shown. A client that is not known and one that did not sign
what it shows get the same answer.

Units: milliseconds since 1970, but the claims of tokens are seconds.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html, https://www.rfc-editor.org/rfc/rfc7523#section-3
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from service.access.fetching import Documents, Unfetched
from service.access.keys import (
    ALGORITHMS,
    Presented,
    PublicKey,
    candidates,
    moment,
    presented,
    public_keys,
    signed_by,
    text_of,
)
from service.access.refusing import Refusal, unavailable
from service.access.registration import is_id
from service.fhir import codec
from service.storage.registrations import Registration, Registrations

# Units: seconds that an assertion may last: section "Authenticating to the Token endpoint" of the source.
LONGEST: Final = 300
# Units: seconds by which a client's clock may be wrong, either way.
SKEW: Final = 60
# Units: characters of an assertion and of its `jti`.
LARGEST: Final = 16_384
LONGEST_NAME: Final = 1_000
# Units: milliseconds between two times that a worker lets go of what expired as long ago.
TIDYING: Final = 600_000

_TYPES: Final = frozenset({"", "jwt", "client-authentication+jwt"})
_SECOND: Final = 1000

_UNKNOWN: Final = "No client of this server has signed this assertion."


class Assertions:
    """Tells by an assertion which client is there."""

    def __init__(
        self,
        registrations: Registrations,
        documents: Documents,
        audience: str,
        clock: Callable[[], int],
    ) -> None:
        """Takes the address of the token endpoint, for which assertions must be made out (`audience`)."""
        self._registrations = registrations
        self._documents = documents
        self._audience = audience
        self._clock = clock
        self._tidied = clock()

    async def client(self, assertion: str) -> Registration:
        """The client that signed the assertion, which is used up by this.

        Raises:
            Refusal: `invalid_client`, with a reason that its owner can do something about.
            Unavailable: the store cannot be reached.
        """
        token = presented(assertion.encode()) if len(assertion) <= LARGEST and assertion.isascii() else None
        if token is None:
            raise _refused("The client assertion is no signed JSON Web Token.")
        if token.algorithm not in ALGORITHMS:
            raise _refused(f"A client assertion is signed by one of {', '.join(ALGORITHMS)}.")
        registration = await self._named(token)
        await self._require_signed(token, registration)
        name, expires = self._checked(token, registration)
        await self._tidy()
        used = sha256(f"{registration.id}\0{name}".encode()).digest()
        if not await self._registrations.use(used, int((expires + SKEW) * _SECOND)):
            reason = "The client assertion was used before: each has a jti of its own, and counts once."
            raise _refused(reason, registration)
        return registration

    async def _named(self, token: Presented) -> Registration:
        """The client that the assertion names, whoever signed it."""
        client = text_of(token.claims, "sub")
        if not client or text_of(token.claims, "iss") != client:
            raise _refused("The iss and sub of a client assertion are both the client's id.")
        registration = await self._registrations.find(client) if is_id(client) else None
        if registration is None or registration.revoked is not None:
            raise _refused(_UNKNOWN, registration)
        return registration

    async def _require_signed(self, token: Presented, registration: Registration) -> None:
        """Lets an assertion pass that the client signed."""
        address = token.header.get("jku")
        if address is not None and address != registration.jwks_url:
            reason = "The jku of the client assertion is not the address that the client registered."
            raise _refused(reason, registration)
        if not signed_by(token, await self._keys(token, registration)):
            raise _refused(_UNKNOWN, registration)

    async def _keys(self, token: Presented, registration: Registration) -> tuple[PublicKey, ...]:
        """The client's keys; fetched anew where none of those known could have signed the assertion."""
        if registration.jwks_url is None:
            return public_keys(codec.decode((registration.keys or '{"keys":[]}').encode()))
        try:
            keys = public_keys(await self._documents.at(registration.jwks_url))
            if not candidates(token, keys):
                keys = public_keys(await self._documents.at(registration.jwks_url, anew=True))
        except Unfetched:
            reason = "The client's keys cannot be fetched from the address that it registered."
            raise unavailable(reason, registration) from None
        return keys

    def _checked(self, token: Presented, registration: Registration) -> tuple[str, float]:
        """The name and the end (in seconds) of an assertion that was made out for us and for now."""

        def refused(reason: str) -> Refusal:
            return _refused(reason, registration)

        claims = token.claims
        kind = token.header.get("typ", "")
        if not isinstance(kind, str) or kind.lower() not in _TYPES:
            raise refused("The typ of a client assertion is JWT.")
        if claims.get("aud") not in (self._audience, [self._audience]):
            raise refused(f"The aud of a client assertion is {self._audience}, and nothing else.")
        now = self._clock() / _SECOND
        expires = moment(claims, "exp")
        if expires is None:
            raise refused("A client assertion says when it expires: exp, in seconds since 1970.")
        if expires + SKEW <= now:
            raise refused("The client assertion has expired.")
        if expires - SKEW > now + LONGEST:
            raise refused(f"A client assertion expires within {LONGEST} seconds.")
        for name in ("iat", "nbf"):
            begins = moment(claims, name)
            if name in claims and (begins is None or begins - SKEW > now):
                raise refused(f"The {name} of the client assertion lies ahead, or is no number.")
        name = text_of(claims, "jti")
        if not 0 < len(name) <= LONGEST_NAME:
            raise refused("A client assertion has a jti, a text that no other of the client's has.")
        return name, expires

    async def _tidy(self) -> None:
        now = self._clock()
        if now - self._tidied > TIDYING:
            self._tidied = now
            await self._registrations.forget(now - TIDYING)  # clocks of machines differ


def _refused(reason: str, client: Registration | None = None) -> Refusal:
    return Refusal("invalid_client", reason, client=client)
