"""Quantities in one unit of their dimension."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.units import LONGEST_UNIT, UCUM, conversion


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((500, "mg"), (Decimal("0.5"), "g")),
        ((70, "kg"), (70_000, "g")),
        ((1, "[lb_av]"), (Decimal("453.59237"), "g")),
        ((1, "[stone_av]"), (14, "[lb_av]")),
        ((1, "[in_i]"), (Decimal("2.54"), "cm")),
        ((1, "[ft_i]"), (12, "[in_i]")),
        ((1, "L"), (1000, "mL")),
        ((1, "dL"), (100, "ml")),
        ((1, "h"), (60, "min")),
        ((1, "wk"), (7, "d")),
        ((37, "Cel"), (Decimal("98.6"), "[degF]")),
        ((0, "Cel"), (Decimal("273.15"), "K")),
        ((1, "kPa"), (1000, "Pa")),
        ((1, "mm[Hg]"), (Decimal("0.133322"), "kPa")),
        ((1, "mmol/L"), (1000, "umol/L")),
        ((Decimal("5.5"), "mg/dL"), (55, "mg/L")),
        ((60, "/min"), (1, "/s")),
        ((60, "{beats}/min"), (60, "/min")),
        ((22, "kg/m2"), (Decimal("2.2"), "g/cm2")),
        ((50, "%"), (500, "[ppth]")),
        ((1, "10*9/L"), (1000, "10*6/L")),
    ],
)
def test_the_same_quantity_in_two_units_is_one_number(one, other):
    first, second = (conversion(UCUM, code) for _, code in (one, other))
    assert first.code == second.code
    assert first(one[0]) == second(other[0])


@pytest.mark.parametrize(
    "code", ["1", "{score}", "{beats}", "furlongs", "", "mg mg", "m" * (LONGEST_UNIT + 1)]
)
def test_a_unit_that_has_no_other_beside_it_stays_what_it_is(code):
    assert conversion(UCUM, code) is None


@pytest.mark.parametrize("system", ["", "http://a.example", "http://snomed.info/sct"])
def test_units_of_other_systems_are_not_converted(system):
    assert conversion(system, "mg") is None


def test_dimensions_are_kept_apart():
    codes = [
        conversion(UCUM, code).code for code in ("g", "m", "s", "K", "L", "kPa", "/min", "%", "[iU]", "g/L")
    ]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (Decimal("1e999999"), math.inf),
        (Decimal("-1e999999"), -math.inf),
        (Decimal("1e308"), math.inf),
        (Decimal("-1e308"), -math.inf),
        (Decimal("1e-999999"), 0.0),
        (math.inf, math.inf),
        (0, 0.0),
    ],
)
def test_numbers_beyond_a_float_stay_at_its_ends(number, expected):
    assert conversion(UCUM, "kg")(number) == expected


@given(
    st.decimals(min_value=-1000, max_value=1000, places=3),
    st.decimals(min_value=-1000, max_value=1000, places=3),
)
def test_conversion_keeps_the_order(one, other):
    convert = conversion(UCUM, "[degF]")
    assert (one <= other) == (convert(one) <= convert(other))
