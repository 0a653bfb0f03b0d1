from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths.dates import Date, DateTime, Time
from service.fhir.paths.faults import PathError
from service.fhir.paths.parser import parse
from service.fhir.paths.quantities import Quantity
from service.fhir.paths.syntax import (
    Binary,
    Call,
    Empty,
    Literal,
    Member,
    Polarity,
    Subscript,
    This,
    TypeName,
    TypeTest,
    Variable,
)

A, B, C = (Member(None, name) for name in "abc")


@pytest.mark.parametrize(
    ("expression", "tree"),
    [
        ("a.b", Member(A, "b")),
        ("a[0]", Subscript(A, Literal(0))),
        ("a.where($this = 'x').b", Member(Call(A, "where", (Binary("=", This(), Literal("x")),)), "b")),
        ("a or b and c", Binary("or", A, Binary("and", B, C))),
        ("a | b = c", Binary("=", Binary("|", A, B), C)),
        ("a is Quantity", TypeTest("is", A, TypeName(None, "Quantity"))),
        ("a as System.String | b", Binary("|", TypeTest("as", A, TypeName("System", "String")), B)),
        ("-a.b", Polarity(negative=True, operand=Member(A, "b"))),
        ("- - 1", Polarity(negative=True, operand=Polarity(negative=True, operand=Literal(1)))),
        ("a.contains", Member(A, "contains")),
        ("a contains b", Binary("contains", A, B)),
        ("text.div", Member(Member(None, "text"), "div")),
        ("%resource.a", Member(Variable("resource"), "a")),
        ("%`vs-x`", Variable("vs-x")),
        ("%'vs-x'", Variable("vs-x")),
        ("{}", Empty()),
        ("true", Literal(True)),
        ("1.50", Literal(Decimal("1.50"))),
        ("4 days", Literal(Quantity(Decimal(4), "days", calendar=True))),
        ("4 'mg'", Literal(Quantity(Decimal(4), "mg"))),
        ("@2026-11", Literal(Date((2026, 11)))),
        ("@2026T", Literal(DateTime((2026,)))),
        ("@T10:30", Literal(Time((10, 30)))),
        ("1 - 2 - 3", Binary("-", Binary("-", Literal(1), Literal(2)), Literal(3))),
    ],
)
def test_trees(expression: str, tree: object):
    assert parse(expression) == tree


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "a.",
        "a b",
        "(a",
        "a)",
        "a[",
        "f(a,)",
        "a.$this",
        "$that",
        "%",
        "{a}",
        "a is",
        "1 +",
        "div",
        "@2026-02-30",
        "@T25:00",
    ],
)
def test_what_is_no_expression_is_refused(expression: str):
    with pytest.raises(PathError):
        parse(expression)


@pytest.mark.parametrize("text", ["(", "f(", "a[", "-"])
def test_nesting_is_bounded_so_that_the_stack_is(text: str):
    with pytest.raises(PathError, match="nested"):
        parse(text * 5000 + "a")


@pytest.mark.parametrize(
    "expression", ["(" * 90 + "1" + ")" * 90, "iif(true," * 45 + "1" + ")" * 45, "+".join("1" * 90)]
)
def test_what_the_bound_lets_through_fits_the_stack(expression: str, evaluate):
    assert len(evaluate(expression)) == 1
