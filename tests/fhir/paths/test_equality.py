from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.paths.dates import Date, DateTime
from service.fhir.paths.equality import (
    Equality,
    Members,
    equal_collections,
    equal_values,
    equivalent_collections,
    equivalent_values,
)
from service.fhir.paths.quantities import Quantity


def test_complex_elements_are_equal_member_by_member():
    assert equal_values({"a": [1, Decimal("2.0")]}, {"a": [Decimal(1), 2]})
    assert not equal_values({"a": 1}, {"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ({"text": "A b"}, {"text": "a B"}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, True),
        ({"a": ["x", None]}, {"a": ["X", None]}, True),
        ({"a": 1}, {"b": 1}, False),
        (Date((2026,)), Date((2026, 1)), False),
        (True, True, True),
        (True, 1, False),
        (Decimal("1E+400"), Decimal("1E+400"), True),
        (Quantity(Decimal(1), "g"), 1, False),
    ],
)
def test_equivalence(left: object, right: object, expected: object):
    assert equivalent_values(left, right) is expected


def test_one_difference_outweighs_doubt():
    def same(one: object, other: object) -> bool | None:
        return None if "?" in {one, other} else one == other

    assert equal_collections(["?", 1], [1, 2], same) is False
    assert equal_collections(["?", 1], [1, 1], same) is None


values = st.one_of(
    st.integers(-3, 3),
    st.sampled_from(["a", "b", ""]),
    st.booleans(),
    st.none(),
    st.sampled_from([Decimal("1.0"), Decimal("1.00"), Decimal(2)]),
    st.sampled_from([Date((2026,)), DateTime((2026,)), Date((2026, 1))]),
    st.sampled_from([Quantity(Decimal(1), "1"), Quantity(Decimal(1), "m"), Quantity(Decimal(100), "cm")]),
    st.sampled_from([{"a": 1}, {"a": Decimal("1.0")}, {"a": [1, None]}, {"a": {"b": "c"}, "d": True}]),
)
BY_VALUE = Equality(None, None, equal_values)


@given(st.lists(values, max_size=5), st.randoms())
def test_order_does_not_matter_to_equivalence(items: list, random):
    items = [item for item in items if item is not None]
    shuffled = list(items)
    random.shuffle(shuffled)
    assert equivalent_collections(items, shuffled, equivalent_values)


def distinct_by_pairs(items: list) -> list:
    found: list = []
    for item in items:
        if not any(equal_values(item, earlier) for earlier in found):
            found.append(item)
    return found


@given(st.lists(values, max_size=40))
def test_distinct_by_key_is_distinct_by_pairs(items: list):
    assert [id(item) for item in BY_VALUE.distinct(items)] == [id(item) for item in distinct_by_pairs(items)]


@given(st.lists(values, max_size=40), values)
def test_finding_by_key_is_finding_by_pairs(items: list, wanted: object):
    expected = any(equal_values(wanted, item) for item in items)
    assert bool(BY_VALUE.finder(items)(wanted)) == expected
    members = Members()
    for item in items:
        members.add(item)
    assert bool(members.has(wanted)) == expected
