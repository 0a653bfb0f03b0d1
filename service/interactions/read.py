"""read and vread: the current version of a resource, or a certain one, as the bytes that were stored.

Source: https://hl7.org/fhir/R4/http.html#read, https://hl7.org/fhir/R4/http.html#vread, #cread, #summary
"""

from __future__ import annotations

from collections.abc import Sequence

from service.fhir.problems import Gone, Missing
from service.fhir.search.subsets import read_subset
from service.interactions import audit_events
from service.interactions.audit_event import AUDIT_EVENT
from service.interactions.context import Act, Answer, Context
from service.interactions.etags import version_number
from service.interactions.preconditions import is_unmodified
from service.interactions.subsetting import subsetted
from service.storage.preparation import FIRST_VERSION
from service.storage.store import Stored

Pairs = Sequence[tuple[str, str]]


async def read(
    context: Context,
    act: Act,
    type_: str,
    id_: str,
    *,
    if_none_match: int | None = None,
    if_modified_since: int | None = None,
    pairs: Pairs = (),
) -> Answer:
    """200 with the current version, or 304 where the client has it already.

    Of `pairs`, the parameters of the request, `_summary` and `_elements` count.
    Units: `if_modified_since` in milliseconds since 1970.

    Raises:
        Malformed: `_summary` or `_elements` cannot be read.
        Missing: the id was never used.
        Gone: the resource was deleted.
    """
    subset = read_subset(context.registry, type_, pairs)
    current = require_current(await _current(context, act, type_, id_), type_, id_)
    status = 304 if is_unmodified(current, if_none_match, if_modified_since) else 200
    return Answer(status, current if status == 304 else subsetted(context, subset, [current])[0])


async def vread(
    context: Context, act: Act, type_: str, id_: str, version: str, *, pairs: Pairs = ()
) -> Answer:
    """200 with that version of the resource; `pairs` as in `read`.

    Raises:
        Malformed: `_summary` or `_elements` cannot be read.
        Missing: there never was such a version.
        Gone: that version is a deletion.
    """
    subset = read_subset(context.registry, type_, pairs)
    number = version_number(version)
    stored = await _version(context, act, type_, id_, number) if number else None
    if stored is None:
        raise Missing("version-missing", f"There is no such version of {type_}/{id_}.")
    if stored.deleted:
        raise Gone("version-deleted", f"Version {version} of {type_}/{id_} is its deletion.")
    return Answer(200, subsetted(context, subset, [stored])[0])


async def _current(context: Context, act: Act, type_: str, id_: str) -> Stored | None:
    if type_ == AUDIT_EVENT:
        return await audit_events.find(context, act, id_)
    return await context.store.read(act.caller.locality, type_, id_)


async def _version(context: Context, act: Act, type_: str, id_: str, number: int) -> Stored | None:
    if type_ == AUDIT_EVENT:
        return await audit_events.find(context, act, id_) if number == FIRST_VERSION else None
    return await context.store.read_version(act.caller.locality, type_, id_, number)


def require_current(current: Stored | None, type_: str, id_: str) -> Stored:
    """The current version, where there is one that can be read.

    Raises:
        Missing: the id was never used.
        Gone: the resource was deleted.
    """
    if current is None:
        raise Missing("resource-missing", f"There is no {type_}/{id_}.")
    if current.deleted:
        raise Gone("resource-deleted", f"{type_}/{id_} was deleted; its history is still there.")
    return current
