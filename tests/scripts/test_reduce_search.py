from __future__ import annotations

import pytest

from scripts.reduce_search import Search, alternatives, compartments, root

URL = "http://example.org/SearchParameter/"

TYPES = {
    "Resource": {"elements": [{"name": "id", "types": ["id"]}]},
    "Goal": {
        "base": "Resource",
        "elements": [
            {"name": "subject", "types": ["Reference"], "targets": ["Patient", "Group"]},
            {"name": "target", "types": ["Goal.target"]},
            {"name": "note", "types": ["Reference"]},
        ],
    },
    "Goal.target": {"elements": [{"name": "owner", "types": ["Reference"], "targets": ["Practitioner"]}]},
}


def parameter(code, expression, **others):
    return {
        "code": code,
        "url": URL + code,
        "type": "token",
        "base": ["Goal", "Flag"],
        "expression": expression,
        **others,
    }


def search(*parameters):
    return Search({each["url"]: each for each in parameters}, TYPES)


@pytest.mark.parametrize(
    ("expression", "parts"),
    [
        ("Goal.a", ["Goal.a"]),
        ("Goal.a | Flag.b", ["Goal.a", "Flag.b"]),
        ("Goal.a|Flag.b", ["Goal.a", "Flag.b"]),
        ("(Goal.a | Goal.b).c | Flag.b", ["(Goal.a | Goal.b).c", "Flag.b"]),
        ("Goal.extension('a|b').c | Flag.b", ["Goal.extension('a|b').c", "Flag.b"]),
        ("Goal.a.where(b = 'c)' or d) | Flag.b", ["Goal.a.where(b = 'c)' or d)", "Flag.b"]),
        ("", []),
    ],
)
def test_an_expression_is_split_where_it_has_alternatives(expression, parts):
    assert alternatives(expression) == parts


@pytest.mark.parametrize(
    ("part", "type_"),
    [
        ("Goal.a", "Goal"),
        ("(Goal.a as Period)", "Goal"),
        ("((Goal.a))", "Goal"),
        ("Goal", "Goal"),
        ("name", None),
    ],
)
def test_an_alternative_is_about_the_type_it_begins_with(part, type_):
    assert root(part) == type_


def test_a_type_keeps_only_its_own_alternatives():
    found = search(parameter("date", "Flag.period | (Goal.start as date) | Goal.end")).parameters(
        ["Goal", "Flag"]
    )
    assert found["Goal"]["date"]["expression"] == "(Goal.start as date) | Goal.end"
    assert found["Flag"]["date"]["expression"] == "Flag.period"


def test_what_cannot_be_evaluated_is_left_out():
    assert search(parameter("text", "")).parameters(["Goal"]) == {}
    assert search(parameter("other", "Flag.a")).parameters(["Goal"]) == {}


def test_examples_of_the_standard_are_left_out():
    example = parameter("a", "Goal.a") | {"url": "http://hl7.org/fhir/SearchParameter/example"}
    assert search(example).parameters(["Goal"]) == {}


@pytest.mark.parametrize(
    ("expression", "targets"),
    [
        ("Goal.subject", ["Patient", "Group"]),
        ("Goal.subject.where(resolve() is Patient)", ["Patient"]),
        ("Goal.target.owner", ["Practitioner"]),
        ("Goal.subject.where(resolve() is Patient) | Goal.target.owner", ["Patient", "Practitioner"]),
        ("Goal.note", ["Patient", "Group", "Practitioner"]),  # the element does not say
        ("Goal.extension('a')", ["Patient", "Group", "Practitioner"]),  # nor is this a plain path
    ],
)
def test_targets_are_those_that_element_and_expression_permit(expression, targets):
    one = parameter("who", expression, target=["Patient", "Group", "Practitioner"])
    assert search(one).parameters(["Goal"])["Goal"]["who"]["targets"] == targets


def test_components_are_named_by_code_and_misprints_are_mended():
    component = [{"definition": URL + "code", "expression": "value.as(DateTime) | value.as(Period)"}]
    found = search(parameter("code", "Goal.code"), parameter("both", "Goal", component=component)).parameters(
        ["Goal"]
    )
    assert found["Goal"]["both"]["components"] == [["code", "value.as(dateTime) | value.as(Period)"]]


def test_the_compartment_holds_served_types_that_are_in_it():
    definitions = {
        "a": {"code": "Encounter", "resource": []},
        "b": {
            "code": "Patient",
            "resource": [
                {"code": "Goal", "param": ["patient"]},
                {"code": "Flag"},
                {"code": "Claim", "param": ["a"]},
            ],
        },
    }
    assert compartments(definitions, ["Goal", "Flag"]) == {"Patient": {"Goal": ["patient"]}}
