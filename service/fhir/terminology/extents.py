"""Extents: the codes of a value set as far as they can be told, and their union, intersection and difference.

A value set may draw on code systems that are not held here, such as SNOMED CT. What it lists
besides is known all the same: membership is then yes, no, or not to be told.

Source: https://hl7.org/fhir/R4/valueset.html#compositions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

Json = dict[str, Any]
Pair = tuple[str, str]
"""A system and a code of it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Why an extent cannot be told whole: a sentence, and where in the value set the reason stands."""

    text: str
    expression: str = "ValueSet"


@dataclass(frozen=True, slots=True)
class Extent:
    """A set of codes with what is certain of it.

    `sure` are its members in order, each with the concept as the value set lists it, empty
    where a rule brought it in. `possible` may be members too, and so may any code of the
    systems in `open`, of every system if `unbounded`, unless it is `barred`. No code is both
    sure and possible, and none that is either is barred.
    """

    sure: Mapping[Pair, Json] = field(default_factory=dict)
    possible: frozenset[Pair] = frozenset()
    open: frozenset[str] = frozenset()
    barred: frozenset[Pair] = frozenset()
    unbounded: bool = False
    gaps: tuple[Gap, ...] = ()

    @property
    def size(self) -> int:
        """How many codes it speaks of, which is what working with it costs."""
        return len(self.sure) + len(self.possible) + len(self.barred)

    @property
    def is_whole(self) -> bool:
        """Whether every member is known."""
        return not (self.possible or self.open or self.unbounded)

    def may_have(self, pair: Pair) -> bool:
        """Whether the code is a member, or may be."""
        if pair in self.sure or pair in self.possible:
            return True
        return (self.unbounded or pair[0] in self.open) and pair not in self.barred

    def has(self, system: str | None, code: str) -> bool | None:
        """Whether the code is a member, of any system where `system` is None; None where that cannot be told."""
        if system is not None:
            return True if (system, code) in self.sure else None if self.may_have((system, code)) else False
        if any(code == known for _, known in self.sure):
            return True
        doubtful = self.unbounded or any(code == known for _, known in self.possible)
        return None if doubtful or any((other, code) not in self.barred for other in self.open) else False


NOTHING: Final = Extent()


def of_pairs(members: Iterable[tuple[Pair, Json]]) -> Extent:
    """The extent that has exactly these members."""
    return Extent(MappingProxyType(dict(members)))


def unknown(gap: Gap) -> Extent:
    """The extent of which nothing is known."""
    return Extent(unbounded=True, gaps=(gap,))


def union(parts: Iterable[Extent]) -> Extent:
    """What is in any of them; where several list a concept, the first one's listing counts."""
    listed = tuple(parts)
    if len(listed) == 1:
        return listed[0]
    sure: dict[Pair, Json] = {}
    for part in listed:
        for pair, concept in part.sure.items():
            sure.setdefault(pair, concept)
    barred = frozenset().union(*(part.barred for part in listed))
    return Extent(
        sure,
        frozenset().union(*(part.possible for part in listed)) - sure.keys(),
        frozenset().union(*(part.open for part in listed)),
        frozenset(pair for pair in barred if not any(part.may_have(pair) for part in listed)),
        any(part.unbounded for part in listed),
        tuple(gap for part in listed for gap in part.gaps),
    )


def intersection(one: Extent, other: Extent) -> Extent:
    """What is in both, in the order and with the listing of the first."""
    sure = {pair: listed for pair, listed in one.sure.items() if pair in other.sure}
    candidates = (one.possible | one.sure.keys() | other.possible | other.sure.keys()) - sure.keys()
    match one.unbounded, other.unbounded:
        case True, True:
            open_ = one.open | other.open
        case True, False:
            open_ = other.open
        case False, True:
            open_ = one.open
        case _:
            open_ = one.open & other.open
    return Extent(
        sure,
        frozenset(pair for pair in candidates if one.may_have(pair) and other.may_have(pair)),
        open_,
        one.barred | other.barred,
        one.unbounded and other.unbounded,
        one.gaps + other.gaps,
    )


def difference(one: Extent, other: Extent) -> Extent:
    """What is in the first and not in the other."""
    sure = {pair: listed for pair, listed in one.sure.items() if not other.may_have(pair)}
    candidates = (one.possible | one.sure.keys()) - sure.keys()
    return Extent(
        sure,
        frozenset(pair for pair in candidates if pair not in other.sure),
        one.open,
        one.barred | other.sure.keys(),
        one.unbounded,
        one.gaps + other.gaps,
    )
