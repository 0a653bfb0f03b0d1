"""Whom a resource is about, where a condition asks for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from service.fhir.matching import matches
from service.fhir.search.about import allows, told
from service.fhir.search.expressions import About, And, Everything, Expression, Ids, Not, Nothing, Or
from service.fhir.search.values import SearchValues
from service.interactions.outlook import Nowhere

CHILDREN = ("kim", "sam", None)
leaves = some.sampled_from([Everything(), Nothing(), Ids(frozenset({"this"})), About("kim"), About("sam")])
conditions = some.recursive(
    leaves,
    lambda parts: (
        some.lists(parts, max_size=3).map(tuple).map(And) | some.lists(parts, max_size=3).map(tuple).map(Or)
    ),
    max_leaves=8,
)


def holds(condition: Expression) -> bool:
    return matches(condition, "Goal", "this", 0, SearchValues(), Nowhere())


@pytest.mark.parametrize("child", CHILDREN)
@pytest.mark.parametrize("wanted", ["kim", "sam"])
def test_it_is_about_that_one_and_no_other(child: str | None, wanted: str) -> None:
    assert holds(told(About(wanted), child)) is (child == wanted)
    assert holds(told(Not(About(wanted)), child)) is (child != wanted)
    assert allows(About(wanted), child) is (child == wanted)


@given(conditions, some.sampled_from(CHILDREN))
def test_what_is_not_allowed_does_not_hold(condition: Expression, child: str | None) -> None:
    if holds(told(condition, child)):
        assert allows(condition, child)


@pytest.mark.parametrize("child", CHILDREN)
def test_without_a_word_of_it_all_are_allowed(child: str | None) -> None:
    assert allows(None, child)
    assert allows(And((Ids(frozenset({"this"})), Or((About("kim"), Everything())))), child)


def test_who_does_not_know_whom_it_is_about_finds_nothing() -> None:
    assert not holds(About("kim"))
