"""For whom a job acts: its caller, kept with it, and read again by whoever carries it out.

The caller is kept with what the token allowed when the job was asked for. What the agency may see is
decided when it is read: a permission that was withdrawn meanwhile holds for the rest of the job.

Source: ADR 0019, ADR 0024
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from service.access.callers import Caller
from service.access.issuers import Issuer, is_outside, standing
from service.access.needs import Need, Needs
from service.access.scopes import read_scopes
from service.access.seeing import sight
from service.fhir import codec
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.fhir.search.sight import Sight
from service.storage.registrations import Registration

READING: Final = "rs"
"""The letters of a scope that exporting resources of a type takes: it shows all that there are, and each whole."""
EXPORTING: Final = Needs((Need("", READING),))
"""What exporting takes of a token: some type that it may read and search."""


def exports(caller: Caller, type_: str) -> bool:
    """Whether the token lets the caller export resources of the type."""
    return all(caller.may(type_, letter) for letter in READING)


def eyes(registry: Registry, caller: Caller) -> Sight | None:
    """The eyes with which an export of the caller's looks; None for those who see everything."""
    return sight(registry, caller, EXPORTING)


def covers(caller: Caller, other: Caller, types: Iterable[str]) -> str | None:
    """None where the token lets the caller have all that was exported of the types with the other's; else the first that it does not.

    Of each type it reads and searches all, or what the other's did: what is narrowed otherwise may be less.
    """
    if caller.scopes is None:
        return None
    for type_ in types:
        mine = caller.scopes.of(type_)
        theirs = {} if other.scopes is None else other.scopes.of(type_)
        for letter in READING:
            if letter not in mine or (mine[letter] is not None and mine[letter] != theirs.get(letter)):
                return type_
    return None


def encode(caller: Caller) -> bytes:
    """The caller as JSON, to be kept with a job."""
    kept: dict[str, Any] = {
        "client": caller.client,
        "agency": caller.agency,
        "locality": caller.locality,
        "administrator": caller.administrator,
        "sectors": sorted(caller.sectors),
        "purpose": caller.purpose,
        "chooses_ids": caller.chooses_ids,
        "governance": caller.governance,
    }
    if caller.user is not None:
        kept["user"] = list(caller.user)
    if caller.patient is not None:
        kept["patient"] = caller.patient
    if caller.scopes is not None:
        kept["scopes"] = caller.scopes.text
    return codec.encode(kept)


def owns(caller: Caller, raw: bytes) -> bool:
    """Whether a job is the caller's, by the caller that is kept with it.

    It is so for the same client, agency and purpose, and the same user and young person of the token: a client may
    serve many users, and what was exported with the rights of one of them is not for another. Nor is it for who has
    lost since then what it saw by: that it is an administrator, or a sector.
    """
    kept = codec.restore(raw)
    user = kept.get("user")
    then = (kept["client"], kept["agency"], kept["purpose"], user and tuple(user), kept.get("patient"))
    now = (caller.client, caller.agency, caller.purpose, caller.user, caller.patient)
    return then == now and _has_still(kept, caller)


def is_vouched(issuers: Iterable[Issuer], client: str, raw: bytes) -> bool:
    """Whether a client that is not registered here may still act as the caller that is kept with its job.

    One of an issuer elsewhere may where that is believed, and its agency is named with all that the caller had. Of the
    token nothing is known any more. Any other name is the service's own.
    """
    if not is_outside(client):
        return True
    kept = codec.restore(raw)
    return any(
        (each.locality, each.agency, each.purpose) == (kept["locality"], kept["agency"], kept["purpose"])
        and set(kept["sectors"]) <= set(each.sectors)
        for each in standing(issuers, client)
    )


def has_still(client: Registration, raw: bytes) -> bool:
    """Whether a client has what it saw by when its job was asked for: that it is an administrator, and its sectors."""
    return _has_still(codec.restore(raw), client)


def _has_still(kept: dict[str, Any], now: Caller | Registration) -> bool:
    may_still = now.administrator or not kept.get("administrator", False)
    return may_still and set(kept.get("sectors", ())).issubset(now.sectors)


def sectors(raw: bytes) -> frozenset[str]:
    """The sectors of the caller that is kept with a job."""
    return frozenset(codec.restore(raw)["sectors"])


def decode(raw: bytes, setting: Setting) -> Caller:
    """The caller that `encode` wrote; its scopes mean what they mean in this setting."""
    kept = codec.restore(raw)
    user = tuple(kept["user"]) if "user" in kept else None
    scopes = kept.get("scopes")
    return Caller(
        client=kept["client"],
        agency=kept["agency"],
        locality=kept["locality"],
        administrator=kept["administrator"],
        sectors=frozenset(kept["sectors"]),
        purpose=kept["purpose"],
        user=user,
        patient=kept.get("patient"),
        chooses_ids=kept["chooses_ids"],
        governance=kept["governance"],
        scopes=None
        if scopes is None
        else read_scopes(setting, scopes, patient=kept.get("patient"), user=user),
    )
