"""What a client is registered with: checked before it is kept, and turned into who calls.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys, ADR 0021
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from service.access.callers import Caller
from service.access.grants import SIGN_IN, read_grants
from service.access.scopes import Person, Scopes, granted
from service.fhir.search.asked import Setting
from service.storage.registrations import Registration

# Characters of ids, and of names of localities and codes: such as stand in tokens, logs and addresses unescaped.
_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
LONGEST_NAME: Final = 200
LONGEST_ADDRESS: Final = 2_000


def faults(registration: Registration, setting: Setting) -> list[str]:
    """A sentence for each thing for which the client cannot be registered."""
    return [
        *faults_of_names(registration),
        *faults_of_keys(registration.keys, registration.jwks_url),
        *faults_of_scopes(registration.scopes, setting),
    ]


def faults_of_names(given: Registration) -> Iterator[str]:
    """A sentence for each name or code that nothing here may have."""
    for what, text in (("id", given.id), ("locality", given.locality), ("agency", given.agency)):
        if not _ID.fullmatch(text):
            yield f"The {what} of a client has 1 to 64 letters, digits, dots, hyphens and underscores."
    for code in (*given.sectors, given.purpose):
        if not _CODE.fullmatch(code):
            yield "Sectors and purposes are codes of letters, digits, dots, hyphens and underscores."
    if not 0 < len(given.name) <= LONGEST_NAME or not given.name.isprintable():
        yield f"The name of a client is a line of 1 to {LONGEST_NAME} characters."


def faults_of_keys(keys: str | None, jwks_url: str | None) -> Iterator[str]:
    """A sentence for each reason for which a client could not sign in by these."""
    if (keys is None) == (jwks_url is None):
        yield "A client has either keys or the address where its keys are (--key or --jwks-url)."
    if jwks_url is not None and not is_safe(jwks_url):
        yield "The address of keys begins with https://, has no user, password or #, and is no longer than a line."


def faults_of_scopes(scopes: str, setting: Setting, *, outside: bool = False) -> Iterator[str]:
    """A sentence for each scope that would allow nothing.

    `outside`: they are of an issuer elsewhere, where people sign in too.
    """
    for text in scopes.split():
        if text in SIGN_IN:
            continue
        grants = read_grants(text)
        if not grants:
            yield f"{text} is no scope that is understood here, such as system/Observation.rs."
        elif grants[0].context != "system" and not outside:
            system = f"system/{text.partition('/')[2]}"
            yield f"{text} is in the name of a person; who signs in here is a system: {system}."
        elif not granted(setting, text, text):
            yield f"{text} is about a type that is not kept here, or is narrowed in a way that is not understood."
    if SIGN_IN.issuperset(scopes.split()):
        yield "Without scopes nothing could be done."


def is_id(text: str) -> bool:
    """Whether a client may have this id."""
    return _ID.fullmatch(text) is not None


def is_safe(address: str) -> bool:
    """Whether something may be fetched from the address: by https, or on this machine."""
    if len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable() or " " in address:
        return False
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or "#" in address:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def caller_of(
    registration: Registration, scopes: Scopes, *, user: Person | None = None, patient: str | None = None
) -> Caller:
    """Who calls when a token of the client is shown."""
    return Caller(
        client=registration.id,
        agency=registration.agency,
        locality=registration.locality,
        administrator=registration.administrator,
        sectors=frozenset(registration.sectors),
        purpose=registration.purpose,
        user=user,
        patient=patient,
        chooses_ids=registration.chooses_ids,
        governance=registration.governance,
        scopes=scopes,
    )
