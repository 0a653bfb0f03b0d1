from __future__ import annotations

import pytest

from service.fhir.paths.parser import parse
from service.fhir.paths.syntax import functions


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("a.b", []),
        ("a.where(b.exists() and c.matches('x'))", ["where", "exists", "matches"]),
        ("-a.first()[b.count()]", ["first", "count"]),
        ("(a.first() as Quantity) | {}", ["first"]),
    ],
)
def test_every_call_is_found(expression: str, names: list[str]):
    assert [call.name for call in functions(parse(expression))] == names


def test_trees_are_equal_wherever_they_stood():
    assert parse("a.b( c )") == parse("  a . b(c)")
