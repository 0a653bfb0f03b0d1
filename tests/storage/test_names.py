from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from service.storage.names import Kind, Names, pack_id, unpack_id

ids = st.one_of(
    st.from_regex(r"[A-Za-z0-9\-.]{1,64}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9\-.]{16,17}", fullmatch=True),
    st.uuids().map(str),
    st.uuids().map(lambda one: str(one).upper()),
    st.binary(min_size=16, max_size=16).map(lambda raw: str(uuid.UUID(bytes=raw))),
)


@given(ids)
def test_an_id_comes_back_from_its_bytes(id_: str):
    assert unpack_id(pack_id(id_)) == id_


@given(st.binary(min_size=16, max_size=16))
def test_sixteen_bytes_are_a_uuid_as_it_is_written(raw: bytes):
    assert unpack_id(raw) == str(uuid.UUID(bytes=raw))


@given(ids, ids)
def test_two_ids_never_share_their_bytes(one: str, other: str):
    assert (pack_id(one) == pack_id(other)) == (one == other)


def test_a_uuid_takes_sixteen_bytes():
    assert len(pack_id("0189f0a0-0000-7000-8000-000000000001")) == 16


def test_names_know_what_they_learnt():
    names = Names()
    assert names.code(Kind.SYSTEM, "urn:a") is None
    assert names.unknown([(Kind.SYSTEM, "urn:a"), (Kind.SYSTEM, "")]) == {(Kind.SYSTEM, "urn:a")}
    names.learn([(Kind.SYSTEM, 4, "urn:a")])
    assert names.known(Kind.SYSTEM, "urn:a") == 4
    assert names.text(Kind.SYSTEM, 4) == "urn:a"
    assert names.texts(Kind.SYSTEM) == ["urn:a"]
    assert names.has_all(Kind.SYSTEM, {0, 4})
    assert not names.has_all(Kind.SYSTEM, {4, 5})


def test_numbers_are_those_of_the_names_that_are_known_in_one_order():
    names = Names()
    names.learn([(Kind.TYPE, 7, "Goal"), (Kind.TYPE, 3, "Patient"), (Kind.SYSTEM, 9, "Task")])
    assert names.numbers(Kind.TYPE, {"Patient", "Task", "Goal", "Flag"}) == [7, 3]
