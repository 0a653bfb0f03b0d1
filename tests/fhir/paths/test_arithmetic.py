from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.paths import EvaluationError, PathError, compile_path
from service.fhir.registry import load

TABLE = [
    ("1 + 2 * 3", 7),
    ("1.10 + 0.05", Decimal("1.15")),
    ("'a' + 'b'", "ab"),
    ("'a' & {} & 'b'", "ab"),
    ("{} & {}", ""),
    ("1 / 2", Decimal("0.5")),
    ("4 / 2", Decimal(2)),
    ("5 div 2", 2),
    ("(-5) div 2", -2),
    ("5.5 div 0.7", 7),
    ("5 mod 2", 1),
    ("5.5 mod 0.7", Decimal("0.6")),
    ("-(1 + 2)", -3),
    ("+1.0", Decimal("1.0")),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_operators(expression: str, expected: object, evaluate):
    assert evaluate(expression) == [expected]


@pytest.mark.parametrize(
    "expression",
    ["1 / 0", "1.0 / 0.0", "5 div 0", "5 mod 0", "1 + {}", "{} - 1", "'a' + {}", "-{}", "2147483647 + 1",
     "(-2147483647) - 2", "9999999999999999999999999999.0 * 10.0"],
)  # fmt: skip
def test_nothing_comes_of_nothing_of_overflow_and_of_division_by_zero(expression: str, evaluate):
    assert evaluate(expression) == []


@pytest.mark.parametrize(
    "expression",
    [
        "'a' - 'b'",
        "@2026 + 7",
        "true + 1",
        "name + 1",
        "'a' & 1",
        "-'a'",
        "-active",
        "birthDate * 2",
        "'1' div 1",
    ],
)
def test_types_that_do_not_calculate_are_refused_before_evaluation(expression: str, patient, evaluate):
    with pytest.raises(PathError):
        evaluate(expression, patient)


@pytest.mark.parametrize(
    "expression", ["(1 | 2) + 1", "%mixed + 1", "1 + %mixed", "%mixed - 1", "@2026 + %mixed"]
)
def test_what_fails_on_the_data(expression: str, model):
    from service.fhir.paths import Dialect, Environment

    path = compile_path(expression, model, "Basic", dialect=Dialect(variables=frozenset({"mixed"})))
    with pytest.raises(EvaluationError):
        path.values({"resourceType": "Basic"}, Environment(variables={"mixed": "text"}))


def test_elements_calculate_as_their_system_types(observation, evaluate):
    assert evaluate("component[1].value + 1", observation) == [5]
    assert evaluate("value.value * 2", observation) == [Decimal("14.20")]


REGISTRY = load()
numbers = st.decimals(0, 10**9, places=4)


@given(numbers, numbers)
def test_decimals_are_exact(left: Decimal, right: Decimal):
    path = compile_path(f"{left} + {right} - {right}", REGISTRY, "Basic")
    assert [node.value for node in path.values({"resourceType": "Basic"})] == [left]
