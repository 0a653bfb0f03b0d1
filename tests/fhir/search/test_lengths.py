"""Long values: shortened alike where they are stored and where they are asked for."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.expressions import Quantity, Reference, String, Token, Uri
from service.fhir.search.lengths import (
    LONGEST_BEGINNING,
    LONGEST_STRING,
    LONGEST_WHOLE,
    beginning,
    indexable,
    shorten,
)
from service.fhir.search.values import SearchValues

UCUM = "http://unitsofmeasure.org"
LONG = "http://a.example/".ljust(LONGEST_WHOLE + 1, "x")

texts = st.one_of(
    st.text(max_size=20),
    st.builds(lambda piece, times, end: piece * times + end, st.text(min_size=1, max_size=4), st.integers(100, 600), st.text(max_size=4)),
)  # fmt: skip
codes = st.just("p")
values = st.builds(
    SearchValues,
    tokens=st.sets(st.tuples(codes, texts, texts), max_size=3),
    references=st.sets(st.tuples(codes, st.just(""), texts), max_size=3),
    strings=st.sets(st.tuples(codes, texts, texts), max_size=3),
    quantities=st.sets(st.tuples(codes, texts, texts, st.just(1.0)), max_size=3),
    uris=st.sets(st.tuples(codes, texts), max_size=3),
    composites=st.sets(st.tuples(st.just("c"), st.tuples(texts, texts), st.tuples(texts, texts)), max_size=3),
)


@given(texts)
def test_what_is_kept_of_a_code_fits_an_index_and_short_ones_stay_whole(text: str):
    kept = indexable(text)
    assert len(kept.encode()) <= LONGEST_WHOLE
    assert indexable(kept) == kept
    if len(text.encode()) <= LONGEST_WHOLE:
        assert kept == text


@given(texts, texts)
def test_codes_stay_apart_however_long_they_are(one: str, other: str):
    assert (indexable(one) == indexable(other)) == (one == other)


def test_long_codes_that_differ_at_the_end_stay_apart():
    assert indexable(LONG + "a") != indexable(LONG + "b")


@given(st.text(alphabet="aé/", max_size=LONGEST_BEGINNING), st.text(alphabet="aé/", max_size=600))
def test_a_long_address_is_below_another_where_what_is_kept_of_it_is(upper: str, rest: str):
    """As far as `:below` may ask."""
    upper = upper.encode()[: LONGEST_BEGINNING - 1].decode(errors="ignore")
    for address in (f"{upper}/{rest}", f"{upper}{rest}"):
        assert indexable(address).startswith(f"{upper}/") == address.startswith(f"{upper}/")


@given(values)
def test_nothing_is_longer_than_what_is_kept_and_shortening_again_changes_nothing(found: SearchValues):
    shorten(found, {"c": "string"})
    for _, system, code in found.tokens:
        assert max(len(system.encode()), len(code.encode())) <= LONGEST_WHOLE
    for _, folded, original in found.strings:
        assert max(len(folded), len(original)) <= LONGEST_STRING
    again = SearchValues(**{field.name: set(getattr(found, field.name)) for field in fields(found)})
    shorten(again, {"c": "string"})
    assert again == found


@given(values)
def test_what_is_asked_for_is_shortened_as_what_is_stored_is(found: SearchValues):
    """A condition made of each whole value holds what the value holds when it has been shortened."""
    tokens = {Token(*one) for one in found.tokens}
    references = {Reference(*one) for one in found.references}
    originals = {String(parameter, original, "exact") for parameter, _, original in found.strings}
    quantities = {Quantity(one[0], "eq", 1.0, 1.0, 1.0, one[1], one[2]) for one in found.quantities}
    uris = {Uri(*one, "exact") for one in found.uris}
    composites = {
        (Token("c", *first), String("c", second[0], "starts")) for _, first, second in found.composites
    }
    shorten(found, {"c": "string"})
    assert {(one.parameter, one.system, one.code) for one in tokens} == found.tokens
    assert {(one.parameter, one.type, one.id) for one in references} == found.references
    assert {(one.parameter, one.value) for one in originals} == {(one[0], one[2]) for one in found.strings}
    assert {(one.parameter, one.system, one.code) for one in quantities} == {
        one[:3] for one in found.quantities
    }
    assert {(one.parameter, one.value) for one in uris} == found.uris
    assert {((one.system, one.code), other.value) for one, other in composites} == {
        (first, second[0]) for _, first, second in found.composites
    }


@pytest.mark.parametrize(
    ("kind", "second", "kept"),
    [
        ("string", ("x" * 900, "X" * 900), ("x" * LONGEST_STRING, "X" * LONGEST_STRING)),
        ("token", (LONG, LONG), (indexable(LONG), indexable(LONG))),
        ("quantity", (UCUM, LONG, 5.0), (UCUM, indexable(LONG), 5.0)),
        ("uri", (LONG,), (indexable(LONG),)),
        ("date", (1, 2), (1, 2)),
    ],
)
def test_the_second_part_of_a_composite_is_shortened_as_its_kind_is(kind, second, kept):
    found = SearchValues(composites={("c", (LONG, "a"), second)})
    shorten(found, {"c": kind})
    assert found.composites == {("c", (indexable(LONG), "a"), kept)}


def test_a_string_is_kept_by_its_beginning():
    assert beginning("x" * LONGEST_STRING + "y") == "x" * LONGEST_STRING
