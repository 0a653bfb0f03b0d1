from __future__ import annotations

import pytest

from service.fhir.paths.faults import EvaluationError, PathError

TABLE = [
    ("name.where(use = 'usual').given.first()", ["Nick"]),
    ("name.where($this.use = 'usual').use", ["usual"]),
    ("name.where($index = 1).use", ["usual"]),
    ("name.where({}).use", []),
    ("name.select(given.first())", ["Testgiven", "Nick"]),
    ("name.select($index)", [0, 1]),
    ("name.select(given.select($index))", [0, 1, 0, 1]),
    ("name.select(iif($index = 0, use, {}))", ["official"]),
    ("name.select(use | family)", ["official", "Testfamily", "usual"]),
    ("(3 | 1 | 2).sort()", [1, 2, 3]),
    ("(3 | 1 | 2).sort(-$this)", [3, 2, 1]),
    ("name.sort(-use).use", ["usual", "official"]),
    ("name.sort(family).use", ["usual", "official"]),
    ("coalesce(link, name.where(use = 'usual').use, name.use)", ["usual"]),
    ("coalesce({}, link)", []),
    ("deceased.ofType(boolean)", [False]),
    ("deceased.ofType(dateTime)", []),
    ("name.repeat('x')", ["x"]),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_filtering(expression: str, expected: list, patient, evaluate):
    assert evaluate(expression, patient) == expected


QUESTIONNAIRE = {
    "resourceType": "Questionnaire",
    "status": "draft",
    "item": [
        {
            "linkId": "1",
            "type": "group",
            "item": [{"linkId": "1.1", "type": "group", "item": [{"linkId": "1.1.1", "type": "string"}]}],
        },
        {"linkId": "2", "type": "string"},
        {"linkId": "2", "type": "string"},
    ],
}


def test_repeat_goes_all_the_way_down_and_counts_equals_once(evaluate):
    assert evaluate("repeat(item).linkId", QUESTIONNAIRE) == ["1", "2", "1.1", "1.1.1"]
    assert evaluate("repeatAll(item).linkId", QUESTIONNAIRE) == ["1", "2", "2", "1.1", "1.1.1"]
    assert evaluate("item.repeat(item | code).count()", QUESTIONNAIRE) == [2]


def test_repeat_knows_the_types_on_its_way(evaluate):
    with pytest.raises(PathError):
        evaluate("repeat(item).nonsense", QUESTIONNAIRE)


def test_a_projection_that_never_ends_is_stopped(evaluate):
    with pytest.raises(EvaluationError, match="more than"):
        evaluate("1.repeat($this + 1 | $this + 2)".replace("repeat(", "repeatAll("))


def test_a_criterion_with_several_items_fails(patient, evaluate):
    with pytest.raises(EvaluationError):
        evaluate("name.where(given)", patient)


def test_index_is_what_it_was_after_an_inner_walk(patient, evaluate):
    assert evaluate("name.select(given.where($index = 0) | $index.toString())", patient) == [
        "Testgiven",
        "0",
        "Nick",
        "1",
    ]
