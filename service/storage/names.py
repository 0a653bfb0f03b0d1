"""Names as small numbers, and logical ids as few bytes: what keeps index rows narrow.

Source: ADR 0002
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import IntEnum

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID_BYTES = 16
_PAD = b"\x00"  # stands in no logical id, so a padded one is like no other


class Kind(IntEnum):
    """What a name names."""

    LOCALITY = 1
    TYPE = 2
    PARAMETER = 3
    SYSTEM = 4
    CLIENT = 5
    AGENCY = 6
    INTERACTION = 7


Name = tuple[Kind, str]


def pack_id(id_: str) -> bytes:
    """The logical id (or URL) as bytes: 16 for a lower-case UUID, else its text.

    No two ids give the same bytes: a text of 16 bytes gets one more that no id has.
    """
    if len(id_) == 36 and _UUID.fullmatch(id_):
        return bytes.fromhex(id_.replace("-", ""))
    text = id_.encode()
    return text + _PAD if len(text) == _UUID_BYTES else text


def unpack_id(packed: bytes) -> str:
    """The logical id that `pack_id` made `packed` of."""
    if len(packed) == _UUID_BYTES:
        digits = packed.hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return packed.removesuffix(_PAD).decode()


class Names:
    """The numbers of the names that this process has seen; the store fills it from its `name` table."""

    def __init__(self) -> None:
        self._codes: dict[Name, int] = {(Kind.SYSTEM, ""): 0}
        self._texts: dict[tuple[Kind, int], str] = {(Kind.SYSTEM, 0): ""}

    def code(self, kind: Kind, text: str) -> int | None:
        """The number of the name, None where this process has not seen it."""
        return self._codes.get((kind, text))

    def known(self, kind: Kind, text: str) -> int:
        """The number of a name that must have been learnt.

        Raises:
            KeyError: it was not.
        """
        return self._codes[kind, text]

    def text(self, kind: Kind, code: int) -> str:
        """The name with that number.

        Raises:
            KeyError: it was not learnt.
        """
        return self._texts[kind, code]

    def texts(self, kind: Kind) -> list[str]:
        """Every name of the kind that was learnt."""
        return [text for of, text in self._codes if of is kind]

    def unknown(self, names: Iterable[Name]) -> set[Name]:
        """Those of `names` that this process has not seen."""
        codes = self._codes
        return {name for name in names if name not in codes}

    def learn(self, rows: Iterable[tuple[int, int, str]]) -> None:
        """Takes rows of the `name` table: kind, code, text."""
        for kind, code, text in rows:
            self._codes[Kind(kind), text] = code
            self._texts[Kind(kind), code] = text
