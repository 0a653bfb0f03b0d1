"""The order of types: what is referred to comes first, whatever circles there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.bulk.import_order import levels

TYPES = ("Patient", "Goal", "Observation", "Encounter", "Organization")


def test_what_is_referred_to_is_of_an_earlier_level():
    refers = {
        "Goal": {"Patient"},
        "Observation": {"Goal", "Patient"},
        "Patient": {"Organization"},
        "Organization": set(),
    }
    assert levels(refers) == [["Organization"], ["Patient"], ["Goal"], ["Observation"]]


def test_types_that_do_not_refer_to_each_other_are_of_one_level():
    assert levels({"Goal": set(), "Encounter": set()}) == [["Encounter", "Goal"]]


def test_a_circle_is_one_level_after_what_it_refers_to():
    refers = {"Goal": {"Observation"}, "Observation": {"Goal", "Patient"}, "Patient": set()}
    assert levels(refers) == [["Patient"], ["Goal", "Observation"]]


def test_what_is_not_in_the_files_does_not_count():
    assert levels({"Goal": {"Patient", "Goal"}}) == [["Goal"]]


def test_nothing_has_no_levels():
    assert levels({}) == []


@given(st.dictionaries(st.sampled_from(TYPES), st.sets(st.sampled_from(TYPES))))
def test_every_type_is_there_once_and_refers_upwards_only_within_a_circle(refers):
    found = levels(refers)
    assert sorted(type_ for level in found for type_ in level) == sorted(refers)
    assert all(found)
    at = {type_: number for number, level in enumerate(found) for type_ in level}
    for type_, others in refers.items():
        for other in others & refers.keys():
            assert at[other] < at[type_] or (at[other] == at[type_] and reaches(refers, other, type_))


def reaches(refers, start, end):
    seen, waiting = set(), [start]
    while waiting:
        type_ = waiting.pop()
        if type_ == end:
            return True
        if type_ not in seen:
            seen.add(type_)
            waiting += refers.get(type_, ())
    return False
