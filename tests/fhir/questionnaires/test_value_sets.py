"""Value sets within a Questionnaire: what they say themselves, and what they leave to others."""

from __future__ import annotations

import pytest

from service.fhir.questionnaires.value_sets import ContainedValueSet, contained_value_sets
from tests.fhir.questionnaires.forms import NOBODY_KNOWS

S = "urn:colours"


def composed(*include, exclude=()):
    return {"compose": {"include": list(include), "exclude": list(exclude)}}


LIST = {"system": S, "concept": [{"code": "red"}, {"code": "blue"}]}
ALL = {"system": S}
WARM = {"valueSet": ["urn:warm"]}
RED = {"system": S, "concept": [{"code": "red"}]}
EXPANDED = {
    "expansion": {
        "contains": [
            {"system": S, "code": "red", "contains": [{"system": S, "code": "crimson"}]},
            {"system": S, "code": "any", "abstract": True},
            {"display": "a heading", "contains": [{"system": S, "code": "blue"}]},
        ]
    }
}


def warm(value_set, _system, code):
    return code == "red" if value_set == "urn:warm" else None


CASES = [
    (composed(LIST), S, "red", True),
    (composed(LIST), S, "green", False),
    (composed(LIST), "urn:moods", "blue", False),
    (composed(LIST), "", "red", False),
    (composed(ALL), S, "green", None),
    (composed(ALL), "urn:moods", "blue", False),
    (composed(ALL, LIST), S, "red", True),
    (composed(WARM), S, "red", True),
    (composed(WARM), S, "blue", False),
    (composed({**LIST, **WARM}), S, "blue", False),
    (composed({**LIST, **WARM}), S, "red", True),
    (composed({**ALL, **WARM}), S, "red", None),
    (composed({"valueSet": ["urn:cold"]}), S, "blue", None),
    (composed(LIST, exclude=[RED]), S, "red", False),
    (composed(LIST, exclude=[RED]), S, "blue", True),
    (composed(LIST, exclude=[ALL]), S, "blue", None),
    (composed(ALL, exclude=[RED]), S, "red", False),
    (composed(), S, "red", False),
    (EXPANDED, S, "crimson", True),
    (EXPANDED, S, "blue", True),
    (EXPANDED, S, "any", False),
    ({**EXPANDED, **composed(ALL)}, S, "green", False),
]


@pytest.mark.parametrize(("value_set", "system", "code", "expected"), CASES)
def test_contains(value_set, system, code, expected):
    assert ContainedValueSet(value_set).contains(system, code, warm) is expected


def test_they_are_found_by_their_reference():
    held = [{"resourceType": "ValueSet", "id": "a", **composed(LIST)}, {"resourceType": "Patient", "id": "b"}]
    found = contained_value_sets({"contained": held})
    assert list(found) == ["#a"]
    assert found["#a"].contains(S, "red", NOBODY_KNOWS) is True
    assert contained_value_sets({}) == {}
