from __future__ import annotations

import pytest

# The specification's examples, and those that follow from them.
# Source: https://hl7.org/fhirpath/#lowboundary
BOUNDARIES = [
    ("1.587.lowBoundary()", "1.58650000"),
    ("1.587.lowBoundary(2)", "1.58"),
    ("(-1.587).lowBoundary(2)", "-1.59"),
    ("1.587.highBoundary(2)", "1.59"),
    ("(-1.587).highBoundary(0)", "-1"),
    ("120.highBoundary(2)", "120.50"),
    ("1.0.lowBoundary()", "0.95000000"),
    ("@2014.lowBoundary(6)", "2014-01"),
    ("@2014.highBoundary(6)", "2014-12"),
    ("@2014-02.highBoundary()", "2014-02-28"),
    ("@2014-01-01T08.lowBoundary(17)", "2014-01-01T08:00:00.000+14:00"),
    ("@2014-01-01T08.highBoundary(17)", "2014-01-01T08:59:59.999-12:00"),
    ("@2014-01-01T08:05:30.5Z.highBoundary()", "2014-01-01T08:05:30.599Z"),
    ("@2014-01-01T08:05+01:00.highBoundary(14)", "2014-01-01T08:05:59+01:00"),
    ("@2014-01-01T08:05+01:00.lowBoundary(12)", "2014-01-01T08:05+01:00"),
    ("@2014-01-01T08:05.lowBoundary(8)", "2014-01-01"),
    ("@T10:30.lowBoundary(9)", "10:30:00.000"),
    ("@T10:30.highBoundary()", "10:30:59.999"),
    ("@T10.highBoundary(6)", "10:59:59"),
    ("@T10.highBoundary(4)", "10:59"),
]


@pytest.mark.parametrize(("expression", "expected"), BOUNDARIES)
def test_boundaries(expression: str, expected: str, evaluate):
    assert [str(value) for value in evaluate(expression)] == [expected]


@pytest.mark.parametrize(
    "expression",
    ["1.5.lowBoundary(-1)", "1.5.highBoundary(32)", "@2014.lowBoundary(17)", "@2014-01-01T08.lowBoundary(5)", "@T10.lowBoundary(17)",
     "{}.lowBoundary()"],
)  # fmt: skip
def test_a_precision_that_there_is_not_gives_nothing(expression: str, evaluate):
    assert evaluate(expression) == []


def test_a_quantity_keeps_its_unit(evaluate):
    [low] = evaluate("1.5 'mg'.lowBoundary(2)")
    assert (str(low["value"]), low["code"]) == ("1.45", "mg")


@pytest.mark.parametrize(
    ("expression", "digits"),
    [
        ("1.58700.precision()", 5),
        ("100.precision()", 0),
        ("1.50 'mg'.precision()", 2),
        ("@2014.precision()", 4),
        ("@2014-01-05T10:30.precision()", 12),
        ("@2014-01-05T10:30:00.000.precision()", 17),
        ("@T10:30.precision()", 4),
        ("@T10:30:00.000.precision()", 9),
    ],
)
def test_precision(expression: str, digits: int, evaluate):
    assert evaluate(expression) == [digits]
