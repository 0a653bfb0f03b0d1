from __future__ import annotations

import pytest

from service.fhir.paths.faults import EvaluationError, PathError


def test_nothing_comes_of_nothing(evaluate):
    for expression in ("{}.length()", "'a'.startsWith({})", "'a'.replace('a', {})", "{}.round(1)"):
        assert evaluate(expression) == []


def test_types_are_checked_as_soon_as_they_are_known(observation, evaluate):
    with pytest.raises(PathError, match=r"startsWith\(\) works on String, and is given CodeableConcept"):
        evaluate("code.startsWith('a')", observation)
    with pytest.raises(EvaluationError, match=r"startsWith\(\) is given Integer, on which it does not work"):
        evaluate("component[1].value.startsWith('a')", observation)


def test_several_items_are_too_many(observation, evaluate):
    with pytest.raises(EvaluationError, match="One item is wanted here, and there are 2"):
        evaluate("code.coding.code.upper()", observation)


def test_data_of_another_type_than_defined_is_told(evaluate):
    with pytest.raises(EvaluationError):
        evaluate("language.upper()", {"resourceType": "Patient", "language": 7})
    with pytest.raises(EvaluationError):
        evaluate(
            "multipleBirth.ofType(integer).abs()",
            {"resourceType": "Patient", "multipleBirthInteger": {"x": 1}},
        )
