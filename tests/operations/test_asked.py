"""Days and values that many operations are asked for."""

from __future__ import annotations

import pytest

from service.fhir.parameters import Input
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Malformed
from service.operations.asked import all_chosen, chosen, days_asked
from service.outcomes.days import ALWAYS, Days, days_of

INPUTS = (
    Input("start", "date"),
    Input("end", "date"),
    Input("mode", "code"),
    Input("rater", "code", repeats=True),
)


def given(*pairs):
    return read_inputs(INPUTS, pairs, None)


def first(text):
    return days_of(text).first


def last(text):
    return days_of(text).last


@pytest.mark.parametrize(
    ("pairs", "days"),
    [
        ([], ALWAYS),
        ([("start", "2026-03-10")], Days(first("2026-03-10"), ALWAYS.last)),
        ([("end", "2026-03-10")], Days(ALWAYS.first, last("2026-03-10"))),
        ([("start", "2026-03"), ("end", "2026-03")], Days(first("2026-03-01"), last("2026-03-31"))),
        ([("start", "2026"), ("end", "2026")], Days(first("2026-01-01"), last("2026-12-31"))),
        ([("start", "2026-03-10"), ("end", "2026-03-10")], days_of("2026-03-10")),
        ([("start", "2026-03-10"), ("end", "2026-03")], Days(first("2026-03-10"), last("2026-03-31"))),
    ],
)
def test_days(pairs, days):
    assert days_asked(given(*pairs)) == days


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ([("start", "2026-03-11"), ("end", "2026-03-10")], "operation-period-inverted"),
        ([("start", "2026-03"), ("end", "2026-02")], "operation-period-inverted"),
        ([("start", "yesterday")], "operation-parameter-type"),
        ([("start", "2026-02-30")], "operation-parameter-type"),
        ([("end", "2026-03-10T10:00:00Z")], "operation-parameter-type"),
        ([("end", "2026-03-10x")], "operation-parameter-type"),
    ],
)
def test_days_that_are_none(pairs, slug):
    with pytest.raises(Malformed) as caught:
        days_asked(given(*pairs))
    assert caught.value.issues[0].slug == slug


def test_a_value_is_one_of_those_that_are_taken():
    assert chosen(given(("mode", "b")), "mode", ("a", "b")) == "b"
    assert chosen(given(), "mode", ("a", "b")) is None
    with pytest.raises(Malformed) as caught:
        chosen(given(("mode", "c")), "mode", ("a", "b"))
    [issue] = caught.value.issues
    assert (issue.slug, issue.text) == ("operation-parameter-value", "The parameter mode is one of: a, b.")


def test_values_are_some_of_those_that_are_taken_and_all_where_none_is_named():
    assert all_chosen(given(("rater", "b"), ("rater", "b")), "rater", ("a", "b")) == {"b"}
    assert all_chosen(given(("rater", "b"), ("rater", "a")), "rater", ("a", "b", "c")) == {"a", "b"}
    assert all_chosen(given(), "rater", ("a", "b")) == {"a", "b"}
    with pytest.raises(Malformed) as caught:
        all_chosen(given(("rater", "b"), ("rater", "c")), "rater", ("a", "b"))
    assert caught.value.issues[0].slug == "operation-parameter-value"
