"""What is seen of a moment: with whose eyes, in pieces of which size, on both databases."""

from __future__ import annotations

import asyncio

import pytest

from service.fhir import codec
from service.fhir.search.sight import Sight
from service.outcomes.sharing import Ground
from service.storage import export_views, postgres_exporting, sqlite_exporting
from service.storage.exporting import LAST, Slice
from tests.storage.builders import LOCALITY, deletion, patient, stored, unit, update
from tests.storage.circle import CAMHS, CHARITY, SCHOOL, labelled, world


@pytest.fixture
async def clinic(store):
    await world(store)
    return store


def whole(type_, at, since=-1):
    return Slice(type_, 0, LAST, at, since)


async def seen(store, of, sight, *, moved=False):
    view = await store.exports.view(LOCALITY, sight)

    def read():
        chunks = list(view.chunks(of))
        return [line for chunk in chunks for line in chunk.lines.splitlines()], list(
            view.records(of, moved=moved)
        )

    return await asyncio.to_thread(read)


async def test_lines_and_records_are_of_what_is_seen(clinic):
    at = await clinic.exports.moment(LOCALITY)
    expected = {
        CAMHS: {"ash-1", "ash-2", "ash-3", "birch-1"},
        SCHOOL: {"ash-1", "ash-3"},
        CHARITY: {"ash-3", "birch-1"},
        "stranger": set(),
    }
    for agency, ids in expected.items():
        lines, records = await seen(clinic, whole("Observation", at), Sight(agency))
        assert {codec.decode(line)["id"] for line in lines} == ids
        assert {one.id for one in records} == ids
        assert [one.body for one in records] == lines


async def test_a_type_that_is_not_read_is_not_there(clinic):
    at = await clinic.exports.moment(LOCALITY)
    sight = Sight(CAMHS, readable=frozenset({"Patient"}))
    assert await seen(clinic, whole("Observation", at), sight) == ([], [])
    assert len((await seen(clinic, whole("Patient", at), sight))[0]) == 2


async def test_of_restricted_young_people_places_are_masked(clinic):
    at = await clinic.exports.moment(LOCALITY)
    [line], [record] = await seen(clinic, whole("Encounter", at), Sight(CHARITY))
    assert record.body == line
    assert codec.decode(line)["id"] == "birch-visit"
    assert CAMHS.encode() not in line
    lines, _ = await seen(clinic, whole("Encounter", at), Sight(CAMHS))
    assert all(CAMHS.encode() in line for line in lines)


async def test_what_is_hidden_by_now_is_not_told_and_what_was_hidden_is_not_either(clinic):
    """As in a history: both the version and what the resource has become must let it be seen."""
    first = await clinic.read(LOCALITY, "Observation", "ash-1")
    content = codec.decode(first.body)
    before = await clinic.exports.moment(LOCALITY)
    [hidden] = await clinic.commit(LOCALITY, unit(update(first, labelled(content))))
    during = await clinic.exports.moment(LOCALITY)
    lines, _ = await seen(clinic, whole("Observation", before), Sight(SCHOOL))
    assert [codec.decode(line)["id"] for line in lines] == ["ash-3"]
    await clinic.commit(LOCALITY, unit(update(hidden, content)))
    for at, ids in ((before, ["ash-1", "ash-3"]), (during, ["ash-3"])):
        _, records = await seen(clinic, whole("Observation", at), Sight(SCHOOL))
        assert [one.id for one in records] == ids
    _, moved = await seen(clinic, whole("Observation", before), Sight(SCHOOL), moved=True)
    assert [(one.id, one.moved, one.ground, one.body) for one in moved] == [
        ("ash-1", True, Ground.TEAM, first.body)
    ]


async def test_who_could_see_it_sees_that_it_was_deleted(clinic):
    since = await clinic.exports.moment(LOCALITY)
    for id_ in ("ash-1", "ash-2"):
        await clinic.commit(LOCALITY, unit(deletion(await clinic.read(LOCALITY, "Observation", id_))))
    at = await clinic.exports.moment(LOCALITY)
    view = await clinic.exports.view(LOCALITY, Sight(SCHOOL))
    [chunk] = await asyncio.to_thread(lambda: list(view.chunks(whole("Observation", at, since))))
    assert (chunk.lines, chunk.count, chunk.deleted) == (b"", 0, ("ash-1",))
    assert {ground for _, ground in chunk.children} == {Ground.TEAM}


async def test_chunks_have_a_size(store, monkeypatch):
    for module in (sqlite_exporting, postgres_exporting):
        monkeypatch.setattr(module, "CHUNK", 1000)
    monkeypatch.setattr(sqlite_exporting, "_TAKEN", 2)
    monkeypatch.setattr(postgres_exporting, "_FIRST", 2)
    monkeypatch.setattr(export_views, "ROWS", 3)
    bodies = [(await stored(store, patient(f"p{number:02}", "7" * 90))).body for number in range(23)]
    since = await store.exports.moment(LOCALITY)
    at = await store.exports.moment(LOCALITY)
    view = await store.exports.view(LOCALITY)
    for of in (whole("Patient", at), whole("Patient", at, 0)):
        chunks = await asyncio.to_thread(lambda of=of: list(view.chunks(of)))
        assert b"".join(chunk.lines for chunk in chunks) == b"".join(body + b"\n" for body in bodies)
        assert sum(chunk.count for chunk in chunks) == 23
        assert max(len(chunk.lines) for chunk in chunks) < 2500
        assert len(chunks) > 4
    assert await asyncio.to_thread(lambda: list(view.records(whole("Patient", at, since)))) == []
    assert len(await asyncio.to_thread(lambda: list(view.records(whole("Patient", at))))) == 23
