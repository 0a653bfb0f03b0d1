"""Searches as both databases run them: which statements, and how a page is made of their rows.

Unsorted pages follow one another by resource key, which never changes. A sorted page
lists resources by values that do change, so the pages of one search agree on a moment
(`as_of`): each resource has the place that its version at that moment gave it, however
often it is changed while the pages are read. What was not changed since is found in its
place by the indexes ("settled"); the few that were ("moved") are asked for beside it, and
put in the places that their old versions had. Those that were changed just before the
first page are "pinned" to the places in which that page has them.

Source: ADR 0014
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from sqlalchemy import Dialect

from service.fhir import codec
from service.fhir.problems import Issue, Malformed, Unavailable
from service.fhir.search.expressions import Query
from service.fhir.search.extraction import Extractor
from service.fhir.search.places import Kept, Order, Place, order, place
from service.fhir.search.values import SearchValues
from service.storage.indexing import target
from service.storage.moments import versions_at
from service.storage.names import Kind, Names, pack_id, unpack_id
from service.storage.preparation import FIRST_VERSION
from service.storage.querying.said import GROUND, WITHHELD
from service.storage.querying.searches import Searches
from service.storage.sharing import unpack_child
from service.storage.store import Explained, Found, Stored
from service.storage.tables import METHOD_NAMES

Row = Any  # a sequence; both drivers have their own
Fetch = Callable[[str, Sequence[Any]], Awaitable[Sequence[Row]]]
Authors = Callable[[Sequence[Row]], Awaitable[None]]

LONGEST = 10.0
"""Units: seconds that one statement may take, of a search or of a unit, before it is given up."""

MARGIN = 15_000
"""Units: milliseconds after which a version that bears an earlier time can no longer appear.

A version is stamped just before the statement that stores it, which is given up after `LONGEST`;
the rest is for the disk, and for the clocks of several machines.
"""

MOST_PINS = 20
"""Units: resources that a first page can pin; the links beside it grow by two numbers for each."""

# So many old versions are read into values between two looks at other requests.
_STEP = 50
# What a resource is sorted by without a look into its body.
_STORED = frozenset({"_id", "_lastUpdated"})
# Behind the columns of a resource, and what it is seen by, stand the values by the sort keys.
_RESOURCE_COLUMNS = 10


class Statement(NamedTuple):
    """A statement that a search ran: what for, its text and arguments, how many rows it gave, and microseconds."""

    purpose: str
    text: str
    arguments: Sequence[Any]
    rows: int
    microseconds: int

    def explained(self, plan: tuple[str, ...]) -> Explained:
        """What is told of it: no values."""
        return Explained(self.purpose, self.text, plan, self.rows, self.microseconds)


def stored(row: Row, type_: str, names: Names) -> Stored:
    """The version in a row of `statements.CURRENT` and the number of `decision`; its author's name is learnt."""
    seen = row[9]
    return Stored(
        type_,
        unpack_id(row[1]),
        row[2],
        row[3],
        METHOD_NAMES[row[4]],
        row[5],
        row[6],
        names.agencies[row[7]],
        unpack_child(row[8]),
        seen & GROUND,
        seen & WITHHELD != 0,
    )


def kept(names: Names) -> Kept:
    """What the index tables hold of values, for `service.fhir.search.places`."""
    return Kept(
        id=pack_id,
        target=lambda type_, id_: target(names, type_, id_)[1],
    )


def too_costly() -> Unavailable:
    """The refusal of a search that took longer than `LONGEST`."""
    text = "The search takes too long; ask for less, such as one patient, or a shorter time."
    issue = Issue("error", "too-costly", "search-too-costly", text)
    return Unavailable(issue.slug, issue.text, issues=[issue])


class Searching:
    """The searches of one store."""

    def __init__(
        self,
        searches: Searches,
        names: Names,
        extractor: Extractor,
        dialect: Dialect,
        clock: Callable[[], int],
        authors: Authors,
    ) -> None:
        """`authors` learns the names of the authors of rows."""
        self.searches = searches
        self.names = names
        self.extractor = extractor
        self.dialect = dialect
        self.clock = clock
        self.authors = authors
        self.kept = kept(names)

    async def search(self, fetch: Fetch, locality: int, query: Query) -> Found:
        """As `Store.search`; the names in the query must be learnt."""
        return await _Run(self, fetch, locality, query).found()

    async def statements(self, fetch: Fetch, locality: int, query: Query) -> list[Statement]:
        """What the search runs, run once more and measured."""
        run = _Run(self, fetch, locality, query)
        await run.found()
        return run.statements


@dataclass(slots=True)
class _Run:
    """One search under way."""

    of: Searching
    fetch: Fetch
    locality: int
    query: Query
    statements: list[Statement] = field(default_factory=list)

    async def found(self) -> Found:
        query = self.query
        if query.count == 0 and query.total != "none":
            return Found((), more=False, total=await self._total())
        estimate = self.of.searches.questions(self.locality, query)
        if estimate is not None:
            [counts] = await self._ask("estimate", estimate)
            self.of.searches.answered(self.locality, query, counts)
        found = await (self._sorted() if query.sort else self._unsorted())
        if query.total == "none":
            return found
        whole = query.after is None and not found.more
        return replace(found, total=len(found.items) if whole else await self._total())

    async def _ask(self, purpose: str, statement: tuple[str, Sequence[Any]]) -> Sequence[Row]:
        text, arguments = statement
        begun = time.perf_counter_ns()
        rows = await self.fetch(text, arguments)
        took = (time.perf_counter_ns() - begun) // 1000
        self.statements.append(Statement(purpose, text, arguments, len(rows), took))
        return rows

    async def _resources(self, purpose: str, statement: tuple[str, Sequence[Any]]) -> Sequence[Row]:
        rows = await self._ask(purpose, statement)
        await self.of.authors(rows)
        return rows

    async def _total(self) -> int:
        [(total,)] = await self._ask("total", self.of.searches.total(self.locality, self.query))
        return int(total)

    async def _unsorted(self) -> Found:
        query = self.query
        rows = await self._resources("page", self.of.searches.page(self.locality, query))
        items = [stored(row, query.type, self.of.names) for row in rows[: query.count]]
        if query.backward:
            items.reverse()
        return Found(tuple(items), more=len(rows) > query.count)

    async def _sorted(self) -> Found:
        query = self.query
        if query.as_of or query.after is not None:
            return await self._exact(query)
        # Taken before anything is asked: what bears an earlier time is there by now.
        as_of = self.of.clock() - MARGIN
        page = self.of.searches.page(self.locality, query)
        listed = [_Listed.of(row, query, self.of.names) for row in await self._resources("page", page)]
        if len(listed) <= query.count:
            # No page lies beside this one, so none has to agree with it.
            return self._page(listed, replace(query, as_of=as_of))
        asked = replace(query, as_of=as_of)
        moved = await self._moved_now(asked)
        if len(moved) <= MOST_PINS:
            asked = replace(asked, pins=tuple((one.stored.key, one.stored.version) for one in moved))
            if self._agree(listed, moved, as_of):
                return self._page(listed, asked)
        return await self._exact(asked)

    def _agree(self, listed: list[_Listed], moved: list[_Listed], as_of: int) -> bool:
        """Whether nothing was changed between the two statements that gave a first page and what was moved."""
        keys = {one.stored.key: one.stored.version for one in moved}
        shown = {one.stored.key for one in listed}
        last, back = self._order(listed[-1]), self.query.backward
        return all(
            keys.get(one.stored.key, None if one.moved(as_of) else one.stored.version) == one.stored.version
            for one in listed
        ) and all(
            one.stored.key in shown or (self._order(one) < last if back else self._order(one) > last)
            for one in moved
        )

    async def _exact(self, asked: Query) -> Found:
        """The page with each resource where its version at `as_of` has it, or the one that it is pinned to.

        What is settled is asked for before what was moved: a resource changed in between is then
        found twice, in one and the same place, and not missed.
        """
        beside = None if asked.after is None else await self._anchor(asked.after, asked)
        page = self.of.searches.page(
            self.locality, asked, extent="settled", place=None if beside is None else beside.place
        )
        settled = [_Listed.of(row, asked, self.of.names) for row in await self._resources("settled", page)]
        moved = await self._moved(asked)
        if beside is not None:
            limit, back = self._order(beside), asked.backward
            moved = [one for one in moved if (self._order(one) < limit if back else self._order(one) > limit)]
        if not moved:
            return self._page(settled, asked)
        listed = {one.stored.key: one for one in (*settled, *moved)}
        return self._page(sorted(listed.values(), key=self._order, reverse=asked.backward), asked)

    def _page(self, listed: list[_Listed], asked: Query) -> Found:
        """The page of those listed, which are in the direction of the query."""
        count = asked.count
        shown = listed[:count]
        if asked.backward:
            shown.reverse()
        return Found(
            tuple(one.stored for one in shown),
            more=len(listed) > count,
            places=tuple(one.place for one in shown),
            as_of=asked.as_of,
            pins=asked.pins,
        )

    async def _moved(self, asked: Query) -> list[_Listed]:
        """The matches that were changed since `as_of`, in the places that they had then or are pinned to."""
        now = [one.stored for one in await self._moved_now(asked)]
        if not now:
            return []
        then = await self._versions([one.key for one in now], asked)
        return [_Listed(one, self._place(then[one.key])) for one in now]

    async def _moved_now(self, asked: Query) -> list[_Listed]:
        """The matches that were changed since `as_of`, in the places that they have now."""
        page = self.of.searches.page(self.locality, asked, extent="moved")
        return [_Listed.of(row, asked, self.of.names) for row in await self._resources("moved", page)]

    async def _anchor(self, rid: int, asked: Query) -> _Listed:
        """The resource beside which the page lies, in the place that it had; it may be deleted since."""
        then = (await self._versions([rid], asked)).get(rid)
        if then is None:  # only where the database was put back to an earlier state
            raise Malformed("page-link-invalid", "What this page link begins at is not here; begin anew.")
        return _Listed(then, self._place(then))

    async def _versions(self, rids: Sequence[int], asked: Query) -> dict[int, Stored]:
        """The versions by which these resources have their places."""
        pinned = dict(asked.pins)
        statement = versions_at(self.of.dialect, self.locality, rids, asked.as_of, pinned)
        found: dict[int, Stored] = {}
        for position, row in enumerate(await self._resources("versions", statement)):
            one = stored(row, self.of.names.text(Kind.TYPE, row[0]), self.of.names)
            if one.key not in found or found[one.key].version < one.version:
                found[one.key] = one
            if position % _STEP == _STEP - 1:
                await asyncio.sleep(0)
        return found

    def _place(self, version: Stored) -> Place:
        sort = self.query.sort
        values = SearchValues()
        if not version.deleted and any(key.kind not in _STORED for key in sort):
            values = self.of.extractor.values(codec.decode(version.body))
        return place(values, version.id, version.updated, sort, self.of.kept)

    def _order(self, listed: _Listed) -> Order:
        return order(listed.place, self.query.sort, listed.stored.key)


class _Listed(NamedTuple):
    """A resource to be shown, and its place."""

    stored: Stored
    place: Place

    @classmethod
    def of(cls, row: Row, query: Query, names: Names) -> _Listed:
        """That of a row of `Searches.page`: behind the resource's columns stand its values by the sort keys."""
        return cls(stored(row, query.type, names), tuple(row[_RESOURCE_COLUMNS:]))

    def moved(self, as_of: int) -> bool:
        """Whether it had another version at that moment."""
        return self.stored.updated > as_of and self.stored.version > FIRST_VERSION
