from __future__ import annotations

import pytest

from service.fhir.paths.parser import parse
from service.fhir.paths.syntax import functions, is_fixed


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


@pytest.mark.parametrize(
    ("expression", "fixed"),
    [
        ("%resource.name.given", True),
        ("%resource.descendants().as(canonical) | %sct", True),
        ("%resource.name.where(use = 'usual' and $this.given.exists())[0] is HumanName", True),
        ("-%resource.name.count()", True),
        ("'a' in {}", True),
        ("name", False),
        ("%resource.name.intersect(name)", False),
        ("%resource.name[$index]", False),
        ("$this.name", False),
        ("$total + 1", False),
        ("now()", False),
    ],
)
def test_what_is_the_same_for_every_item(expression: str, fixed: object):
    assert is_fixed(parse(expression)) is fixed
