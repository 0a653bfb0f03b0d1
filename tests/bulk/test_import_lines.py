"""The lines of files, as they come in pieces, packed or broken, and laid down by type."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bulk import import_lines
from service.bulk.import_lines import PEOPLE, Laid, head, lines, read_record, record_of, unpacked
from service.bulk.importing_unit import Line
from service.fhir import codec
from service.fhir.problems import Malformed, TooLarge

TYPES = frozenset({"Patient", "Observation", "QuestionnaireResponse", "Goal", "Group", "Organization"})


async def pieces(raw, size):
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


async def read(raw, size=7):
    return [found async for found in lines(unpacked(pieces(raw, size), 10**9))]


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_lines_are_numbered_and_blank_ones_are_passed_over(size):
    assert await read(b'{"a":1}\n\n  \n{"b":2}\r\n{"c":3}', size) == [
        (1, b'{"a":1}'),
        (4, b'{"b":2}\r'),
        (5, b'{"c":3}'),
    ]


@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_gzip_is_undone_even_of_several_put_together(size):
    packed = gzip.compress(b"one\ntwo\n") + gzip.compress(b"three\n")
    assert [line for _, line in await read(packed, size)] == [b"one", b"two", b"three"]


async def test_gzip_that_breaks_off_ends_with_a_line_that_cannot_be_read():
    whole = gzip.compress(b'{"a":1}\n' + bytes(range(33, 123)) * 50 + b"\n")
    found = await read(whole[:-20], 1000)
    assert found[0] == (1, b'{"a":1}')
    with pytest.raises(Malformed):
        codec.decode(found[-1][1])


async def test_what_only_begins_like_gzip_gives_a_line_that_cannot_be_read():
    [(_, line)] = await read(b"\x1f\x8b and then no gzip", 1000)
    with pytest.raises(Malformed):
        codec.decode(line)


async def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole(monkeypatch):
    monkeypatch.setattr(import_lines, "LONGEST", 10)
    found = await read(b'{"long":"' + b"x" * 100 + b'"}\n{"b":2}\n', 4)
    assert found[1] == (2, b'{"b":2}')
    assert len(found[0][1]) < 20
    with pytest.raises(Malformed):
        codec.decode(found[0][1])


async def test_what_unpacks_to_far_more_than_resources_do_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(import_lines, "ROOM", 100_000)
    packed = gzip.compress(b"\n" * 10_000_000)
    found = []

    async def unpack():
        async for piece in unpacked(pieces(packed, 1000), 10**9):
            found.append(len(piece))  # noqa: PERF401 - what came before it raises counts

    with pytest.raises(TooLarge):
        await unpack()
    assert sum(found) <= 100_000 + 2 * import_lines.PIECE


async def test_a_file_has_so_many_bytes_unpacked_and_no_more():
    for raw in (b"x" * 101, gzip.compress(b"x" * 101)):
        with pytest.raises(TooLarge):
            [piece async for piece in unpacked(pieces(raw, 50), 100)]


async def test_pieces_are_small_whatever_a_chunk_unpacks_to():
    packed = gzip.compress(bytes(range(256)) * 20_000)
    assert max([len(piece) async for piece in unpacked(pieces(packed, 10**6), 10**9)]) <= import_lines.PIECE


@pytest.mark.parametrize(
    "reference", ["QuestionnaireResponse/r1", "https://else/fhir/QuestionnaireResponse/r1/_history/3"]
)
def test_an_observation_belongs_to_the_response_that_it_is_derived_from(reference):
    raw = codec.encode({"resourceType": "Observation", "id": "o", "derivedFrom": [{"reference": reference}]})
    assert head(raw).group == head(b'{"resourceType":"QuestionnaireResponse","id":"r1"}').group


def test_an_observation_of_no_response_belongs_to_itself():
    raw = codec.encode({"resourceType": "Observation", "id": "o", "derivedFrom": [{"reference": "Media/r1"}]})
    assert head(raw).group == "Observation/o"


@pytest.mark.parametrize("raw", [b"no json", b"[1]", b'{"resourceType":3}', b"\xff", b'{"id":{}}'])
def test_what_cannot_be_read_has_no_type(raw):
    assert head(raw) == ("", "", "")


@pytest.fixture
def laid_down():
    laid = Laid(TYPES)

    def lay(*raws):
        for number, raw in enumerate(raws, 1):
            laid.add(0, number, raw)
        return laid

    yield lay
    laid.close()


def lines_of(groups):
    return [[record.line.number for record in group] for group in groups]


def test_what_is_about_one_young_person_is_a_heap_of_its_own(laid_down):
    laid = laid_down(
        b'{"resourceType":"Goal","id":"g","subject":{"reference":"Patient/p"}}',
        b'{"resourceType":"Goal","id":"h","subject":{"reference":"http://b/Patient/q/_history/2"}}',
        b'{"resourceType":"Patient","id":"q"}',
        b'{"resourceType":"Patient","id":"p","managingOrganization": {"reference" : "Organization/o"}}',
        b'{"resourceType":"Organization","id":"o"}',
        b'{"resourceType":"Group","id":"g","member":[{"entity":{"reference":"Patient/p"}},'
        b'{"entity":{"reference":"Patient/q"}}]}',
    )
    assert laid.refers == {PEOPLE: {PEOPLE, "Organization"}, "Organization": set(), "Group": {PEOPLE}}
    # In each, what is referred to comes first.
    assert sorted(lines_of(laid.groups(PEOPLE))) == [[3, 2], [4, 1]]
    assert lines_of(laid.groups("Group")) == [[6]]
    assert laid.count == 6


def test_patients_without_id_belong_to_nobody_else(laid_down):
    laid = laid_down(b'{"resourceType":"Patient"}', b'{"resourceType":"Patient"}')
    assert lines_of(laid.groups("Patient")) == [[1], [2]]


def test_what_is_derived_lies_beside_what_it_is_derived_from(laid_down):
    laid = laid_down(
        *(b'{"resourceType":"QuestionnaireResponse","id":"r%d"}' % number for number in range(50)),
        *(
            b'{"resourceType":"Observation","id":"o%d","derivedFrom":[{"reference":"QuestionnaireResponse/r%d"}]}'
            % (number, number)
            for number in range(50)
        ),
    )
    groups = lines_of(laid.groups("Observation"))
    assert sorted(groups) == [[number, number + 50] for number in range(1, 51)]


def test_of_a_very_long_record_only_what_is_derived_stays_together(laid_down, monkeypatch):
    monkeypatch.setattr(import_lines, "MOST_TOGETHER", 10)
    subject = b'"subject":{"reference":"Patient/p"}'
    laid = laid_down(
        *(
            b'{"resourceType":"Observation","id":"o%d",%b,"derivedFrom":[{"reference":"QuestionnaireResponse/r%d"}]}'
            % (number, subject, number)
            for number in range(10)
        ),
        *(
            b'{"resourceType":"QuestionnaireResponse","id":"r%d",%b}' % (number, subject)
            for number in range(10)
        ),
        b'{"resourceType":"Patient","id":"p"}',
    )
    first, *others = lines_of(laid.groups(PEOPLE))
    assert first == [21]
    assert sorted(map(sorted, others)) == [[number, number + 10] for number in range(1, 11)]


PERSON = b'"subject":{"reference":"Patient/p%d"}'


def observation(number, person, response=None):
    derived = (
        b"" if response is None else b',"derivedFrom":[{"reference":"QuestionnaireResponse/r%d"}]' % response
    )
    return b'{"resourceType":"Observation","id":"o%d",%b%b}' % (number, PERSON % person, derived)


def records(people, each):
    """Of so many people so many responses, with three Observations of each, and last the people themselves."""
    for number in range(people * each * 3):
        yield observation(number, number % people, number % (people * each))
    for number in range(people * each):
        yield b'{"resourceType":"QuestionnaireResponse","id":"r%d",%b}' % (number, PERSON % (number % people))
    for number in range(people):
        yield b'{"resourceType":"Patient","id":"p%d"}' % number


@pytest.mark.parametrize(("people", "each"), [(1, 300), (3, 100), (150, 2)])
def test_what_is_more_than_can_be_held_is_parted_and_keeps_its_order(laid_down, monkeypatch, people, each):
    monkeypatch.setattr(import_lines, "HELD", 3_000)
    laid = laid_down(*records(people, each))
    groups = list(laid.groups(PEOPLE))
    found = [record for group in groups for record in group]
    assert sorted(record.place for record in found) == [(0, number + 1) for number in range(laid.count)]
    assert all(sum(len(record.raw) for record in group) <= 3_000 for group in groups)
    # A response and what is derived of it are one group, wherever they stood in the file.
    whose = {}
    for at, group in enumerate(groups):
        for record in group:
            if record.head.type != "Patient":
                assert whose.setdefault(record.head.group, at) == at
    # The young person comes before all that is about them.
    seen = set()
    for record in found:
        if record.head.type == "Patient":
            seen.add(record.head.id)
        else:
            assert any(b'"Patient/%b"' % id_.encode() in record.raw for id_ in seen)


def test_more_than_can_be_held_that_belongs_together_comes_in_pieces(laid_down, monkeypatch):
    monkeypatch.setattr(import_lines, "HELD", 3_000)
    laid = laid_down(*(observation(number, 1, 1) for number in range(500)))
    groups = list(laid.groups(PEOPLE))
    assert sorted(number for group in lines_of(groups) for number in group) == list(range(1, 501))
    assert max(sum(len(record.raw) for record in group) for group in groups) < 4_000
    assert min(map(len, groups[:-1])) > 10


def test_memory_is_that_of_what_is_held_however_long_a_record_is(laid_down, monkeypatch):
    monkeypatch.setattr(import_lines, "HELD", 200_000)
    laid = laid_down(*(observation(number, 1) + b" " * 300 for number in range(20_000)))
    tracemalloc.start()
    try:
        assert sum(len(group) for group in laid.groups(PEOPLE)) == 20_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # Its lines are eight megabytes: of the parts of a partition only so much is in memory.
    assert peak < 200_000 * 5 + 2 * import_lines._PARTITIONS * import_lines._PARTS_IN_MEMORY / 2


def test_types_that_there_are_not_are_laid_down_as_unreadable(laid_down):
    laid = laid_down(b'{"resourceType":"Spell","id":"a","subject":{"reference":"Patient/p"}}', b"nonsense")
    assert laid.refers == {"": set()}
    assert lines_of(laid.groups("")) == [[1], [2]]


@given(st.integers(0, 99), st.integers(1, 10**9), st.binary().filter(lambda raw: b"\n" not in raw))
def test_a_record_is_the_line_again(file, number, raw):
    line = Line(file, number, raw)
    record = record_of(line)
    assert record.endswith(b"\n")
    assert record.count(b"\n") == 1
    assert read_record(record) == line
