"""Pseudonyms and shifts."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from service.outcomes.deidentification_keys import MOST_WEEKS, WEEK, Keyring

IDS = st.text("abcXYZ019-.", min_size=1, max_size=12)
KEYS = st.tuples(st.binary(min_size=32, max_size=32), IDS, IDS)


@given(KEYS, IDS)
def test_a_pseudonym_is_an_id_and_always_the_same(key, id_):
    found = Keyring(*key).pseudonym("Patient", id_)
    assert re.fullmatch(r"[0-9a-f]{32}", found)
    assert Keyring(*key).pseudonym("Patient", id_) == found
    assert Keyring(*key).pseudonym("Goal", id_) != found


@given(KEYS, KEYS, IDS)
def test_other_recipients_localities_and_secrets_have_others(one, other, id_):
    same = Keyring(*one).pseudonym("Patient", id_) == Keyring(*other).pseudonym("Patient", id_)
    assert same == (one == other)


def test_parts_cannot_be_taken_for_others():
    assert Keyring(b"k", "ab", "c").pseudonym("Goal", "x") != Keyring(b"k", "a", "bc").pseudonym("Goal", "x")


def test_shifts_are_whole_weeks_of_half_a_year_never_none_and_all_alike_often():
    keys = Keyring(b"k", "default", "camhs")
    found = [keys.days(f"yp-{number}") for number in range(5_200)]
    counts = {shift: found.count(shift) for shift in set(found)}
    assert counts.keys() == {weeks * WEEK for weeks in range(-MOST_WEEKS, MOST_WEEKS + 1) if weeks}
    assert min(counts.values()) > 60
    assert max(counts.values()) < 150
    other = Keyring(b"k", "default", "school")
    assert sum(other.days(f"yp-{number}") == shift for number, shift in enumerate(found)) < 200


def test_it_does_not_grow_for_ever(monkeypatch):
    monkeypatch.setattr("service.outcomes.deidentification_keys._KEPT", 3)
    keys = Keyring(b"k", "default", "camhs")
    before = [(keys.pseudonym("Goal", f"{number}"), keys.days(f"{number}")) for number in range(10)]
    assert [(keys.pseudonym("Goal", f"{number}"), keys.days(f"{number}")) for number in range(10)] == before
