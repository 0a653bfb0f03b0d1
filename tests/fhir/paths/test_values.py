from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths.dates import Date, DateTime, Time
from service.fhir.paths.nodes import Node
from service.fhir.paths.quantities import Quantity
from service.fhir.paths.values import TypeInfo, exported, item_type, json_value, system_type, system_value


@pytest.mark.parametrize(
    ("raw", "item", "value"),
    [
        ("date", "2026-11", Date((2026, 11))),
        ("dateTime", "2026", DateTime((2026,))),
        ("instant", "2026-11-22T10:00:00Z", DateTime((2026, 11, 22, 10, 0, Decimal(0)), 0)),
        ("time", "10:30:00", Time((10, 30, Decimal(0)))),
        ("date", "someday", "someday"),
        ("date", 7, 7),
        ("code", "final", "final"),
        ("Quantity", {"value": 1}, Quantity(Decimal(1), "1")),
        ("Quantity", {"unit": "mg"}, {"unit": "mg"}),
        ("HumanName", {"family": "x"}, {"family": "x"}),
        (None, True, True),
        ("string", Node("date", "2026", {"id": "x"}), Date((2026,))),
        ("date", Node("date", None, {"id": "x"}), None),
    ],
)
def test_system_values(raw: str | None, item: object, value: object):
    assert system_value(item, raw) == value


@pytest.mark.parametrize(
    ("value", "type_"),
    [(True, "Boolean"), (1, "Integer"), (Decimal(1), "Decimal"), ("a", "String"), (Date((2026,)), "Date"), (DateTime((2026,)), "DateTime"),
     (Time((1,)), "Time"), (Quantity(Decimal(1), "1"), "Quantity"), (TypeInfo("FHIR", "x", "y"), "TypeInfo")],
)  # fmt: skip
def test_types_of_system_values(value: object, type_: str):
    assert system_type(value) == item_type(value, None) == f"System.{type_}"


def test_values_for_the_caller():
    assert json_value(Quantity(Decimal("1.50"), "mg")) == {
        "value": Decimal("1.50"), "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg",
    }  # fmt: skip
    assert exported("final", "code").type == "code"
    assert exported(Date((2026,)), None).value == "2026"
    node = Node("code", "x")
    assert exported(node, None) is node
