"""Numbers and the ranges that their digits imply."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.numbers import approximate, exact, implied, real


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-5.40", Decimal("-5.40")), ("1e-3", Decimal("0.001")), ("", None), (" 1", None), ("NaN", None), ("+1", None),
        ("٣", None), ("1e1000", None), ("1" * 65, None),
    ],
)  # fmt: skip
def test_a_number_is_written_as_in_json(text, expected):
    assert exact(text) == expected


@pytest.mark.parametrize(
    ("text", "value", "low", "high"),
    [
        ("100", 100, 99.5, 100.5),
        ("100.00", 100, 99.995, 100.005),
        ("1e2", 100, 50, 150),
        ("1.00e2", 100, 99.5, 100.5),
        ("-5", -5, -5.5, -4.5),
        ("0", 0, -0.5, 0.5),
        ("5.40e-3", 0.0054, 0.005395, 0.005405),
        ("007", 7, 6.5, 7.5),
    ],
)
def test_a_number_stands_for_what_rounds_to_it(text, value, low, high):
    assert implied(text) == (value, low, high)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "seven",
        "1,5",
        "1.",
        ".5",
        "+1",
        "1e",
        "1e400",
        "1e9999",
        "NaN",
        "Infinity",
        "1_0",
        "\u0667",
        "9" * 400,
        "1 ",
    ],
)
def test_what_is_no_number_has_no_range(text):
    assert implied(text) is None
    assert approximate(text) is None


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("100", [90, 100, 110], [89.9, 110.1]),
        ("-100", [-110, -90], [-110.1, -89.9]),
        ("0", [0, 0.4], [0.5, -0.6]),
        ("1", [0.5, 1.4], [1.5]),
    ],
)
def test_about_a_number_is_a_tenth_of_it_and_no_less_than_its_digits_imply(text, inside, outside):
    _, low, high = approximate(text)
    assert all(low <= number < high for number in inside)
    assert not any(low <= number < high for number in outside)


def test_a_number_and_its_range_may_be_turned_into_another_unit():
    def doubled(number):
        return float(number * 2)

    assert implied("100", doubled) == (200, 199, 201)
    assert approximate("100", doubled) == (200, 180, math.nextafter(220, math.inf))


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15, places=4))
def test_a_number_lies_in_its_own_range(number):
    value, low, high = implied(f"{number:f}")
    assert low <= value < high
    assert value == real(number)


def test_a_number_too_great_for_a_float_is_infinite():
    assert real(10**400) == math.inf
    assert real(-(10**400)) == -math.inf
    assert real(Decimal("7.10")) == 7.1
