"""What a Questionnaire works out beforehand, and what is not run for whoever stored it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from service.fhir.paths import Node
from service.fhir.questionnaires.initial_expressions import LONGEST, Evaluator, Inexpressible

PATIENT = {
    "resourceType": "Patient",
    "id": "ash",
    "birthDate": "2011-04-02",
    "name": [{"given": ["Ash", "Rowan"]}],
}
NOW = 1_795_788_000_000  # 2026-11-27T14:00:00Z


@pytest.fixture(scope="module")
def evaluator(registry):
    response = {"resourceType": "QuestionnaireResponse", "status": "in-progress"}
    return Evaluator(registry, {"patient": Node("Patient", PATIENT)}, NOW, response)


def fhirpath(text):
    return {"language": "text/fhirpath", "expression": text}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("%patient.birthDate", ["2011-04-02"]),
        ("%patient.name.given", ["Ash", "Rowan"]),
        ("%patient.name.given.first() & '!'", ["Ash!"]),
        ("%patient.deceased", []),
        ("%patient.name.select(given.join(' '))", ["Ash Rowan"]),
        ("%resource.status", ["in-progress"]),
        ("today()", ["2026-11-27"]),
        ("iif(%patient.birthDate > @2010, 1, 2)", [1]),
        ("7.50", [Decimal("7.50")]),
    ],
)
def test_what_an_expression_gives(evaluator, text, values):
    assert [node.value for node in evaluator.values(fhirpath(text))] == values


@pytest.mark.parametrize(
    "expression",
    [
        {"language": "text/cql", "expression": "1"},
        {"language": "application/x-fhir-query", "expression": "Patient"},
        {"language": "text/fhirpath"},
        fhirpath("'" + "a" * LONGEST + "'"),
        fhirpath("%nobody.name"),
        fhirpath("%patient.name +"),
        fhirpath("%patient.name.given.single()"),
        # Those that could keep the server busy.
        fhirpath("%patient.name.given.where($this.matches('(a+)+$'))"),
        fhirpath("%patient.repeat(name)"),
        fhirpath("%patient.descendants()"),
        fhirpath("'a'.replace('a', 'aaaa')"),
        fhirpath("%patient.name.select(given).select(%patient.name)"),
        fhirpath("%patient.name.select(%patient.name.select(given))"),
        fhirpath("(1 | 2).aggregate($this + $total, 0)"),
    ],
)
def test_what_is_not_worked_out(evaluator, expression):
    with pytest.raises(Inexpressible) as caught:
        evaluator.values(expression)
    # A sentence quotes nothing of it.
    assert "given" not in str(caught.value).replace("what is given", "")


def test_the_longest_that_is_worked_out(evaluator):
    text = "'" + "a" * (LONGEST - 2) + "'"
    assert len(evaluator.values(fhirpath(text))[0].value) == LONGEST - 2
