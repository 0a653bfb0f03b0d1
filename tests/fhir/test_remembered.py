from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.codec import encode
from service.fhir.guide import Guide
from service.fhir.remembered import LONGEST, MISSED, Memory, contents, look
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from tests.fhir.conformance.conftest import PROFILES, element, profile, rule
from tests.fhir.validation.mutations import mutated

SCORE = {
    "resourceType": "Observation",
    "id": "s-1",
    "meta": {"profile": [f"{PROFILES}profile"]},
    "contained": [{"resourceType": "Patient", "id": "p"}],
    "extension": [{"url": "http://example.org/e", "valuePeriod": {"start": "2026", "end": "2027"}}],
    "status": "final",
    "category": [{"coding": [{"system": "http://example.org/c", "code": "a"}]}],
    "code": {"coding": [{"system": "http://example.org/c", "code": "b"}], "text": "b"},
    "subject": {"reference": "#p"},
    "effectiveDateTime": "2026-11-28",
    "performer": [{"reference": "Patient/1"}],
    "valueQuantity": {"value": Decimal(4), "code": "a", "system": "http://example.org/u"},
    "component": [{"code": {"text": "c"}, "valueInteger": 1}],
}
ASKED = (
    element("Observation.category", min=1),
    element("Observation.code", constraint=[rule("a-1", "text.exists()")]),
    element("Observation.component", constraint=[rule("a-2", "%resource.status = 'final'")]),
    element(
        "Observation.value[x]",
        constraint=[rule("a-4", "%resource.component.value.exists() or $this is Quantity")],
    ),
    element("Observation.performer", constraint=[rule("a-5", "reference != %resource.subject.reference")]),
    element("Observation", constraint=[rule("a-3", "status = 'final' implies performer.exists()")]),
)


@pytest.fixture
def memory():
    return Memory()


def counting(*, answer=True):
    """A check that counts how often it is made."""

    def check(asked):
        check.made.append(asked)
        return answer

    check.made = []
    return check


def test_what_was_accepted_is_not_asked_again(memory):
    check = counting()
    accepts = memory.of_value(check)
    assert [accepts({"a": 1}), accepts({"a": 1}), accepts({"a": Decimal("1.0")})] == [True] * 3
    assert check.made == [{"a": 1}, {"a": Decimal("1.0")}]


def test_what_was_refused_is_asked_again_and_does_not_end_remembering(memory):
    check = counting(answer=False)
    accepts = memory.of_value(check)
    assert not any(accepts({"a": 1}) for _ in range(MISSED + 2))
    assert len(check.made) == MISSED + 2
    check = counting()
    accepts = memory.of_value(lambda value: value["a"] < MISSED and check(value))
    for number in range(3 * MISSED, 0, -1):
        accepts({"a": number})
    accepts({"a": 1})
    assert len(check.made) == MISSED - 1


def test_a_check_that_looks_around_is_made_each_time(memory):
    check = counting()
    accepts = memory.of_value(lambda value: (look(), check(value))[1])
    assert accepts([1])
    assert accepts([1])
    assert len(check.made) == 2


def looking(*elements):
    """A check of a value, given the resource around it, that says that it looks at these elements."""

    def check(asked, resource):
        look(*elements)
        check.made.append((asked, resource))
        return True

    check.made = []
    return check


def beside(_asked, resource):
    return resource


def test_what_looked_at_elements_around_is_remembered_with_these(memory):
    check = looking("status", "value")
    accepts = memory.of_members(["a"], check, beside)
    for around in (
        {"status": 1, "valueString": "b", "note": 1},
        {"status": 1, "valueString": "b", "note": 2},
        {"status": 2, "valueString": "b"},
        {"status": 1, "valueString": "b", "_valueString": {"id": "c"}},
        {"status": 1, "valueString": "b"},
    ):
        assert accepts({"a": 1}, around)
    assert [around.get("note") for _, around in check.made] == [1, None, None]
    assert accepts({"a": 2}, {"status": 1, "valueString": "b"})
    assert len(check.made) == 4


def test_what_looked_at_all_around_is_asked_each_time(memory):
    for elements in ((), ("status", "*")):
        check = looking(*elements)
        accepts = memory.of_members(["a"], check, beside)
        assert [accepts({"a": 1}, {"status": 1}) for _ in range(2)] == [True, True]
        assert len(check.made) == 2


def test_elements_that_count_add_up(memory):
    """What one asking of the same content looked at and another one did not, counts for both."""
    made = []

    def check(_asked, resource):
        made.append(dict(resource))
        look("status")
        if resource["status"] == 2:
            look("note")
        return True

    accepts = memory.of_members(["a"], check, beside)
    for status, note in ((1, 1), (2, 1), (2, 2), (2, 1), (1, 1), (1, 1), (1, 2)):
        assert accepts({"a": 1}, {"status": status, "note": note})
    assert [(one["status"], one["note"]) for one in made] == [(1, 1), (2, 1), (2, 2), (1, 1), (1, 2)]


def test_what_is_remembered_of_a_part_tells_the_whole_at_what_it_looked(memory):
    check = looking("status")
    part = memory.of_members(["a"], check, beside)
    whole = memory.of_members(["a", "b"], part, beside)
    for status in (1, 2):
        assert part({"a": 1}, {"status": status})
    assert whole({"a": 1, "b": 1}, {"status": 1})
    assert whole({"a": 1, "b": 1}, {"status": 3})
    assert [around["status"] for _, around in check.made] == [1, 2, 3]


def test_a_check_of_members_hangs_on_these_alone(memory):
    check = counting()
    accepts = memory.of_members(["a", "b"], check)
    for node in ({"a": 1, "b": 2, "c": 3}, {"c": 4, "a": 1, "b": 2}, {"a": 2, "b": 1}):
        assert accepts(node)
    assert [node["a"] for node in check.made] == [1, 2]


def test_what_never_comes_again_is_not_remembered_any_more(memory):
    check = counting()
    accepts = memory.of_value(check)
    for number in range(MISSED + 1):
        assert accepts(number)
    assert accepts(0)
    assert len(check.made) == MISSED + 2


def test_answers_are_remembered_both_ways(memory):
    asked = counting(answer=False)
    answer = memory.of_answer(["a", "b"], asked)
    assert [answer({"a": 1}), answer({"a": 1, "c": 2}), answer({"b": 1})] == [False] * 3
    assert len(asked.made) == 2


def test_answers_that_never_come_again_are_not_remembered_any_more(memory):
    asked = counting()
    answer = memory.of_answer(["a"], asked)
    for number in range(MISSED + 1):
        assert answer({"a": number})
    assert answer({"a": 0})
    assert len(asked.made) == MISSED + 2


def test_a_memory_that_is_full_begins_anew():
    memory = Memory(1_000)
    kept = memory.kept()
    for number in range(20):
        assert memory.has_room(100)
        kept[bytes(number)] = number
        assert len(kept) <= 4
    assert not memory.has_room(LONGEST + 1)
    assert not memory.has_room(LONGEST + 1, 5)


def test_what_is_no_json_is_asked_each_time(memory):
    check = counting()
    accepts, answer = memory.of_value(check), memory.of_answer(["a"], check)
    assert accepts(object())
    assert answer({"a": object()})
    assert len(check.made) == 2


def test_the_content_of_members():
    node = {"a": [1], "b": {"c": Decimal("1.50")}}
    assert contents(["b"])(node) == encode(node["b"])
    assert contents(["a", "b"])(node) == b'[[1],{"c":1.50}]'


@pytest.fixture(scope="module")
def pair(registry):
    """A validator that remembers, and one that is made to forget before each check."""

    def made():
        guide = Guide([profile("Observation", *ASKED)])
        return Validator(registry, guide, Terminology(registry, guide))

    return made(), made()


@given(st.integers(0, 2**32))
def test_what_is_remembered_changes_no_issue(pair, seed):
    remembering, forgetful = pair
    random = Random(seed)
    for resource in (SCORE, mutated(SCORE, random), SCORE, mutated(SCORE, random)):
        forgetful.profiles.invariants.memory.forget()
        assert remembering.check(resource) == forgetful.check(resource)
