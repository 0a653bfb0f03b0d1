from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths.faults import EvaluationError, PathError

TABLE = [
    ("(-5).abs()", 5),
    ("(-5.50).abs()", Decimal("5.50")),
    ("1.1.ceiling()", 2),
    ("(-1.1).ceiling()", -1),
    ("(-2.1).floor()", -3),
    ("(-1.56).truncate()", -1),
    ("3.14159.round(3)", Decimal("3.142")),
    ("2.5.round()", Decimal(3)),
    ("(-2.5).round()", Decimal(-3)),
    ("0.exp()", Decimal(1)),
    ("1.exp().round(10)", Decimal("2.7182818285")),
    ("1.ln()", Decimal(0)),
    ("16.log(2)", Decimal(4)),
    ("100.0.log(10.0)", Decimal(2)),
    ("2.power(3)", 8),
    ("2.power(-1)", Decimal("0.5")),
    ("2.5.power(2)", Decimal("6.25")),
    ("81.sqrt()", Decimal(9)),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_numbers(expression: str, expected: object, evaluate):
    assert evaluate(expression) == [expected]


@pytest.mark.parametrize(
    "expression",
    ["(-1).sqrt()", "(-1).power(0.5)", "0.ln()", "(-1).ln()", "8.log(1)", "0.log(2)", "10.power(99)", "1000.exp()",
     "9999999999.5.truncate()", "{}.abs()", "2.power({})"],
)  # fmt: skip
def test_what_there_is_no_number_for_gives_nothing(expression: str, evaluate):
    assert evaluate(expression) == []


def test_a_quantity_keeps_its_unit(evaluate):
    for expression in ("(-1.6 'mg').abs()", "1.6 'mg'.round()", "1.6 'mg'.floor()", "1.6 'mg'.truncate()"):
        [found] = evaluate(expression)
        assert found["code"] == "mg"


def test_places_are_bounded(evaluate):
    for places in ("(-1)", "99"):
        with pytest.raises(EvaluationError):
            evaluate(f"1.5.round({places})")


def test_text_is_no_number(evaluate):
    with pytest.raises(PathError):
        evaluate("'1'.abs()")
