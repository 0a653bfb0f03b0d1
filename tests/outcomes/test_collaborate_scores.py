"""What the three answers of one response come to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.collaborate_scores import score_of


@pytest.mark.parametrize(
    ("items", "top", "mean", "all_at_top"),
    [
        ([9, 9, 9], 9, "9.00", True),
        ([9, 9, 8], 9, "8.67", False),
        ([8, 8, 9], 9, "8.33", False),
        ([0, 0, 0], 9, "0.00", False),
        ([0, 9, 0], 9, "3.00", False),
        # the same answers mean another thing on the other scale
        ([4, 4, 4], 4, "4.00", True),
        ([4, 4, 4], 9, "4.00", False),
        ([4, 3, 4], 4, "3.67", False),
        ([0, 0, 1], 4, "0.33", False),
    ],
)
def test_a_complete_response(items, top, mean, all_at_top):
    found = score_of(items, top)
    assert (str(found.mean), found.all_at_top, found.top, found.total) == (mean, all_at_top, top, sum(items))


@pytest.mark.parametrize(
    ("items", "top"),
    [
        ([9, None, 9], 9),
        ([None, None, None], 9),
        ([], 9),
        ([9, 9], 9),
        ([9, 9, 9, 9], 9),
        # not on the scale
        ([5, 4, 4], 4),
        ([10, 9, 9], 9),
        ([-1, 4, 4], 4),
    ],
)
def test_a_response_without_a_score(items, top):
    assert score_of(items, top) is None


@given(
    st.sampled_from([4, 9]).flatmap(
        lambda top: st.tuples(st.just(top), st.tuples(*[st.integers(0, top)] * 3))
    )
)
def test_a_mean_is_that_of_the_items_to_two_places(given_):
    top, items = given_
    found = score_of(items, top)
    assert abs(found.mean * 3 - sum(items)) <= Decimal("0.015")
    assert found.all_at_top == (items == (top, top, top))
