"""Pairs of values that stand together in one element."""

import pytest

from service.fhir.paths import PathError
from service.fhir.registry import Registry
from service.fhir.search.composites import components, second_kinds
from service.fhir.search.extraction import Extractor

BASE = "http://127.0.0.1:8080/fhir"
UCUM = "http://unitsofmeasure.org"


def coded(*codes):
    return {"coding": [{"system": "s", "code": code} for code in codes]}


def in_unit(value, code):
    return {"value": value, "system": UCUM, "code": code}


def pairs(extractor, type_, **elements):
    return extractor.values({"resourceType": type_, **elements}).composites


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({"code": coded("a"), "valueString": "Exöm"}, {("code-value-string", ("s", "a"), ("exom", "Exöm"))}),
        (
            {"code": coded("a"), "valueCodeableConcept": coded("x", "y")},
            {("code-value-concept", ("s", "a"), ("s", "x")), ("code-value-concept", ("s", "a"), ("s", "y"))},
        ),
        (
            {"code": coded("a", "b"), "valueDateTime": "1970-01-01"},
            {("code-value-date", ("s", one), (0, 86_400_000_000)) for one in "ab"},
        ),
        ({"code": coded("a"), "valueInteger": 5}, set()),
        ({"code": coded("a")}, set()),
        ({"code": {"text": "in words"}, "valueString": "x"}, set()),
        ({"code": coded("a"), "valueCodeableConcept": {"text": "in words"}}, set()),
        ({"valueString": "x"}, set()),
        (
            {"code": coded("whole"), "component": [
                {"code": coded("a"), "valueQuantity": {"value": 5}},
                {"code": coded("b"), "valueCodeableConcept": coded("x")},
                {"code": coded("c")},
            ]},
            {
                ("component-code-value-quantity", ("s", "a"), ("", "", 5.0)),
                ("component-code-value-concept", ("s", "b"), ("s", "x")),
            },
        ),
        (
            {"code": coded("a"), "valueQuantity": in_unit(500, "mg")},
            {
                ("code-value-quantity", ("s", "a"), (UCUM, "mg", 500.0)),
                ("code-value-quantity:canonical", ("s", "a"), (UCUM, "g", 0.5)),
            },
        ),
    ],
)  # fmt: skip
def test_the_pairs_of_an_observation(extractor, elements, expected):
    assert pairs(extractor, "Observation", **elements) == expected


def test_the_pairs_of_other_types(extractor):
    usage = [
        {
            "code": {"system": "s", "code": "age"},
            "valueRange": {"low": in_unit(5, "a"), "high": in_unit(5, "a")},
        },
        {"code": {"system": "s", "code": "venue"}, "valueCodeableConcept": coded("x")},
    ]
    found = pairs(extractor, "Questionnaire", status="active", useContext=usage)
    assert {one for one in found if ":" not in one[0]} == {
        ("context-type-quantity", ("s", "age"), (UCUM, "a", 5.0)),
        ("context-type-value", ("s", "venue"), ("s", "x")),
    }
    group = [{"code": coded("a"), "valueBoolean": True, "exclude": False}]
    assert pairs(extractor, "Group", type="person", actual=True, characteristic=group) == {
        ("characteristic-value", ("s", "a"), ("", "true"))
    }


def test_the_kinds_of_second_parts(registry):
    kinds = second_kinds(registry, "Observation")
    assert kinds["code-value-date"] == "date"
    assert kinds["code-value-quantity:canonical"] == "quantity"
    assert second_kinds(registry, "Patient") == {}


def registry_with(registry, expression, *parts):
    """A registry whose Observation has one composite of a deployer."""
    known = {"Observation": dict(registry._search["Observation"]), "Resource": {}}
    known["Observation"]["own"] = {
        "url": "http://a.example/own", "type": "composite", "expression": expression, "components": parts,
    }  # fmt: skip
    return Registry(registry._types, registry._value_sets, known, {"Patient": {}}, {"Observation": ["read"]})


@pytest.mark.parametrize(
    ("second", "elements", "expected"),
    [
        (("subject", "subject"), {"subject": {"reference": "Patient/1"}}, ("Patient", "1")),
        (("patient", "subject.where(resolve() is Patient)"), {"subject": {"reference": "Patient/1"}}, ("Patient", "1")),
        (("patient", "subject.where(resolve() is Patient)"), {"subject": {"reference": "Group/1"}}, None),
        (("status", "status"), {"status": "final"}, ("", "final")),
        (("value-quantity", "value.ofType(Quantity)"), {"valueQuantity": {"value": 5}}, ("", "", 5.0)),
        (("value-quantity", "value.ofType(Quantity).single()"), {"valueQuantity": {"value": 5}}, ("", "", 5.0)),
    ],
)  # fmt: skip
def test_a_deployers_composite_of_the_whole(registry, second, elements, expected):
    own = registry_with(registry, "Observation", ("code", "code"), second)
    found = pairs(Extractor(own, BASE), "Observation", code=coded("a"), **elements)
    wanted = set() if expected is None else {("own", ("s", "a"), expected)}
    assert {one for one in found if one[0] == "own"} == wanted


def test_elements_of_several_types_are_read_as_what_they_are(registry):
    own = registry_with(
        registry,
        "Observation.component.where(code.exists())",
        ("code", "code"),
        ("status", "value.coding.code"),
    )
    component = [{"code": coded("a"), "valueCodeableConcept": coded("x")}, {"valueString": "y"}]
    found = pairs(Extractor(own, BASE), "Observation", component=component)
    assert ("own", ("s", "a"), ("", "x")) in found


@pytest.mark.parametrize(
    "parts",
    [
        [("code", "code")],
        [("code", "code"), ("status", "status"), ("subject", "subject")],
        [("subject", "subject"), ("code", "code")],
        [("code", "code"), ("unknown", "status")],
        [("code", "code"), ("code-value-string", "Observation")],
    ],
)
def test_what_is_no_pair_that_begins_with_a_token_is_no_composite_here(registry, parts):
    own = registry_with(registry, "Observation", *parts)
    assert components(own, own.search_parameters("Observation")["own"]) is None
    assert "own" not in second_kinds(own, "Observation")


def test_an_expression_that_cannot_be_compiled_stops_the_start(registry):
    own = registry_with(registry, "Observation", ("code", "code"), ("status", "colour"))
    with pytest.raises(PathError, match="Composite search parameter of Observation"):
        Extractor(own, BASE)
