"""Places in an order: which of a resource's values count, and how two places compare."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.expressions import SortKey
from service.fhir.search.places import Kept, order, place
from service.fhir.search.values import SearchValues

# As a store might keep ids: with a mark that tells that it was asked.
KEPT = Kept(id=lambda id_: b"id " + id_.encode(), target=lambda type_, id_: f"{type_}/{id_}".encode())

CHILD = SearchValues(
    tokens={("gender", "http://gender.example", "other"), ("gender", "", "female"), ("_tag", "", "abc")},
    references={("organization", "Organization", "b"), ("organization", "Organization", "a")},
    strings={("name", "zoe", "Zoe"), ("name", "adam", "Adam"), ("address", "a", "A")},
    dates={("birthdate", 10, 20), ("birthdate", 5, 90), ("birthdate", 7, 8)},
    numbers={("age", 4.0), ("age", 3.5)},
    quantities={("weight", "", "kg", 30.0), ("weight", "", "g", 20.0)},
    uris={("_profile", "urn:z"), ("_profile", "urn:a")},
)


@pytest.mark.parametrize(
    ("parameter", "kind", "upwards", "downwards"),
    [
        ("_id", "_id", b"id child", b"id child"),
        ("_lastUpdated", "_lastUpdated", 1234, 1234),
        ("gender", "token", "female", "other"),
        ("organization", "reference", b"Organization/a", b"Organization/b"),
        ("name", "string", "adam", "zoe"),
        ("birthdate", "date", 5, 90),
        ("age", "number", 3.5, 4.0),
        ("weight", "quantity", 20.0, 30.0),
        ("_profile", "uri", "urn:a", "urn:z"),
        ("email", "token", None, None),
    ],
)
def test_the_least_value_counts_upwards_and_the_greatest_downwards(parameter, kind, upwards, downwards):
    up, down = SortKey(parameter, kind), SortKey(parameter, kind, descending=True)
    assert place(CHILD, "child", 1234, (up, down), KEPT) == (upwards, downwards)


def test_a_deletion_has_no_values_but_its_own():
    keys = (SortKey("name", "string"), SortKey("_id", "_id"), SortKey("_lastUpdated", "_lastUpdated"))
    assert place(SearchValues(), "gone", 5, keys, KEPT) == (None, b"id gone", 5)


KEYS = (SortKey("name", "string"), SortKey("age", "number", descending=True), SortKey("birthdate", "date"))
NUMBERS = st.one_of(st.none(), st.sampled_from([-math.inf, -1.5, -0.0, 0.0, 2.0, math.inf]))
PLACES = st.tuples(
    st.one_of(st.none(), st.sampled_from(["", "a", "b", "ab", "\ud7ff", "\ue000", "\U0001f600"])),
    NUMBERS,
    st.one_of(st.none(), st.integers(-2, 2)),
)


@given(st.lists(PLACES, max_size=30))
def test_sorting_by_all_keys_is_sorting_by_one_after_the_other(drawn):
    """From the last key to the first, each time keeping what is equal as it was, with what is missing behind."""
    rids = range(len(drawn))
    expected = list(rids)
    for position in (2, 1, 0):
        having = [rid for rid in expected if drawn[rid][position] is not None]
        having.sort(key=lambda rid: drawn[rid][position], reverse=KEYS[position].descending)
        expected = having + [rid for rid in expected if drawn[rid][position] is None]
    assert sorted(rids, key=lambda rid: order(drawn[rid], KEYS, rid)) == expected


@given(PLACES, PLACES, st.integers(1, 3), st.integers(1, 3))
def test_of_two_places_one_stands_before_the_other(one, other, rid, also):
    first, second = order(one, KEYS, rid), order(other, KEYS, also)
    assert (first < second) + (second < first) + (first == second) == 1
    assert (first > second) == (second < first)
    assert (first == second) == (one == other and rid == also)


def test_text_is_in_the_order_of_its_bytes():
    texts = ["\U0001f600", "\uffff", "é", "z", "Z", "zz"]
    key = (SortKey("name", "string"),)
    assert sorted(texts, key=lambda text: order((text,), key, 1)) == sorted(texts, key=str.encode)
