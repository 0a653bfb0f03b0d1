"""Walking: the resources of several types, type by type, a page at a time in both directions.

Within a type they stand in the order in which they were first stored. Neither the type nor
that order ever changes, so whatever is there from the first page to the last stands on
exactly one of them, whatever else is written meanwhile.

Source: docs/operations/everything.md, ADR 0014
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.fhir.search.expressions import Query
    from service.storage.store import Store, Stored

FORWARD: Final = 1
BACKWARD: Final = -1
_OUTSIDE: Final = 0  # keys of resources count from 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: beside the resource of key `rid` in the type of that number, seen in a direction.

    Where `rid` is 0 it begins outside of all of the type, whichever way it goes.
    """

    type: int = 0
    rid: int = _OUTSIDE
    direction: int = FORWARD


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page, in order. `before` and `after` are the places of the pages beside it, None where nothing is."""

    items: tuple[Stored, ...]
    before: Place | None
    after: Place | None


async def walk(store: Store, locality: str, queries: Sequence[Query], place: Place, count: int) -> Sheet:
    """The page of `count` resources at the place among what the queries find, one query for each type.

    It costs a search for each type that it comes by, until the page is full and one more is found.
    """
    back = place.direction == BACKWARD
    found: list[tuple[int, Stored]] = []
    rid: int | None = place.rid or None
    numbers = range(place.type, -1, -1) if back else range(place.type, len(queries))
    for number in numbers:
        query = replace(queries[number], count=count + 1 - len(found), after=rid, backward=back)
        items = (await store.search(locality, query)).items
        found += [(number, stored) for stored in (reversed(items) if back else items)]
        rid = None
        if len(found) > count:
            break
    more = len(found) > count
    shown = found[:count]
    if back:
        shown.reverse()
    is_before, is_after = (more, place.rid != _OUTSIDE) if back else (place != Place(), more)
    # All that lay on an empty page was deleted; the way back from there begins at the other end.
    first, last = (shown[0], shown[-1]) if shown else (None, None)
    return Sheet(
        tuple(stored for _, stored in shown),
        _beside(first, len(queries) - 1, BACKWARD) if is_before else None,
        _beside(last, 0, FORWARD) if is_after else None,
    )


def _beside(found: tuple[int, Stored] | None, otherwise: int, direction: int) -> Place:
    """The place beside what was found, or, if nothing was, at the end of the type of the number `otherwise`."""
    return (
        Place(otherwise, _OUTSIDE, direction) if found is None else Place(found[0], found[1].key, direction)
    )
