"""Whether the audit is whole: every version has its entry, every block its hash, every young person their rows.

Everything is read in the snapshot of `service.storage.checking`, in order and once, whatever its size.
Entries that were taken out, changed or put in later show in the block that they are of: its number
of entries or its hash is another. What was taken from the end, blocks and all, shows to whoever
has noted a hash before (`noted`).

Source: ADR 0020, docs/audit.md
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol

from service.storage import audit
from service.storage.audit import COLUMNS, WRITING, Row
from service.storage.audit_due import Unreadable, made
from service.storage.names import Kind, Names
from service.storage.tables import METHODS

_SUM_BITS: Final = 64
_FIRST_VERSION: Final = 1

_ENTRIES: Final = f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY locality, at, serial"  # noqa: S608 - our own names
_BLOCKS: Final = "SELECT locality, number, high, last, count, hash FROM audit_block ORDER BY locality, number"
_CHILDREN: Final = "SELECT locality, child, at, serial, ground FROM audit_child"
_DUE: Final = "SELECT told FROM audit_due"
_VERSIONS: Final = " UNION ALL ".join(
    f"SELECT locality, type, id, version, updated, method FROM {table}"  # noqa: S608 - our own names
    for table in ("resource", "resource_version")
)


class Snapshot(Protocol):
    """Rows as they were at one moment."""

    def rows(self, text: str) -> AsyncIterator[Sequence[Any]]:
        """The rows of a statement."""
        ...


class Head(NamedTuple):
    """Where the chain of a locality ends: the number of the last block, and its hash in hexadecimal."""

    locality: str
    number: int
    hash: str


@dataclass(slots=True)
class Audit:
    """What was found of the audit: how many entries, how many of them are not sealed yet, where the chains end."""

    entries: int = 0
    unsealed: int = 0
    heads: list[Head] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


class _Block(NamedTuple):
    number: int
    end: tuple[int, int]
    size: int
    hash: bytes


class _Sum:
    """Rows by their number and the sum of their digests, whatever their order."""

    def __init__(self) -> None:
        self.number = 0
        self.total = 0

    def add(self, row: Sequence[Any]) -> None:
        """Takes a row in."""
        digest = blake2b(repr(tuple(row)).encode(), digest_size=_SUM_BITS // 8).digest()
        self.number += 1
        self.total = (self.total + int.from_bytes(digest, "big")) % 2**_SUM_BITS

    def differs(self, other: _Sum) -> bool:
        """Whether the rows of the other are not the same ones."""
        return (self.number, self.total) != (other.number, other.total)


Sums = dict[tuple[int, int], _Sum]  # by locality and type


async def check(snapshot: Snapshot, names: Names, noted: Iterable[str] = ()) -> Audit:
    """What there is to say of the audit; `noted` are hashes of blocks, in hexadecimal, that must be there."""
    found = Audit()
    walk = _Walk(names, await _blocks(snapshot), found)
    children, told = _Sum(), defaultdict[tuple[int, int], _Sum](_Sum)
    async for row in snapshot.rows(_ENTRIES):
        kept = tuple(row)
        walk.take(kept)
        for child in audit.child_rows(kept):
            children.add(child)
        if (version := _version_of(kept)) is not None:
            told[kept[0], kept[10]].add(version)
    walk.finish()
    await _compare(snapshot, names, told, children, found)
    hashes = {block.hash.hex() for blocks in walk.blocks.values() for block in blocks}
    missing = [each for each in noted if each.lower() not in hashes]
    found.faults += [f"no block of the audit has the hash {each} that was noted" for each in missing]
    return found


async def _blocks(snapshot: Snapshot) -> dict[int, list[_Block]]:
    found: dict[int, list[_Block]] = defaultdict(list)
    async for locality, number, high, last, size, hash_ in snapshot.rows(_BLOCKS):
        found[locality].append(_Block(number, (high, last), size, bytes(hash_)))
    return found


class _Walk:
    """The entries in their order, beside the blocks that they were sealed in."""

    def __init__(self, names: Names, blocks: dict[int, list[_Block]], found: Audit) -> None:
        self.blocks = blocks
        self._names = names
        self._actors = audit.Actors(names)
        self._found = found
        self._locality: int | None = None
        self._left: deque[_Block] = deque()
        self._before = b""
        self._chain = audit.Chain(b"")
        self._size = 0
        self._done: set[int] = set()

    def take(self, row: Sequence[Any]) -> None:
        """Takes the next entry."""
        if row[0] != self._locality:
            self._end()
            self._begin(row[0])
        self._found.entries += 1
        while self._left and (row[1], row[2]) > self._left[0].end:
            self._close()
        if not self._left:
            self._found.unsealed += 1
            return
        self._size += 1
        try:
            self._chain.add(self._actors.line(row))
        except KeyError:
            self._found.faults.append(f"an entry of the audit of {self._name} names what has no name")

    def finish(self) -> None:
        """Ends the locality at hand, and those that have blocks and no entries."""
        self._end()
        for locality in sorted(self.blocks.keys() - self._done):
            self._begin(locality)
            self._end()

    def _end(self) -> None:
        while self._left:
            self._close()
        if self._locality is not None:
            self._done.add(self._locality)

    @property
    def _name(self) -> str:
        code = self._locality
        return self._names.text(Kind.LOCALITY, code) if code is not None else ""

    def _begin(self, locality: int) -> None:
        self._locality = locality
        self._left = deque(self.blocks.get(locality, ()))
        self._before = audit.beginning(self._name)
        self._open()
        if self._left:
            last = self._left[-1]
            self._found.heads.append(Head(self._name, last.number, last.hash.hex()))
            wanted = list(range(1, len(self._left) + 1))
            if [block.number for block in self._left] != wanted:
                self._found.faults.append(f"blocks of the audit of {self._name} are missing")

    def _open(self) -> None:
        self._chain = audit.Chain(self._before)
        self._size = 0

    def _close(self) -> None:
        block = self._left.popleft()
        where = f"block {block.number} of the audit of {self._name}"
        if self._size != block.size:
            self._found.faults.append(
                f"{where} has {self._size} entries, not the {block.size} that were sealed"
            )
        elif self._chain.hash != block.hash:
            self._found.faults.append(
                f"{where} does not say what was sealed, or does not follow its former one"
            )
        # Each block is held to the hash that the former one has, so that what is wrong is told where it is.
        self._before = block.hash
        self._open()


def _version_of(row: Sequence[Any]) -> tuple[Any, ...] | None:
    """The version that an entry tells of: id, number, time and action; None where it tells of something else."""
    action, version, at, delay = row[3], row[12], row[1], row[13]
    if action not in WRITING or not version or row[2] >= audit.FIRST_SERIAL:
        return None
    return (bytes(row[11]), version, at - delay, action)


async def _compare(snapshot: Snapshot, names: Names, told: Sums, children: _Sum, found: Audit) -> None:
    wanted: Sums = defaultdict(_Sum)
    async for locality, type_, id_, version, updated, method in snapshot.rows(_VERSIONS):
        action = (
            audit.DELETED
            if method == METHODS["DELETE"]
            else audit.CREATED
            if version == _FIRST_VERSION
            else audit.UPDATED
        )
        wanted[locality, type_].add((bytes(id_), version, updated, action))
    for key in sorted(wanted.keys() | told.keys()):
        want, have = wanted.get(key, _Sum()), told.get(key, _Sum())
        if want.differs(have):
            name = names.text(Kind.TYPE, key[1])
            found.faults.append(
                f"the audit entries of {name} are {have.number}, and not those of its {want.number} versions"
            )
    rows, unreadable = await _by_child(snapshot)
    if unreadable:
        found.faults.append(f"{unreadable} rows of audit_due are unreadable: nobody is told who saw whom")
    if rows.differs(children):
        found.faults.append(
            f"the audit's rows by young person are {rows.number}, and not the {children.number} that entries call for"
        )


async def _by_child(snapshot: Snapshot) -> tuple[_Sum, int]:
    """The rows by young person, those that are still to be made among them, and how many of `audit_due` are unreadable."""
    due: set[Row] = set()
    unreadable = 0
    async for (told,) in snapshot.rows(_DUE):
        try:
            due.update(made(bytes(told)))
        except Unreadable:
            unreadable += 1
    rows = _Sum()
    async for row in snapshot.rows(_CHILDREN):
        rows.add(row)
        due.discard(tuple(row))  # one that is made already is there once
    for made_later in due:
        rows.add(made_later)
    return rows, unreadable
