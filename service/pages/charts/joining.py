"""Joining: which form an Arabic letter takes between its neighbours, because its width depends on it.

Unicode has the forms as characters of their own, kept for old systems; here they only tell widths.

Source: https://www.unicode.org/charts/PDF/UFB50.pdf, https://www.unicode.org/charts/PDF/UFE70.pdf
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

# Where the forms stand.
_BLOCKS: Final = (range(0xFB50, 0xFE00), range(0xFE70, 0xFF00))
_ARABIC: Final = range(0x0600, 0x0780)
_LAM: Final = "\u0644"
_KASHIDA: Final = "\u0640"  # a stroke that lengthens a word: it joins on both sides and has one form

_ALONE, _FIRST, _BETWEEN, _LAST = "isolated", "initial", "medial", "final"


def shaped(text: str) -> Iterator[str]:
    """For each character the one that is as wide as what is drawn for it; empty for what adds no width."""
    letters = [index for index, character in enumerate(text) if unicodedata.category(character) != "Mn"]
    drawn = dict(_drawn(text, letters))
    for index, character in enumerate(text):
        yield drawn.get(index, character)


def _drawn(text: str, letters: list[int]) -> Iterator[tuple[int, str]]:
    joined = False  # whether the letter before reaches out to this one
    skip = False
    for place, index in enumerate(letters):
        letter = text[index]
        after = text[letters[place + 1]] if place + 1 < len(letters) else ""
        if skip:
            skip, joined = False, False
            yield index, ""
            continue
        before = joined and _has(letter, _LAST)
        both = _forms().get(letter + after, {}) if letter == _LAM else {}
        if both:
            skip = True
            yield index, both.get(_LAST if before else _ALONE, letter)
            continue
        reaches = _has(letter, _FIRST) and _has(after, _LAST)
        form = (_BETWEEN if reaches else _LAST) if before else (_FIRST if reaches else _ALONE)
        joined = reaches
        yield index, _forms().get(letter, {}).get(form, letter)


def _has(letter: str, form: str) -> bool:
    return letter == _KASHIDA or form in _forms().get(letter, {})


@cache
def _forms() -> Mapping[str, Mapping[str, str]]:
    """The forms of each letter, and of lam with alef, which are drawn as one."""
    found: dict[str, dict[str, str]] = {}
    for block in _BLOCKS:
        for code in block:
            form, *letters = unicodedata.decomposition(chr(code)).split() or ("",)
            text = "".join(chr(int(letter, 16)) for letter in letters)
            if form and text and all(ord(letter) in _ARABIC for letter in text):
                found.setdefault(text, {}).setdefault(form.strip("<>"), chr(code))
    return found
