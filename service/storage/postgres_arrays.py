"""Arrays as asyncpg takes them at the least cost.

Source: asyncpg's `protocol/codecs/array.pyx` (`array_encode`, `_get_array_shape`)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


class Flat:
    """Values for an array of PostgreSQL, none of which is an array itself.

    asyncpg goes through each array twice. First it looks for arrays within it, with calls into Python for each value,
    which cost five times as much as the second time, when it encodes them. Here the first look finds nothing.
    Should it ever look once only, the server refuses the statement: an array is then shorter than it says.
    """

    __slots__ = ("_is_seen", "_values")

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values
        self._is_seen = False

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        if self._is_seen:
            return iter(self._values)
        self._is_seen = True
        return iter(())
