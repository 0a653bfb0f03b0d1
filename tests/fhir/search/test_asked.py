"""Prefixes of ordered values."""

import pytest

from service.fhir.search.asked import prefixed


@pytest.mark.parametrize(
    ("text", "prefix", "rest"),
    [
        ("2026", "eq", "2026"),
        ("eq2026", "eq", "2026"),
        ("sa2026", "sa", "2026"),
        ("ap", "ap", ""),
        ("zz1", "eq", "zz1"),
    ],
)
def test_a_prefix_is_two_letters_that_r4_knows(text, prefix, rest):
    assert prefixed(text) == (prefix, rest)
