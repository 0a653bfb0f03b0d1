"""Typefaces: which characters a font has, and how wide they are, read from its file.

Source: https://learn.microsoft.com/en-us/typography/opentype/spec/otff, tables cmap, head, hhea and hmtx;
service/pages/charts/fonts/README.md
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "fonts"

# The character map of Unicode: its platform with the encodings of 16 and of 32 bits.
_WINDOWS: Final = 3
_BASIC, _FULL = 1, 10


@dataclass(frozen=True, slots=True)
class Face:
    """One font: the name of its family, its file, and the width of each character that it has, in ems."""

    family: str
    path: str
    widths: dict[int, float]

    def has(self, character: str) -> bool:
        """Whether the font has the character."""
        return ord(character) in self.widths


@dataclass(frozen=True, slots=True)
class File:
    """Where a font lies, and the name of its family."""

    family: str
    name: str


PLAIN: Final = File("Noto Sans", "NotoSans-Regular.ttf")
BOLD: Final = File("Noto Sans", "NotoSans-Bold.ttf")
SMILEYS: Final = File("Noto Emoji", "NotoEmoji-Medium.ttf")
# Asked in this order for what the first has not.
BESIDE: Final = (
    File("Noto Sans Arabic", "NotoSansArabic-Regular.ttf"),
    File("Noto Sans Hebrew", "NotoSansHebrew-Regular.ttf"),
    File("Noto Sans Bengali", "NotoSansBengali-Regular.ttf"),
    File("Noto Sans Devanagari", "NotoSansDevanagari-Regular.ttf"),
    File("Noto Sans Gujarati", "NotoSansGujarati-Regular.ttf"),
    File("Noto Sans Gurmukhi", "NotoSansGurmukhi-Regular.ttf"),
    File("Noto Sans Tamil", "NotoSansTamil-Regular.ttf"),
    SMILEYS,
    File("DejaVu Sans", "DejaVuSans.ttf"),
)


def faces(*, bold: bool) -> Iterator[Face]:
    """The typefaces in the order in which they are asked for a character."""
    yield face(BOLD if bold else PLAIN)
    for file in BESIDE:
        yield face(file)


@cache
def face(file: File) -> Face:
    """The font in the file, as it comes with the program."""
    path = FOLDER / file.name
    return Face(file.family, str(path), _widths(path.read_bytes()))


def _widths(data: bytes) -> dict[int, float]:
    """The width in ems of each character, by its code point."""
    tables = _tables(data)
    em: int = struct.unpack_from(">H", data, tables["head"] + 18)[0]
    told: int = struct.unpack_from(">H", data, tables["hhea"] + 34)[0]
    # After the last width that is told come glyphs as wide as it.
    advances = [
        advance / em
        for advance, _ in struct.iter_unpack(">Hh", data[tables["hmtx"] : tables["hmtx"] + 4 * told])
    ]
    return {
        code: advances[min(glyph, told - 1)] for code, glyph in _glyphs(data, tables["cmap"]).items() if glyph
    }


def _tables(data: bytes) -> dict[str, int]:
    """Where each table begins."""
    number: int = struct.unpack_from(">H", data, 4)[0]
    entries = (struct.unpack_from(">4sIII", data, 12 + 16 * index) for index in range(number))
    return {tag.decode("ascii"): offset for tag, _, offset, _ in entries}


def _glyphs(data: bytes, cmap: int) -> dict[int, int]:
    """The number of the glyph of each character."""
    number: int = struct.unpack_from(">H", data, cmap + 2)[0]
    found = {}
    for index in range(number):
        platform, encoding, offset = struct.unpack_from(">HHI", data, cmap + 4 + 8 * index)
        if platform == _WINDOWS:
            found[encoding] = cmap + offset
    glyphs = _segments(data, found[_BASIC]) if _BASIC in found else {}
    return glyphs | (_groups(data, found[_FULL]) if _FULL in found else {})


def _segments(data: bytes, start: int) -> dict[int, int]:
    """A map of format 4: runs of characters of 16 bits."""
    twice: int = struct.unpack_from(">H", data, start + 6)[0]
    shape = f">{twice // 2}H"
    ends = struct.unpack_from(shape, data, start + 14)
    firsts = struct.unpack_from(shape, data, start + 16 + twice)
    steps = struct.unpack_from(shape, data, start + 16 + 2 * twice)
    places = start + 16 + 3 * twice
    ranges = struct.unpack_from(shape, data, places)
    found: dict[int, int] = {}
    for index, (first, end, step, range_) in enumerate(zip(firsts, ends, steps, ranges, strict=True)):
        for code in range(first, end + 1):
            glyph = code
            if range_:
                at = places + 2 * index + range_ + 2 * (code - first)
                glyph = struct.unpack_from(">H", data, at)[0]
            if glyph or not range_:
                found[code] = (glyph + step) & 0xFFFF
    return found


def _groups(data: bytes, start: int) -> dict[int, int]:
    """A map of format 12: runs of characters of 32 bits."""
    number: int = struct.unpack_from(">I", data, start + 12)[0]
    found: dict[int, int] = {}
    for index in range(number):
        first, last, glyph = struct.unpack_from(">III", data, start + 16 + 12 * index)
        found.update((code, glyph + code - first) for code in range(first, last + 1))
    return found
