from __future__ import annotations

import pytest

from service.fhir.paths import Dialect, EvaluationError, PathError

TABLE = [
    ("value is Quantity", [True]),
    ("value.is(FHIR.Quantity)", [True]),
    ("value is Element", [True]),
    ("value is System.Quantity", [False]),
    ("status is code", [True]),
    ("status is string", [True]),
    ("status is System.String", [False]),
    ("status is id", [False]),
    ("'a' is String", [True]),
    ("1 is Decimal", [False]),
    ("Observation is DomainResource", [True]),
    ("component.first() is BackboneElement", [True]),
    ("dataAbsentReason is CodeableConcept", []),
    ("status is System.Nonsense", [False]),
    ("(value as Quantity).code", ["mg"]),
    ("value.as(Period)", []),
    ("status as string", []),
    ("status.as(code)", ["final"]),
    ("component.value as string", ["seven", None]),
    ("component.value.ofType(integer)", [4]),
    ("contained.ofType(Organization).name", ["Example school"]),
    ("contained.ofType(DomainResource).id", ["c1"]),
    ("contained.ofType(Patient)", []),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_types(expression: str, expected: list, observation, evaluate):
    assert evaluate(expression, observation) == expected


@pytest.mark.parametrize(
    "expression", ["status is Nonsense", "status.as(string1)", "value.ofType(System.Nonsense)", "value is Nonsense.Quantity", "value.is('Quantity')",
                   "value.ofType(first())"],
)  # fmt: skip
def test_types_that_there_are_not(expression: str, observation, evaluate):
    with pytest.raises(PathError):
        evaluate(expression, observation)


def test_is_asks_of_one_item(observation, evaluate):
    with pytest.raises(EvaluationError):
        evaluate("component.value is string", observation)


def test_a_dialect_may_forbid_as_over_several(observation, evaluate):
    with pytest.raises(EvaluationError):
        evaluate("component.value as string", observation, dialect=Dialect(single_as=True))
    assert evaluate("(value as Quantity).code", observation, dialect=Dialect(single_as=True)) == ["mg"]


def test_specialisations_of_complex_types_are_picked(evaluate):
    extension = {"url": "x", "valueAge": {"value": 12}}
    assert evaluate("value.ofType(Quantity).value", extension, "Extension") == [12]
    assert evaluate("value.ofType(Duration)", extension, "Extension") == []
