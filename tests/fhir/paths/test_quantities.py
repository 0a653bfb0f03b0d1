from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.paths.quantities import Quantity, compare_quantities, convert, quantity_of

# Source: https://hl7.org/fhirpath/N1/#quantity, https://hl7.org/fhirpath/#quantity-equality
TRUE, FALSE, NOTHING = [True], [False], []
COMPARED = [
    ("1 'cm' = 10.0 'mm'", TRUE),
    ("1 'cm' = 1 'm'", FALSE),
    ("1 'cm' = 1 's'", NOTHING),
    ("23 'Cel' = 73.4 '[degF]'", NOTHING),
    ("37 'Cel' = 37.0 'Cel'", TRUE),
    ("23 = 23 '1'", TRUE),
    ("1 'h' = 3600 's'", TRUE),
    ("1 hour = 3600 's'", TRUE),
    ("1 year = 1 'a'", NOTHING),
    ("1 year = 12 months", TRUE),
    ("1 year = 12 'mo'", NOTHING),
    ("7 days = 1 'wk'", TRUE),
    ("1 year ~ 1 'a'", TRUE),
    ("1 year ~ 11 months", TRUE),
    ("2.1 'cm' ~ 21 'mm'", TRUE),
    ("21 'mm' ~ 2 'cm'", TRUE),
    ("4 'g' ~ 4040 'mg'", TRUE),
    ("4.1 'g' ~ 4.26 'g'", FALSE),
    ("4 'g' ~ 4 'm'", FALSE),
    ("10 seconds > 1 's'", TRUE),
    ("6 months > 1 year", FALSE),
    ("1 year > 360 days", TRUE),
    ("1 year > 1 'a'", NOTHING),
    ("1 'mg' > 1 'nonsense'", NOTHING),
    ("1 'mg'.comparable(2 'g')", TRUE),
    ("1 'mg'.comparable(2 'cm')", FALSE),
    ("1 year.comparable(1 'a')", FALSE),
]


@pytest.mark.parametrize(("expression", "expected"), COMPARED)
def test_comparison(expression: str, expected: list[bool], evaluate):
    assert evaluate(expression) == expected


@pytest.mark.parametrize(
    ("expression", "value", "unit"),
    [
        ("3 'm' + 3 'cm'", "3.03", "m"),
        ("3 'cm' - 3 'm'", "-297", "cm"),
        ("1 week + 14 days", "3", "week"),
        ("2 minutes + 60 seconds", "3", "minutes"),
        ("60 's' + 2 minutes", "180", "s"),
        ("12 'cm' * 3 'cm'", "36", "cm2"),
        ("10 'm/s' * 10 's'", "100", "m"),
        ("2 * 2 'cm'", "4", "cm"),
        ("12 'cm2' / 3 'cm'", "4", "cm"),
        ("120 'm' / 60 's'", "2", "m/s"),
        ("60 / 1 's'", "60", "/s"),
        ("60 's' / 2", "30", "s"),
        ("52 'cm'.toQuantity('m')", "0.52", "m"),
        ("45.toQuantity('m')", "45", "m"),
        ("1 'a'.toQuantity('d')", "365.25", "d"),
        ("7 days.toQuantity('wk')", "1", "wk"),
        ("182.5 days.toQuantity('a')", "0.5", "a"),
        ("1 year.toQuantity('months')", "12", "months"),
        ("1 'a'.toQuantity('year')", "1", "year"),
        ("182.5 'd'.toQuantity('a')", "0.4996577686516084873374401095", "a"),
        ("-(2 'mg')", "-2", "mg"),
    ],
)
def test_calculation(expression: str, value: str, unit: str, evaluate):
    [found] = evaluate(expression)
    assert (found["value"], found["unit"]) == (Decimal(value), unit)


@pytest.mark.parametrize(
    "expression",
    ["1 'm' + 1 's'", "1 year + 12 months", "1 year + 12 'mo'", "12 days * 45 'm'", "1 'mg' / 0", "24 'm'.toQuantity('kg')",
     "10 'Cel'.toQuantity('[degF]')", "5.toQuantity('nonsense')"],
)  # fmt: skip
def test_what_units_do_not_allow_gives_nothing(expression: str, evaluate):
    assert evaluate(expression) == []


def test_a_fhir_quantity_is_a_quantity(observation, evaluate):
    assert evaluate("value = 0.00710 'g'", observation) == [True]
    assert evaluate("value > 7 'mg'", observation) == [True]


def test_a_unit_of_another_system_equals_itself_alone():
    one = quantity_of({"value": 1, "unit": "spoon"})
    assert compare_quantities(one, quantity_of({"value": 1, "unit": "spoon"})) == 0
    assert compare_quantities(one, quantity_of({"value": 1, "unit": "cup"})) is None


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"value": 1, "comparator": "<"},
        {"value": "1"},
        {"value": True},
        None,
        {"value": Decimal("1E+400")},
    ],
)
def test_what_is_no_quantity(value: object):
    assert quantity_of(value) is None


numbers = st.decimals(-(10**6), 10**6, places=3)


@given(
    numbers,
    st.sampled_from(["mg", "g", "kg", "[lb_av]", "[oz_av]"]),
    st.sampled_from(["mg", "g", "kg", "ug"]),
)
def test_conversion_keeps_the_order(value: Decimal, unit: str, wanted: str):
    quantity = Quantity(value, unit)
    assert compare_quantities(quantity, convert(quantity, wanted)) == 0
