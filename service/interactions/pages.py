"""Pages of a search: where one begins, what is on it, and where those beside it begin.

A search of several types is one query for each. Without an order they follow one another, each
by itself as the store pages it. In an order they are asked together and merged: all as of the
same moment, if another page lies beside.

Source: https://hl7.org/fhir/R4/search.html#paging, docs/adr/0014-exact-sorted-pages.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from service.fhir.search.expressions import Query
from service.fhir.search.places import order
from service.interactions.context import Context
from service.interactions.links import invalid
from service.storage.preparation import FIRST_VERSION
from service.storage.searching import MOST_PINS
from service.storage.store import Found, Stored

Pins = tuple[tuple[int, int], ...]  # keys of resources, and the versions that they have their places by

_FORWARD, _BACKWARD = 1, -1
_NUMBERS = 4  # that every place is sealed as; two more for each pin
_NO_KEY = 0  # keys of resources count from 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page lies: behind the resource of key `after`, or before it where `backward`.

    Where `after` is None it is the first page of all, or the last where `backward`. `part` is the index of
    the query which that resource was found by; `as_of` is the moment whose order the pages
    keep, in milliseconds since 1970, 0 where there is none, and `pins` are the exceptions to it.
    """

    after: int | None
    part: int = 0
    backward: bool = False
    as_of: int = 0
    pins: Pins = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """The place as numbers, to be sealed."""
        direction = _BACKWARD if self.backward else _FORWARD
        return (direction, self.part, self.after or _NO_KEY, self.as_of, *chain.from_iterable(self.pins))

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Place:
        """The place that was sealed.

        Raises:
            Malformed: the numbers are none.
        """
        if len(numbers) < _NUMBERS or len(numbers) % 2:
            raise invalid()
        direction, part, after, as_of, *pins = numbers
        pinned = tuple(zip(pins[::2], pins[1::2], strict=True))
        return cls(None if after == _NO_KEY else after, part, direction == _BACKWARD, as_of, pinned)


class Part(NamedTuple):
    """A resource on a page, and the number of the query that found it, counted from 0 on."""

    number: int
    stored: Stored


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: its resources in order, whether others lie before and behind it, the total where it was asked for.

    All that lay on an empty page was deleted; from there one comes to the pages at either end. `last` is
    the index of the last query.
    """

    parts: tuple[Part, ...]
    before: bool
    behind: bool
    total: int | None
    as_of: int = 0
    pins: Pins = ()
    last: int = 0

    @property
    def items(self) -> tuple[Stored, ...]:
        """The resources of the page, in order."""
        return tuple(part.stored for part in self.parts)

    @property
    def previous(self) -> Place | None:
        """The place of the page before; None where there is none."""
        if not self.before:
            return None
        if not self.parts:
            return self._place(None, self.last, backward=True)
        first = self.parts[0]
        return self._place(first.stored.key, first.number, backward=True)

    @property
    def next(self) -> Place | None:
        """The place of the page behind; None where there is none."""
        if not self.behind:
            return None
        if not self.parts:
            return self._place(None, 0, backward=False)
        last = self.parts[-1]
        return self._place(last.stored.key, last.number, backward=False)

    def _place(self, after: int | None, part: int, *, backward: bool) -> Place:
        return Place(after, part, backward, self.as_of, self.pins)


async def show(context: Context, locality: str, queries: Sequence[Query], place: Place | None) -> Shown:
    """The page at the place, the first one where there is none; the queries have one order and count."""
    if place is not None and place.part >= len(queries):
        return Shown((), before=False, behind=False, total=None)
    if queries[0].count == 0:
        return Shown((), before=False, behind=False, total=await _total(context, locality, queries))
    if len(queries) == 1:
        return await _of_one(context, locality, queries[0], place)
    shown = (
        await _merged(context, locality, queries, place)
        if queries[0].sort
        else await _joined(context, locality, queries, place)
    )
    total = None if queries[0].total == "none" else await _total(context, locality, queries)
    return replace(shown, total=total, last=len(queries) - 1)


async def _of_one(context: Context, locality: str, query: Query, place: Place | None) -> Shown:
    found = await context.store.search(locality, _placed(query, place))
    parts = tuple(Part(0, stored) for stored in found.items)
    before, behind = _sides(place, more=found.more)
    return Shown(parts, before, behind, found.total, found.as_of, found.pins)


def asked(queries: Sequence[Query], place: Place | None) -> Sequence[Query]:
    """The queries as they are asked for the page at the place; of several, as for the first page."""
    return [_placed(queries[0], place)] if len(queries) == 1 else queries


def _placed(query: Query, place: Place | None) -> Query:
    if place is None:
        return query
    return replace(query, after=place.after, backward=place.backward, as_of=place.as_of, pins=place.pins)


def _sides(place: Place | None, *, more: bool) -> tuple[bool, bool]:
    """Whether others lie before and behind a page: on the side that it was come to from there are."""
    if place is None:
        return False, more
    beside = place.after is not None
    return (more, beside) if place.backward else (beside, more)


async def _total(context: Context, locality: str, queries: Sequence[Query]) -> int:
    counted = [
        (await context.store.search(locality, replace(query, count=0, sort=()))).total for query in queries
    ]
    return sum(number or 0 for number in counted)


async def _joined(context: Context, locality: str, queries: Sequence[Query], place: Place | None) -> Shown:
    """The page of queries that follow one another: as many are asked as it takes to fill it."""
    count = queries[0].count
    backward = place is not None and place.backward
    start = 0 if place is None else place.part
    parts: list[Part] = []
    for index in range(start, -1, -1) if backward else range(start, len(queries)):
        # One more than the page has tells whether there is another page.
        wanted = replace(queries[index], count=count + 1 - len(parts), total="none", backward=backward)
        if place is not None and index == start:
            wanted = replace(wanted, after=place.after)
        found = await context.store.search(locality, wanted)
        here = [Part(index, stored) for stored in found.items]
        parts = here + parts if backward else parts + here
        if len(parts) > count:
            break
    before, behind = _sides(place, more=len(parts) > count)
    return Shown(tuple(parts[-count:] if backward else parts[:count]), before, behind, None)


async def _merged(context: Context, locality: str, queries: Sequence[Query], place: Place | None) -> Shown:
    """The page of queries with an order: each gives a whole page, of which the foremost are shown."""
    count, sort = queries[0].count, queries[0].sort
    asked = [replace(_placed(query, place), total="none") for query in queries]
    found = [await context.store.search(locality, query) for query in asked]
    as_of, pins = (0, ()) if place is None else (place.as_of, place.pins)
    if place is None and _are_more(found, count):
        as_of, pins = _agreed(found)
        found = [
            one
            if _agrees(one, as_of, pins)
            else await context.store.search(locality, replace(query, as_of=as_of, pins=pins))
            for one, query in zip(found, asked, strict=True)
        ]
    ordered = sorted(
        (
            (order(values, sort, stored.key), Part(index, stored))
            for index, one in enumerate(found)
            for stored, values in zip(one.items, one.places, strict=True)
        ),
        key=lambda placed: placed[0],
    )
    parts = [part for _, part in ordered]
    backward = place is not None and place.backward
    before, behind = _sides(place, more=_are_more(found, count))
    return Shown(tuple(parts[-count:] if backward else parts[:count]), before, behind, None, as_of, pins)


def _are_more(found: Sequence[Found], count: int) -> bool:
    """Whether there are more than that many."""
    return any(one.more for one in found) or sum(len(one.items) for one in found) > count


def _agreed(first: Sequence[Found]) -> tuple[int, Pins]:
    """The moment, and the exceptions to it, that the pages keep which begin with what was found first.

    They are for all queries together: or else what changes between one and another would be shown twice or
    not at all. The earliest moment is over for all of them.
    """
    as_of = min(one.as_of for one in first)
    pins = tuple(pin for one in first for pin in (one.pins if one.more else _changed(one, as_of)))
    return as_of, pins if len(pins) <= MOST_PINS else ()


def _agrees(first: Found, as_of: int, pins: Pins) -> bool:
    """Whether what was found for a first page has the places that these give it."""
    if first.more:
        return first.as_of == as_of and set(first.pins) <= set(pins)
    # Whether what was changed stands in its former place or in its present one is not told.
    return not _changed(first, as_of)


def _changed(first: Found, as_of: int) -> Pins:
    """What was found and had another version at that moment, pinned to the one that it has."""
    return tuple(
        (stored.key, stored.version)
        for stored in first.items
        if stored.updated > as_of and stored.version != FIRST_VERSION
    )
