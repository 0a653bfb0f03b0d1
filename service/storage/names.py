"""Names as small numbers, and logical ids as few bytes: what keeps index rows narrow.

Source: ADR 0002
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID_LENGTH = 36  # characters
_UUID_BYTES = 16
_PAD = b"\x00"  # stands in no logical id, so a padded one is like no other


class Kind(IntEnum):
    """What a name names."""

    __hash__ = int.__hash__  # Enum's own is no function of C's, and every look-up of a name would call it

    LOCALITY = 1
    TYPE = 2
    PARAMETER = 3
    SYSTEM = 4
    CLIENT = 5
    AGENCY = 6
    INTERACTION = 7
    PERSON = 8  # a FHIR user, as Type/id
    PURPOSE = 9


Name = tuple[Kind, str]

_EMPTY = (Kind.SYSTEM, Kind.TYPE, Kind.AGENCY, Kind.PURPOSE)


def pack_id(id_: str) -> bytes:
    """The logical id (or URL) as bytes: 16 for a lower-case UUID, else its text.

    No two ids give the same bytes: a text of 16 bytes gets one more that no id has.
    """
    if len(id_) == _UUID_LENGTH:
        return _packed(id_)
    return _text(id_)


@lru_cache(maxsize=10_000)  # each write and search names the same few again and again
def _packed(id_: str) -> bytes:
    """The id as bytes, where it is as long as a UUID."""
    return bytes.fromhex(id_.replace("-", "")) if _UUID.fullmatch(id_) else _text(id_)


def _text(id_: str) -> bytes:
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
        # The empty name of these kinds has no row of its own.
        self._codes: dict[Name, int] = {(kind, ""): 0 for kind in _EMPTY}
        self._texts: dict[Kind, dict[int, str]] = {kind: {} for kind in Kind}
        for kind in _EMPTY:
            self._texts[kind][0] = ""
        self._systems: dict[str, int] = {"": 0}
        self._agencies = self._texts[Kind.AGENCY]

    def code(self, kind: Kind, text: str) -> int | None:
        """The number of the name, None where this process has not seen it."""
        return self._codes.get((kind, text))

    def numbers(self, kind: Kind, texts: Iterable[str]) -> list[int]:
        """The numbers of those of the names that this process has seen, in the order of the texts."""
        return [code for text in sorted(texts) if (code := self.code(kind, text)) is not None]

    def known(self, kind: Kind, text: str) -> int:
        """The number of a name that must have been learnt.

        Raises:
            KeyError: it was not.
        """
        return self._codes[kind, text]

    @property
    def agencies(self) -> Mapping[int, str]:
        """The agencies that were learnt, by their numbers: each row of a page has one."""
        return self._agencies

    @property
    def systems(self) -> Mapping[str, int]:
        """The numbers of the systems that were learnt: each row of a token has one."""
        return self._systems

    def text(self, kind: Kind, code: int) -> str:
        """The name with that number.

        Raises:
            KeyError: it was not learnt.
        """
        return self._texts[kind][code]

    def texts(self, kind: Kind) -> list[str]:
        """Every name of the kind that was learnt, but the empty one."""
        return [text for of, text in self._codes if of is kind and text]

    def has(self, kind: Kind, code: int) -> bool:
        """Whether the name with that number was learnt."""
        return code in self._texts[kind]

    def has_all(self, kind: Kind, codes: Iterable[int]) -> bool:
        """Whether the names with those numbers were learnt."""
        known = self._texts[kind]
        return all(code in known for code in codes)

    def unknown(self, names: Iterable[Name]) -> set[Name]:
        """Those of `names` that this process has not seen."""
        codes = self._codes
        return {name for name in names if name not in codes}

    def learn(self, rows: Iterable[Sequence[Any]]) -> None:
        """Takes rows of the `name` table, as a driver gives them: kind, code, text."""
        for kind, code, text in rows:
            self._codes[Kind(kind), text] = code
            self._texts[Kind(kind)][code] = text
            if kind == Kind.SYSTEM:
                self._systems[text] = code
