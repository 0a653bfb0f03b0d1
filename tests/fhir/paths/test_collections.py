from __future__ import annotations

import pytest

from service.fhir.paths.faults import EvaluationError, PathError

TABLE = [
    ("(1 | 2 | 2).count()", [3 - 1]),
    ("1.union(2).union(1)", [1, 2]),
    ("(1 | 2).combine(2)", [1, 2, 2]),
    ("(1 | 2 | 3).intersect(2 | 4)", [2]),
    ("1.combine(1).intersect(1)", [1]),
    ("(1 | 2).intersect({})", []),
    ("(1 | 2 | 3).exclude(2)", [1, 3]),
    ("1.combine(1).exclude(2)", [1, 1]),
    ("{}.exclude(1)", []),
    ("1.combine(1).combine(2).distinct()", [1, 2]),
    ("(1 | 1.0 | '1')", [1, "1"]),
    ("1 'm' | 100 'cm' | 2 'm'.value", None),
    ("name[0].given[1]", ["Second"]),
    ("name[7].use", []),
    ("name[-1]", []),
    ("name[{}]", []),
    ("name.first().use", ["official"]),
    ("name.last().use", ["usual"]),
    ("name.tail().use", ["usual"]),
    ("name.skip(1).use", ["usual"]),
    ("name.skip(-1).use", ["official", "usual"]),
    ("name.take(1).use", ["official"]),
    ("name.take(0).use", []),
    ("name.take({}).use", []),
    ("name.first().single().use", ["official"]),
    ("link.first()", []),
    ("name.given | 'Nick'", ["Testgiven", "Second", "Nick", None]),
    ("name.use | name.given | active", ["official", "usual", "Testgiven", "Second", "Nick", None, True]),
]


@pytest.mark.parametrize(("expression", "expected"), TABLE)
def test_collections(expression: str, expected: list | None, patient, evaluate):
    if expected is None:
        assert len(evaluate(expression, patient)) == 2
    else:
        assert evaluate(expression, patient) == expected


def test_single_of_several_fails(patient, evaluate):
    with pytest.raises(EvaluationError):
        evaluate("name.single()", patient)


@pytest.mark.parametrize(
    "expression",
    ["children().first()", "descendants().skip(1)", "children()[0]", "children().where(true).last()"],
)
def test_children_have_no_order_to_ask_for(expression: str, patient, evaluate):
    with pytest.raises(PathError, match="order"):
        evaluate(expression, patient)


def test_the_resource_is_not_changed_by_what_is_done_with_its_arrays(patient, evaluate):
    evaluate("name.given | name.family | 'x'", patient)
    evaluate("name.combine(name).select(given.combine(given))", patient)
    assert [name["given"] for name in patient["name"]] == [["Testgiven", "Second"], ["Nick", None]]
