"""A part of a file, as a client asks for it.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-range-requests
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_ONE: Final = re.compile(rb"bytes *= *(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file from `start` until before `end`."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes it is."""
        return self.end - self.start


class Unsatisfiable(Exception):  # noqa: N818 - a state of the request, which its answer tells
    """There are no such bytes in the file."""


def part(fields: Mapping[bytes, bytes], size: int, tag: bytes) -> Part | None:
    """The part of a file of `size` bytes that is wanted; None where that is all of it.

    It is all of it, too, where several parts are asked for, or the part of a file with another tag than this
    (`If-Range`): the standard lets a server send more than what is asked.

    Raises:
        Unsatisfiable: there is no such part.
    """
    asked = fields.get(b"range")
    found = None if asked is None else _ONE.fullmatch(asked.strip())
    if found is None or fields.get(b"if-range", tag).strip() != tag:
        return None
    first, last = found[1], found[2]
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), size if not last else min(size, int(last) + 1)
        if last and int(last) < start:
            return None
    if start >= end:
        raise Unsatisfiable
    return Part(start, end)
