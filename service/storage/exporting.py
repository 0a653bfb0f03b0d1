"""What resources were at one moment, read quickly and in any number: what exports are made of.

A *moment* is a time of which everything is there: no version that bears it, or an earlier one, can still
appear, because whoever stores a version afterwards stamps it with a later time. A resource at a moment is
its newest version no later than that, which is its current one or, where the resource has moved on, one of
its superseded ones. So whatever is written meanwhile, and however often it is read, the same is found.

Resources of a type are read in *slices*, ranges of their keys. Where the slices end depends on what was there
at the moment alone. Reads are for threads: each has a connection of its own, and takes its time.

Source: ADR 0025
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from service.fhir.search.sight import Sight
    from service.storage.export_views import View

NEVER: Final = -1
"""In place of a moment since when something changed: everything did. Units: milliseconds since 1970."""
LAST: Final = 2**62
"""A key behind all that there are."""
CHUNK: Final = 2 * 2**20
"""Units: bytes that a chunk has, about: what is held of a file in memory."""


Child = tuple[bytes, int]
"""The packed id of a young person, and the ground on which something about them was seen."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The resources of a type with keys from behind `low` up to `high`, as they were at the moment `at`.

    With `since`, those alone that changed after it, deletions among them. Units: milliseconds since 1970.
    """

    type: str
    low: int
    high: int
    at: int
    since: int = NEVER


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a slice.

    `lines` are resources, one a line, each line ended; `count` says how many. `children` are the young people
    that they are about. `deleted` are the ids of those that had been deleted, where it was asked what changed.
    """

    lines: bytes
    count: int
    children: frozenset[Child]
    deleted: tuple[str, ...] = ()


class Record(NamedTuple):
    """A resource at a moment.

    `key` is the store's own number of it; `child` as in the column of that name; `body` is empty where it had
    been deleted. `moved`: it has another version by now.
    """

    key: int
    id: str
    updated: int
    child: bytes | None
    ground: int
    body: bytes
    moved: bool

    @property
    def deleted(self) -> bool:
        """Whether it had been deleted."""
        return not self.body


class Exports(Protocol):
    """The moments of one database, and what was there at them."""

    async def moment(self, locality: str) -> int:
        """A new moment: now, or the newest time that a version bears. Milliseconds since 1970.

        Of whatever was stored before this was asked for, it is no earlier than its time.
        """
        ...

    async def settled(self) -> None:
        """Waits until what is being stored is there or will never be: then every moment given out before is whole.

        Raises:
            Unavailable: the database cannot be asked, or that took longer than any unit may.
        """
        ...

    async def counts(self, locality: str, types: Sequence[str], since: int = NEVER) -> dict[str, int]:
        """About how many resources of each type all their slices hold."""
        ...

    async def beginning(self, locality: str, whole: Slice, rows: int) -> Slice | None:
        """The slice's first so many resources; all of it where it holds no more, None where nothing of its type is there.

        It is the same whenever it is asked, and found soon however much the slice holds.
        """
        ...

    async def slices(self, locality: str, whole: Slice, rows: int) -> tuple[Slice, ...]:
        """The slices of so many resources each that a slice falls into.

        They are the same whenever it is asked; none where nothing of its type is there.
        """
        ...

    async def view(self, locality: str, sight: Sight | None = None) -> View:
        """The locality with these eyes (None: all of it), as what is said of who sees what is from now on."""
        ...


def cut(of: Slice, ends: Iterable[int]) -> tuple[Slice, ...]:
    """The slices between these keys, in order."""
    bounds = [of.low, *(end for end in ends if of.low < end < of.high), of.high]
    return tuple(Slice(of.type, low, high, of.at, of.since) for low, high in pairwise(bounds))
