"""Quantity parameters: what elements give, and what queries ask."""

import math
from decimal import Decimal

import pytest

from service.fhir.problems import Malformed
from service.fhir.search.expressions import Quantity
from service.fhir.search.types.quantity import CANONICAL_READERS, READERS

UCUM = "http://unitsofmeasure.org"
BELOW_FIVE = math.nextafter(5, -math.inf)
ABOVE_FIVE = math.nextafter(5, math.inf)


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("Quantity", {"value": Decimal("5.4"), "system": UCUM, "code": "mg"}, [(UCUM, "mg", 5.4)]),
        ("Quantity", {"value": 5, "system": UCUM, "code": "mg", "unit": "mg"}, [(UCUM, "mg", 5)]),
        ("Quantity", {"value": 5, "system": UCUM, "code": "mg", "unit": "milli"}, [(UCUM, "mg", 5), ("", "milli", 5)]),
        ("Quantity", {"value": 5, "unit": "points"}, [("", "points", 5)]),
        ("Quantity", {"value": 5}, [("", "", 5)]),
        ("Quantity", {"unit": "points"}, []),
        ("Quantity", {"value": 5, "comparator": "<"}, [("", "", -math.inf), ("", "", BELOW_FIVE)]),
        ("Quantity", {"value": 5, "comparator": "<="}, [("", "", -math.inf), ("", "", 5)]),
        ("Quantity", {"value": 5, "comparator": ">="}, [("", "", 5), ("", "", math.inf)]),
        ("Quantity", {"value": 5, "comparator": ">"}, [("", "", ABOVE_FIVE), ("", "", math.inf)]),
        ("Duration", {"value": 45, "system": UCUM, "code": "min"}, [(UCUM, "min", 45)]),
        ("Money", {"value": 5, "currency": "GBP"}, [("urn:iso:std:iso:4217", "GBP", 5)]),
        ("Money", {"value": 5}, [("", "", 5)]),
        ("Money", {"currency": "GBP"}, []),
        ("Range", {"low": {"value": 5, "code": "a"}, "high": {"value": 18, "code": "a"}}, [("", "a", 5), ("", "a", 18)]),
        ("Range", {"low": {"value": 5, "code": "a"}}, [("", "a", 5), ("", "a", math.inf)]),
        ("Range", {"high": {"value": 18, "code": "a"}}, [("", "a", -math.inf), ("", "a", 18)]),
        ("Range", {}, []),
        ("SampledData", {"origin": {"value": 10, "code": "a"}, "factor": Decimal("0.5"), "data": "2 -4 E .5"},
         [("", "a", 8), ("", "a", 11)]),
        ("SampledData", {"origin": {"value": 0}, "lowerLimit": -9, "upperLimit": 9, "data": "L 2 3"},
         [("", "", -9), ("", "", 3)]),
        ("SampledData", {"origin": {"value": 0}, "data": "E E"}, []),
        ("SampledData", {"origin": {"value": 0}}, []),
    ],
)  # fmt: skip
def test_the_quantities_of_an_element(type_, value, expected):
    assert READERS[type_](value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5.4", Quantity("value-quantity", "eq", 5.4, 5.35, 5.45, None, None)),
        ("gt5.4", Quantity("value-quantity", "gt", 5.4, 5.35, 5.45, None, None)),
        (f"5|{UCUM}|mg", Quantity("value-quantity:canonical", "eq", 0.005, 0.0045, 0.0055, UCUM, "g")),
        (f"ge37.0|{UCUM}|Cel", Quantity("value-quantity:canonical", "ge", 310.15, 310.1, 310.2, UCUM, "K")),
        (f"7|{UCUM}|{{score}}", Quantity("value-quantity", "eq", 7, 6.5, 7.5, UCUM, "{score}")),
        (f"7|{UCUM}|1", Quantity("value-quantity", "eq", 7, 6.5, 7.5, UCUM, "1")),
        (f"7|{UCUM}|furlongs", Quantity("value-quantity", "eq", 7, 6.5, 7.5, UCUM, "furlongs")),
        ("5|http://a.example|mg", Quantity("value-quantity", "eq", 5, 4.5, 5.5, "http://a.example", "mg")),
        ("5||mg", Quantity("value-quantity", "eq", 5, 4.5, 5.5, None, "mg")),
        (f"le5|{UCUM}|", Quantity("value-quantity", "le", 5, 4.5, 5.5, UCUM, None)),
        (r"5||a\|b", Quantity("value-quantity", "eq", 5, 4.5, 5.5, None, "a|b")),
    ],
)
def test_what_a_quantity_asks(ask, text, expected):
    assert ask("Observation", "value-quantity", text) == expected


@pytest.mark.parametrize("text", ["mg", "5|mg", "5|a|b|c", f"|{UCUM}|mg", "<5"])
def test_what_is_no_quantity_is_refused(ask, text):
    with pytest.raises(Malformed) as refusal:
        ask("Observation", "value-quantity", text)
    assert refusal.value.issues[0].slug == "search-value-quantity"


def in_unit(value, code="mg", **more):
    return {"value": value, "system": UCUM, "code": code, **more}


@pytest.mark.parametrize(
    ("type_", "value", "expected"),
    [
        ("Quantity", in_unit(500), [(UCUM, "g", 0.5)]),
        ("Quantity", in_unit(5, "kg"), [(UCUM, "g", 5000)]),
        ("Quantity", in_unit(5, "{score}"), []),
        ("Quantity", {"value": 5, "code": "mg"}, []),
        ("Quantity", {"value": 5, "unit": "mg"}, []),
        ("Quantity", {"system": UCUM, "code": "mg"}, []),
        ("Quantity", in_unit(500, comparator="<="), [(UCUM, "g", -math.inf), (UCUM, "g", 0.5)]),
        ("Age", in_unit(1, "wk"), [(UCUM, "s", 604_800)]),
        ("Range", {"low": in_unit(500), "high": in_unit(1, "g")}, [(UCUM, "g", 0.5), (UCUM, "g", 1)]),
        ("Range", {"low": in_unit(500)}, [(UCUM, "g", 0.5), (UCUM, "g", math.inf)]),
        ("Range", {"high": in_unit(500)}, [(UCUM, "g", -math.inf), (UCUM, "g", 0.5)]),
        ("Range", {"low": in_unit(500), "high": {"value": 1}}, []),
        ("Range", {}, []),
        ("SampledData", {"origin": in_unit(0), "data": "500 1500 1000"}, [(UCUM, "g", 0.5), (UCUM, "g", 1.5)]),
        ("SampledData", {"origin": in_unit(0, "{score}"), "data": "1 2"}, []),
    ],
)  # fmt: skip
def test_the_quantities_of_an_element_in_the_unit_of_their_dimension(type_, value, expected):
    assert CANONICAL_READERS[type_](value) == expected


def test_a_quantity_of_several_parameters_is_asked_of_each(ask):
    found = ask("Observation", "combo-value-quantity", f"5|{UCUM}|mg")
    assert [part.parameter for part in found.parts] == [
        "component-value-quantity:canonical",
        "value-quantity:canonical",
    ]
