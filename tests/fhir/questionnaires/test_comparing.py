from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.questionnaires.comparing import identity, is_number, order, same

UCUM = "http://unitsofmeasure.org"


def grams(value):
    return {"value": value, "system": UCUM, "code": "g"}


ORDERS = [
    ("valueInteger", 1, 2, -1),
    ("valueDecimal", Decimal("1.0"), 1, 0),
    ("valueDecimal", Decimal("1.1"), 1, 1),
    ("valueDecimal", 1, "2", None),
    ("valueBoolean", True, False, None),
    ("valueDate", "2026", "2027-01", -1),
    ("valueDate", "2026-11", "2026", None),
    ("valueDateTime", "2026-11-27T12:00:00Z", "2026-11-27T12:00:00+01:00", 1),
    ("valueDateTime", "soon", "2026", None),
    ("valueTime", "09:00:00", "09:00:00.5", -1),
    ("valueTime", "nine", "09:00:00", None),
    ("valueString", "a", "b", -1),
    ("valueString", "b", "a", 1),
    ("valueQuantity", grams(1500), {"value": 1, "system": UCUM, "code": "kg"}, 1),
    ("valueQuantity", grams(1), {"value": 1, "system": UCUM, "code": "m"}, None),
    ("valueQuantity", {"value": 3, "unit": "points"}, {"value": 2, "unit": "points"}, 1),
    ("valueQuantity", {}, grams(1), None),
    ("valueQuantity", grams(1), 1, None),
    ("valueCoding", {"code": "a"}, {"code": "b"}, None),
]


@pytest.mark.parametrize(("key", "left", "right", "expected"), ORDERS)
def test_order(key, left, right, expected):
    assert order(key, left, right) == expected


SAME = [
    ("valueBoolean", False, False, True),
    ("valueBoolean", False, 0, False),
    ("valueDecimal", Decimal("2.50"), Decimal("2.5"), True),
    ("valueDateTime", "2026-11-27T12:00:00Z", "2026-11-27T13:00:00+01:00", True),
    ("valueDate", "2026", "2026-11", False),
    ("valueString", "a", "a", True),
    ("valueString", "a", "A", False),
    ("valueCoding", {"system": "s", "code": "a", "display": "A"}, {"system": "s", "code": "a"}, True),
    ("valueCoding", {"system": "s", "code": "a"}, {"code": "a"}, False),
    ("valueCoding", {"display": "A"}, {"display": "A"}, True),
    ("valueCoding", {"display": "A"}, {"display": "B"}, False),
    ("valueReference", {"reference": "Goal/1", "display": "a"}, {"reference": "Goal/1"}, True),
    ("valueReference", {"display": "a"}, {"display": "a"}, True),
    ("valueQuantity", grams(1000), {"value": 1, "system": UCUM, "code": "kg"}, True),
    ("valueQuantity", grams(1000), grams(1), False),
]


@pytest.mark.parametrize(("key", "left", "right", "expected"), SAME)
def test_same(key, left, right, expected):
    assert same(key, left, right) is expected
    assert same(key, right, left) is expected


def test_what_cannot_be_told_apart_is_nothing():
    assert identity("valueInteger", [1]) is None
    assert not is_number(Decimal("NaN"))
    assert not is_number(True)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers())
def test_order_and_equality_of_numbers_agree(left, right):
    assert same("valueDecimal", left, right) is (order("valueDecimal", left, right) == 0)
