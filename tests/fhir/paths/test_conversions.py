from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths.faults import EvaluationError, PathError

TABLE = [
    ("'T'.toBoolean()", [True]),
    ("'no'.toBoolean()", [False]),
    ("0.0.toBoolean()", [False]),
    ("2.toBoolean()", []),
    ("@2026.toBoolean()", []),
    ("'-7'.toInteger()", [-7]),
    ("'1.0'.toInteger()", []),
    ("'2147483648'.toInteger()", []),
    ("true.toInteger()", [1]),
    ("1.5.toInteger()", []),
    ("'1.50'.toDecimal()", [Decimal("1.50")]),
    ("'1.'.toDecimal()", []),
    ("false.toDecimal()", [Decimal(0)]),
    ("'x'.toDecimal()", []),
    ("1.50.toString()", ["1.50"]),
    ("true.toString()", ["true"]),
    ("@2026-11.toString()", ["2026-11"]),
    ("@T10:30.toString()", ["10:30"]),
    ("(4 days).toString()", ["4 days"]),
    ("(53 'km').toString()", ["53 'km'"]),
    ("@2024-01-15T23:30:00-05:00.toDate()", ["2024-01-15"]),
    ("'2024-01'.toDate()", ["2024-01"]),
    ("'2024-01-15T10'.toDate()", []),
    ("@2024-01-15.toDateTime()", ["2024-01-15"]),
    ("'2015-02-04T14:34:28Z'.toDateTime()", ["2015-02-04T14:34:28Z"]),
    ("1.toDateTime()", []),
    ("'10:00'.toTime()", ["10:00"]),
    ("1.toTime()", []),
    ("'1 wk'.convertsToQuantity()", [False]),
    ("'1 \\'wk\\''.convertsToQuantity()", [True]),
    ("'4 days'.toQuantity() = 4 days", [True]),
    ("true.toQuantity() = 1 '1'", [True]),
    ("@2026.toQuantity()", []),
    ("10 'Cel'.convertsToQuantity('[degF]')", [False]),
    ("'abc'.convertsToBoolean()", [False]),
    ("name.first().convertsToString()", [False]),
    ("{}.toInteger()", []),
    ("birthDate.toString()", ["2010-05-06"]),
    ("birthDate.toDateTime() = @2010-05-06T", [True]),
    ("iif(active, 'yes', 'no')", ["yes"]),
    ("iif({}, 'yes')", []),
    ("iif(true, 'yes', 1 / 'never'.length())", ["yes"]),
    ("birthDate.iif(exists(), $this, 'unknown')", ["2010-05-06"]),
    ("{}.iif(true, 'yes', 'no')", ["yes"]),
    ("iif(name.exists(), name.given, 'none')", ["Testgiven", "Second", "Nick", None]),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_conversion(expression: str, expected: list, patient, evaluate):
    assert evaluate(expression, patient) == expected


def test_several_items_do_not_convert(evaluate):
    with pytest.raises(EvaluationError):
        evaluate("(1 | 2).toString()")
    with pytest.raises(EvaluationError):
        evaluate("(1 | 2).iif(true, 1, 2)")


def test_a_criterion_that_is_never_boolean_is_refused(evaluate):
    with pytest.raises(PathError):
        evaluate("iif('text', 1, 2)")


def test_only_the_chosen_branch_is_evaluated(evaluate):
    assert evaluate("iif(true, 1, (1 | 2).single())") == [1]
