"""Issuers of access tokens elsewhere that this server was told to believe, and what their tokens mean here.

An issuer's token says which system or person calls; what that is here (locality, agency, sectors) stands in
a file of the deployment, and a token whose agency does not stand there is not believed. Scopes of the token
count only as far as the file's do.

Source: https://openid.net/specs/openid-connect-discovery-1_0.html, https://www.rfc-editor.org/rfc/rfc8725, ADR 0021
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from service.access.fetching import Documents, Unfetched
from service.access.keys import Presented, PublicKey, candidates, moment, public_keys, signed_by, text_of
from service.access.registration import is_loopback, is_safe
from service.access.scopes import Person
from service.fhir.problems import Unavailable
from service.storage.registrations import Registration

DISCOVERY: Final = "/.well-known/openid-configuration"
# Kinds of token (`typ`) that can be access tokens. Source: https://www.rfc-editor.org/rfc/rfc9068#section-4
_TYPES: Final = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
_PEOPLE: Final = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Patient"})

# Source: https://hl7.org/fhir/R4/datatypes.html#id
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
LONGEST_NAME: Final = 200  # characters of what a token calls its client: the audit keeps it

# Units: milliseconds by which clocks of others may differ from ours.
SKEW: Final = 60_000
# Units: seconds that a token may last, from `iat` to `exp`: where the file does not say, and the most that it may
# say. What was stolen counts no longer than a working day, whatever the thief's token says. Source: ADR 0021
LONGEST: Final = 3_600
LONGEST_AT_ALL: Final = 86_400
_SECOND: Final = 1000
# Stands between an issuer and what it calls a client; no client that is registered here has it in its id.
_BETWEEN: Final = "|"


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer, for whom its tokens must be (`audience`), and how they are read.

    `client` and `agency` are the claims that name the calling client and its agency; `agencies` has,
    by that name, what the agency's clients are registered with here. `jwks_url` is where its keys
    are, empty where it says that itself. A token that lasts for more than `longest` seconds is not
    believed.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str]
    client: str
    agency: str
    agencies: Mapping[str, Registration]
    jwks_url: str = ""
    longest: int = LONGEST


@dataclass(frozen=True, slots=True)
class Vouched:
    """What an issuer's token says, believed.

    Units: milliseconds since 1970.
    """

    issuer: str
    registration: Registration
    scope: str
    issued: int
    expires: int
    user: Person | None
    patient: str | None


class Issuers:
    """The issuers that are believed beside this server itself."""

    def __init__(self, issuers: Iterable[Issuer], documents: Documents, base_url: str) -> None:
        """Takes where their documents come from, and the base under which a token's people may be named."""
        self._issuers = {each.issuer: each for each in issuers}
        self._documents = documents
        self._base_url = base_url

    async def believed(self, token: Presented, now: int) -> Vouched | None:
        """What the token says at this time; None where it is not believed. It may have expired.

        Raises:
            Unavailable: the keys of its issuer cannot be had now.
        """
        issuer = self._issuers.get(text_of(token.claims, "iss"))
        kind = token.header.get("typ", "")
        if issuer is None or not isinstance(kind, str) or kind.lower() not in _TYPES:
            return None
        if token.algorithm not in issuer.algorithms or not await self._is_signed(token, issuer):
            return None
        return self._vouched(token.claims, issuer, now)

    async def _is_signed(self, token: Presented, issuer: Issuer) -> bool:
        try:
            keys = await self._keys(issuer, anew=False)
            if not candidates(token, keys):
                keys = await self._keys(issuer, anew=True)
        except Unfetched:
            raise Unavailable(
                "issuer-unavailable", "The issuer of the access token cannot be asked for its keys now."
            ) from None
        return signed_by(token, keys, issuer.algorithms)

    async def _keys(self, issuer: Issuer, *, anew: bool) -> tuple[PublicKey, ...]:
        address = issuer.jwks_url
        if not address:
            about = await self._documents.at(issuer.issuer.rstrip("/") + DISCOVERY)
            address = text_of(about, "jwks_uri")
            if about.get("issuer") != issuer.issuer or _is_inward(address, issuer.issuer):
                raise Unfetched
        return public_keys(await self._documents.at(address, anew=anew))

    def _vouched(self, claims: Mapping[str, Any], issuer: Issuer, now: int) -> Vouched | None:
        issued, expires = moment(claims, "iat"), moment(claims, "exp")
        registration = issuer.agencies.get(text_of(claims, issuer.agency))
        client = text_of(claims, issuer.client)
        if issued is None or expires is None or expires - issued > issuer.longest:
            return None
        if registration is None or not _is_for(claims, issuer.audience):
            return None
        if not 0 < len(client) <= LONGEST_NAME or not client.isprintable():
            return None
        begins = [moment(claims, name) for name in ("iat", "nbf") if name in claims]
        if any(each is None or each * _SECOND > now + SKEW for each in begins):
            return None
        user, patient = self._user(claims), text_of(claims, "patient")
        if ("fhirUser" in claims and user is None) or ("patient" in claims and not _ID.fullmatch(patient)):
            return None
        return Vouched(
            issuer.issuer,
            _named(registration, issuer.issuer, client),
            _scope(claims),
            int(issued * _SECOND),
            int(expires * _SECOND) + SKEW,
            user,
            patient or None,
        )

    def _user(self, claims: Mapping[str, Any]) -> Person | None:
        """The person that the token names, where that is one of this server."""
        given = text_of(claims, "fhirUser").removeprefix(f"{self._base_url}/")
        type_, _, id_ = given.partition("/")
        return (type_, id_) if type_ in _PEOPLE and _ID.fullmatch(id_) else None


def _is_inward(address: str, issuer: str) -> bool:
    """Whether an issuer elsewhere sends us to this very machine."""
    if not is_safe(address):
        return True  # nobody is asked there anyhow, and it may be no address
    return is_loopback(urlsplit(address).hostname or "") and not is_loopback(urlsplit(issuer).hostname or "")


def _is_for(claims: Mapping[str, Any], audience: str) -> bool:
    given = claims.get("aud")
    return given == audience or (isinstance(given, list) and audience in given)


def _scope(claims: Mapping[str, Any]) -> str:
    """The scopes, which issuers write as one text or as a list of them."""
    given = claims.get("scope", claims.get("scp", ""))
    if isinstance(given, list):
        return " ".join(each for each in given if isinstance(each, str))
    return given if isinstance(given, str) else ""


def is_outside(client: str) -> bool:
    """Whether a client of that name is one of an issuer elsewhere."""
    return _BETWEEN in client


def standing(issuers: Iterable[Issuer], client: str) -> tuple[Registration, ...]:
    """What the clients of the issuer of that client may be registered with here; nothing where it is not believed."""
    return tuple(
        registration
        for each in issuers
        if client.startswith(f"{each.issuer}{_BETWEEN}")
        for registration in each.agencies.values()
    )


def _named(registration: Registration, issuer: str, client: str) -> Registration:
    """The registration under a name that no client of ours and of other issuers has."""
    return Registration(
        f"{issuer}{_BETWEEN}{client}",
        registration.locality,
        registration.agency,
        registration.name,
        registration.scopes,
        governance=registration.governance,
        chooses_ids=registration.chooses_ids,
        sectors=registration.sectors,
        purpose=registration.purpose,
    )
