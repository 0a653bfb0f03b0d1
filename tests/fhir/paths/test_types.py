from __future__ import annotations

import pytest

from service.fhir.paths.faults import PathError
from service.fhir.paths.parser import parse
from service.fhir.paths.syntax import TypeName
from service.fhir.paths.types import type_specifier


def test_children_and_their_json_names(model):
    child = model.child("Observation", "value")
    assert child.choice
    assert ("valueQuantity", "Quantity", None) in child.alternatives
    assert ("valueString", "string", "_valueString") in child.alternatives
    assert model.child("Observation", "component").repeats
    assert model.child("Observation", "valueQuantity") is None
    assert model.child("Nonsense", "id") is None
    assert model.child("date", "value") is None
    assert model.child("System.String", "length") is None


def test_properties(model):
    properties = model.properties("Observation")
    assert properties["valueQuantity"] == ("value", "Quantity")
    assert properties["status"] == ("status", "code")
    assert "value" not in properties
    assert model.properties("Nonsense") == {}


@pytest.mark.parametrize(
    ("type_", "ancestor", "expected"),
    [
        ("Age", "Quantity", True),
        ("code", "string", True),
        ("uuid", "uri", True),
        ("Patient", "Resource", True),
        ("Observation.component", "BackboneElement", True),
        ("Quantity", "Age", False),
        ("System.String", "System.Any", True),
        ("string", "System.String", False),
        ("Nonsense", "Resource", False),
    ],
)
def test_ancestry(type_: str, ancestor: str, expected: object, model):
    assert model.is_a(type_, ancestor) is expected


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        (TypeName(None, "Quantity"), "Quantity"),
        (TypeName(None, "Integer"), "System.Integer"),
        (TypeName("System", "Quantity"), "System.Quantity"),
        (TypeName("FHIR", "string"), "string"),
    ],
)
def test_fhir_types_go_before_system_types(name: TypeName, type_: str, model):
    assert model.resolve(name) == type_


@pytest.mark.parametrize(
    "name",
    [
        TypeName(None, "Nonsense"),
        TypeName("FHIR", "Integer"),
        TypeName("System", "code"),
        TypeName("X", "code"),
    ],
)
def test_types_that_there_are_not(name: TypeName, model):
    with pytest.raises(PathError):
        model.resolve(name)


def test_specifiers():
    assert type_specifier(parse("Quantity")) == TypeName(None, "Quantity")
    assert type_specifier(parse("System.Quantity")) == TypeName("System", "Quantity")
    for expression in ("a.b.c", "f()", "'Quantity'"):
        with pytest.raises(PathError):
            type_specifier(parse(expression))
