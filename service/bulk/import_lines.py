"""The lines of an import: read as they come, looked at just as far as their order wants it, and laid down in heaps.

All that is about one young person belongs together: most of what it refers to is then in the same unit,
and need not be looked up. What is about nobody, or about several, is laid down by type. So a heap is either
`PEOPLE` or of a type. A response and the Observations that are derived from it lie side by side wherever they
are: were they stored apart, the response would bring Observations of its own.

A line that is laid down has the number of its file and its own before it: `2 17 {"resourceType"…`.

Source: ADR 0026, http://ndjson.org
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import zlib
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from os import SEEK_END
from typing import IO, Any, Final, NamedTuple, TypeVar

import msgspec

from service.bulk.import_order import levels
from service.bulk.importing_unit import Line
from service.fhir.problems import TooLarge

GZIP: Final = b"\x1f\x8b"
"""How a gzip file begins: https://www.rfc-editor.org/rfc/rfc1952"""
PIECE: Final = 1024 * 1024
"""Units: bytes that are unpacked at once: more would keep others waiting."""
ROOM: Final = 64 * 1024 * 1024
RATIO: Final = 100
"""A file may have `ROOM` bytes, and `RATIO` times as many as came: resources are ten to fifty times as large unpacked."""
_FRAMED: Final = 16 + zlib.MAX_WBITS  # zlib's way of saying: with gzip's frame
LONGEST: Final = 16 * 1024 * 1024
"""Units: bytes of a line. It is more than the largest resource that a request may carry by default."""
MOST_TOGETHER: Final = 2_000
"""Units: lines that are about one young person up to which they are stored in one unit."""
HELD: Final = 8 * 1024 * 1024
"""Units: bytes of lines that are put in order in memory. What is more is parted first, in files of its own."""
PEOPLE: Final = "*"
"""The heap of all that is about one young person, each their own."""
PATIENT: Final = "Patient"
RESPONSES: Final = "QuestionnaireResponse"
OBSERVATIONS: Final = "Observation"
UNREADABLE: Final = ""
"""In place of the type of a line that says none that can be read; why, it is told when it is stored."""

_REFERENCE: Final = re.compile(rb'"reference"\s*:\s*"(?:[^"\\]*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})')
# Lines of one partition are put in order in memory.
_PARTITIONS: Final = 32
_KEY_BYTES: Final = 8
_MARK: Final = 2 * _KEY_BYTES  # hexadecimal digits
_USUAL_KEYS: Final = 2_000  # of which the marks are remembered: lines that belong together are mostly near
_STEP: Final = 2  # digits of a mark by which it is parted at a time
_PATIENT: Final = PATIENT.encode()
_TOGETHER: Final = frozenset({RESPONSES, OBSERVATIONS})
# Units: bytes that a partition keeps in memory before it is laid down in a file of the operating system.
_IN_MEMORY: Final = 1024 * 1024
_PARTS_IN_MEMORY: Final = 64 * 1024  # the same, of each of the many parts of a partition


_Key = TypeVar("_Key", int, tuple[int, str])


class _Reference(msgspec.Struct):
    reference: str = ""


class _Head(msgspec.Struct):
    resourceType: str = ""  # noqa: N815 - FHIR's name
    id: str = ""
    derivedFrom: list[_Reference] = msgspec.field(default_factory=list)  # noqa: N815 - FHIR's name


class Head(NamedTuple):
    """What a line says at its top: its type and id, and whatever is the same for lines that are stored together."""

    type: str
    id: str
    group: str


_head = msgspec.json.Decoder(_Head).decode


async def lines(pieces: AsyncIterable[bytes]) -> AsyncIterator[tuple[int, bytes]]:
    """Every line that is not blank, with its number from 1 on.

    In place of a line longer than `LONGEST` stands something that is no JSON.
    """
    number = 0
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            if line and not line.isspace():
                yield number, line
        if len(rest) > LONGEST:
            rest = b"<too long"  # whatever follows, this is no JSON
    if rest and not rest.isspace():
        yield number + 1, rest


async def unpacked(chunks: AsyncIterable[bytes], most: int) -> AsyncIterator[bytes]:
    """The chunks in pieces, with gzip undone where they begin so; others get their turn between two pieces.

    Behind what is broken stands a line that cannot be read.

    Raises:
        TooLarge: it is more than `most` bytes, or far more than any resources are when they are unpacked.
    """
    came = size = 0
    gzip = _Gzip()
    async for chunk in chunks:
        came += len(chunk)
        for piece in gzip.feed(chunk):
            size += len(piece)
            if size > min(most, ROOM + came * RATIO):
                text = "Unpacked, a file has more in it than is read here. Import it in parts."
                raise TooLarge("import-too-large", text)
            yield piece
            await asyncio.sleep(0)
    yield gzip.end()


class _Gzip:
    """Undoes gzip, where a file begins so, piece by piece."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._begun: bytes | None = b""  # None: how it begins is known

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What the chunk unpacks to, in pieces."""
        packed = chunk
        if self._begun is not None:
            packed = self._begun + chunk
            if len(packed) < len(GZIP):
                self._begun = packed
                return
            self._begun = None
            self._stream = zlib.decompressobj(_FRAMED) if packed.startswith(GZIP) else None
        if self._stream is None:
            yield packed
            return
        while packed:
            if self._stream.eof:  # a gzip file may be several, one after the other
                self._stream = zlib.decompressobj(_FRAMED)
            try:
                piece = self._stream.decompress(packed, PIECE)
            except zlib.error:
                self._stream = None
                yield b"\n<no gzip\n"
                return
            packed = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            yield piece

    def end(self) -> bytes:
        """What stands at the end: the beginning of a very short file, or word that it breaks off."""
        if self._begun is not None:
            return self._begun
        return b"" if self._stream is None or self._stream.eof else b"\n<broken off\n"


class Laid:
    """What was laid down: heaps of lines, and to which heaps each refers."""

    def __init__(self, types: Container[str]) -> None:
        """Takes the types that there are: a line of any other is `UNREADABLE`."""
        self.lines: Counter[str] = Counter()
        self._types = types
        # By heap and type, the types to which they refer.
        self._named: dict[tuple[str, str], set[bytes]] = {}
        self._spools: dict[tuple[str, int], IO[bytes]] = {}

    def add(self, file: int, number: int, raw: bytes) -> None:
        """Lays down a line."""
        found = head(raw)
        type_ = found.type if found.type in self._types else UNREADABLE
        named = _REFERENCE.findall(raw)
        people = {id_ for of, id_ in named if of == _PATIENT}
        if type_ == PATIENT:
            people = {found.id.encode()} if found.id else set()
        heap, key = type_, b""
        if len(people) == 1 and type_ != UNREADABLE:
            heap, key = PEOPLE, people.pop()
        elif type_ in _TOGETHER:
            heap, key = OBSERVATIONS, found.group.encode()
        self.lines[heap] += 1
        types = self._named.get((heap, type_))
        if types is None:
            types = self._named[heap, type_] = set()
        types.update([of for of, _ in named])
        record = b"%d %d %b\n" % (file, number, raw)
        if not key:
            self._spool(heap, 0).write(record)
            return
        mark = _mark(key)
        self._spool(heap, _part(mark, 0)).write(mark + record)

    def _spool(self, heap: str, partition: int) -> IO[bytes]:
        spool = self._spools.get((heap, partition))
        if spool is None:
            spool = self._spools[heap, partition] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - `close`
        return spool

    @property
    def count(self) -> int:
        """How many lines were laid down."""
        return self.lines.total()

    @property
    def refers(self) -> dict[str, set[str]]:
        """To which heaps each heap refers, as far as that can be told by types."""
        held: dict[str, set[str]] = {}
        named: dict[str, set[str]] = {}
        for (heap, type_), types in self._named.items():
            held.setdefault(heap, set()).add(type_)
            named.setdefault(heap, set()).update(map(bytes.decode, types))
        return {heap: {other for other, its in held.items() if its & types} for heap, types in named.items()}

    def _ranks(self) -> dict[str, int]:
        """Where each type stands: behind those to which it refers."""
        refers: dict[str, set[str]] = {}
        for (_, type_), types in self._named.items():
            refers.setdefault(_together(type_), set()).update(_together(of.decode()) for of in types)
        return {type_: rank for rank, some in enumerate(levels(refers)) for type_ in some}

    def groups(self, heap: str) -> Iterator[list[Record]]:
        """The lines of a heap, those that belong together in one list, which has them in the order of references.

        What is about one young person is parted where it is very long. At most some `HELD` bytes are in memory.
        """
        ranks = self._ranks()
        for partition in range(_PARTITIONS):
            spool = self._spools.get((heap, partition))
            if spool is None:
                continue
            if heap in {PEOPLE, OBSERVATIONS}:
                yield from _gathered(spool, _STEP, ranks)
            else:
                spool.seek(0)
                yield from ([Record(record)] for record in spool)

    def close(self) -> None:
        """Lets go of everything."""
        for spool in self._spools.values():
            spool.close()


class Record:
    """A line that was laid down, with its head, and `place`, the numbers of its file and of the line."""

    __slots__ = ("head", "place", "raw")

    def __init__(self, raw: bytes) -> None:
        file, number, line = raw.split(b" ", 2)
        self.raw = raw
        self.place = int(file), int(number)
        self.head = head(line)

    @property
    def line(self) -> Line:
        """The line again."""
        return read_record(self.raw)


def head(raw: bytes) -> Head:
    """What a line says at its top; all of it empty where it cannot be read."""
    try:
        found = _head(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Head(UNREADABLE, "", "")
    of = f"{found.resourceType}/{found.id}"
    for each in found.derivedFrom if found.resourceType == OBSERVATIONS else ():
        at, slash, id_ = each.reference.partition("/_history/")[0].rpartition("/")
        if slash and at.rpartition("/")[2] == RESPONSES:
            of = f"{RESPONSES}/{id_}"
            break
    return Head(found.resourceType, found.id, of)


def _together(type_: str) -> str:
    return OBSERVATIONS if type_ in _TOGETHER else type_


@lru_cache(_USUAL_KEYS)
def _mark(key: bytes) -> bytes:
    return blake2b(key, digest_size=_KEY_BYTES).hexdigest().encode()


def _part(mark: bytes, at: int) -> int:
    """The partition to which something with the mark belongs, by the digits of it that stand there."""
    return int(mark[at : at + _STEP], 16) % _PARTITIONS


@contextmanager
def _parts(records: IO[bytes], of: Callable[[bytes], _Key]) -> Iterator[list[IO[bytes]]]:
    """The records laid down in parts by what they are `of`, in the order of that."""
    spools: dict[_Key, IO[bytes]] = {}
    try:
        records.seek(0)
        for record in records:
            key = of(record)
            spool = spools.get(key)
            if spool is None:
                spool = spools[key] = tempfile.SpooledTemporaryFile(_PARTS_IN_MEMORY)  # noqa: SIM115 - below
            spool.write(record)
        yield [spool for _, spool in sorted(spools.items(), key=itemgetter(0))]
    finally:
        for spool in spools.values():
            spool.close()


def _size(records: IO[bytes]) -> int:
    return records.seek(0, SEEK_END)


def _gathered(records: IO[bytes], at: int, ranks: Mapping[str, int]) -> Iterator[list[Record]]:
    """The groups of a partition, parted by the digits of the marks from `at` on for as long as it is too large."""
    if _size(records) <= HELD:
        records.seek(0)
        yield from _grouped(records, ranks)
        return
    marks: set[bytes] = set()

    def of(record: bytes) -> int:
        if len(marks) <= 1:
            marks.add(record[:_MARK])
        return _part(record, at)

    with _parts(records, of) as parts:
        for part in parts:
            if len(marks) == 1 or at + _STEP >= _MARK:
                yield from _long(part, ranks)
            else:
                yield from _gathered(part, at + _STEP, ranks)


def _long(records: IO[bytes], ranks: Mapping[str, int]) -> Iterator[list[Record]]:
    """The groups of a very long record, type by type; a response and what is its own stay one."""

    def of(record: bytes) -> tuple[int, str]:
        return _rank(Record(record[_MARK:]).head, ranks)[:2]

    with _parts(records, of) as parts:
        for part in parts:
            yield from _responses(part, 0)


def _responses(records: IO[bytes], at: int) -> Iterator[list[Record]]:
    """The groups of what is of one type and about one young person, or of one response where it is too large."""
    if _size(records) <= HELD:
        records.seek(0)
        groups: dict[str, list[Record]] = {}
        for each in records:
            record = Record(each[_MARK:])
            groups.setdefault(record.head.group, []).append(record)
        yield from groups.values()
        return
    marks: set[bytes] = set()

    def of(record: bytes) -> int:
        mark = _mark(Record(record[_MARK:]).head.group.encode())
        if len(marks) <= 1:
            marks.add(mark)
        return _part(mark, at)

    with _parts(records, of) as parts:
        for part in parts:
            if len(marks) == 1 or at + _STEP >= _MARK:
                yield from _runs(part)
            else:
                yield from _responses(part, at + _STEP)


def _runs(records: IO[bytes]) -> Iterator[list[Record]]:
    """Records that belong together and are more than can be held, in pieces: no real response has as much."""
    run: list[Record] = []
    size = 0
    records.seek(0)
    for each in records:
        run.append(Record(each[_MARK:]))
        size += len(each)
        if size > HELD:
            yield run
            run, size = [], 0
    if run:
        yield run


def _grouped(records: Iterable[bytes], ranks: Mapping[str, int]) -> Iterator[list[Record]]:
    """The records of one key put together, in the order in which the first of each came."""
    groups: dict[bytes, list[Record]] = {}
    for record in records:
        groups.setdefault(record[:_MARK], []).append(Record(record[_MARK:]))
    for group in groups.values():
        yield from _parted(sorted(group, key=lambda each: _rank(each.head, ranks)))


def _rank(of: Head, ranks: Mapping[str, int]) -> tuple[int, str, str]:
    """Where a line stands among those that belong together: after what it refers to, responses beside theirs."""
    type_ = _together(of.type)
    return ranks.get(type_, 0), type_, of.group if type_ == OBSERVATIONS else ""


def _parted(group: list[Record]) -> Iterator[list[Record]]:
    """The group, or where it is larger than a unit should be, parts of it; a response and what is its own stay one."""
    if len(group) <= MOST_TOGETHER:
        yield group
        return
    for _, part in groupby(group, key=lambda each: each.head.group):
        yield list(part)


def read_record(record: bytes) -> Line:
    """The line that was laid down as a record."""
    file, number, raw = record.split(b" ", 2)
    return Line(int(file), int(number), raw.rstrip(b"\n"))


def record_of(line: Line) -> bytes:
    """A line as it is laid down."""
    return b"%d %d %b\n" % (line.file, line.number, line.raw)
