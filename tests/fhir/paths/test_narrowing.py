from __future__ import annotations

import pytest

from service.fhir.paths import PathError, compile_path


def test_a_narrowed_choice_reads_one_property(model):
    assert compile_path("Observation.value as Quantity", model, "Observation").roots == {"valueQuantity"}
    assert compile_path("Goal.start.ofType(date)", model, "Goal").roots == {"startDate", "_startDate"}


def test_what_is_narrowed_has_the_children_of_its_type(model):
    with pytest.raises(PathError):
        compile_path("(Observation.value as Period).unit", model, "Observation")


def test_nothing_is_left_of_a_type_that_cannot_be(observation, evaluate):
    assert evaluate("code.ofType(Quantity)", observation) == []
    assert evaluate("contained.ofType(Organization).ofType(Patient)", observation) == []
