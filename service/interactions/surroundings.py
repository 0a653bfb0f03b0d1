"""What stands around a write: the resources of the unit itself, and those of the store beside them.

Rules that look at other resources ask here. What was read from the store is remembered,
so that the unit is only stored where it still holds: single resources by their version,
answers to questions as expectations.

Source: docs/rules.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from service.fhir.search.expressions import Expression, Query
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.existing import Presence
from service.outcomes.references import Target, child
from service.storage.store import Change, Expectation, Key, Stored

# Resources that a question is expected to find at most; where it finds more, it is asked again for all.
_USUAL: Final = 200
_MANY_TIMES: Final = 20
# Databases bound the number of parameters in one statement; this stays far below.
_READ_AT_ONCE: Final = 500

Json = dict[str, Any]


class Surroundings:
    """The store as the unit will leave it, as far as it was asked."""

    def __init__(
        self, context: Context, act: Act, changes: Sequence[Change], pending: Iterable[Key] = ()
    ) -> None:
        """Takes the unit's changes; `pending` are resources of it whose content is not known yet."""
        self.caller = act.caller
        self.clock = context.clock
        self.addresses = Addresses(context.registry, context.base_url)
        self._store = context.store
        self._locality = act.caller.locality
        self._own = {(change.type, change.id): change for change in changes}
        self._pending = frozenset(pending)
        self._stored: dict[Key, Stored | None] = {}
        self._contents: dict[tuple[str, str, int], Json] = {}
        self._relied_on: dict[Key, Stored] = {}
        self._answers: dict[tuple[str, Expression], tuple[Stored, ...]] = {}
        self._expectations: list[Expectation] = []
        self._by_child: dict[tuple[str, Target | None], list[Json]] | None = None

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What the store must still say at commit."""
        return tuple(self._expectations)

    @property
    def relied_on(self) -> tuple[Stored, ...]:
        """The versions that must still be current at commit."""
        return tuple(self._relied_on.values())

    async def fetch(self, keys: Iterable[Key]) -> None:
        """Reads, in one go, what will be asked for by key."""
        wanted = list({key for key in keys if key[0] and key not in self._own and key not in self._stored})
        for start in range(0, len(wanted), _READ_AT_ONCE):
            part = wanted[start : start + _READ_AT_ONCE]
            found = await self._store.read_many(self._locality, part)
            for key in part:
                self._stored[key] = found.get(key)

    def presence(self, key: Key) -> Presence | None:
        """How far a resource that was fetched, or is of the unit, will be here; None: it never was."""
        own = self._own.get(key)
        if own is not None:
            version = 1 if own.before is None else own.before.version + 1
            return Presence(version, deleted=own.resource is None)
        stored = self._stored.get(key)
        if key in self._pending:
            return Presence(1 if stored is None else stored.version + 1, deleted=False)
        return None if stored is None else Presence(stored.version, stored.deleted)

    def resource(self, key: Key) -> Json | None:
        """The content that a resource that was fetched, or is of the unit, will have; None where there is none."""
        own = self._own.get(key)
        if own is not None:
            return own.resource
        stored = self._stored.get(key)
        if stored is None or stored.deleted or key in self._pending:
            return None
        self._relied_on[key] = stored
        return self._content(stored)

    def stored(self, key: Key) -> Stored | None:
        """The version in the store of what was fetched, a deletion included; nothing hangs on it yet."""
        return self._stored.get(key)

    def is_own(self, key: Key) -> bool:
        """Whether the unit itself writes the resource."""
        return key in self._own

    def rely_on(self, versions: Iterable[Stored]) -> None:
        """Notes that these versions must still be current at commit."""
        for stored in versions:
            self._relied_on[stored.type, stored.id] = stored

    async def found(self, type_: str, where: Expression) -> tuple[Stored, ...]:
        """The versions in the store for which the expression holds, whatever the unit does to them."""
        known = self._answers.get((type_, where))
        if known is not None:
            return known
        query = Query(type_, where, _USUAL)
        page = await self._store.search(self._locality, query)
        while page.more:
            query = replace(query, count=query.count * _MANY_TIMES)
            page = await self._store.search(self._locality, query)
        self._expectations.append(Expectation(query, frozenset(stored.id for stored in page.items)))
        self._answers[type_, where] = page.items
        return page.items

    async def others(self, type_: str, where: Expression) -> list[Json]:
        """The resources of the store for which the expression holds, without those that the unit changes."""
        found = await self.found(type_, where)
        return [self._content(stored) for stored in found if (stored.type, stored.id) not in self._own]

    def _content(self, stored: Stored) -> Json:
        key = (stored.type, stored.id, stored.version)
        if key not in self._contents:
            self._contents[key] = content(stored)
        return self._contents[key]

    async def glance(self, type_: str, where: Expression) -> list[Json]:
        """The resources that the store has at this moment, for what is said of a unit and decides nothing.

        The unit does not hang on the answer, which may leave out what is beyond the usual number.
        """
        found = await self._store.search(self._locality, Query(type_, where, _USUAL))
        return [content(stored) for stored in found.items]

    def own(self, type_: str) -> list[Json]:
        """The unit's resources of a type."""
        return [
            change.resource
            for change in self._own.values()
            if change.type == type_ and change.resource is not None
        ]

    def own_of(self, type_: str, whose: Target) -> list[Json]:
        """The unit's resources of a type that are about a young person."""
        if self._by_child is None:
            self._by_child = {}
            for change in self._own.values():
                if change.resource is not None:
                    about = child(change.resource, self.addresses.target)
                    self._by_child.setdefault((change.type, about), []).append(change.resource)
        return self._by_child.get((type_, whose), [])
