"""What counts as how much of a search."""

import pytest

from service.fhir.search.expressions import (
    And,
    Chain,
    Everything,
    Has,
    Ids,
    Not,
    Or,
    Token,
    Within,
    Words,
)
from service.fhir.search.sizes import HIERARCHY, conditions

ONE = Token("status", None, "active")
HELD = Ids(frozenset({"a", "b", "c"}))


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        (Everything(), 1),
        (ONE, 1),
        (Not(ONE), 1),
        (And((ONE, Or((ONE, ONE)))), 3),
        (HELD, 3),
        (Chain("patient", "Patient", HELD), 4),
        (Has("Goal", "patient", Chain("patient", "Patient", ONE)), 3),
    ],
)
def test_leaves_are_counted_ids_one_by_one_and_steps_too(expression, count):
    assert conditions(expression) == count


def test_words_and_hierarchies_count_for_what_they_cost():
    assert conditions(Words("_text", ("a", "b"))) == 2
    assert conditions(Within("organization", "Organization", "a", "partof", "below")) == HIERARCHY
