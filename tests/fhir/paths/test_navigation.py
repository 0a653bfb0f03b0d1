from __future__ import annotations

import pytest

TABLE = [
    ("name.given", ["Testgiven", "Second", "Nick", None]),
    ("name.family", ["Testfamily"]),
    ("birthDate", ["2010-05-06"]),
    ("deceased", [False]),
    ("link.other.reference", []),
    ("name.first().given", ["Testgiven", "Second"]),
    ("managingOrganization.reference", []),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_steps(expression: str, expected: list, patient, evaluate):
    assert evaluate(expression, patient) == expected


@pytest.mark.parametrize(
    "broken",
    [{"name": "text"}, {"name": [None, "text", {"given": "alone"}]}, {"name": {"given": ["alone"]}}, {"name": []}, {"name": None},
     {"name": [["x"]]}, {"name": [{"given": {"x": 1}}]}],
)  # fmt: skip
def test_malformed_resources_are_walked_as_far_as_they_go(broken: dict, evaluate):
    found = evaluate("name.given", {"resourceType": "Patient", **broken})
    assert found in ([], ["alone"], [{"x": 1}])


def test_an_element_that_should_not_repeat_and_does(evaluate):
    encounter = {
        "resourceType": "Encounter",
        "status": ["planned", "finished"],
        "period": [{"start": "2026"}],
    }
    assert evaluate("status", encounter) == ["planned", "finished"]
    assert evaluate("period.start", encounter) == ["2026"]


def test_parts_of_system_values(evaluate):
    assert evaluate("(4 'mg').unit | (4 'mg').value.toString()") == ["mg", "4"]


def test_resources_within_resources(evaluate):
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": {"resourceType": "Patient", "name": [{"family": "Testfamily"}]}},
            {"resource": {"resourceType": "Goal"}},
        ],
    }
    assert evaluate("entry.resource.name.family", bundle) == ["Testfamily"]
    assert evaluate("entry.resource.ofType(Patient).name.family", bundle) == ["Testfamily"]


def test_keywords_and_quoted_names(evaluate):
    patient = {"resourceType": "Patient", "text": {"div": "<div/>"}}
    assert evaluate("text.div", patient) == evaluate("text.`div`", patient) == ["<div/>"]
