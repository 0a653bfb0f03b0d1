"""What the audit keeps of an act, and the rows and bytes that are made of it.

An entry is kept once: in the transaction of the unit that stores a version, or with others by a
`service.storage.trail.Trail`. In its locality it has a place by time and serial, and nothing of it is
ever changed. The young people whose data an act showed or changed are a part of the entry
(`children`), and rows of their own beside it, by which their histories are found.

Source: ADR 0020, docs/audit.md
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple

from service.fhir import codec
from service.storage.names import Kind, Name, Names, pack_id, unpack_id

CREATED: Final = 1
READ: Final = 2
UPDATED: Final = 3
DELETED: Final = 4
EXECUTED: Final = 5
ACTIONS: Final = {CREATED: "C", READ: "R", UPDATED: "U", DELETED: "D", EXECUTED: "E"}
"""Codes of FHIR's audit-event-action by how they are kept.

Source: https://hl7.org/fhir/R4/valueset-audit-event-action.html
"""
WRITING: Final = (CREATED, UPDATED, DELETED)

Row = tuple[Any, ...]
Children = tuple[tuple[str, int], ...]  # ids of Patients, and the grounds on which their data was seen

COLUMNS: Final = (
    "locality",
    "at",
    "serial",
    "action",
    "what",
    "client",
    "agency",
    "person",
    "purpose",
    "status",
    "type",
    "id",
    "version",
    "delay",
    "request",
    "address",
    "query",
    "reason",
    "children",
)
"""The columns of the table `audit` in order."""
CHILD_COLUMNS: Final = ("locality", "child", "at", "serial", "ground")
"""The columns of the table `audit_child` in order."""

_NONE: Final = 0  # in place of the number of a name: there is none
# The serial of a version's entry: its resource's number and its own, so that the same is not kept twice.
_VERSIONS: Final = 20  # bits
FIRST_SERIAL: Final = 1 << 62
"""Serials of entries that are not of versions begin here, above those that are."""


class Event(NamedTuple):
    """An act as it is told to the audit: who did what, when, and what came of it.

    `what` is the interaction or the operation (with `$`); `person` the FHIR user as `Type/id`. `at` in
    milliseconds since 1970; `status` is that of HTTP. `query` is what was asked, as it stood behind the
    FHIR base. `reason` is the slug of a refusal, or says that nothing was stored. The first seven are
    names, and kept as numbers.
    """

    locality: str
    what: str
    client: str
    agency: str
    person: str = ""
    purpose: str = ""
    type: str = ""
    at: int = 0
    action: int = EXECUTED
    status: int = 200
    id: str = ""
    version: int = 0
    request: str = ""
    address: str = ""
    query: str = ""
    reason: str = ""
    children: Children = ()


class Entry(NamedTuple):
    """An entry as it is kept: the act, its serial, and how many milliseconds after it was written down.

    `event.at` is when it was written down, and with `serial` its place.
    """

    event: Event
    serial: int
    delay: int = 0


Said = tuple[str, str, str, str, str, str, str]  # the names in an event
Codes = tuple[int, ...]  # their numbers

_KINDS: Final = (
    Kind.LOCALITY,
    Kind.INTERACTION,
    Kind.CLIENT,
    Kind.AGENCY,
    Kind.PERSON,
    Kind.PURPOSE,
    Kind.TYPE,
)
# So many combinations of names are remembered: of a day there are as many as clients and kinds of acts.
_MOST: Final = 10_000


class Actors:
    """The names that stand together in entries, and their numbers; each combination is looked up once."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._codes: dict[Said, Codes] = {}
        self._said: dict[Codes, tuple[Said, bytes]] = {}

    def unknown(self, events: Iterable[Event]) -> set[Name]:
        """The names in the events that have no number here yet."""
        known = self._codes
        new = {said for event in events if (said := event[:7]) not in known}
        named = ((kind, text) for said in new for kind, text in zip(_KINDS, said, strict=True) if text)
        return self._names.unknown(named)

    def row(self, entry: Entry) -> Row:
        """The row of an entry, its names learnt."""
        event, serial, delay = entry
        said = event[:7]
        codes = self._codes.get(said)
        if codes is None:
            codes = self._learn(said)
        locality, what, client, agency, person, purpose, type_ = codes
        return (
            locality,
            event.at,
            serial,
            event.action,
            what,
            client,
            agency,
            person,
            purpose,
            event.status,
            type_,
            pack_id(event.id),
            event.version,
            delay,
            event.request,
            event.address,
            event.query,
            event.reason,
            packed(event.children),
        )

    def entry(self, row: Sequence[Any]) -> Entry:
        """The entry in a row.

        Raises:
            KeyError: a name of it was not learnt.
        """
        (_, at, serial, action, _, _, _, _, _, status, _, id_, version, delay, *texts, children) = row
        said, _ = self._of(row)
        packed_id = bytes(id_)
        request, address, query, reason = texts
        event = Event(
            *said,
            at=at,
            action=action,
            status=status,
            id=unpack_id(packed_id) if packed_id else "",
            version=version,
            request=request,
            address=address,
            query=query,
            reason=reason,
            children=unpacked(bytes(children)),
        )
        return Entry(event, serial, delay)

    def line(self, row: Sequence[Any]) -> bytes:
        """All that an entry says, in bytes in which no other says it: what the chain is made of.

        Raises:
            KeyError: a name of it was not learnt.
        """
        (_, at, serial, action, _, _, _, _, _, status, _, id_, version, delay, *texts, children) = row
        numbers = (at, serial, action, status, version, delay)
        return b"%b%b\n" % (
            self._of(row)[1],
            codec.encode([*numbers, bytes(id_).hex(), *texts, bytes(children).hex()]),
        )

    def _learn(self, said: Said) -> Codes:
        codes = tuple(
            self._names.known(kind, text) if text else _NONE for kind, text in zip(_KINDS, said, strict=True)
        )
        if len(self._codes) >= _MOST:
            self._codes.clear()
        self._codes[said] = codes
        return codes

    def _of(self, row: Sequence[Any]) -> tuple[Said, bytes]:
        """The names in a row, as they are and as they stand in the chain."""
        codes = (row[0], row[4], row[5], row[6], row[7], row[8], row[10])
        found = self._said.get(codes)
        if found is None:
            locality, what, client, agency, person, purpose, type_ = (
                self._names.text(kind, code) if code else "" for kind, code in zip(_KINDS, codes, strict=True)
            )
            said = (locality, what, client, agency, person, purpose, type_)
            if len(self._said) >= _MOST:
                self._said.clear()
            found = self._said[codes] = (said, codec.encode(list(said)))
        return found


def child_rows(kept: Row) -> list[Row]:
    """The rows of `audit_child` that the row of an entry calls for."""
    children = kept[-1]
    if not children:
        return []
    locality, at, serial = kept[:3]
    return [(locality, child, at, serial, ground) for child, ground in parts(bytes(children))]


def version_serial(rid: int, version: int) -> int:
    """The serial of the entry of a version."""
    return (rid << _VERSIONS) + version


def packed(children: Children) -> bytes:
    """Ids and grounds as bytes: of each the ground, the length of the packed id, and that."""
    if not children:
        return b""
    parts = []
    for id_, ground in children:
        child = pack_id(id_)
        parts.append(bytes((ground, len(child))) + child)
    return b"".join(parts)


def unpacked(raw: bytes) -> Children:
    """What `packed` made `raw` of."""
    return tuple((unpack_id(child), ground) for child, ground in parts(raw))


def parts(raw: bytes) -> Iterator[tuple[bytes, int]]:
    """The packed ids and the grounds in what `packed` made."""
    start = 0
    while start < len(raw):
        ground, length = raw[start], raw[start + 1]
        start += 2
        yield raw[start : start + length], ground
        start += length


def beginning(locality: str) -> bytes:
    """What the chain of a locality begins with, in place of the hash of a former block."""
    return sha256(b"thrive-fhir audit of " + locality.encode()).digest()


class Chain:
    """The hash of a block in the making: of the former one's, and of all that its entries say, in their order."""

    def __init__(self, before: bytes) -> None:
        self._hash = sha256(before)

    def add(self, line: bytes) -> None:
        """Takes in what the next entry says."""
        self._hash.update(line)

    @property
    def hash(self) -> bytes:
        """The hash of what was taken in so far."""
        return self._hash.digest()
