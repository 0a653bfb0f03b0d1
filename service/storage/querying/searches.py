"""Searches as SQL text and arguments, ready for a driver.

Source: ADR 0004, ADR 0013
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Dialect, Select

from service.fhir.problems import Issue, Malformed
from service.fhir.registry import Registry
from service.fhir.search.expressions import And, Expression, Ids, Or, Query, Reference, SortValue
from service.storage.names import Kind, Names
from service.storage.querying.constructs import is_postgresql
from service.storage.querying.decision import values
from service.storage.querying.pages import Pages
from service.storage.querying.plans import Outlook, Plan, at_commit, choose, outlook
from service.storage.querying.ranks import parts
from service.storage.querying.shapes import UNKNOWN, Shape, Shaping
from service.storage.querying.wanted import Extent, Wanted
from service.storage.sharing import NO_RULE, Rule
from service.storage.statements import Sql, compiled

# Shapes differ by which parameters are given, not by their values; a client that asks in
# more different ways than this gets its statements built anew.
MOST_SHAPES = 2000
# Counts that are remembered, and for how long (seconds): a store does not change its nature in that time.
MOST_COUNTS = 10_000
REMEMBERED = 60.0
_NOWHERE = 0  # a locality that there is not

Statement = tuple[str, list[Any]]
Key = tuple[Any, ...]


def _milliseconds() -> int:
    return time.time_ns() // 1_000_000


class Taken(NamedTuple):
    """A query taken apart: its shape and sort keys, the parts that ask for what it is sorted by, and all values.

    `child` is the id of the Patient about whom it asks, as far as that is told by its beginning: a guess costs little.
    """

    shape: Shape
    sort: tuple[Shape, ...]
    like: tuple[int, ...]
    values: tuple[Any, ...]
    locality: int
    type: int
    slots: int = 0
    child: str | None = None

    @property
    def asked(self) -> bool:
        """Whether a child is asked about, as far as it decides how a statement looks at what is said of children."""
        return self.slots > 0 and self.child is not None

    @property
    def key(self) -> Key:
        """What counts are remembered by."""
        return (self.shape, self.locality, self.values)

    def named(self, **further: Any) -> dict[str, Any]:
        """The values by the names of their parameters."""
        named = {f"p{index}": value for index, value in enumerate(self.values)}
        return named | further | {"locality": self.locality, "type": self.type}


class Searches:
    """The searches of one database: SQL text by shape and plan."""

    def __init__(
        self,
        registry: Registry,
        names: Names,
        dialect: Dialect,
        clock: Callable[[], float] = time.monotonic,
        *,
        now: Callable[[], int] = _milliseconds,
        rule: Rule = NO_RULE,
    ) -> None:
        """`clock` gives seconds; counts are forgotten by it. `now` gives the milliseconds that sharing goes by.

        `rule` tells what has no values where places are withheld.
        """
        self._now = now
        self._rule = rule
        self._registry = registry
        self._names = names
        self._dialect = dialect
        self._clock = clock
        self._pages: dict[tuple[int, bool], Pages] = {}
        self._texts: dict[Key, Sql] = {}
        self._outlooks: dict[Key, Outlook] = {}
        self._counts: OrderedDict[Key, tuple[float, tuple[int, ...]]] = OrderedDict()
        self._asked: OrderedDict[tuple[int, int], Key] = OrderedDict()
        self._last: tuple[Query, Taken] | None = None
        self._known: OrderedDict[Key, tuple[Query, Taken]] = OrderedDict()

    def questions(self, locality: int, query: Query) -> Statement | None:
        """The statement that counts what could drive the query; None where that is known or decides nothing.

        Its one row goes to `answered`.
        """
        taken = self._taken_apart(locality, query)
        expected = self._outlook(taken)
        if not expected.asked or self._remembered(taken) is not None:
            return None
        # The query lives until it is answered, so that it is told by where it lies.
        self._asked[id(query), locality] = taken.key
        if len(self._asked) > MOST_COUNTS:
            self._asked.popitem(last=False)
        return self._statement(
            ("estimate", taken.shape, expected.asked),
            taken.named(most=expected.broad),
            lambda: self._of(0).estimate(taken.shape, expected.asked),
        )

    def answered(self, locality: int, query: Query, row: Sequence[int]) -> None:
        """Takes the answer to `questions` for the statements of the query that follow."""
        key = self._asked.pop((id(query), locality), None)
        if key is None:
            return
        self._counts[key] = (self._clock(), tuple(row))
        self._counts.move_to_end(key)
        if len(self._counts) > MOST_COUNTS:
            self._counts.popitem(last=False)

    def page(
        self,
        locality: int,
        query: Query,
        *,
        extent: Extent = "all",
        place: Sequence[SortValue] | None = None,
    ) -> Statement:
        """The query's page and one resource more; the resource's columns, then its values by the sort keys.

        They are in the direction of the query: backward from the last of the page to the first.
        `place` are the values by the sort keys of the resource beside which a sorted page lies.
        `extent` "moved": all resources that match and were changed since `as_of` but not made
        since, with no regard to the page; "settled": the page without those.
        """
        taken = self._taken_apart(locality, query)
        expected = self._outlook(taken)
        plan = self._chosen(taken, expected)
        beside = query.after is not None and extent != "moved"
        placed = place if place is not None and beside and query.sort else None
        wanted = Wanted(
            taken.shape,
            taken.sort,
            taken.like,
            after=beside,
            missing=None if placed is None else tuple(value is None for value in placed),
            backward=query.backward,
            descending=expected.late and not (query.sort or query.rising),
            extent=extent,
        )
        marks = {f"s{index}": value for index, value in enumerate(placed or ())}
        values = taken.named(count=query.count + 1, after=query.after, as_of=query.as_of, **marks)
        return self._statement(
            ("page", taken.slots, taken.asked, plan, wanted),
            values | self._eyes(query, taken),
            lambda: self._of(taken.slots, asked=taken.asked).page(plan, wanted, narrow=expected.narrow),
        )

    def total(self, locality: int, query: Query) -> Statement:
        """How many resources the query finds in all."""
        taken = self._taken_apart(locality, query)
        plan = self._chosen(taken, self._outlook(taken))
        wanted = Wanted(taken.shape)
        return self._statement(
            ("total", taken.slots, taken.asked, plan, wanted.shape),
            taken.named() | self._eyes(query, taken),
            lambda: self._of(taken.slots, asked=taken.asked).total(plan, wanted),
        )

    def ids(self, locality: int, query: Query) -> Statement:
        """The ids of the first `count` resources and one more, with nothing counted first."""
        taken = self._taken_apart(locality, query)
        wanted = Wanted(taken.shape)
        return self._statement(
            ("ids", taken.slots, taken.asked, wanted.shape),
            taken.named(count=query.count + 1) | self._eyes(query, taken),
            lambda: self._of(taken.slots, asked=taken.asked).ids(at_commit(wanted.shape), wanted),
        )

    def direction(self, query: Query) -> Literal[1, -1]:
        """The order of resource keys in which the query lists what it finds unsorted: told by the query alone."""
        if query.sort or query.rising:
            return 1
        return -1 if self._outlook(self._taken_apart(_NOWHERE, query)).late else 1

    def plan(self, locality: int, query: Query) -> Plan:
        """The way that the query's page goes with what is known now."""
        taken = self._taken_apart(locality, query)
        return self._chosen(taken, self._outlook(taken))

    def _taken_apart(self, locality: int, query: Query) -> Taken:
        """The query taken apart; the last one is remembered, because one search asks for several statements."""
        if self._last is not None and self._last[0] is query and self._last[1].locality == locality:
            return self._last[1]
        # The same condition and the same eyes come again where the same is asked again (`Recalled`); they are told
        # by where they lie, and live as long as what is remembered of them.
        key = (id(query.where), id(query.sight), query.type, query.sort, locality)
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
            taken = known[1]
        else:
            taken = self._take_apart(locality, query)
            # A name without a number may have one at the next look.
            if UNKNOWN in taken.values:
                self._last = None
                return taken
            self._known[key] = (query, taken)
            if len(self._known) > MOST_SHAPES:
                self._known.popitem(last=False)
        self._last = (query, taken)
        return taken

    def _take_apart(self, locality: int, query: Query) -> Taken:
        shaping = Shaping(self._names, self._registry, sight=query.sight, rule=self._rule)
        self._refuse_withheld_order(query, shaping.slots)
        shape = shaping.seen(query.where, query.type)
        sort = tuple(shaping.sort(key, query.type) for key in query.sort)
        like = shaping.like(sort[0], parts(shape)) if sort else ()
        type_ = self._names.known(Kind.TYPE, query.type)
        child = _child(query.where, query.type) if is_postgresql(self._dialect) else None
        return Taken(shape, sort, like, tuple(shaping.values), locality, type_, shaping.slots, child)

    def _refuse_withheld_order(self, query: Query, slots: int) -> None:
        for key in query.sort if slots else ():
            if (query.type, key.parameter) in self._rule.revealing:
                text = f"Nobody but who sees all places can sort by {key.parameter}: it would tell of them."
                issue = Issue("error", "not-supported", "sort-withheld", text)
                raise Malformed(issue.slug, issue.text, issues=[issue])

    def _eyes(self, query: Query, taken: Taken) -> dict[str, Any]:
        return values(query.sight, self._names, self._now(), taken.child)

    def _of(self, slots: int, *, asked: bool = False) -> Pages:
        pages = self._pages.get((slots, asked))
        if pages is None:
            pages = Pages(postgresql=is_postgresql(self._dialect), slots=slots, asked=asked)
            self._pages[slots, asked] = pages
        return pages

    def _chosen(self, taken: Taken, expected: Outlook) -> Plan:
        counts = self._remembered(taken) if expected.asked else None
        return choose(taken.shape, expected, counts, is_sorted=bool(taken.sort))

    def _outlook(self, taken: Taken) -> Outlook:
        is_sorted = bool(taken.sort)
        dated = is_sorted and bool(taken.like) and taken.sort[0][3]
        key = (taken.shape, is_sorted, dated)
        known = self._outlooks.get(key)
        if known is None:
            if len(self._outlooks) >= MOST_SHAPES:
                self._outlooks.clear()
            known = self._outlooks[key] = outlook(taken.shape, is_sorted=is_sorted, dated=dated)
        return known

    def _remembered(self, taken: Taken) -> tuple[int, ...] | None:
        found = self._counts.get(taken.key)
        if found is None or self._clock() - found[0] > REMEMBERED:
            return None
        return found[1]

    def _statement(self, key: Key, values: dict[str, Any], build: Callable[[], Select[Any]]) -> Statement:
        sql = self._texts.get(key)
        if sql is None:
            if len(self._texts) >= MOST_SHAPES:
                self._texts.clear()
            sql = self._texts[key] = compiled(build(), self._dialect)
        return sql.text, sql.ordered(values)


def _child(node: Expression, type_: str) -> str | None:
    """As `Taken.child`."""
    match node:
        case And(parts):
            return next((child for part in parts if (child := _child(part, type_)) is not None), None)
        case Or((first, *_)):
            return _child(first, type_)
        case Reference(_, "Patient", id_):
            return id_
        case Ids(ids) if type_ == "Patient":
            return min(ids, default=None)
        case _:
            return None
