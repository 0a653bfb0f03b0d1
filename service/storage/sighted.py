"""A locality as somebody sees it: a store that knows of nothing else, and notes what it gave out.

Source: ADR 0019
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.fhir import codec
from service.fhir.search import about
from service.fhir.search.expressions import Ids, Query
from service.fhir.search.sight import Seen, Sight
from service.storage.exporting import Exports
from service.storage.jobs import Jobs
from service.storage.ledger import Ledger
from service.storage.registrations import Registrations
from service.storage.sharing import Resource
from service.storage.store import (
    CLOSED,
    Elsewhere,
    Explained,
    Found,
    HistoryQuery,
    Key,
    Page,
    Share,
    Store,
    Stored,
    Unit,
    Waiting,
    WholeStore,
)
from service.storage.withdrawals import Withdrawals

_DEEP: Final = 10**6  # nothing that was stored is too deep to be read
_STRIDE: Final = 500  # so many resources are asked about at a time when all are walked through


@dataclass(frozen=True, slots=True)
class Sighted:
    """Keeps the `Store` protocol on a whole store, for one request."""

    whole: WholeStore
    masked: Callable[[str, Resource], Resource]
    locality: str
    sight: Sight | None
    seen: Seen

    def seen_by(self, locality: str, sight: Sight | None, seen: Seen) -> Store:
        """As `Store.seen_by`; these eyes have no part in it."""
        return self.whole.seen_by(locality, sight, seen)

    @property
    def registrations(self) -> Registrations:
        """As `Store.registrations`."""
        return self.whole.registrations

    @property
    def audit(self) -> Ledger:
        """As `Store.audit`."""
        return self.whole.audit

    @property
    def exports(self) -> Exports:
        """As `Store.exports`."""
        return self.whole.exports

    @property
    def withdrawals(self) -> Withdrawals:
        """As `Store.withdrawals`."""
        return self.whole.withdrawals

    @property
    def jobs(self) -> Jobs:
        """As `Store.jobs`."""
        return self.whole.jobs

    async def read(self, locality: str, type_: str, id_: str) -> Stored | None:
        """As `Store.read`."""
        self._in(locality)
        sight = self.sight
        if sight is not None and not sight.reads(type_):
            return None
        one = await self.whole.read(locality, type_, id_, sight)
        if one is None or not (self._all_of(type_) or await self._within([one])):
            return None
        return self._given(one)

    async def read_many(self, locality: str, keys: Sequence[Key]) -> dict[Key, Stored]:
        """As `Store.read_many`."""
        self._in(locality)
        sight = self.sight
        if sight is not None:
            keys = [key for key in keys if sight.reads(key[0])]
        if not keys:
            return {}
        if len(keys) == 1:
            [key] = keys
            seen = await self.read(locality, *key)
            return {} if seen is None else {key: seen}
        found = await self.whole.read_many(locality, keys, sight)
        if sight is None or not sight.narrowed:
            return {key: self._given(one) for key, one in found.items()}
        within = await self._within(found.values())
        return {key: self._given(one) for key, one in found.items() if key in within}

    async def read_version(self, locality: str, type_: str, id_: str, version: int) -> Stored | None:
        """As `Store.read_version`."""
        self._in(locality)
        if self.sight is not None and not self.sight.reads(type_):
            return None
        found = await self.whole.read_version(locality, type_, id_, version, self.sight)
        if found is None:
            return None
        current = found if self._all_of(type_) else await self.whole.read(locality, type_, id_, self.sight)
        if current is None or not await self._within([current]):
            return None
        if self.sight is not None and not about.allows(self.sight.narrowed.get(type_), found.child):
            return None
        return self._given(found)

    async def search(self, locality: str, query: Query) -> Found:
        """As `Store.search`."""
        self._in(locality)
        found = await self.whole.search(locality, query.seen_by(self.sight))
        items = self._all(found.items)
        return found if items is found.items else replace(found, items=items)

    async def explain(self, locality: str, query: Query) -> tuple[Explained, ...]:
        """As `Store.explain`."""
        self._in(locality)
        return await self.whole.explain(locality, query.seen_by(self.sight))

    async def referred(
        self,
        locality: str,
        keys: Sequence[int],
        parameters: Sequence[tuple[str, str]],
        types: frozenset[str],
        limit: int,
    ) -> tuple[Stored, ...]:
        """As `Store.referred`."""
        self._in(locality)
        found = await self.whole.referred(locality, keys, parameters, types, limit, self.sight)
        return tuple(await self._those_within(found))

    async def referring(
        self, locality: str, targets: Sequence[Key], parameters: Sequence[tuple[str, str]], limit: int
    ) -> tuple[Stored, ...]:
        """As `Store.referring`."""
        self._in(locality)
        found = await self.whole.referring(locality, targets, parameters, limit, self.sight)
        return tuple(await self._those_within(found))

    async def history(self, locality: str, query: HistoryQuery) -> Page:
        """As `Store.history`."""
        self._in(locality)
        page = await self.whole.history(locality, replace(query, sight=self.sight))
        items = self._all(page.items)
        return page if items is page.items else replace(page, items=items)

    async def commit(self, locality: str, unit: Unit) -> tuple[Stored, ...]:
        """As `Store.commit`. Whoever decided the unit says with whose eyes its expectations look."""
        self._in(locality)
        return await self.whole.commit(locality, unit)

    async def notices(
        self, locality: str, agency: str, count: int, after: str | None = None
    ) -> tuple[Waiting, ...]:
        """As `Store.notices`."""
        self._in(locality)
        return await self.whole.notices(locality, agency, count, after)

    async def acknowledge(
        self, locality: str, agency: str, client: str, ids: Sequence[str], types: frozenset[str]
    ) -> frozenset[str]:
        """As `Store.acknowledge`."""
        self._in(locality)
        return await self.whole.acknowledge(locality, agency, client, ids, types)

    async def sharing(self, locality: str, child: str) -> tuple[Share, ...]:
        """As `Store.sharing`: all of it, for whoever may ask."""
        self._in(locality)
        return await self.whole.sharing(locality, child)

    async def localities(self) -> tuple[str, ...]:
        """The one locality."""
        return (self.locality,)

    async def pending(self) -> Callable[[str], frozenset[str]]:
        """As `Store.pending`."""
        return await self.whole.pending()

    async def secret(self, name: str) -> bytes:
        """As `Store.secret`."""
        return await self.whole.secret(name)

    async def ready(self) -> bool:
        """As `Store.ready`."""
        return await self.whole.ready()

    async def close(self) -> None:
        """Leaves the store open for others."""

    async def everything(self, locality: str, types: Sequence[str]) -> AsyncIterator[Stored]:
        """As `Store.everything`."""
        self._in(locality)
        sight = self.sight
        types = [type_ for type_ in types if sight is None or sight.reads(type_)]
        waiting: list[Stored] = []
        async for one in self.whole.everything(locality, types, sight):
            waiting.append(one)
            if len(waiting) == _STRIDE or self._all_of(one.type):
                for seen in await self._those_within(waiting):
                    yield seen
                waiting.clear()
        for seen in await self._those_within(waiting):
            yield seen

    def _in(self, locality: str) -> None:
        if locality != self.locality:
            raise Elsewhere("Nobody looks from one locality into another.")

    def _all_of(self, type_: str) -> bool:
        """Whether what the store shows of the type is all within what the token allows."""
        return self.sight is None or type_ not in self.sight.narrowed

    async def _those_within(self, found: Sequence[Stored]) -> list[Stored]:
        within = await self._within(found)
        return [self._given(one) for one in found if (one.type, one.id) in within]

    async def _within(self, found: Iterable[Stored]) -> set[Key]:
        """Those of what the store shows that meet what the token wants. Of a deletion nothing can be told."""
        within: set[Key] = set()
        asked: dict[str, set[str]] = {}
        for one in found:
            if self._all_of(one.type):
                within.add((one.type, one.id))
            elif not one.deleted:
                asked.setdefault(one.type, set()).add(one.id)
        for type_, ids in asked.items():
            query = Query(type_, Ids(frozenset(ids)), len(ids), sight=self.sight)
            page = await self.whole.search(self.locality, query)
            within |= {(one.type, one.id) for one in page.items}
        return within

    def _all(self, items: tuple[Stored, ...]) -> tuple[Stored, ...]:
        """What is given out of a page, noted; the page itself where nothing of it is withheld."""
        told = {(one.child, one.ground, one.withheld) for one in items}
        for child, ground, _ in told:
            self._note(child, ground)
        if not any(withheld for _, _, withheld in told):
            return items
        return tuple([self._masked(one) if one.withheld else one for one in items])

    def _given(self, one: Stored) -> Stored:
        """What is given out of a version; it is noted."""
        self._note(one.child, one.ground)
        return self._masked(one) if one.withheld else one

    def _note(self, child: str | None, ground: int) -> None:
        if child is not None and child != CLOSED:
            self.seen.note(child, ground)

    def _masked(self, one: Stored) -> Stored:
        if one.deleted:
            return one
        left = self.masked(one.type, codec.decode(one.body, max_depth=_DEEP))
        return one._replace(body=codec.encode(left))
