"""The place of a resource in an order: its values by the keys of a sort, and how two places compare.

The database puts the resources of a page in order by itself. Here the same is said once
more in memory, for the versions that no index knows any longer, and for tests that hold
the two together.

Source: https://hl7.org/fhir/R4/search.html#sort, ADR 0014
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from service.fhir.search.expressions import SortKey, SortValue
from service.fhir.search.values import SearchValues

Place = tuple[SortValue, ...]
Order = tuple[tuple[tuple[bool, Any], ...], int]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store keeps of values, which is what it sorts by.

    `id` of a logical id, `target` of a reference's type and id (or of "" and its URL). Other
    values it keeps as `SearchValues` has them.
    """

    id: Callable[[str], bytes]
    target: Callable[[str, str], bytes]


def place(values: SearchValues, id_: str, updated: int, sort: Sequence[SortKey], kept: Kept) -> Place:
    """The value by each key of `sort`, None where there is none.

    `values` are those of the version, none where it is a deletion; `updated` is its
    meta.lastUpdated in milliseconds since 1970 UTC.
    """
    return tuple(_value(values, id_, updated, key, kept) for key in sort)


def order(place: Place, sort: Sequence[SortKey], rid: int) -> Order:
    """What compares as the resources stand in the order: by the keys, what is missing last, then by `rid`."""
    by_key = tuple(
        (value is None, _Downwards(value) if key.descending and value is not None else value)
        for key, value in zip(sort, place, strict=True)
    )
    return by_key, rid


@dataclass(frozen=True, slots=True)
class _Downwards:
    """A value that stands before those that are less."""

    value: Any

    def __lt__(self, other: _Downwards) -> bool:
        less: bool = other.value < self.value
        return less


def _value(values: SearchValues, id_: str, updated: int, key: SortKey, kept: Kept) -> SortValue:
    match key.kind:
        case "_id":
            return kept.id(id_)
        case "_lastUpdated":
            return updated
        case _:
            found = _values(values, key, kept)
            chosen: SortValue = (max if key.descending else min)(found, default=None)
            return chosen


def _values(values: SearchValues, key: SortKey, kept: Kept) -> Iterable[Any]:
    """The values by one key, as the store keeps them."""
    wanted = key.parameter
    match key.kind:
        case "token":
            return [code for parameter, _, code in values.tokens if parameter == wanted]
        case "reference":
            return [
                kept.target(type_, id_) for parameter, type_, id_ in values.references if parameter == wanted
            ]
        case "string":
            return [folded for parameter, folded, _ in values.strings if parameter == wanted]
        case "date":
            end = 2 if key.descending else 1
            return [date[end] for date in values.dates if date[0] == wanted]
        case "number":
            return [number for parameter, number in values.numbers if parameter == wanted]
        case "quantity":
            return [number for parameter, _, _, number in values.quantities if parameter == wanted]
        case "uri":
            return [uri for parameter, uri in values.uris if parameter == wanted]
        case "_id" | "_lastUpdated":
            return []  # these are the resource's own, told in `_value`
        case _:
            assert_never(key.kind)
