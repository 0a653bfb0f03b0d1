"""Grouping by code, and what is newest: by R4's table of examples, and against a plain reading of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.fhir.search.references import Addresses
from service.operations.latest import Latest, effective
from service.storage.store import Stored

BASE = "https://here.example/fhir"


@pytest.fixture(scope="module")
def addresses(registry):
    return Addresses(registry, BASE)


def observation(*codes, text=None, subject="Patient/a", date=None):
    code = {"coding": [{"system": "urn:s", "code": each} for each in codes]} if codes else {}
    shown = {"code": code | ({"text": text} if text else {}), "subject": {"reference": subject}}
    return shown | ({"effectiveDateTime": date} if date else {})


def chosen(addresses, most, *observations):
    """The numbers of those that are chosen, in order."""
    latest = Latest(most, addresses)
    for number, each in enumerate(observations, start=1):
        latest.add(Stored("Observation", str(number), 1, 0, "PUT", json.dumps(each).encode(), number), each)
    return [stored.key for stored in latest.chosen()]


# Source: https://hl7.org/fhir/R4/observation-operation-lastn.html, the table of examples
@pytest.mark.parametrize(
    ("codes", "groups"),
    [
        ((observation("a"), observation("b"), observation("c")), 3),
        ((observation("a"), observation("b"), observation("a", "c")), 2),
        ((observation("a"), observation("b"), observation("a", "b")), 1),
        ((observation(text="textM"), observation(text="Text"), observation(text="t e x t")), 3),
    ],
)
def test_groups_of_codes_as_r4_shows_them(addresses, codes, groups):
    assert len(chosen(addresses, 1, *codes)) == groups


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (observation("a"), observation("a"), True),
        (observation("a", text="x"), observation("b", text="x"), False),
        (observation("a"), observation("a", subject="Patient/b"), False),
        (observation("a"), observation("a", subject=f"{BASE}/Patient/a"), True),
        (observation("a"), observation("a") | {"code": {"coding": [{"code": "a"}]}}, False),
        (observation(), observation(), True),
        (observation(text="x"), observation() | {"code": {"text": "x", "coding": [{"display": "y"}]}}, True),
        (
            observation("a") | {"subject": {"identifier": {"system": "urn:n", "value": "1"}}},
            observation("a") | {"subject": {"identifier": {"system": "urn:n", "value": "1"}}},
            True,
        ),
        (
            observation("a") | {"subject": {"identifier": {"system": "urn:n", "value": "1"}}},
            observation("a") | {"subject": {"identifier": {"system": "urn:n", "value": "2"}}},
            False,
        ),
    ],
)
def test_one_group_is_one_subject_and_one_code(addresses, one, other, same):
    assert len(chosen(addresses, 1, one, other)) == (1 if same else 2)


def test_the_newest_are_chosen_and_what_has_no_date_is_last(addresses):
    dates = ["2026-01-01", None, "2026-03-01", "2026-02-01", None]
    observations = [observation("a", date=date) for date in dates]
    assert chosen(addresses, 1, *observations) == [3]
    assert chosen(addresses, 3, *observations) == [3, 4, 1]
    assert chosen(addresses, 4, *observations) == [3, 4, 1, 5]
    assert chosen(addresses, 9, *observations) == [3, 4, 1, 5, 2]


def test_what_is_as_new_as_the_last_is_chosen_too(addresses):
    dates = ["2026-01-01", "2026-02-01", "2026-02-01T00:00:00Z", "2026-02-01", "2026-01-01"]
    observations = [observation("a", date=date) for date in dates]
    assert chosen(addresses, 1, *observations) == [4, 2]
    assert chosen(addresses, 3, *observations) == [4, 2, 3]
    assert chosen(addresses, 4, *observations) == [4, 2, 3, 5, 1]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ({"effectiveDateTime": "2026-01-01"}, {"effectiveInstant": "2026-01-02T00:00:00Z"}),
        ({"effectiveDateTime": "2026-01-01T23:00:00-05:00"}, {"effectiveDateTime": "2026-01-02T10:00:00Z"}),
        ({"effectivePeriod": {"end": "2026-01-01"}}, {"effectivePeriod": {"start": "2025"}}),
        (
            {"effectiveTiming": {"event": ["2026-01-01"]}},
            {"effectiveTiming": {"event": ["2025", "2026-01-02"]}},
        ),
    ],
)
def test_dates_of_every_kind_are_compared(older, newer):
    assert effective(older) < effective(newer)


@pytest.mark.parametrize("without", [{}, {"effectivePeriod": {}}, {"effectiveTiming": {}}])
def test_what_says_no_time_has_none(without):
    assert effective(without) is None


_DATES = st.none() | st.sampled_from(["2025", "2026", "2026-01", "2026-01-01", "2026-01-01T10:00:00Z"])
_OBSERVATIONS = st.builds(
    lambda codes, subject, date: observation(*codes, subject=subject, date=date, text="t"),
    st.lists(st.sampled_from("abcdef"), max_size=2, unique=True),
    st.sampled_from(["Patient/a", "Patient/b"]),
    _DATES,
)


@given(st.lists(_OBSERVATIONS, max_size=60), st.integers(1, 4))
def test_the_same_as_reading_the_rule_word_by_word(addresses, observations, most):
    assert chosen(addresses, most, *observations) == by_the_rule(observations, most)


def by_the_rule(observations, most):
    """What R4 says, without a thought for what it costs."""
    numbered = list(enumerate(observations, start=1))
    groups = []
    for number, each in numbered:
        marks = {
            (each["subject"]["reference"], coding["code"]) for coding in each["code"].get("coding", ())
        } or {(each["subject"]["reference"], None)}
        members = [number]
        for group in [group for group in groups if group[0] & marks]:
            groups.remove(group)
            marks |= group[0]
            members += group[1]
        groups.append((marks, members))
    wanted = []
    for _, members in groups:
        ordered = sorted(members, key=lambda number: newness(observations, number), reverse=True)
        last = effective(observations[ordered[:most][-1] - 1])
        wanted += ordered[:most]
        wanted += [
            number
            for number in ordered[most:]
            if last is not None and effective(observations[number - 1]) == last
        ]
    return sorted(wanted, key=lambda number: newness(observations, number), reverse=True)


def newness(observations, number):
    dated = effective(observations[number - 1])
    return (dated is not None, dated or (), number)
