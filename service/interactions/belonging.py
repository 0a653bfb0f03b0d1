"""Belonging: whose something is that is about other resources, such as a Provenance or a document.

It is the young person's whose these are. What is about several, about something with a sensitive
label, or about what is not there, is kept by its author alone. What the caller does not see is not there
for them; else it would be found out whose it is, and they would come into that record.

Source: ADR 0022, https://hl7.org/fhir/R4/binary.html#security
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Context
from service.outcomes.references import Locate
from service.outcomes.sharing import facts
from service.outcomes.whose import CLOSED as CLOSED_TO_ALL
from service.outcomes.whose import Whose, joined, whose
from service.storage.store import CLOSED, Change, Key, Store, Stored

# So far is followed what is about something that is about something else.
_STEPS: Final = 3
# Databases bound the number of parameters in one statement; this stays far below.
_READ_AT_ONCE: Final = 500


async def owned(context: Context, locality: str, changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes, each that is about other resources with the young person whose it is."""
    locate = Addresses(context.registry, context.base_url).target
    about = {
        (change.type, change.id): found
        for change in changes
        if change.resource is not None and (found := whose(change.resource, locate)).through
    }
    if not about:
        return tuple(changes)
    own = {(change.type, change.id): change for change in changes}
    wanted = {key for found in about.values() for key in found.through if key not in own}
    stored = await _read(context.store, locality, sorted(wanted))
    # What something was about already stays what it is about, for whoever changes it.
    stays = _stays(changes, locate).intersection(wanted).difference(stored)
    stored |= await _read(context.store.whole, locality, sorted(stays))
    known = _Known(own, stored, locate)
    return tuple(
        change._replace(child=known.child_of(about[key]))
        if (key := (change.type, change.id)) in about
        else change
        for change in changes
    )


def _stays(changes: Iterable[Change], locate: Locate) -> set[Key]:
    """What that is about, and was before, which is some young person's: nothing is found out by it."""
    return {
        key
        for change in changes
        if change.former is not None and change.before is not None and change.before.child != CLOSED
        for key in whose(change.former, locate).through
    }


async def _read(store: Store, locality: str, keys: Sequence[Key]) -> dict[Key, Stored]:
    found: dict[Key, Stored] = {}
    for start in range(0, len(keys), _READ_AT_ONCE):
        found |= await store.read_many(locality, keys[start : start + _READ_AT_ONCE])
    return found


class _Known:
    """Whose the resources of a unit are, and those of the store that they are about."""

    def __init__(self, own: Mapping[Key, Change], stored: Mapping[Key, Stored], locate: Locate) -> None:
        self._own = own
        self._stored = stored
        self._locate = locate

    def child_of(self, about: Whose) -> str:
        """The id of the young person whose something is that is about these; `CLOSED` without one."""
        return self._through(about.through, _STEPS).child or CLOSED

    def _through(self, keys: Iterable[Key], steps: int) -> Whose:
        return joined([self._of(key, steps) for key in keys])

    def _of(self, key: Key, steps: int) -> Whose:
        change = self._own.get(key)
        if change is not None:
            # What the unit deletes is still what the deletion is about.
            resource = change.former if change.resource is None else change.resource
            if resource is None or steps == 0:
                return CLOSED_TO_ALL
            told = facts(resource, self._locate)
            if told.through and not told.label:
                return self._through(told.through, steps - 1)
            return CLOSED_TO_ALL if told.label else Whose(told.child, told.closed)
        stored = self._stored.get(key)
        if stored is None or stored.child == CLOSED:
            return CLOSED_TO_ALL
        if not stored.deleted and facts(content(stored), self._locate).label:
            return CLOSED_TO_ALL
        return Whose(stored.child)
