"""What a constraint leaves of its base. What it may not do is told in test_faults."""

from __future__ import annotations

import pytest

from service.fhir.guide import Guide
from service.fhir.profiles import narrowing
from service.fhir.profiles.snapshots import Structures
from tests.fhir.profiles.conftest import OURS, R4, profile

GOAL = profile("Goal", id_="goal")


@pytest.fixture
def head(registry):
    return Structures(registry, Guide([GOAL])).head


@pytest.mark.parametrize(
    ("base", "change", "left"),
    [
        ({"min": 0, "max": "*"}, {}, (0, "*")),
        ({"min": 0, "max": "*"}, {"min": 2}, (2, "*")),
        ({"min": 0, "max": "*"}, {"max": "3"}, (0, "3")),
        ({"min": 1, "max": "10"}, {"max": "9"}, (1, "9")),
        ({"min": 0, "max": "1"}, {"max": "0"}, (0, "0")),
        ({}, {}, (0, "*")),
    ],
)
def test_cardinality(base, change, left):
    assert narrowing.cardinality(base, change, "Goal.note") == {"min": left[0], "max": left[1]}


def references(*targets):
    return [{"code": "Reference", "targetProfile": list(targets)}]


@pytest.mark.parametrize(
    ("base", "change", "left"),
    [
        # What the change does not say of a type is as it was.
        (references(f"{R4}Patient"), [{"code": "Reference"}], references(f"{R4}Patient")),
        (
            [{"code": "Quantity", "profile": ["a"]}],
            [{"code": "Quantity"}],
            [{"code": "Quantity", "profile": ["a"]}],
        ),
        # A profile, or a profile on a profile, is one of its type.
        (references(f"{R4}Goal"), references(GOAL["url"]), references(GOAL["url"])),
        (references(GOAL["url"]), references(GOAL["url"]), references(GOAL["url"])),
        # Any resource may be any one, and a type what specialises it.
        (references(f"{R4}Resource"), references(f"{R4}Goal"), references(f"{R4}Goal")),
        ([{"code": "Resource"}], [{"code": "Goal"}], [{"code": "Goal"}]),
        ([{"code": "Quantity"}], [{"code": "Age"}], [{"code": "Age"}]),
        # What is not known may be all right.
        (references(f"{R4}Goal"), references(f"{OURS}unknown"), references(f"{OURS}unknown")),
        (references(f"{OURS}unknown"), references(f"{R4}Goal"), references(f"{R4}Goal")),
        # An element whose type is not said may get one.
        ([], [{"code": "Goal"}], [{"code": "Goal"}]),
    ],
)
def test_types(head, base, change, left):
    assert narrowing.types(base, change, "Goal.addresses", head) == left


@pytest.mark.parametrize(
    ("type_", "code"),
    [
        ({"code": "Quantity"}, "Quantity"),
        ({"code": f"{narrowing.SYSTEM}String", "extension": [{"url": "a", "valueUrl": "uri"}]}, "uri"),
        ({"code": f"{narrowing.SYSTEM}String"}, "string"),
        ({}, ""),
    ],
)
def test_the_fhir_type_of_a_type(type_, code):
    assert narrowing.code_of(type_) == code


@pytest.mark.parametrize(
    ("base", "change", "left"),
    [
        (None, {"strength": "example"}, {"strength": "example"}),
        (
            {"strength": "preferred", "valueSet": "a", "description": "b"},
            {"strength": "required", "valueSet": "c"},
            {"strength": "required", "valueSet": "c"},
        ),
        (
            {"strength": "preferred", "valueSet": "a"},
            {"strength": "required"},
            {"strength": "required", "valueSet": "a"},
        ),
    ],
)
def test_bindings(base, change, left):
    assert narrowing.binding(base, change, "Goal.category") == left


@pytest.mark.parametrize(
    ("base", "change", "left"),
    [
        (None, {"rules": "open"}, {"rules": "open"}),
        ({"rules": "open", "ordered": False}, {"rules": "closed"}, {"rules": "closed", "ordered": False}),
        ({"rules": "closed"}, {"ordered": True}, {"rules": "closed", "ordered": True}),
    ],
)
def test_slicing(base, change, left):
    assert narrowing.slicing(base, change, "Goal.category") == left
