from __future__ import annotations

import pytest

from service.fhir.paths.faults import EvaluationError

TABLE = [
    ("name.exists()", True),
    ("name.empty()", False),
    ("link.empty()", True),
    ("name.exists(use = 'usual')", True),
    ("name.exists(use = 'maiden')", False),
    ("name.exists($index = 1 and use = 'usual')", True),
    ("name.exists($index = 0 and use = 'usual')", False),
    ("name.all(given.exists())", True),
    ("name.all(family.exists())", False),
    ("name.all($index < 2)", True),
    ("link.all(false)", True),
    ("name.count()", 2),
    ("name.given.count()", 4),
    ("deceased.exists()", True),
    ("multipleBirth.exists()", False),
    ("multipleBirth.empty()", True),
    ("active.not()", False),
    ("(true | false).allTrue()", False),
    ("(true | false).anyTrue()", True),
    ("(true | false).allFalse()", False),
    ("(true | false).anyFalse()", True),
    ("{}.allTrue()", True),
    ("{}.anyTrue()", False),
    ("active.allTrue()", True),
    ("name.first().subsetOf(name)", True),
    ("name.subsetOf(name.first())", False),
    ("name.supersetOf(name.first())", True),
    ("{}.subsetOf(name)", True),
    ("name.given.isDistinct()", True),
    ("(1).combine(1).isDistinct()", False),
    ("name[1].given.last().exists()", True),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_existence(expression: str, expected: object, patient, evaluate):
    assert evaluate(expression, patient) == [expected]


def test_not_of_nothing_is_nothing(evaluate):
    assert evaluate("{}.not()") == []


@pytest.mark.parametrize("expression", ["(1 | 2).not()", "(true | 'a').allTrue()", "name.given.allTrue()"])
def test_what_fails_on_the_data(expression: str, patient, evaluate):
    with pytest.raises(EvaluationError):
        evaluate(expression, patient)


def test_an_element_with_extensions_alone_exists(evaluate):
    patient = {"resourceType": "Patient", "_birthDate": {"extension": [{"url": "x", "valueCode": "unknown"}]}}
    assert evaluate("birthDate.exists()", patient) == [True]
    assert evaluate("birthDate.hasValue()", patient) == [False]


def test_a_choice_with_extensions_alone_exists(observation, evaluate):
    assert evaluate("component.where(code.text = 'third').value.exists()", observation) == [True]
    assert evaluate("component.select(value.exists())", observation) == [True, True, True]
