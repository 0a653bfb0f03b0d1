"""Whose fault a problem is."""

from __future__ import annotations

from service.fhir import problems
from service.fhir.problems import OURS, Problem


def test_codes_tell_whose_fault_it_is():
    """A code stands for faults of ours or of whoever asked, never for both."""
    kinds = [each for each in vars(problems).values() if isinstance(each, type) and issubclass(each, Problem)]
    assert len(kinds) > 10
    assert {each.code for each in kinds if each.status < 500}.isdisjoint(OURS)
    assert {each.code for each in kinds if each.status >= 500} == OURS == {"exception", "transient"}
