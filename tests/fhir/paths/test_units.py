from __future__ import annotations

from fractions import Fraction

import pytest

from service.fhir.paths.units import multiplied, parts, unit, written


@pytest.mark.parametrize(
    ("one", "times", "other"),
    [
        ("kg", 1000, "g"),
        ("[lb_av]", Fraction("453.59237"), "g"),
        ("L", 1000, "cm3"),
        ("mg/dL", Fraction(1, 100), "g/L"),
        ("mm[Hg]", Fraction("133.322"), "Pa"),
        ("wk", 7, "d"),
        ("/min", 60, "/h"),
        ("10*9/L", 10**3, "10*6/L"),
        ("kg.m/s2", 1, "N"),
        ("m/s/s", 1, "m/s2"),
        ("mg/(24.h)", 1, "mg/d"),
        ("%", Fraction(1, 100), "1"),
        ("{score}", 1, "1"),
        ("mm{width}", Fraction(1, 10), "cm"),
        ("m[iU]", Fraction(1, 1000), "[IU]"),
        ("[in_i]", Fraction("2.54"), "cm"),
        ("[mi_us]", Fraction(6_336_000, 3_937), "m"),
        ("dag", 10, "g"),
    ],
)
def test_units_of_one_dimension(one: str, times: Fraction, other: str):
    first, second = unit(one), unit(other)
    assert first.dimension == second.dimension
    assert first.factor == second.factor * times


@pytest.mark.parametrize(
    ("one", "other"),
    [("m", "s"), ("cm2", "cm"), ("Cel", "K"), ("Cel", "[degF]"), ("[iU]", "g"), ("rad", "1")],
)
def test_units_of_different_dimensions(one: str, other: str):
    assert unit(one).dimension != unit(other).dimension


@pytest.mark.parametrize(
    "text",
    [
        "",
        "month",
        "parsec",
        "mg/",
        "mg dL",
        "(mg",
        "mg)",
        "m10000",
        "kmin",
        "[nonsense]",
        "m/0",
        "0.m",
        "m²",
        "²",
        "{open",
        "mg..g",
        "/",
    ],
)
def test_what_is_no_unit(text: str):
    assert unit(text) is None


@pytest.mark.parametrize(
    ("left", "right", "sign", "result"),
    [
        ("cm", "cm", 1, "cm2"),
        ("cm2", "cm", -1, "cm"),
        ("m/s", "s", 1, "m"),
        ("1", "s", -1, "/s"),
        ("g", "g", -1, "1"),
        ("g", "m", -1, "g/m"),
    ],
)
def test_units_multiply_and_divide(left: str, right: str, sign: int, result: str):
    assert written(multiplied(parts(left), parts(right), sign)) == result
