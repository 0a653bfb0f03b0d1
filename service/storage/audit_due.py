"""Rows of `audit_child` that are still to be made: the young people of entries that were written down together.

An entry that shows twenty young people has twenty rows, each in another place of the table. Made one by one they
cost several times what the entry does; made some seconds later, with those of many other entries and in order, most
of that is saved. What is due is written down with the entries themselves, so none can be lost, and whoever asks by
young person has the rows made first.

Source: ADR 0020
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from service.fhir.problems import Unavailable
from service.storage.audit import Row, parts

LOT: Final = 4
"""Units: rows of `audit_due` that are settled in one transaction: as many as keep other writers waiting for moments."""

LOWEST: Final = -(2**63)
"""Below the numbers of all rows of `audit_due`."""
ANY_DUE: Final = "SELECT 1 FROM audit_due WHERE number > $1 LIMIT 1"
NEXT_DUE: Final = f"SELECT number, told FROM audit_due WHERE number > $1 ORDER BY number LIMIT {LOT}"  # noqa: S608 - a constant of ours

_PLACE: Final = struct.Struct(">hqqI")  # locality, time, serial, and how many bytes of young people follow
_RANDOM: Final = 63  # bits


def due(kept: Iterable[Row]) -> list[Row]:
    """The row of `audit_due` for those rows of `audit`; none where they are about nobody."""
    told = b"".join(
        piece
        for row in kept
        if row[-1]
        for piece in (_PLACE.pack(row[0], row[1], row[2], len(row[-1])), row[-1])
    )
    return [(int.from_bytes(os.urandom(8)) >> (64 - _RANDOM), told)] if told else []


class Unreadable(Exception):  # noqa: N818 - a state of what is stored
    """A row of `audit_due` that `due` did not make."""


class Lot(NamedTuple):
    """Rows of `audit_due` that were looked at together.

    `rows` of `audit_child` are due by those of the numbers `done`, in the order of their key: those that lie in one
    page are added one after the other. So many others were `unreadable`. `last` is the highest number of all.
    """

    rows: list[Row]
    done: list[int]
    unreadable: int
    last: int


def lot(found: Sequence[Sequence[Any]]) -> Lot | None:
    """What is due by rows of `NEXT_DUE`; None where there are none."""
    if not found:
        return None
    rows: list[Row] = []
    done: list[int] = []
    for number, told in found:
        try:
            rows += made(bytes(told))
        except Unreadable:
            continue
        done.append(number)
    return Lot(sorted(rows), done, len(found) - len(done), found[-1][0])


def require_whole(unreadable: int) -> None:
    """Refuses who asks by young person where so many rows of `audit_due` are unreadable: less would be told than was.

    Raises:
        Unavailable: there are any.
    """
    if unreadable:
        text = (
            "A part of the audit cannot be read, so nobody can be told wholly whose data were seen by whom."
        )
        raise Unavailable("audit-incomplete", text)


def made(told: bytes) -> list[Row]:
    """The rows of `audit_child` that are due by a row of `audit_due`.

    Raises:
        Unreadable: there are none that could be read.
    """
    try:
        rows = list(_made(told))
    except (struct.error, IndexError, TypeError) as fault:
        raise Unreadable from fault
    if not rows:
        raise Unreadable  # what is about nobody was not written down
    return rows


def _made(told: bytes) -> Iterator[Row]:
    start = 0
    while start < len(told):
        locality, at, serial, size = _PLACE.unpack_from(told, start)
        start += _PLACE.size
        if start + size > len(told):
            raise Unreadable
        for child, ground in parts(told[start : start + size]):
            yield (locality, child, at, serial, ground)
        start += size
