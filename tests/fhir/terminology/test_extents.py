"""Three-valued sets: what is said of a union is what can be said of its parts, whatever is not told."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.terminology.extents import (
    Extent,
    Gap,
    difference,
    intersection,
    of_pairs,
    union,
    unknown,
)

SYSTEMS, CODES = ("s", "t", "u"), ("1", "2", "3")
UNIVERSE = list(product(SYSTEMS, CODES))

# Kleene's logic: not told is neither.
OR = {(True, None): True, (None, True): True, (False, None): None, (None, False): None, (None, None): None}
AND = {(True, None): None, (None, True): None, (False, None): False, (None, False): False, (None, None): None}


def either(one, other):
    return OR[one, other] if None in {one, other} else one or other


def both(one, other):
    return AND[one, other] if None in {one, other} else one and other


def negated(one):
    return None if one is None else not one


pairs = st.sampled_from(UNIVERSE)


@st.composite
def extents(draw) -> Extent:
    sure = draw(st.frozensets(pairs))
    possible = draw(st.frozensets(pairs)) - sure
    barred = draw(st.frozensets(pairs)) - sure - possible
    return Extent(
        {pair: {} for pair in sorted(sure)},
        possible,
        draw(st.frozensets(st.sampled_from(SYSTEMS))),
        barred,
        draw(st.booleans()),
    )


def sound(extent: Extent) -> bool:
    known = set(extent.sure)
    return not (known & extent.possible or known & extent.barred or extent.possible & extent.barred)


@given(st.lists(extents(), min_size=1, max_size=4))
def test_a_union_has_what_one_has(parts):
    whole = union(parts)
    assert sound(whole)
    for pair in UNIVERSE:
        expected = False
        for part in parts:
            expected = either(expected, part.has(*pair))
        assert whole.has(*pair) is expected


@given(extents(), extents())
def test_an_intersection_has_what_both_have(one, other):
    whole = intersection(one, other)
    assert sound(whole)
    assert all(whole.has(*pair) is both(one.has(*pair), other.has(*pair)) for pair in UNIVERSE)


@given(extents(), extents())
def test_a_difference_has_what_the_other_lacks(one, other):
    whole = difference(one, other)
    assert sound(whole)
    assert all(whole.has(*pair) is both(one.has(*pair), negated(other.has(*pair))) for pair in UNIVERSE)


@given(extents(), st.sampled_from(CODES))
def test_a_plain_code_is_in_it_if_it_is_under_some_system(extent, code):
    expected = None if extent.unbounded else False  # systems outside the universe may have it too
    for system in SYSTEMS:
        expected = either(expected, extent.has(system, code))
    assert extent.has(None, code) is expected


def test_the_first_listing_of_a_concept_counts_and_the_order_is_kept():
    one = of_pairs([(("s", "2"), {"display": "first"}), (("s", "1"), {})])
    other = of_pairs([(("s", "3"), {}), (("s", "2"), {"display": "second"})])
    assert list(union([one, other]).sure.items()) == [
        (("s", "2"), {"display": "first"}), (("s", "1"), {}), (("s", "3"), {}),
    ]  # fmt: skip
    assert dict(intersection(one, other).sure) == {("s", "2"): {"display": "first"}}


@pytest.mark.parametrize(
    ("extent", "is_whole"),
    [
        (Extent(), True),
        (of_pairs([(("s", "1"), {})]), True),
        (Extent(possible=frozenset({("s", "1")})), False),
        (Extent(open=frozenset({"s"})), False),
        (unknown(Gap("why")), False),
    ],
)
def test_an_extent_is_whole_if_nothing_is_left_open(extent, is_whole):
    assert extent.is_whole is is_whole


def test_the_reasons_of_all_parts_are_kept():
    one, other = unknown(Gap("one")), unknown(Gap("other"))
    for joined in (union([one, other]), intersection(one, other), difference(one, other)):
        assert [gap.text for gap in joined.gaps] == ["one", "other"]


def test_its_size_is_how_many_codes_it_speaks_of():
    extent = Extent({("s", "1"): {}}, frozenset({("s", "2")}), frozenset({"s"}), frozenset({("s", "3")}))
    assert extent.size == 3
