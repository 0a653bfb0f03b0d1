from __future__ import annotations

import pytest

from service.fhir.paths.faults import PathError
from service.fhir.paths.lexer import tokens


def kinds(expression: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokens(expression)][:-1]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("name", [("identifier", "name")]),
        ("`a b`", [("delimited", "a b")]),
        ("'it''s'", [("string", "it"), ("string", "s")]),
        (r"'it\'s'", [("string", "it's")]),
        (r"'\u0041\t\p'", [("string", "A\tp")]),
        (r"'\uD83D\uDD25'", [("string", "\U0001f525")]),
        ("1.20", [("number", "1.20")]),
        (
            "1.first()",
            [("number", "1"), ("symbol", "."), ("identifier", "first"), ("symbol", "("), ("symbol", ")")],
        ),
        ("@2026", [("date", "2026")]),
        ("@2026-11T", [("dateTime", "2026-11")]),
        ("@2026-11-22T10:30:00.5+01:00", [("dateTime", "2026-11-22T10:30:00.5+01:00")]),
        ("@T10:30", [("time", "10:30")]),
        ("$this", [("dollar", "$this")]),
        ("a<=b", [("identifier", "a"), ("symbol", "<="), ("identifier", "b")]),
        ("a // to the end\n/* and\nthis */ b", [("identifier", "a"), ("identifier", "b")]),
    ],
)
def test_tokens(expression: str, expected: list[tuple[str, str]]):
    assert kinds(expression) == expected


def test_the_last_token_is_the_end():
    assert tokens("a ")[-1].kind == "end"


@pytest.mark.parametrize(
    ("expression", "position"), [("a ? b", 2), ("'open", 0), ("1 /* open", 2), ("a # b", 2)]
)
def test_what_is_no_token_is_told_with_its_place(expression: str, position: int):
    with pytest.raises(PathError) as caught:
        tokens(expression)
    assert caught.value.position == position
