"""What an entry says is what it says again when it comes out of its row; and no two say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.storage import audit
from service.storage.audit import Actors, Chain, Entry, Event
from service.storage.names import Kind, Names
from tests.storage.audits import entry

IDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", min_size=1, max_size=64)
UUIDS = st.uuids().map(str)
CHILDREN = st.lists(st.tuples(IDS | UUIDS, st.integers(0, 7)), max_size=4).map(tuple)
WORDS = st.text(max_size=8)
EVENTS = st.builds(
    Event,
    locality=st.sampled_from(["default", "elsewhere"]),
    what=WORDS.filter(bool),
    client=WORDS,
    agency=WORDS,
    person=WORDS,
    purpose=WORDS,
    type=st.sampled_from(["", "Patient", "Goal"]),
    at=st.integers(0, 2**48),
    action=st.sampled_from(list(audit.ACTIONS)),
    status=st.integers(100, 599),
    id=st.just("") | IDS | UUIDS,
    version=st.integers(0, 1000),
    request=WORDS,
    address=WORDS,
    query=WORDS,
    reason=WORDS,
    children=CHILDREN,
)
ENTRIES = st.builds(Entry, EVENTS, st.integers(0, 2**62), st.integers(0, 10_000))


def learnt(*entries: Entry) -> Actors:
    """Actors that know all the names of the entries."""
    names = Names()
    actors = Actors(names)
    for number, (kind, text) in enumerate(sorted(actors.unknown(one.event for one in entries)), 1):
        names.learn([(kind, number, text)])
    return actors


@given(ENTRIES)
def test_an_entry_comes_out_of_its_row_as_it_was(one):
    actors = learnt(one)
    row = actors.row(one)
    assert len(row) == len(audit.COLUMNS)
    assert actors.entry(row) == one


@given(CHILDREN)
def test_children_come_out_of_their_bytes_as_they_were(children):
    assert audit.unpacked(audit.packed(children)) == children


@given(ENTRIES)
def test_there_is_a_row_for_each_child(one):
    row = learnt(one).row(one)
    rows = audit.child_rows(row)
    assert [len(each) for each in rows] == [len(audit.CHILD_COLUMNS)] * len(one.event.children)
    assert [each[-1] for each in rows] == [ground for _, ground in one.event.children]
    assert all((each[0], each[2], each[3]) == row[:3] for each in rows)


@given(ENTRIES, ENTRIES)
def test_no_two_entries_say_the_same_in_the_chain(one, other):
    actors = learnt(one, other)
    lines = [actors.line(actors.row(each)) for each in (one, other)]
    assert (lines[0] == lines[1]) == (one == other)
    assert all(line.endswith(b"\n") and b"\n" not in line[:-1] for line in lines)


def test_a_change_of_any_part_of_an_entry_changes_its_line():
    one = entry()
    other = Event(
        "elsewhere", "search-type", "c", "b", "p", "q", "Goal", 1, 5, 404, "z", 9, *"rstu", (("k", 1),)
    )
    changed = [
        one._replace(event=one.event._replace(**{name: value}))
        for name, value in zip(Event._fields, other, strict=True)
    ]
    changed += [one._replace(serial=1), one._replace(delay=1)]
    actors = learnt(one, *changed)
    lines = [actors.line(actors.row(each)) for each in (one, *changed)]
    assert len(set(lines)) == len(Event._fields) + 3


def test_a_hash_is_of_the_former_one_and_of_what_is_added_in_its_order():
    lines = [b"a\n", b"b\n"]
    hashes = set()
    for before in (audit.beginning("default"), audit.beginning("elsewhere")):
        for order in (lines, lines[::-1], lines[:1], []):
            made = Chain(before)
            for line in order:
                made.add(line)
            hashes.add(made.hash)
    assert len(hashes) == 8


def test_serials_of_versions_are_their_own_and_below_those_of_other_acts():
    serials = [audit.version_serial(rid, version) for rid in (1, 2, 2**40) for version in (1, 2, 2**20 - 1)]
    assert len(set(serials)) == len(serials)
    assert max(serials) < audit.FIRST_SERIAL


def test_names_that_are_not_there_are_asked_for_once_each():
    names = Names()
    actors = Actors(names)
    asked = actors.unknown([entry().event, entry(1).event])
    assert asked == {
        (Kind.LOCALITY, "default"),
        (Kind.INTERACTION, "read"),
        (Kind.CLIENT, "epr"),
        (Kind.AGENCY, "camhs"),
        (Kind.TYPE, "Patient"),
    }


def test_an_entry_with_a_name_that_was_not_learnt_is_not_read():
    row = learnt(entry()).row(entry())
    with pytest.raises(KeyError):
        Actors(Names()).entry(row)


def test_actions_are_those_of_fhir():
    assert sorted(audit.ACTIONS.values()) == ["C", "D", "E", "R", "U"]
