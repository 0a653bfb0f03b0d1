"""publishing: the guide's artefacts as resources, to be read and found like any other.

What the service works with is the guide; this makes the store show the same. It may be
repeated: only what is new or changed becomes a version, and what the guide no longer holds is
deleted. Questionnaires can be changed by clients (a wording pack is such a change), so each
carries a digest in `meta.source`; one that no longer fits its digest, or was deleted, is left
to whoever did that. And none is deleted here: there may be answers to it.

Source: https://hl7.org/fhir/R4/capabilitystatement.html#supportedProfile, docs/commands.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

from service.access.callers import DEFAULT_LOCALITY, Caller
from service.fhir import codec, stamping
from service.fhir.guide import CANONICAL_BASE, KINDS
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.decisions import Decision, settle
from service.interactions.delete import deletion
from service.interactions.identity import is_id
from service.storage.store import Change, Key, Stored

Json = dict[str, Any]

ACTOR: Final = "thrive-fhir"  # the client and agency that the audit names
UNIT: Final = 100  # artefacts of one unit: with snapshots, some megabytes
SOURCE: Final = f"{CANONICAL_BASE}#"
_DIGITS: Final = 32  # of SHA-256 in hexadecimal: it tells a change, it guards nothing


async def publish(context: Context, locality: str = DEFAULT_LOCALITY) -> int:
    """How many artefacts became a version, deletions included.

    Raises:
        Conflict: others kept changing the same resources.
    """
    act = Act(Caller(ACTOR, ACTOR, locality), "publishing")
    artefacts = _artefacts(context)
    keys = sorted(artefacts)
    count = 0
    for start in range(0, len(keys), UNIT):
        count += await _publish(context, act, {key: artefacts[key] for key in keys[start : start + UNIT]})
    return count + await _retract(context, act, artefacts.keys())


async def publish_everywhere(context: Context, further: Iterable[str] = ()) -> int:
    """How many artefacts became a version in all localities that there are, and in further ones.

    Raises:
        Conflict: others kept changing the same resources.
    """
    there = {locality for _, locality in await context.store.audit.localities()}
    return sum([await publish(context, locality) for locality in sorted(there.union(further))])


def _artefacts(context: Context) -> dict[Key, Json]:
    """The guide's artefacts by type and id, as they are to be stored; those without an id cannot be."""
    return {
        (kind, id_): _signed(artefact) if _is_open(context, kind) else artefact
        for kind in KINDS
        if kind in context.registry.served
        for artefact in context.guide.all(kind).values()
        if isinstance(id_ := artefact.get("id"), str) and is_id(id_)
    }


def _is_open(context: Context, kind: str) -> bool:
    """Whether clients can change resources of the type."""
    return "update" in context.registry.served[kind]


async def _publish(context: Context, act: Act, artefacts: dict[Key, Json]) -> int:
    async def decide() -> Decision:
        current = await context.store.read_many(act.caller.locality, list(artefacts))
        changes = (_change(context, key, artefact, current.get(key)) for key, artefact in artefacts.items())
        return Decision(200, tuple(change for change in changes if change is not None))

    _, stored = await settle(context, act, "publish", decide)
    return len(stored)


def _change(context: Context, key: Key, artefact: Json, before: Stored | None) -> Change | None:
    """The artefact's next version; None where it is there already, or somebody made it their own."""
    type_, id_ = key
    if before is None:
        return Change(type_, id_, "PUT", None, None, artefact)
    is_open = _is_open(context, type_)
    if before.deleted:
        return None if is_open else Change(type_, id_, "PUT", before, None, artefact)
    head, tail = stamping.parts(artefact)
    if stamping.stamp(head, before.version, before.updated, tail) == before.body:
        return None
    former = content(before)
    if is_open and not _is_ours(former):
        return None
    return Change(type_, id_, "PUT", before, former, artefact)


async def _retract(context: Context, act: Act, published: Iterable[Key]) -> int:
    """How many artefacts were deleted because the guide no longer holds them."""
    kept = set(published)
    kinds = [kind for kind in KINDS if kind in context.registry.served and not _is_open(context, kind)]

    async def decide() -> Decision:
        stored = [each async for each in context.store.everything(act.caller.locality, kinds)]
        gone = (each for each in stored if (each.type, each.id) not in kept)
        return Decision(200, tuple(deletion(each) for each in gone))

    _, deleted = await settle(context, act, "publish", decide)
    return len(deleted)


def _signed(artefact: Json) -> Json:
    """The artefact with the digest of itself."""
    return {**artefact, "meta": {**artefact.get("meta", {}), "source": SOURCE + digest(artefact)}}


def _is_ours(stored: Json) -> bool:
    """Whether a stored resource is as it was published."""
    source = stored.get("meta", {}).get("source")
    return isinstance(source, str) and source == SOURCE + digest(stored)


def digest(resource: Json) -> str:
    """What tells one content of a resource from another; what the server and publishing write in meta is left out."""
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in _WRITTEN}
    plain = {name: value for name, value in resource.items() if name != "meta"} | (
        {"meta": meta} if meta else {}
    )
    ordered = {name: plain[name] for name in sorted(plain)}
    return hashlib.sha256(codec.encode(ordered)).hexdigest()[:_DIGITS]


_WRITTEN: Final = frozenset({"versionId", "lastUpdated", "source"})
