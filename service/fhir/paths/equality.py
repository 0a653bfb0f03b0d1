"""Equality and equivalence of items and of collections.

Source: https://hl7.org/fhirpath/N1/#equality, https://hl7.org/fhirpath/N1/#equivalence
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from service.fhir.paths.compiled import Compiled
from service.fhir.paths.dates import Date, DateTime, Time, compare
from service.fhir.paths.nodes import Item, Items, Node
from service.fhir.paths.quantities import (
    Quantity,
    compare_quantities,
    equivalent_decimals,
    equivalent_quantities,
    in_range,
)
from service.fhir.paths.types import SYSTEM_OF
from service.fhir.paths.values import CONVERTED, system_value

Same = Callable[[Item, Item], bool | None]

_BLANK = re.compile(r"\s")


def equal_values(left: Any, right: Any) -> bool | None:
    """Whether two system values are equal; None where their precision or units cannot tell."""
    if left.__class__ is str and right.__class__ is str:
        return bool(left == right)
    match left, right:
        case (bool(), _) | (_, bool()):
            return left is right
        case (None, _) | (_, None):
            return None
        case (Quantity(), Quantity() | int() | Decimal()) | (int() | Decimal(), Quantity()):
            order = compare_quantities(left, right)
            return None if order is None else order == 0
        case (Date() | DateTime(), Date() | DateTime()) | (Time(), Time()):
            order = compare(left, right)
            return None if order is None else order == 0
        case _:
            return bool(left == right)


def equivalent_values(left: Any, right: Any) -> bool:
    """Whether two system values are equivalent: text without case, numbers to common digits."""
    match left, right:
        case (bool(), _) | (_, bool()):
            return left is right
        case (str(), str()):
            return _BLANK.sub(" ", left).casefold() == _BLANK.sub(" ", right).casefold()
        case (int() | Decimal(), int() | Decimal()):
            one, other = Decimal(left), Decimal(right)
            return equivalent_decimals(one, other) if in_range(one) and in_range(other) else one == other
        case (Quantity(), Quantity() | int() | Decimal()) | (int() | Decimal(), Quantity()):
            return equivalent_quantities(left, right)
        case (dict(), dict()):
            return left.keys() == right.keys() and all(
                _equivalent_members(left[key], right[key]) for key in left
            )
        case (list(), list()):
            return equivalent_collections(left, right, _equivalent_members)
        case _:
            return equal_values(left, right) is True


def _equivalent_members(left: Any, right: Any) -> bool:
    """Whether members of complex elements are equivalent, places left open in an array included."""
    return (left is None and right is None) or equivalent_values(left, right)


# Collections up to this size are compared pair by pair; larger ones by key, or many items would
# take the square of their number.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Equality:
    """How items of one collection compare with those of another: `same` for a pair, and finders for many."""

    raw: str | None
    other: str | None
    same: Same

    def finder(self, others: Items) -> Callable[[Item], bool]:
        """A test of whether an item equals one of the others."""
        same, raw = self.same, self.raw
        if len(others) <= _FEW:
            return lambda item: any(same(item, other) for other in others)
        members = Members()
        for other in others:
            members.add(system_value(other, self.other))
        return lambda item: members.has(system_value(item, raw))

    def distinct(self, items: Items) -> Items:
        """The items (of the first collection) without those that equal an earlier one."""
        if len(items) < 2:
            return items
        found: Items = []
        if len(items) <= _FEW:
            for item in items:
                if not any(self.same(item, earlier) for earlier in found):
                    found.append(item)
            return found
        members = Members()
        return [item for item in items if members.add(system_value(item, self.raw))]


class Members:
    """A set of system values. Those that equal only their like are found by key, the rest one by one."""

    __slots__ = ("_all", "_keys", "_rest")

    def __init__(self) -> None:
        """Starts empty."""
        self._all: list[Any] = []
        self._keys: set[Any] = set()
        self._rest: list[Any] = []

    def has(self, value: Any) -> bool:
        """Whether a value equals one of the set."""
        key = _key(value)
        if key is None:
            return any(equal_values(value, other) for other in self._all)
        return key in self._keys or any(equal_values(value, other) for other in self._rest)

    def add(self, value: Any) -> bool:
        """Adds the value; whether it was new."""
        if self.has(value):
            return False
        self._all.append(value)
        key = _key(value)
        if key is None:
            self._rest.append(value)
        else:
            self._keys.add(key)
        return True


def _key(value: Any) -> Any:
    """A key that equal values share; None for values whose equality is no matter of keys (dates, quantities)."""
    match value:
        case bool():
            return (value,)
        case str() | int() | Decimal():
            return value
        case dict() | list():
            return _json_key(value)
        case _:
            return None


def _json_key(value: Any) -> Any:
    """A key that equal JSON shares; numbers by value, members in any order."""
    if isinstance(value, dict):
        return frozenset((name, _json_key(member)) for name, member in value.items())
    return tuple(map(_json_key, value)) if isinstance(value, list) else value


def equality(left: Compiled, right: Compiled) -> Equality:
    """How items of the left collection compare with those of the right."""
    return Equality(left.raw, right.raw, same_items(left, right))


def same_items(left: Compiled, right: Compiled) -> Same:
    """A test of whether an item of one collection equals an item of the other."""
    first, second = left.raw, right.raw
    if first is not None and _reads_alike(first, second):
        return _same_json

    def same(one: Item, other: Item) -> bool | None:
        return equal_values(system_value(one, first), system_value(other, second))

    return same


def _reads_alike(first: str, second: str | None) -> bool:
    """Whether raw elements of the two types are equal exactly where their JSON is."""
    if second is None or first in CONVERTED or second in CONVERTED:
        return False
    return SYSTEM_OF.get(first, first) == SYSTEM_OF.get(second, second)


def _same_json(one: Item, other: Item) -> bool | None:
    """Whether the JSON of two elements is equal; None where one has only extensions."""
    if one.__class__ is Node:
        one = one.value
    if other.__class__ is Node:
        other = other.value
    return None if one is None or other is None else bool(one == other)


def equal_collections(left: Items, right: Items, same: Same) -> bool | None:
    """Whether two collections are equal, item by item in order; None where either is empty."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    uncertain = False
    for one, other in zip(left, right, strict=True):
        answer = same(one, other)
        if answer is False:
            return False
        uncertain |= answer is None
    return None if uncertain else True


def equivalent_collections(left: Items, right: Items, same: Callable[[Item, Item], bool]) -> bool:
    """Whether each item of one collection has its equivalent in the other, in any order."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for one in left:
        place = next((place for place, other in enumerate(rest) if same(one, other)), None)
        if place is None:
            return False
        del rest[place]
    return True
