"""Lettering: texts cut into lines that fit, and lines into runs of one typeface each.

SVG wraps no text, so that lines are measured here, with the fonts that come along. Who looks at
an SVG may have wider ones: lines are left some room.

Source: https://www.w3.org/TR/SVG2/text.html, https://www.unicode.org/reports/tr9/
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from service.pages.charts.joining import shaped
from service.pages.charts.markup import Element, element
from service.pages.charts.palettes import INK, PAPER
from service.pages.charts.typefaces import PLAIN, SMILEYS, Face, faces

# What a viewer's fonts may be wider than ours: DejaVu Sans and Verdana are, by about so much.
ROOM: Final = 1.15
# Ours first, then what is on most machines.
FAMILY: Final = f"'{PLAIN.family}', 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
_BOLD: Final = "700"
_HALO: Final[dict[str, str | float]] = {
    "stroke": PAPER,
    "stroke_width": 3,
    "stroke_linejoin": "round",
    "paint_order": "stroke",
}

# A line that is written from right to left stays so, whatever stands at its ends.
FROM_RIGHT, END = "\u2067", "\u2069"
# What would turn round what stands beside it: marks, embeddings, overrides and isolates.
_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ELLIPSIS: Final = "…"
_NO_END: Final = " ,;:.-\u2013"  # what does not stand before it
_JOINER: Final = "\u200d"
_SKINS: Final = range(0x1F3FB, 0x1F400)  # colours of a smiley's skin
_SIGNS: Final = 0x2600  # from here on there are signs, and smileys among them
_STRONG_RIGHT: Final = frozenset({"R", "AL"})
# Width of what no font here has, in ems: as wide as the widest of scripts.
_UNKNOWN: Final = 1.0


@dataclass(frozen=True, slots=True)
class Style:
    """How a text is written; with a `halo` it can be read on top of lines. Unit: `size` in CSS pixels."""

    size: float
    bold: bool = False
    colour: str = INK
    halo: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a line in one typeface; `family` is empty where none here has the characters."""

    family: str
    text: str


def clean(text: str) -> str:
    """The text as it may be shown: one line, without what XML forbids or what turns its surroundings round."""
    kept = "".join(" " if character.isspace() else character for character in _TURNS.sub("", text))
    shown = "".join(character for character in kept if _is_shown(character))
    return unicodedata.normalize("NFC", " ".join(shown.split()))


def _is_shown(character: str) -> bool:
    """Whether it is a character: no control, half of a pair, or code point that stands for none."""
    if unicodedata.category(character) in {"Cc", "Cs", "Co"}:
        return False
    return ord(character) & 0xFFFE != 0xFFFE and not 0xFDD0 <= ord(character) <= 0xFDEF


def is_from_right(text: str) -> bool:
    """Whether the text is written from right to left: whether the first letter is."""
    for character in text:
        direction = unicodedata.bidirectional(character)
        if direction in _STRONG_RIGHT:
            return True
        if direction == "L":
            return False
    return False


def is_in_first_typeface(text: str) -> bool:
    """Whether most letters of the text are in the typeface that has a bold one."""
    letters = [face for character, face in _faced(text, bold=True) if character.isalpha()]
    return 2 * sum(face is not None and face.family == PLAIN.family for face in letters) >= len(letters)


def width(text: str, style: Style) -> float:
    """How wide the text is in our fonts. Unit: CSS pixels."""
    return style.size * sum(_ems(text, style))


def wrap(text: str, style: Style, room: float, most: int) -> tuple[str, ...]:
    """The text in lines no wider than `room` pixels, `most` at the most; a last one that goes on ends in `…`."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < most:
        line, rest = _first_line(rest, style, room / ROOM)
        lines.append(line)
    if rest:
        lines[-1] = _shortened(lines[-1], style, room / ROOM)
    return tuple(lines)


def written(
    text: str,
    x: float,
    y: float,
    style: Style,
    *,
    anchor: str = "start",
    language: str = "",
    from_right: bool = False,
) -> Element:
    """A line of text; one that is written `from_right` to left and anchored at its start begins at `x` and goes left.

    Anchors are given as for a line from left to right, because not every reader of SVG heeds `direction`.
    """
    return element(
        "text",
        f"{FROM_RIGHT}{text}{END}" if from_right else text,
        x=x,
        y=y,
        font_size=style.size,
        font_weight=_BOLD if style.bold else None,
        fill=style.colour,
        text_anchor="end" if from_right else anchor if anchor != "start" else None,
        xml__lang=language or None,
        **(_HALO if style.halo else {}),
    )


def is_bold(text: Element) -> bool:
    """Whether a line that was written is bold."""
    return ("font-weight", _BOLD) in text.attributes


def runs(text: str, *, bold: bool) -> tuple[Run, ...]:
    """The text in runs of one typeface each."""
    found: list[Run] = []
    for character, face in _faced(text, bold=bold):
        family = "" if face is None else face.family
        if found and found[-1].family == family:
            found[-1] = Run(family, found[-1].text + character)
        else:
            found.append(Run(family, character))
    return tuple(found) or (Run(PLAIN.family, ""),)


def _faced(text: str, *, bold: bool) -> Iterator[tuple[str, Face | None]]:
    """Each character with the typeface that it is written in; None where no font here has it.

    What belongs to no script goes with what stands before it, so that words are not torn apart.
    """
    known = tuple(faces(bold=bold))
    current: Face | None = known[0]
    for character in text:
        if not (_goes_along(character) and (current is None or _has(current, character))):
            current = next((face for face in known if face.has(character)), None)
        yield character, current


def _has(face: Face, character: str) -> bool:
    """Whether the character is written in this typeface; spaces between smileys are much too wide."""
    return face.has(character) and not (character == " " and face.family == SMILEYS.family)


def _goes_along(character: str) -> bool:
    return unicodedata.category(character)[0] in "MZCP"


def _ems(text: str, style: Style) -> Iterator[float]:
    """The width in ems of what each character adds to the text."""
    faced = _faced(text, bold=style.bold)
    for index, ((_, face), drawn) in enumerate(zip(faced, shaped(text), strict=True)):
        yield 0.0 if _is_one_with(text, index) else _advance(face, drawn)


def _advance(face: Face | None, drawn: str) -> float:
    """The width in ems of what is drawn for a character."""
    # Marks are placed over their letters, whatever width they have of their own.
    if not drawn or unicodedata.category(drawn) in {"Mn", "Cf"}:
        return 0.0
    return _UNKNOWN if face is None else face.widths.get(ord(drawn), _UNKNOWN)


def _is_one_with(text: str, index: int) -> bool:
    """Whether the character is drawn as one with the smiley before it."""
    joined = index > 0 and text[index - 1] == _JOINER and ord(text[index]) >= _SIGNS
    return joined or ord(text[index]) in _SKINS


def _first_line(text: str, style: Style, room: float) -> tuple[str, str]:
    """As many words as fit, and the rest; of a word that does not fit by itself as many letters as do."""
    near = bisect_right(list(accumulate(style.size * ems for ems in _ems(text, style))), room)
    if near == len(text) and width(text, style) <= room:
        return text, ""
    # A letter at the end of a line can be wider than in the midst of a word, so that each place is measured.
    end = text.rfind(" ", 0, near + 1)
    while end > 0 and width(text[:end], style) > room:
        end = text.rfind(" ", 0, end)
    if end > 0:
        return text[:end], text[end + 1 :]
    end = _fitting(text, style, room, near)
    return text[:end], text[end:].lstrip(" ")


def _fitting(text: str, style: Style, room: float, near: int) -> int:
    """How many characters fit, about so many, but at least one; no mark is torn from its letter."""
    end = near
    while end > 0 and (_belongs(text, end) or width(text[:end], style) > room):
        end -= 1
    if end == 0:
        end = 1
        while _belongs(text, end):
            end += 1
    return end


def _belongs(text: str, index: int) -> bool:
    """Whether the character at that place, if there is one, belongs to the one before it."""
    return index < len(text) and (
        unicodedata.category(text[index])[0] == "M"
        or text[index] == _JOINER
        or text[index - 1] == _JOINER
        or ord(text[index]) in _SKINS
    )


def _shortened(line: str, style: Style, room: float) -> str:
    """The line with an ellipsis, cut so that it still fits."""
    kept = line
    while kept and width(kept + _ELLIPSIS, style) > room:
        kept = kept[: _last_letter(kept)].rstrip(" ")
    return kept.rstrip(_NO_END) + _ELLIPSIS


def _last_letter(text: str) -> int:
    """Where the last letter with its marks begins."""
    start = len(text) - 1
    while start > 0 and _belongs(text, start):
        start -= 1
    return start
