"""The meaning of a search expression: whether it is true of one resource, read in memory.

The reference for the SQL that `storage/querying` makes of the same tree: both must
agree on every resource. A condition on a parameter is true where any one of the
resource's values of that parameter satisfies it; `Not` turns that answer around as a
whole, so that it is true where there is no value. Time ranges are half-open, in
microseconds; strings compare by code point.

Source: https://hl7.org/fhir/R4/search.html, ADR 0004
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from service.fhir.search.derived import AXES
from service.fhir.search.expressions import (
    About,
    And,
    Chain,
    Composite,
    Date,
    Everything,
    Expression,
    Has,
    Ids,
    LastUpdated,
    Missing,
    Near,
    Not,
    Nothing,
    Number,
    Or,
    Prefix,
    Quantity,
    Reference,
    String,
    Token,
    Uri,
    Within,
    Words,
)
from service.fhir.search.sphere import apart
from service.fhir.search.values import SearchValues

# The store's clock counts milliseconds: an instant of it is this many microseconds wide.
MILLISECOND = 1_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A current resource that may match. `updated` is meta.lastUpdated in microseconds since 1970 UTC."""

    type: str
    id: str
    updated: int
    values: SearchValues


class Follow(Protocol):
    """The resources around the one that is matched, for chains. Deleted ones are not among them."""

    def referred(self, type_: str, id_: str) -> Candidate | None:
        """The current resource of that type and id; None where there is none."""
        ...

    def referring(self, type_: str, parameter: str, to: tuple[str, str]) -> Iterable[Candidate]:
        """The current resources of the type whose `parameter` refers to the resource `to` (type, id)."""
        ...


def matches(
    expression: Expression, type_: str, id_: str, updated: int, values: SearchValues, follow: Follow
) -> bool:
    """Whether the expression is true of the resource. `updated` is in microseconds since 1970 UTC."""
    return _holds(expression, Candidate(type_, id_, updated, values), follow)


def _holds(expression: Expression, of: Candidate, follow: Follow) -> bool:
    match expression:
        case Everything():
            return True
        case Nothing() | About():
            # Whom it is about its values do not tell; who knows it asks for `about.told` in its place.
            return False
        case And(parts):
            return all(_holds(part, of, follow) for part in parts)
        case Or(parts):
            return any(_holds(part, of, follow) for part in parts)
        case Not(part):
            return not _holds(part, of, follow)
        case Chain() | Has() | Within():
            return _follows(expression, of, follow)
        case _:
            return _compares(expression, of)


def _follows(expression: Chain | Has | Within, of: Candidate, follow: Follow) -> bool:
    """Chain: a local reference of ours leads to a resource where it holds. Has: the same from the other end.

    Within: a local reference of ours leads to the resource or to what is above or below it.
    """
    match expression:
        case Chain(parameter, type_, where):
            found = (follow.referred(type_, id_) for id_ in _targets(of, parameter, type_))
            return any(one is not None and _holds(where, one, follow) for one in found)
        case Has(type_, parameter, where):
            referring = follow.referring(type_, parameter, (of.type, of.id))
            return any(_holds(where, one, follow) for one in referring)
        case Within(parameter, type_, id_, part_of, direction):
            targets = _targets(of, parameter, type_)
            if direction == "above":
                return not targets.isdisjoint(_uppers(id_, type_, part_of, follow))
            return any(id_ in _uppers(target, type_, part_of, follow) for target in targets)


def _targets(of: Candidate, parameter: str, type_: str) -> set[str]:
    """The ids of the resources of the type that the parameter refers to."""
    return {id_ for code, to, id_ in of.values.references if code == parameter and to == type_}


def _uppers(id_: str, type_: str, part_of: str, follow: Follow) -> set[str]:
    """The resource and all that it is part of, however many levels up; a circle ends where it began."""
    known: set[str] = set()
    further = {id_}
    while further:
        known |= further
        found = (follow.referred(type_, one) for one in further)
        further = {to for one in found if one is not None for to in _targets(one, part_of, type_)} - known
    return known


_Ordered = Date | Number | Quantity
_Named = Token | Reference | String | Uri
_Leaf = Ids | LastUpdated | _Ordered | _Named | Composite | Words | Near | Missing


def _compares(leaf: _Leaf, of: Candidate) -> bool:
    match leaf:
        case Ids(ids):
            return of.id in ids
        case LastUpdated(prefix, low, high):
            return PERIODS[prefix](low, high, of.updated, of.updated + MILLISECOND)
        case Missing(parameter, missing):
            return _is_missing(parameter, of.values) is missing
        case Composite(parameter, first, second):
            return any(
                code == parameter and _is_token(first, its_first) and _is_second(second, its_second)
                for code, its_first, its_second in of.values.composites
            )
        case Words(parameter, words):
            return any(
                code == parameter and all(f" {word}" in text for word in words)
                for code, text in of.values.texts
            )
        case Near():
            return _is_near(leaf, of.values)
        case Date() | Number() | Quantity():
            values = _ordered_values(leaf, of.values)
            return any(value[0] == leaf.parameter and _is_ordered(leaf, value[1:]) for value in values)
        case _:
            values = _named_values(leaf, of.values)
            return any(value[0] == leaf.parameter and _is_named(leaf, value[1:]) for value in values)


def _ordered_values(leaf: _Ordered, values: SearchValues) -> Iterable[tuple[Any, ...]]:
    match leaf:
        case Date():
            return values.dates
        case Number():
            return values.numbers
        case Quantity():
            return values.quantities


def _named_values(leaf: _Named, values: SearchValues) -> Iterable[tuple[Any, ...]]:
    match leaf:
        case Token():
            return values.tokens
        case Reference():
            return values.references
        case String():
            return values.strings
        case Uri():
            return values.uris


def _is_second(leaf: _Ordered | _Named, value: tuple[Any, ...]) -> bool:
    """Whether the second part of a composite's value, which is without a parameter, is what is asked for."""
    match leaf:
        case Date() | Number() | Quantity():
            return _is_ordered(leaf, value)
        case _:
            return _is_named(leaf, value)


def _is_ordered(leaf: _Ordered, value: tuple[Any, ...]) -> bool:
    match leaf:
        case Date(_, prefix, low, high):
            start, end = value
            return PERIODS[prefix](low, high, start, end)
        case Number(_, prefix, number, low, high):
            return NUMBERS[prefix](number, low, high, value[0])
        case Quantity(_, prefix, number, low, high):
            system, code, its_number = value
            return _in_unit(leaf, system, code) and NUMBERS[prefix](number, low, high, its_number)


def _is_named(leaf: _Named, value: tuple[Any, ...]) -> bool:
    match leaf:
        case Token():
            system, code = value
            return _is_token(leaf, (system, code))
        case Reference(_, type_, id_):
            its_type, its_id = value
            return its_id == id_ and type_ in {None, its_type}
        case String():
            folded, text = value
            return _reads(leaf, folded, text)
        case Uri():
            return _addresses(leaf, value[0])


def _is_token(leaf: Token, value: tuple[str, str]) -> bool:
    system, code = value
    return leaf.system in {None, system} and leaf.code in {None, code}


def _in_unit(leaf: Quantity, system: str, code: str) -> bool:
    """Whether a value is in the unit asked for; what was not asked for may be anything."""
    return leaf.system in {None, system} and leaf.code in {None, code}


def _reads(leaf: String, folded: str, text: str) -> bool:
    """`starts` and `contains` look at the folded text, `exact` at the whole of the original."""
    match leaf.match:
        case "starts":
            return folded.startswith(leaf.value)
        case "contains":
            return leaf.value in folded
        case "exact":
            return text == leaf.value


def _addresses(leaf: Uri, uri: str) -> bool:
    """`below` asks for the address itself and what continues it by whole segments; `above` the other way."""
    match leaf.match:
        case "exact":
            return uri == leaf.value
        case "below":
            return _is_below(uri, leaf.value)
        case "above":
            return _is_below(leaf.value, uri)


def _is_below(uri: str, upper: str) -> bool:
    """Whether the uri is the upper one or continues it after a slash; the grammar has taken a last slash off."""
    return uri == upper or uri.startswith(f"{upper}/")


def _is_near(near: Near, values: SearchValues) -> bool:
    """Whether a point lies within the distance; the stores compute the same, in the same order of operations."""
    asked = (near.x, near.y, near.z)
    axes = (
        [number for code, number in values.numbers if code == f"{near.parameter}:{axis}"] for axis in AXES
    )
    return any(apart((x, y, z), asked) <= near.chord for x, y, z in product(*axes))


def _is_missing(parameter: str, values: SearchValues) -> bool:
    kinds: tuple[Iterable[tuple[object, ...]], ...] = (
        values.tokens, values.references, values.strings, values.dates,
        values.numbers, values.quantities, values.uris, values.composites, values.texts,
    )  # fmt: skip
    return not any(value[0] == parameter for kind in kinds for value in kind)


# Each prefix on half-open ranges: the search's [low, high), the stored value's [start, end).
#
#   eq  the search's range contains the value's                low <= start and end <= high
#   ne  it does not                                            start < low or high < end
#   gt  the value reaches above the search's range             high < end
#   lt  the value reaches below it                             start < low
#   ge  gt or eq                                               high < end or (low <= start and end <= high)
#   le  lt or eq                                               start < low or (low <= start and end <= high)
#   sa  the value lies wholly above                            high <= start
#   eb  the value lies wholly below                            end <= low
#   ap  the two overlap (the grammar has widened the search's) low < end and start < high
#
# Source: https://hl7.org/fhir/R4/search.html#prefix
PERIODS: Mapping[Prefix, Callable[[int, int, int, int], bool]] = {
    "eq": lambda low, high, start, end: low <= start and end <= high,
    "ne": lambda low, high, start, end: start < low or high < end,
    "gt": lambda _low, high, _start, end: high < end,
    "lt": lambda low, _high, start, _end: start < low,
    "ge": lambda low, high, start, end: high < end or (low <= start and end <= high),
    "le": lambda low, high, start, end: start < low or (low <= start and end <= high),
    "sa": lambda _low, high, start, _end: high <= start,
    "eb": lambda low, _high, _start, end: end <= low,
    "ap": lambda low, high, start, end: low < end and start < high,
}

# Each prefix on a stored number n: eq, ne and ap by the range [low, high) that the search's
# digits imply (or that the grammar has widened for ap), the others by its exact value, for
# which R4 has the implied precision ignored. sa is gt and eb is lt: a number has no width.
#
#   eq, ap  low <= n < high      gt, sa  n > value      ge  n >= value
#   ne      n < low or high <= n lt, eb  n < value      le  n <= value
#
# Source: https://hl7.org/fhir/R4/search.html#number
NUMBERS: Mapping[Prefix, Callable[[float, float, float, float], bool]] = {
    "eq": lambda _value, low, high, n: low <= n < high,
    "ne": lambda _value, low, high, n: n < low or high <= n,
    "gt": lambda value, _low, _high, n: n > value,
    "lt": lambda value, _low, _high, n: n < value,
    "ge": lambda value, _low, _high, n: n >= value,
    "le": lambda value, _low, _high, n: n <= value,
    "sa": lambda value, _low, _high, n: n > value,
    "eb": lambda value, _low, _high, n: n < value,
    "ap": lambda _value, low, high, n: low <= n < high,
}
