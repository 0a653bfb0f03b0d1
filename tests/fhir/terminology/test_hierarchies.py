"""The codes above and below a code."""

import pytest

from service.fhir.guide import Guide
from service.fhir.terminology.code_systems import CodeSystems
from service.fhir.terminology.hierarchies import related

URL = "https://thrive-fhir.example/CodeSystem/made-up-animals"


def code_systems(content="complete"):
    concepts = [
        {
            "code": "animal",
            "concept": [
                {"code": "bird", "concept": [{"code": "owl"}, {"code": "wren"}]},
                {"code": "fish"},
            ],
        },
        {"code": "stone"},
    ]
    made = {
        "resourceType": "CodeSystem",
        "url": URL,
        "status": "active",
        "content": content,
        "concept": concepts,
    }
    return CodeSystems(Guide([made]))


@pytest.mark.parametrize(
    ("code", "direction", "codes"),
    [
        ("bird", "below", {"bird", "owl", "wren"}),
        ("bird", "above", {"bird", "animal"}),
        ("animal", "below", {"animal", "bird", "owl", "wren", "fish"}),
        ("animal", "above", {"animal"}),
        ("owl", "above", {"owl", "bird", "animal"}),
        ("stone", "below", {"stone"}),
    ],
)
def test_a_code_with_those_above_or_below_it(code, direction, codes):
    assert related(code_systems(), URL, code, direction) == {(URL, one) for one in codes}


@pytest.mark.parametrize(
    ("system", "code"), [(URL, "dragon"), ("https://elsewhere.example", "bird"), ("", "bird")]
)
def test_what_is_not_known_is_not_guessed(system, code):
    assert related(code_systems(), system, code, "below") is None


def test_of_a_code_system_that_is_not_whole_nothing_is_said():
    assert related(code_systems("fragment"), URL, "bird", "below") is None
