"""What stands around a write: the resources of the unit itself, and those of the store beside them.

Rules that look at other resources ask here. What was read from the store is remembered,
so that the unit is only stored where it still holds: single resources by their version,
answers to questions as expectations.

What a unit refers to is read as the caller sees it. Questions of the rules are asked of the whole
store: that one person coordinates at a time is true of plans that the caller does not see, too. But
what a change says of somebody, or something, that the caller does not see is judged with their own
eyes: the answer of a rule would tell them that it is there.

Source: docs/rules.md, ADR 0022
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from service.fhir.search.expressions import Expression, Or, Query
from service.fhir.search.references import Addresses
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.existing import Presence
from service.outcomes.references import Locate, Target, child
from service.storage.store import Change, Expectation, Key, Store, Stored

# Resources that a question is expected to find at most; where it finds more, it is asked again for all.
_USUAL: Final = 200
_MANY_TIMES: Final = 20
# Databases bound the number of parameters in one statement; this stays far below.
_READ_AT_ONCE: Final = 500
# Questions that are asked at once; of fewer than a few each is asked by itself.
_ASKED_AT_ONCE: Final = 100
_FEW: Final = 3

Json = dict[str, Any]
_Facts = TypeVar("_Facts")


class Surroundings:
    """The store as the unit will leave it, as far as it was asked."""

    def __init__(
        self,
        context: Context,
        act: Act,
        changes: Sequence[Change],
        pending: Iterable[Key] = (),
        *,
        as_seen: bool = False,
    ) -> None:
        """Takes the unit's changes; `pending` are resources of it whose content is not known yet.

        `as_seen`: all is asked as the caller sees it, for what is shown to them and never stored.
        """
        self.caller = act.caller
        self.clock = context.clock
        self.addresses = Addresses(context.registry, context.base_url)
        self._store = context.store
        sees_all = as_seen or context.store.sight is None
        self._whole = context.store if sees_all else context.store.whole
        self._locality = act.caller.locality
        self._own = {(change.type, change.id): change for change in changes}
        self._pending = frozenset(pending)
        self._stored: dict[Key, Stored | None] = {}
        self._presences: dict[Key, Presence | None] = {}
        # The same where the caller sees all.
        self._truth = self._stored if self._whole is self._store else {}
        self._contents: dict[tuple[str, str, int], Json] = {}
        self._relied_on: dict[Key, Stored] = {}
        self._read_once: dict[tuple[Key, Callable[..., Any]], tuple[Json, Any]] = {}
        self._answers: dict[tuple[str, Expression], tuple[Stored, ...]] = {}
        self._expectations: list[Expectation] = []
        self._by_child: dict[tuple[str, Target | None], list[Json]] | None = None

    def with_own_eyes(self) -> Surroundings:
        """The same, of which everything is asked as the caller sees it; what was relied on is noted in both."""
        if self._whole is self._store:
            return self
        seen = copy.copy(self)
        seen._whole = self._store  # noqa: SLF001 - a copy of this one
        seen._truth = self._stored  # noqa: SLF001 - a copy of this one
        seen._contents = {}  # noqa: SLF001 - a copy of this one
        seen._answers = {}  # noqa: SLF001 - a copy of this one
        return seen

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What the store must still say at commit."""
        return tuple(self._expectations)

    @property
    def relied_on(self) -> tuple[Stored, ...]:
        """The versions that must still be current at commit."""
        return tuple(self._relied_on.values())

    async def fetch(self, keys: Iterable[Key], truths: Iterable[Key] = ()) -> None:
        """Reads, in one go, what will be asked for by key; of `truths` whatever there is, seen or not."""
        wanted, whole = set(keys), set(truths)
        if self._truth is self._stored:
            wanted |= whole
        if wanted:
            await self._read(self._store, wanted, self._stored)
        if self._truth is self._stored:
            return
        # A rule is no wiser for what is withheld from the caller alone.
        whole |= {key for key in wanted if (stored := self._stored.get(key)) is not None and stored.withheld}
        if whole:
            await self._read(self._whole, whole, self._truth)

    async def _read(self, store: Store, keys: set[Key], known: dict[Key, Stored | None]) -> None:
        wanted = [key for key in keys if key[0] and key not in self._own and key not in known]
        for start in range(0, len(wanted), _READ_AT_ONCE):
            part = wanted[start : start + _READ_AT_ONCE]
            found = await store.read_many(self._locality, part)
            for key in part:
                known[key] = found.get(key)
                self._presences.pop(key, None)

    def presence(self, key: Key) -> Presence | None:
        """How far a resource that was fetched, or is of the unit, will be here; None: it never was."""
        if key in self._presences:
            return self._presences[key]
        presence = self._presences[key] = self._presence(key)
        return presence

    def _presence(self, key: Key) -> Presence | None:
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
        return self._content(self._truth.get(key) or stored if stored.withheld else stored)

    def read_once(self, key: Key, resource: Json, reader: Callable[[Json, Locate], _Facts]) -> _Facts:
        """What the reader makes of a resource that `resource` gave: many of a unit may name the same one."""
        known = self._read_once.get((key, reader))
        if known is not None and known[0] is resource:
            facts: _Facts = known[1]
            return facts
        made = reader(resource, self.addresses.target)
        self._read_once[key, reader] = (resource, made)
        return made

    async def unseen(self, keys: Iterable[Key]) -> frozenset[Key]:
        """Those of resources of the store that the caller does not see, or from whom a part of them is withheld."""
        wanted = set(keys)
        if self._truth is self._stored:
            return frozenset()
        await self.fetch(wanted)
        return frozenset(key for key in wanted if not self._is_seen_whole(key))

    def _is_seen_whole(self, key: Key) -> bool:
        seen = self.seen(key)
        return seen is not None and not seen.deleted and not seen.withheld

    async def sees_whole(self, key: Key) -> bool:
        """Whether the caller sees a resource of the store, and nothing of it is withheld from them."""
        await self.fetch([key])
        return self._is_seen_whole(key)

    def stored(self, key: Key) -> Stored | None:
        """The version in the store of what was fetched as truth, a deletion included; nothing hangs on it yet."""
        return self._truth.get(key)

    def seen(self, key: Key) -> Stored | None:
        """The version that the caller sees of what was fetched, or is changed by the unit; None where there is none."""
        own = self._own.get(key)
        return self._stored.get(key) if own is None else own.before

    def creates(self, key: Key) -> bool:
        """Whether the unit itself makes the resource, of which there was nothing before."""
        own = self._own.get(key)
        return own is not None and own.before is None and own.resource is not None

    def is_own(self, key: Key) -> bool:
        """Whether the unit itself writes the resource."""
        return key in self._own

    def rely_on(self, versions: Iterable[Stored]) -> None:
        """Notes that these versions must still be current at commit."""
        for stored in versions:
            self._relied_on[stored.type, stored.id] = stored

    async def found(self, type_: str, where: Expression) -> tuple[Stored, ...]:
        """The versions in the store for which the expression holds, seen or not, whatever the unit does to them."""
        known = self._answers.get((type_, where))
        if known is not None:
            return known
        query = Query(type_, where, _USUAL)
        page = await self._whole.search(self._locality, query)
        while page.more:
            query = replace(query, count=query.count * _MANY_TIMES)
            page = await self._whole.search(self._locality, query)
        ids = frozenset(stored.id for stored in page.items)
        self._expectations.append(Expectation(query, ids, self._whole.sight))
        self._answers[type_, where] = page.items
        return page.items

    async def foresee(self, type_: str, questions: Iterable[Expression]) -> None:
        """Asks several questions of `found` at once: where nothing is found, all of them are answered by that."""
        asked = tuple(where for where in questions if (type_, where) not in self._answers)
        for start in range(0, len(asked), _ASKED_AT_ONCE):
            part = asked[start : start + _ASKED_AT_ONCE]
            if len(part) < _FEW:
                return
            query = Query(type_, Or(part), 1)
            if not (await self._whole.search(self._locality, query)).items:
                self._expectations.append(Expectation(query, frozenset(), self._whole.sight))
                self._answers |= {(type_, where): () for where in part}

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
        """The resources that the caller sees at this moment, for what is said of a unit and decides nothing.

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
