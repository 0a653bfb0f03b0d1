import pytest

from service.outcomes.grants import Effect, Row
from service.outcomes.sharing import Facts
from service.storage.names import Kind, Names
from service.storage.sharing import (
    CLOSED_CHILD,
    NO_RULE,
    child_of,
    names_of,
    pack_child,
    packed,
    unpack_child,
)
from service.storage.store import CLOSED


@pytest.mark.parametrize(
    "child", [None, CLOSED, "ash", "0189f0a0-0000-7000-8000-000000000001", "0123456789abcdef"]
)
def test_a_child_comes_back_as_it_was(child):
    assert unpack_child(pack_child(child)) == child


def test_nobody_one_child_and_several_are_told_apart():
    assert child_of(Facts(None, False, 0)) is None
    assert child_of(Facts("ash", False, 0)) == b"ash"
    assert child_of(Facts(None, True, 0)) == CLOSED_CHILD


def test_what_the_unit_says_of_the_child_counts_before_the_content():
    facts = Facts(None, True, 0)
    assert child_of(facts, "ash") == b"ash"
    assert child_of(Facts("ash", False, 0), CLOSED) == CLOSED_CHILD


def test_without_a_rule_everything_is_its_authors_alone():
    facts = NO_RULE.facts({"resourceType": "Organization", "id": "camhs"})
    assert (facts.closed, facts.rows) == (True, ())
    bare = NO_RULE.masked("Patient", {"resourceType": "Patient", "id": "ash", "meta": {}, "name": []})
    assert bare == {"resourceType": "Patient", "id": "ash", "meta": {}}


def test_rows_are_numbers_but_for_ids_and_leave_out_types_that_are_not_kept():
    names = Names()
    names.learn([(Kind.TYPE, 3, "Goal"), (Kind.AGENCY, 7, "camhs"), (Kind.PURPOSE, 2, "TREAT")])
    row = Row("ash", "camhs", Effect.YOUNG_PERMIT, "Goal", "TREAT", 1, 5, 9, "team-1")
    other = Row("ash", "", Effect.RESTRICTED, mask=2)
    unkept = Row("ash", "camhs", Effect.YOUNG_DENY, "MolecularSequence")
    assert packed((row, other, unkept), names) == {
        (b"ash", 7, 3, 3, 2, 1, 5, 9, b"team-1"),
        (b"ash", 0, 9, 0, 0, 2, other.low, other.high, b""),
    }
    assert set(names_of((row, other))) == {
        (Kind.AGENCY, "camhs"), (Kind.PURPOSE, "TREAT"), (Kind.AGENCY, ""), (Kind.PURPOSE, ""),
    }  # fmt: skip
