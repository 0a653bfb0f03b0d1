"""What a resource says of who may see it, and whom it lets see a young person's record, in the form that is stored.

The rule itself is the clinic's, and stands in `service/outcomes`: it is handed in where a store
is opened, so that nothing here knows of plans, teams or consents.

Source: ADR 0019
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

from service.storage.names import Kind, Name, Names, pack_id, unpack_id
from service.storage.store import CLOSED

Resource = dict[str, Any]

CLOSED_CHILD: Final = b"\x00"
"""In the column `child`: about several young people or unknown ones. No id is packed to it."""


class Statement(Protocol):
    """A row about the record of `child`; its fields are those of `store.Share`, packed."""

    @property
    def child(self) -> str:
        """The id of the Patient about whom it is, as `Facts.child` tells."""
        ...

    @property
    def party(self) -> str:
        """As `Share.party`."""
        ...

    @property
    def effect(self) -> int:
        """As `Share.effect`."""
        ...

    @property
    def type(self) -> str:
        """As `Share.type`."""
        ...

    @property
    def purpose(self) -> str:
        """As `Share.purpose`."""
        ...

    @property
    def mask(self) -> int:
        """As `Share.mask`."""
        ...

    @property
    def low(self) -> int:
        """As `Share.low`."""
        ...

    @property
    def high(self) -> int:
        """As `Share.high`."""
        ...

    @property
    def team(self) -> str:
        """As `Share.team`."""
        ...


class Facts(Protocol):
    """What one resource's content tells.

    `child` is the id of the one Patient that it is about, None where it is about nobody, or, where
    `closed`, about several or unknown people. `label` are the bits of its sensitive labels. `rows`
    say who may see whose record. `through` are the keys of the resources that tell whom it is about,
    where its own content does not.
    """

    @property
    def child(self) -> str | None:
        """The id of the Patient about whom it is, as `Facts.child` tells."""
        ...

    @property
    def closed(self) -> bool:
        """Whether it is about several people or unknown ones."""
        ...

    @property
    def label(self) -> int:
        """The bits of its labels."""
        ...

    @property
    def rows(self) -> Sequence[Statement]:
        """What it says of who may see a record."""
        ...

    @property
    def through(self) -> Sequence[tuple[str, str]]:
        """What tells whom it is about."""
        ...


@dataclass(frozen=True, slots=True)
class _Unknown:
    child: str | None = None
    closed: bool = True
    label: int = 0
    rows: tuple[Statement, ...] = ()
    through: tuple[tuple[str, str], ...] = ()


def _unknown(_: Resource) -> Facts:
    return _Unknown()


def _bare(_: str, resource: Resource) -> Resource:
    return {key: resource[key] for key in ("resourceType", "id", "meta") if key in resource}


@dataclass(frozen=True, slots=True)
class Rule:
    """The clinic's rule as far as a store needs it.

    `facts` are what a resource tells; `masked` is what is left of a resource (its type, its content)
    where places are withheld; `revealing` are the search parameters (type and code) whose values
    are then withheld too, and `places` the types that no reference then leads to. By default nothing is known: then only the author sees a resource.
    """

    facts: Callable[[Resource], Facts] = _unknown
    masked: Callable[[str, Resource], Resource] = _bare
    revealing: frozenset[tuple[str, str]] = frozenset()
    places: frozenset[str] = frozenset()


NO_RULE: Final = Rule()

# Effects from here on are about the child alone. Source: `service.outcomes.grants.Effect`
ABOUT_THE_CHILD: Final = 8
_EFFECT: Final = 2  # the place of the effect in a row

Row = tuple[
    bytes, int, int, int, int, int, int, int, bytes
]  # the columns of `index_sharing` behind the locality


def child_of(facts: Facts, told: str | None = None) -> bytes | None:
    """What stands in the column `child`; `told` is `Change.child`."""
    if told is not None:
        return pack_child(told)
    return CLOSED_CHILD if facts.closed else pack_child(facts.child)


def pack_child(child: str | None) -> bytes | None:
    """`Stored.child` as it stands in the column."""
    return None if child is None else CLOSED_CHILD if child == CLOSED else pack_id(child)


@lru_cache(maxsize=10_000)  # a page is mostly of one child
def unpack_child(packed: bytes | None) -> str | None:
    """What `pack_child` made of it."""
    return None if packed is None else CLOSED if packed == CLOSED_CHILD else unpack_id(packed)


def kept(rows: Iterable[Row]) -> set[Row]:
    """Those of the rows that stay when the resource that says them is deleted: what they say of the child alone.

    Else what is withheld of a young person's record would be told as soon as their Patient is gone.
    """
    return {row for row in rows if row[_EFFECT] >= ABOUT_THE_CHILD}


def names_of(rows: Iterable[Statement]) -> Iterable[Name]:
    """The names that must be known before `packed` can be made of the rows."""
    for row in rows:
        yield Kind.AGENCY, row.party
        yield Kind.PURPOSE, row.purpose


def packed(rows: Iterable[Statement], names: Names) -> set[Row]:
    """The rows of `index_sharing`, without locality and rid. What is about a type that is not served is left out."""
    known = names.known
    return {
        (
            pack_id(row.child),
            known(Kind.AGENCY, row.party),
            int(row.effect),
            code,
            known(Kind.PURPOSE, row.purpose),
            row.mask,
            row.low,
            row.high,
            pack_id(row.team),
        )
        for row in rows
        if (code := names.code(Kind.TYPE, row.type)) is not None
    }
