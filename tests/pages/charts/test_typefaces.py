"""Fonts that come along: what they have, how wide it is, and under which licence."""

from __future__ import annotations

import re

import pytest

from service.pages.charts import typefaces
from service.pages.charts.typefaces import BESIDE, BOLD, FOLDER, PLAIN, face, faces

WELSH = "âêîôûŵŷÂÊÎÔÛŴŶáéíóúẁỳäëïöüẅÿ"


def family_of(character: str, *, bold: bool = False) -> str | None:
    return next((each.family for each in faces(bold=bold) if each.has(character)), None)


@pytest.mark.parametrize("bold", [False, True])
def test_welsh_and_the_languages_of_europe_are_in_the_first(bold):
    first = next(iter(faces(bold=bold)))
    for character in WELSH + "ąćęłńóśźżĄĆĘŁŃÓŚŹŻșțăğşčřžõäößñçŽїєґшюΩλ0123456789+-\u2013\u2018\u2019“”…·":
        assert first.has(character), character


@pytest.mark.parametrize(
    ("characters", "family"),
    [
        ("أنامچپگٹڈےہں،؟", "Noto Sans Arabic"),
        ("שלוםךםןףץ", "Noto Sans Hebrew"),
        ("আমিসময়", "Noto Sans Bengali"),
        ("मैंस्कूल", "Noto Sans Devanagari"),
        ("હુંશાળાએ", "Noto Sans Gujarati"),
        ("ਮੈਂਸਕੂਲ", "Noto Sans Gurmukhi"),
        ("நான்", "Noto Sans Tamil"),
        ("😊😟👍🐶🏽", "Noto Emoji"),
        ("→★✓☐", "DejaVu Sans"),
    ],
)
def test_other_scripts_and_signs_have_a_font(characters, family):
    assert {family_of(character) for character in characters} == {family}


def test_what_no_font_has():
    assert family_of("学") is None


def test_widths_are_those_of_the_font():
    # As other readers of the files measure them, in units of 1000 to the em.
    plain, bold = face(PLAIN), face(BOLD)
    assert [round(1000 * plain.widths[ord(each)]) for each in "Ai W0"] == [639, 258, 260, 930, 572]
    assert [round(1000 * bold.widths[ord(each)]) for each in "Ai W0"] == [690, 305, 260, 967, 572]
    digits = {plain.widths[ord(digit)] for digit in "0123456789"}
    assert len(digits) == 1


def test_characters_beyond_16_bits_are_read():
    assert max(face(typefaces.SMILEYS).widths) > 0x1F000
    assert min(face(typefaces.SMILEYS).widths.values()) >= 0


@pytest.mark.parametrize("file", [PLAIN, BOLD, *BESIDE], ids=lambda file: file.name)
def test_every_font_is_there_with_its_licence_told(file):
    assert (FOLDER / file.name).read_bytes()[:4] == b"\x00\x01\x00\x00"
    told = (FOLDER / "README.md").read_text()
    [row] = [row for row in told.splitlines() if f"`{file.name}`" in row and row.startswith("|")]
    # `as above` leads to a row that names the file of the licence.
    licences = re.findall(r"`([A-Za-z-]+\.txt)`", told)
    assert "as above" in row or any(licence in row for licence in licences)
    assert all((FOLDER / licence).stat().st_size > 3_000 for licence in licences)


def test_there_is_no_font_that_is_not_used():
    assert {path.name for path in FOLDER.glob("*.ttf")} == {file.name for file in (PLAIN, BOLD, *BESIDE)}
