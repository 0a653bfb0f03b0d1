"""Text made alike for search: case, accents, punctuation and spacing taken away.

Source: https://hl7.org/fhir/R4/search.html#string
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

# Letters whose stroke or ligature Unicode does not take apart, but people type without.
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "\u0131": "i", "þ": "th", "æ": "ae", "œ": "oe"}
)

# Within a word these say nothing to a searcher: O'Brien and OBrien are one name. Other
# punctuation parts words: Smith-Jones is found as Smith Jones.
_APOSTROPHES = "'`\u00b4\u02bc\u02b9\u2018\u2019\u201b\u2032"

# Combining marks, and formatting characters such as the soft hyphen.
_INVISIBLE = frozenset({"Mn", "Me", "Cf"})


def _ascii_table() -> dict[int, str]:
    table = {code: chr(code).lower() for code in range(128)}
    for code in range(128):
        character = chr(code)
        if character in _APOSTROPHES:
            table[code] = ""
        elif unicodedata.category(character)[0] in "PZC":
            table[code] = " "
    return table


_ASCII = _ascii_table()


@lru_cache(maxsize=8_192)  # names, towns and titles repeat
def fold(text: str) -> str:
    """The text in lower case without accents, apostrophes or punctuation, its words joined by one space."""
    if text.isascii():
        return " ".join(text.translate(_ASCII).split())
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(_PLAIN)
    return " ".join("".join(map(_kept, plain)).split())


def _kept(character: str) -> str:
    """What stays of a character that is already in lower case and taken apart."""
    if character in _APOSTROPHES:
        return ""
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        return ""
    return " " if category[0] in "PZC" else character


def endings(folded: str) -> list[str]:
    """The folded text from its second word on, from its third, and so on.

    R4 asks that each part of a family name be found by itself: Jones in Smith-Jones.
    """
    words = folded.split(" ")
    return [" ".join(words[start:]) for start in range(1, len(words))]


# Soundex: consonants that sound alike share a digit.
_SOUNDS = {
    letter: digit
    for digit, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1)
    for letter in letters
}
_SILENT = "hw"  # do not part two consonants of one sound, where a vowel does
_SOUNDEX_LENGTH = 4


@lru_cache(maxsize=8_192)  # as for `fold`
def soundex(word: str) -> str:
    """The American Soundex code of a folded word, such as s530; "" where it has no Latin letter.

    Source: https://www.archives.gov/research/census/soundex
    """
    letters = [letter for letter in word if "a" <= letter <= "z"]
    if not letters:
        return ""
    code = letters[0]
    previous = _SOUNDS.get(letters[0])
    for letter in letters[1:]:
        if letter in _SILENT:
            continue
        sound = _SOUNDS.get(letter)
        if sound is not None and sound != previous:
            code += str(sound)
        previous = sound
    return (code + "000")[:_SOUNDEX_LENGTH]
