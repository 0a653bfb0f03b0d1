"""Arabic letters take the form that their neighbours ask for."""

from __future__ import annotations

import pytest

from service.pages.charts.joining import shaped


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("ب", "\ufe8f"),  # alone
        ("ببب", "\ufe91\ufe92\ufe90"),  # first, between, last
        ("دب", "\ufea9\ufe8f"),  # dal does not reach on
        ("بد", "\ufe91\ufeaa"),
        ("ب ب", "\ufe8f \ufe8f"),
        ("بَب", "\ufe91\u064e\ufe90"),  # a mark lies over a letter and parts nothing
        ("بـ", "\ufe91\u0640"),
        ("لا", "\ufefb"),  # lam and alef are drawn as one
        ("بلا", "\ufe91\ufefc"),
        ("سلام", "\ufeb3\ufefc\ufee1"),
        ("ہے", "\ufba8\ufbaf"),  # Urdu
        ("abc 5", "abc 5"),
        ("", ""),
    ],
)
def test_forms(text, forms):
    found = list(shaped(text))
    assert len(found) == len(text)
    assert "".join(found) == forms
