"""Separators of search values and their escapes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.escapes import escape, is_sound, split, unescape


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a,b", ["a", "b"]),
        (r"a\,b", [r"a\,b"]),
        (r"a\\,b", [r"a\\", "b"]),
        (r"a\\\,b,c", [r"a\\\,b", "c"]),
        (",a,", ["", "a", ""]),
        ("", [""]),
    ],
)
def test_only_separators_that_are_not_escaped_separate(text, parts):
    assert split(text, ",") == parts


@pytest.mark.parametrize(
    ("text", "sound"),
    [("plain", True), (r"a\,\|\$\\", True), (r"a\b", False), ("a\\", False), (r"a\\\b", False)],
)
def test_a_backslash_must_escape_something(text, sound):
    assert is_sound(text) is sound


@given(st.lists(st.text(), min_size=1), st.sampled_from(",|$"))
def test_what_is_escaped_and_joined_comes_apart_again(texts, separator):
    joined = separator.join(escape(text) for text in texts)
    assert is_sound(joined)
    assert [unescape(part) for part in split(joined, separator)] == texts
