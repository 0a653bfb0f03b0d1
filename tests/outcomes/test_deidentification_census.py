"""Which values are rare."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.fhir import codec
from service.outcomes.deidentification_census import Census, common, told
from service.outcomes.deidentification_rules import FEWEST

NOBODY = {"gender": None, "ethnicity": None, "born": None}


def census(*people):
    found = Census()
    for each in people:
        found.add(NOBODY | each)
    return found.kept()


def test_a_value_of_fewer_than_five_is_not_told():
    kept = census(
        *[{"gender": "female"}] * 6, *[{"gender": "male"}] * 5, *[{"gender": "other"}] * 4, *[{}] * 3
    )
    assert told(kept) == {"gender": {"female", "male"}, "ethnicity": frozenset(), "born": frozenset()}
    assert told(codec.restore(codec.encode(kept))) == told(kept)


def test_one_of_whom_nothing_is_told_is_not_alone():
    """Otherwise whoever has no gender in the export would be the one who is neither."""
    kept = census(*[{"gender": "female"}] * 9, *[{"gender": "male"}] * 5, {"gender": "other"})
    assert told(kept)["gender"] == {"female"}


def test_where_everybody_has_a_common_value_all_are_told():
    kept = census(*[{"gender": "female"}] * 9, *[{"gender": "male"}] * 5)
    assert told(kept)["gender"] == {"female", "male"}


def test_of_nobody_nothing_is_told():
    assert told(census()) == {"gender": frozenset(), "ethnicity": frozenset(), "born": frozenset()}


@given(st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 12)), st.integers(0, 12))
def test_groups_are_large_or_empty(counts, silent):
    people = sum(counts.values()) + silent
    found = common(counts, people)
    assert all(counts[value] >= FEWEST for value in found)
    untold = people - sum(counts[value] for value in found)
    assert untold == 0 or untold >= FEWEST or not found
    # No more is kept back than has to be: the commonest value of enough goes last.
    if max(counts.values(), default=0) >= FEWEST and (people - max(counts.values())) in {
        0,
        *range(FEWEST, 99),
    }:
        assert found
