from __future__ import annotations

from service.fhir.paths.faults import EvaluationError, PathError


def test_both_are_faults_of_a_value():
    assert issubclass(PathError, ValueError)
    assert issubclass(EvaluationError, ValueError)
    assert PathError("x").position is None
