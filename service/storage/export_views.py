"""What somebody sees of what was there at a moment: chunks of lines, or resources one by one.

Source: ADR 0025
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, Protocol

from service.fhir import codec
from service.fhir.search.sight import Sight
from service.storage.exporting import NEVER, Child, Chunk, Record, Slice
from service.storage.names import unpack_id
from service.storage.querying.said import GROUND, WITHHELD
from service.storage.sharing import CLOSED_CHILD, Resource

ROWS: Final = 1_000
"""Units: resources that are read at a time where they are read one by one."""

# Of one resource at a moment: key, packed id, when that version was stored, whether it is a deletion, child, the
# number of `querying.decision`, body, and whether it has moved on.
Row = tuple[int, bytes, int, Any, bytes | None, int, bytes, Any]

# Places in a row.
KEY: Final = 0
_UPDATED: Final = 2
_GONE: Final = 3
_CHILD: Final = 4
_SEEN: Final = 5
BODY: Final = 6
MOVED: Final = 7

_kind = itemgetter(_GONE, _SEEN)
_whose = itemgetter(_CHILD, _SEEN)
body_of = itemgetter(BODY)
moved_of = itemgetter(MOVED)


class Reading(Protocol):
    """A connection that reads one slice."""

    def changed(self, of: Slice, after: int) -> list[int]:
        """The keys of the slice, in order, of what has versions later than `after`."""
        ...

    def listed(self, of: Slice, keys: Sequence[int]) -> list[Row]:
        """Those of the resources with these keys that were there at the moment, in the order of their keys."""
        ...

    def following(self, of: Slice, after: int, count: int) -> tuple[list[Row], int | None]:
        """As `listed`, of the next so many keys behind `after`; and the last of them, None where there are no more."""
        ...

    def chunks(self, of: Slice, seen: Callable[[Sequence[Row]], Chunk]) -> Iterator[Chunk]:
        """As `Exports.chunks`; `seen` makes a chunk of rows."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """A locality at any moment, as somebody sees it. `masked` is that of the store's rule.

    Its methods block, and are for threads; each opens a connection of its own. They raise `Unavailable` where
    the database cannot be read now.
    """

    reading: Callable[[], AbstractContextManager[Reading]]
    masked: Callable[[str, Resource], Resource]
    sight: Sight | None

    def chunks(self, of: Slice) -> Iterator[Chunk]:
        """All of the slice, in the order of keys."""
        if self._reads(of.type):
            with self.reading() as reading:
                yield from reading.chunks(of, lambda rows: self._chunk(of, rows))

    def records(self, of: Slice, *, moved: bool = False) -> Iterator[Record]:
        """All of the slice one by one, deletions too; with `moved` those alone that have moved on since the moment."""
        if not self._reads(of.type):
            return
        with self.reading() as reading:
            for rows in moved_pages(reading, of) if moved else pages(reading, of):
                yield from [
                    self._record(of.type, row)
                    for row in rows
                    if row[_UPDATED] > of.since and row[_SEEN] & GROUND
                ]

    def named(self, of: Slice, keys: Sequence[int]) -> Iterator[Record]:
        """Those of the slice's type that have these keys, whether the slice holds them or not."""
        if not self._reads(of.type):
            return
        with self.reading() as reading:
            for rows in _listed(reading, of, sorted(keys)):
                yield from [self._record(of.type, row) for row in rows if row[_SEEN] & GROUND]

    def _reads(self, type_: str) -> bool:
        return self.sight is None or self.sight.reads(type_)

    def _record(self, type_: str, row: Row) -> Record:
        key, id_, updated, gone, child, seen, body, moved = row
        body = b"" if gone else self._body(type_, body) if seen & WITHHELD else body
        return Record(key, unpack_id(id_), updated, child, seen & GROUND, body, bool(moved))

    def _chunk(self, of: Slice, rows: Sequence[Row]) -> Chunk:
        """What is seen of the rows."""
        # Mostly all of them are seen whole, and then none of them need be looked at by itself.
        if of.since == NEVER and all(map(_is_plain, set(map(_kind, rows)))):
            return _whole(rows)
        lines: list[bytes] = []
        children: set[Child] = set()
        deleted: list[str] = []
        for _, id_, updated, gone, child, seen, body, _ in rows:
            if updated <= of.since or not seen & GROUND:
                continue
            if gone:
                if of.since == NEVER:
                    continue
                deleted.append(unpack_id(id_))
            else:
                lines.append(self._body(of.type, body) if seen & WITHHELD else body)
            if child is not None and child != CLOSED_CHILD:
                children.add((child, seen & GROUND))
        text = b"\n".join((*lines, b"")) if lines else b""
        return Chunk(text, len(lines), frozenset(children), tuple(deleted))

    def _body(self, type_: str, body: bytes) -> bytes:
        """What is left of it where places are withheld."""
        return codec.encode(self.masked(type_, codec.restore(body)))


def _is_plain(kind: tuple[Any, int]) -> bool:
    """Whether it is there, seen, and nothing of it is withheld: `kind` is what two columns say."""
    gone, seen = kind
    return not gone and bool(seen & GROUND) and not seen & WITHHELD


def _whole(rows: Sequence[Row]) -> Chunk:
    """The chunk of rows that are seen whole."""
    if not rows:
        return Chunk(b"", 0, frozenset())
    children = frozenset(
        (child, seen & GROUND)
        for child, seen in set(map(_whose, rows))
        if child is not None and child != CLOSED_CHILD
    )
    return Chunk(b"\n".join((*map(body_of, rows), b"")), len(rows), children)


def as_seen(now: Sequence[Any], was: Sequence[Any]) -> Row:
    """What a resource that has moved on was: who does not see what it has become sees nothing of that."""
    if now[_SEEN] & GROUND:
        return tuple(was)
    return (*was[:_SEEN], 0, *was[BODY:])


def pages(reading: Reading, of: Slice) -> Iterator[list[Row]]:
    """All of the slice, some at a time."""
    if of.since != NEVER:
        yield from _listed(reading, of, reading.changed(of, of.since))
        return
    after: int | None = of.low
    while after is not None:
        rows, after = reading.following(of, after, ROWS)
        yield rows


def moved_pages(reading: Reading, of: Slice) -> Iterator[list[Row]]:
    """All of the slice that has moved on, some at a time."""
    yield from _listed(reading, of, reading.changed(of, of.at))


def _listed(reading: Reading, of: Slice, keys: Sequence[int]) -> Iterator[list[Row]]:
    for start in range(0, len(keys), ROWS):
        yield reading.listed(of, keys[start : start + ROWS])
