"""Every language says everything, in its own words."""

from __future__ import annotations

from dataclasses import fields

import pytest

from service.outcomes.series import RATERS
from service.pages.charts import languages
from service.pages.charts.languages import LOCALES
from service.pages.charts.typefaces import PLAIN, face
from service.pages.charts.words import Words

# How many things each sentence tells.
TOLD = {
    "goal": 1,
    "wording": 1,
    "rated_once": 1,
    "figures": 7,
    "figures_of_one": 3,
    "every_rating": 1,
    "band": 3,
    "missed_on": 1,
}
SENTENCES = [field.name for field in fields(Words) if field.type == "str"]
ENGLISH = LOCALES["en-GB"]


@pytest.mark.parametrize("words", LOCALES.values(), ids=LOCALES)
def test_a_language_is_whole(words):
    assert len(words.months) == len(set(words.months)) == 12
    assert set(words.raters) == set(RATERS)
    assert set(words.states) == {"open", "on-hold", "completed", "ended"}
    assert list(words.score_ends) == [10, 5, 0]
    assert list(words.level_ends) == [2, 1, 0, -1, -2]
    for name in SENTENCES:
        text = getattr(words, name)
        assert text
        assert text.count("{}") == TOLD.get(name, 0), name
    for text in _all(words):
        assert all(face(PLAIN).has(each) or each == "\u2212" for each in text), text


@pytest.mark.parametrize("tag", sorted(LOCALES.keys() - {"en-GB"}))
def test_nothing_was_left_in_english(tag):
    same = {"language", "decimal_sign"}
    for name in SENTENCES:
        assert getattr(LOCALES[tag], name) != getattr(ENGLISH, name) or name in same, name
    assert not {*LOCALES[tag].raters.values()} & {*ENGLISH.raters.values()}


def _all(words):
    yield from (getattr(words, name) for name in SENTENCES)
    for each in (words.months, *(table.values() for table in (words.raters, words.states))):
        yield from each
    yield from (*words.score_ends.values(), *words.level_ends.values())


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en-GB", "en-GB"),
        ("en", "en-GB"),
        ("EN-us", "en-GB"),
        ("cy", "cy-GB"),
        ("cy_GB", "cy-GB"),
        ("pl", "pl-PL"),
        ("e", None),
        ("fr-FR", None),
        ("", None),
    ],
)
def test_a_language_is_found_by_its_tag(tag, language):
    found = languages.find(tag)
    assert (found and found.language) == language


def test_there_is_a_default():
    assert languages.DEFAULT in LOCALES
