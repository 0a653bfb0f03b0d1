from __future__ import annotations

import pytest

from service.fhir.problems import Conflict, Invalid, Issue, Malformed, Problem
from service.interactions.faults import Faults, located


@pytest.mark.parametrize(
    ("expression", "placed"),
    [
        (None, "Bundle.entry[3]"),
        ("Goal", "Bundle.entry[3].resource"),
        ("Goal.target[0].dueDate", "Bundle.entry[3].resource.target[0].dueDate"),
        ("Bundle.entry[3].request.url", "Bundle.entry[3].request.url"),
    ],
)
def test_issues_are_placed_in_their_entry(expression, placed):
    problem = located(Invalid("slug", "Text.", expression), 3)
    assert isinstance(problem, Invalid)
    assert [issue.expression for issue in problem.issues] == [placed]


def test_everything_comes_in_the_order_of_entries_with_the_status_of_the_first():
    faults = Faults()
    faults.add(5, Conflict("c", "C."))
    faults.add(2, Invalid.of([Issue("warning", "x", "w", "W."), Issue("error", "x", "b", "B.", "Goal.note")]))
    faults.add(2, Malformed("a", "A."))
    with pytest.raises(Problem) as refusal:
        faults.refuse()
    assert refusal.value.status == 422
    assert [issue.slug for issue in refusal.value.issues] == ["w", "b", "a", "c"]
    assert 5 in faults
    assert 3 not in faults


def test_no_faults_refuse_nothing():
    Faults().refuse()


def test_a_copy_is_apart():
    faults = Faults()
    copy = faults.copy()
    copy.add(0, Malformed("a", "A."))
    faults.refuse()
    assert [index for index, _ in copy.by_entry()] == [0]


def test_an_attempt_keeps_problems_and_nothing_else():
    faults = Faults()

    def refuse():
        raise Malformed("a", "A.")

    def fail():
        raise RuntimeError

    assert faults.attempt(0, lambda: 7) == 7
    assert faults.attempt(1, refuse) is None
    assert 1 in faults
    with pytest.raises(RuntimeError):
        faults.attempt(2, fail)
