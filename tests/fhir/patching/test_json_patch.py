from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.patching.json_patch import apply, equal
from service.fhir.problems import Invalid, Malformed, Problem, TooLarge

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "name": [{"given": ["a", "b"]}, {"given": ["c"]}],
    "multipleBirthInteger": 2,
}


def patched(*operations: dict[str, Any]) -> dict[str, Any]:
    return apply(PATIENT, list(operations))


def slug(*operations: Any) -> str:
    with pytest.raises(Problem) as caught:
        apply(PATIENT, list(operations))
    return caught.value.issues[0].slug


def test_operations_see_what_those_before_them_did():
    after = patched(
        {"op": "add", "path": "/active", "value": True},
        {"op": "copy", "from": "/name/1", "path": "/name/-"},
        {"op": "replace", "path": "/name/2/given/0", "value": "d"},
        {"op": "move", "from": "/name/0", "path": "/name/2"},
        {"op": "remove", "path": "/multipleBirthInteger"},
        {"op": "test", "path": "/name/0/given/0", "value": "c"},
    )
    assert after["name"] == [{"given": ["c"]}, {"given": ["d"]}, {"given": ["a", "b"]}]
    assert "multipleBirthInteger" not in after


def test_a_value_that_is_put_in_twice_is_put_in_apart():
    value = {"given": ["x"]}
    after = patched(
        {"op": "add", "path": "/name/0", "value": value},
        {"op": "add", "path": "/name/0", "value": value},
        {"op": "add", "path": "/name/0/family", "value": "y"},
    )
    assert after["name"][:2] == [{"given": ["x"], "family": "y"}, {"given": ["x"]}]
    assert value == {"given": ["x"]}


def test_the_whole_document_may_be_replaced_and_moved_out_of():
    assert patched({"op": "replace", "path": "", "value": {"resourceType": "Goal"}}) == {
        "resourceType": "Goal"
    }
    assert patched({"op": "add", "path": "", "value": {"a": 1}}) == {"a": 1}
    assert patched({"op": "move", "from": "/name/0", "path": ""}) == {"given": ["a", "b"]}
    assert patched({"op": "test", "path": "", "value": PATIENT}) == PATIENT
    assert patched({"op": "move", "from": "/name/0", "path": "/name/0"}) == PATIENT
    assert patched() == PATIENT


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("add", "json-patch-operation-not-object"),
        ({}, "json-patch-operation-unknown"),
        ({"op": "merge", "path": "/a"}, "json-patch-operation-unknown"),
        ({"op": ["add"], "path": "/a"}, "json-patch-operation-unknown"),
        ({"op": "add", "value": 1}, "json-patch-member-missing"),
        ({"op": "add", "path": "/a"}, "json-patch-member-missing"),
        ({"op": "replace", "path": "/id"}, "json-patch-member-missing"),
        ({"op": "test", "path": "/id"}, "json-patch-member-missing"),
        ({"op": "move", "path": "/a"}, "json-patch-member-missing"),
        ({"op": "copy", "from": "x", "path": "/a"}, "json-patch-pointer-malformed"),
        ({"op": "remove", "path": "/x"}, "patch-path-missing"),
        ({"op": "remove", "path": "/name/2"}, "patch-index-out-of-range"),
        ({"op": "remove", "path": "/name/-"}, "patch-index-malformed"),
        ({"op": "replace", "path": "/x", "value": 1}, "patch-path-missing"),
        ({"op": "replace", "path": "/id/x", "value": 1}, "patch-path-missing"),
        ({"op": "remove", "path": "/id/x"}, "patch-path-missing"),
        ({"op": "add", "path": "/id/x", "value": 1}, "patch-path-missing"),
        ({"op": "add", "path": "/name/3", "value": {}}, "patch-index-out-of-range"),
        ({"op": "add", "path": "/name/x", "value": {}}, "patch-index-malformed"),
        ({"op": "move", "from": "/name", "path": "/name/0"}, "patch-moves-into-itself"),
        ({"op": "move", "from": "/x", "path": "/y"}, "patch-path-missing"),
        ({"op": "test", "path": "/id", "value": "p2"}, "patch-test-failed"),
        ({"op": "test", "path": "/multipleBirthInteger", "value": "2"}, "patch-test-failed"),
        ({"op": "remove", "path": ""}, "patch-removes-resource"),
        ({"op": "replace", "path": "", "value": []}, "patch-result-not-object"),
    ],
)
def test_each_fault_has_its_slug(operation: Any, expected: str):
    assert slug(operation) == expected


def test_a_document_is_read_whole_before_anything_is_done():
    assert slug({"op": "remove", "path": "/nothing"}, {"op": "nonsense"}) == "json-patch-operation-unknown"


@pytest.mark.parametrize("document", [{}, "x", None, 1])
def test_a_patch_is_an_array(document: Any):
    with pytest.raises(Malformed):
        apply(PATIENT, document)


def test_the_place_of_a_fault_is_told_as_fhirpath():
    with pytest.raises(Invalid) as caught:
        patched({"op": "test", "path": "/name/0/given/1", "value": "z"})
    assert caught.value.issues[0].expression == "Patient.name[0].given[1]"


def test_a_patch_cannot_grow_a_resource_without_end():
    doubling = [
        {"op": "copy", "from": "/name", "path": "/name/0/a"},
        {"op": "copy", "from": "/name", "path": "/name/1/a"},
    ]
    with pytest.raises((TooLarge, Invalid)):
        apply(PATIENT, doubling * 40)


def test_a_patch_cannot_dig_too_deep():
    digging = [{"op": "add", "path": "/a" * depth, "value": {}} for depth in range(1, 200)]
    with pytest.raises(Invalid) as caught:
        apply(PATIENT, digging)
    assert caught.value.issues[0].slug == "patch-too-deep"


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (1, Decimal("1.0"), True),
        (Decimal("7.10"), Decimal("7.1"), True),
        (1, True, False),
        (False, 0, False),
        ("1", 1, False),
        (None, None, True),
        (None, False, False),
        ({"a": 1, "b": [Decimal("2.0")]}, {"b": [2], "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({}, [], False),
    ],
)
def test_equality(left: Any, right: Any, expected: object):
    assert equal(left, right) is expected


documents = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab/~", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~0-", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
pointers = st.lists(st.sampled_from(["a", "b", "ab", "~01", "0", "1", "2", "-", "~1", ""]), max_size=3).map(
    lambda tokens: "".join(f"/{token}" for token in tokens)
)
steps = st.one_of(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "replace", "test"]), "path": pointers, "value": documents}
    ),
    st.fixed_dictionaries({"op": st.just("remove"), "path": pointers}),
    st.fixed_dictionaries({"op": st.sampled_from(["move", "copy"]), "from": pointers, "path": pointers}),
)


@given(st.dictionaries(st.sampled_from(["a", "b", "ab"]), documents, max_size=3), st.lists(steps, max_size=5))
def test_the_input_never_changes_and_only_problems_are_raised(document: dict, operations: list):
    before = copy.deepcopy((document, operations))
    try:
        after = apply(document, operations)
    except Problem:
        after = None
    assert (document, operations) == before
    if after is not None:
        assert apply(after, [{"op": "test", "path": "", "value": after}]) == after


@given(st.dictionaries(st.sampled_from(["a", "b"]), documents, max_size=3), documents)
def test_adding_and_removing_leaves_what_was(document: dict, value: Any):
    added = apply(document, [{"op": "add", "path": "/new", "value": value}])
    assert apply(added, [{"op": "remove", "path": "/new"}]) == document
