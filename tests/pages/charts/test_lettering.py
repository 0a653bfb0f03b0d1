"""Texts cut into lines that fit and into runs of one typeface."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.pages.charts import lettering
from service.pages.charts.lettering import ROOM, Style, clean, is_from_right, runs, width, wrap, written

STYLE = Style(16)
WORDS = "I want to get to school on time three mornings a week and stay for lunch"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  two\n lines\t here ", "two lines here"),
        ("bell\x07 null\x00 end", "bell null end"),
        ("turn\u202eed\u202c \u2067round\u2069", "turned round"),
        ("half \ud800 pair \ufffe \ufdd0 none", "half pair none"),
        ("e\u0301", "é"),
        ("0", "0"),
        ("", ""),
    ],
)
def test_what_may_not_be_shown_is_taken_out(text, shown):
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("text", "from_right"),
    [
        ("school", False),
        ("أريد school", True),
        ("school أريد", False),
        ("5 أيام", True),
        ("ללכת", True),
        ("123 !?", False),
        ("", False),
    ],
)
def test_which_way_a_text_is_written(text, from_right):
    assert is_from_right(text) is from_right


def test_lines_keep_the_words_and_fit():
    lines = wrap(WORDS, STYLE, 200, 10)
    assert " ".join(lines) == WORDS
    assert len(lines) > 2
    assert all(width(line, STYLE) <= 200 / ROOM for line in lines)
    # One more word would not have fitted.
    for line, after in pairwise(lines):
        assert width(f"{line} {after.split()[0]}", STYLE) > 200 / ROOM


def test_what_does_not_fit_ends_in_an_ellipsis():
    lines = wrap(WORDS, STYLE, 200, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert WORDS.startswith(" ".join(lines).removesuffix("…"))
    assert width(lines[-1], STYLE) <= 200 / ROOM
    assert wrap(WORDS, STYLE, 2_000, 2) == (WORDS,)


def test_a_word_that_is_too_long_is_cut():
    lines = wrap("a " + "W" * 100, STYLE, 200, 3)
    assert [line[-1] for line in lines] == ["a", "W", "…"]
    assert wrap("W" * 100, STYLE, 1, 2) == ("W", "…")


def test_no_mark_is_torn_from_its_letter():
    lines = wrap("ক্ষি" * 30 + "👍🏽" * 30, STYLE, 120, 40)
    assert not any(lettering._belongs(before + after, len(before)) for before, after in pairwise(lines))
    assert "".join(lines) == "ক্ষি" * 30 + "👍🏽" * 30


@given(st.text(max_size=60), st.integers(20, 400), st.integers(1, 4))
def test_whatever_the_text_lines_fit_and_are_no_more_than_asked(text, room, most):
    shown = clean(text)
    lines = wrap(shown, STYLE, room, most)
    assert len(lines) <= most
    assert bool(lines) == bool(shown)
    for line in lines:
        # A single letter may be wider than a very narrow room.
        assert width(line, STYLE) <= room / ROOM or lettering._last_letter(line.removesuffix("…") or "x") == 0
    if not lines or not lines[-1].endswith("…"):
        assert "".join(lines).replace(" ", "") == shown.replace(" ", "")


def test_runs_are_of_one_typeface_each():
    assert [(run.family, run.text) for run in runs("Be 😊 at school", bold=True)] == [
        ("Noto Sans", "Be "),
        ("Noto Emoji", "😊"),
        ("Noto Sans", " at school"),
    ]
    assert [run.family for run in runs("أنام في الليل، نعم.", bold=False)] == ["Noto Sans Arabic"] * 1
    assert [run.text for run in runs("2 → 6", bold=False)] == ["2 ", "→ ", "6"]
    assert [run.family for run in runs("学 a", bold=False)] == ["", "Noto Sans"]
    assert [run.text for run in runs("", bold=False)] == [""]


@given(st.text())
def test_runs_lose_nothing(text):
    assert "".join(run.text for run in runs(text, bold=False)) == text


def test_widths_add_up():
    assert width("Ai", STYLE) == pytest.approx(16 * (0.639 + 0.258))
    assert width("Ai", Style(16, bold=True)) == pytest.approx(16 * (0.690 + 0.305))
    assert width("e\u0323", STYLE) == width("e", STYLE)
    assert width("👍🏽", STYLE) == width("👍", STYLE) == width("👩\u200d🚀", STYLE)
    # Joined letters are narrower than the same ones by themselves.
    assert width("ببب", STYLE) < 3 * width("ب", STYLE)
    assert width("学", STYLE) == 16


def test_a_line_from_right_to_left_stays_so_and_begins_at_its_place():
    one = written("ללכת 5.", 100, 20, STYLE, from_right=True)
    assert dict(one.attributes)["text-anchor"] == "end"
    assert one.children == ("\u2067ללכת 5.\u2069",)
    assert "text-anchor" not in dict(written("I sleep", 100, 20, STYLE).attributes)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("school 😊", True),
        ("أنام في الليل", False),
        ("हर रोज़ स्कूल at 8", False),
        ("12 + 3", True),
        ("Чекати", True),
    ],
)
def test_what_can_be_bold(text, first):
    assert lettering.is_in_first_typeface(text) is first
