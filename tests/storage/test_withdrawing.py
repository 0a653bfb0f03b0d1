"""What may be less than it was, and whether it is: asked of both databases about many at once."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from service.fhir.problems import Unavailable
from service.fhir.search.sight import Seen, Sight
from service.outcomes.sharing import SPEAKING
from service.storage import withdrawing
from service.storage.names import pack_id
from service.storage.withdrawals import Given, Suspects
from service.storage.withdrawing import asked_in_thread
from tests.storage.builders import LOCALITY, deletion, patient, score, unit, update
from tests.storage.circle import CAMHS, SCHOOL, labelled, team, world, wrote

NOBODY = Suspects(frozenset(), frozenset())
ASH, BIRCH = pack_id("ash"), pack_id("birch")
OF_SCHOOL = Sight(SCHOOL)


async def given(store, *types, children=(ASH, BIRCH)):
    """What was given out of the store now."""
    at = await store.exports.moment(LOCALITY)
    return Given(types, frozenset(children), at, at)


async def changed(store, type_, id_, resource):
    before = await store.read(LOCALITY, type_, id_)
    await store.commit(LOCALITY, unit(deletion(before) if resource is None else update(before, resource)))


async def suspects(store, of):
    return await store.withdrawals.suspects(LOCALITY, of, SPEAKING)


async def test_nothing_is_suspect_before_something_changes(store):
    await world(store)
    of = await given(store, "Observation", "Patient")
    assert await suspects(store, of) == NOBODY
    await wrote(store, CAMHS, score("new", "ash"), labelled(score("new-too", "ash")), patient("elm", "9"))
    await changed(store, "Observation", "ash-1", score("ash-1", "ash", "9"))
    await changed(store, "Observation", "ash-2", score("ash-2", "ash"))  # with a label less
    await changed(store, "Encounter", "ash-visit", None)
    assert await suspects(store, of) == NOBODY


@pytest.mark.parametrize(
    "resource", [None, team("ash-team", "birch", SCHOOL), team("ash-team", "ash", SCHOOL)]
)
async def test_a_young_person_of_whom_something_else_is_said(store, resource):
    await world(store)
    of = await given(store, "Observation")
    await changed(store, "CareTeam", "ash-team", resource)
    both = resource is not None and "birch" in str(resource)
    assert await suspects(store, of) == Suspects(frozenset({ASH, BIRCH} if both else {ASH}), frozenset())
    # Of others than those it is about nobody asks.
    assert await suspects(store, replace(of, children=frozenset({b"elm"}))) == NOBODY


async def test_resources_of_which_something_else_is_known(store):
    await world(store)
    of = await given(store, "Observation")
    await changed(store, "Observation", "ash-1", labelled(score("ash-1", "ash")))
    await changed(store, "Observation", "ash-3", score("ash-3", "birch"))
    await changed(store, "Patient", "birch", patient("birch", "2"))
    keys = {("Observation", "ash-1"), ("Observation", "ash-3")}
    assert await suspects(store, of) == Suspects(frozenset({BIRCH}), frozenset(keys))
    assert await suspects(store, replace(of, types=("Patient",))) == Suspects(frozenset({BIRCH}), frozenset())
    assert await store.withdrawals.suspects("elsewhere", of, SPEAKING) == NOBODY


async def test_only_what_is_suspect_is_looked_at(store):
    await world(store)
    of = await given(store, "Observation")
    hidden = store.withdrawals.hidden
    keys = [("Observation", id_) for id_ in ("ash-1", "ash-2", "birch-1", "unheard-of")]
    assert not await hidden(LOCALITY, OF_SCHOOL, of, NOBODY, keys)
    assert not await hidden(LOCALITY, OF_SCHOOL, of, Suspects(frozenset({ASH}), frozenset()), keys[:1])
    assert await hidden(LOCALITY, OF_SCHOOL, of, Suspects(frozenset({ASH}), frozenset()), keys)
    assert await hidden(LOCALITY, OF_SCHOOL, of, Suspects(frozenset({BIRCH}), frozenset()), keys)
    assert not await hidden(LOCALITY, OF_SCHOOL, of, Suspects(frozenset({BIRCH}), frozenset()), keys[:2])
    assert await hidden(LOCALITY, OF_SCHOOL, of, Suspects(frozenset(), frozenset({keys[1]})), keys)
    assert not await hidden(
        LOCALITY, OF_SCHOOL, of, Suspects(frozenset({ASH}), frozenset()), [("Never", "x")]
    )
    assert not await hidden(LOCALITY, Sight(CAMHS), of, Suspects(frozenset({ASH, BIRCH}), frozenset()), keys)


async def test_more_than_one_statement_takes(store, monkeypatch):
    monkeypatch.setattr(withdrawing, "TOGETHER", 2)
    await world(store)
    await wrote(store, CAMHS, *(score(f"s{number}", "ash") for number in range(7)))
    many = [pack_id(f"yp-{number}") for number in range(5)]
    of = await given(store, "Encounter", "Goal", "Observation", "Patient", children=(*many, ASH))
    keys = [("Observation", f"s{number}") for number in range(7)]
    suspect = Suspects(frozenset({ASH}), frozenset())
    assert not await store.withdrawals.hidden(LOCALITY, OF_SCHOOL, of, suspect, keys)
    await changed(store, "Observation", "s6", labelled(score("s6", "ash")))
    assert await store.withdrawals.hidden(LOCALITY, OF_SCHOOL, of, suspect, keys)
    found = await suspects(store, of)
    assert found == Suspects(frozenset(), frozenset({("Observation", "s6")}))


async def test_young_people_as_a_whole(store):
    await world(store)
    closed = store.withdrawals.closed
    types = ("Observation", "Patient")
    assert not await closed(LOCALITY, OF_SCHOOL, types, [ASH])
    assert await closed(LOCALITY, OF_SCHOOL, types, [ASH, BIRCH])
    # What the charity is told of birch is without places, what CAMHS wrote of it counts for nothing here.
    assert await closed(LOCALITY, Sight("charity"), types, [BIRCH])
    assert await closed(LOCALITY, Sight(CAMHS), types, [BIRCH])
    assert not await closed(LOCALITY, OF_SCHOOL, types, [])
    assert not await closed(LOCALITY, OF_SCHOOL, (), [BIRCH])


async def test_who_is_seen_by_asks_the_same(store):
    await world(store)
    of = await given(store, "Observation")
    await changed(store, "CareTeam", "ash-team", None)
    seen = store.seen_by(LOCALITY, OF_SCHOOL, Seen())
    assert await suspects(seen, of) == Suspects(frozenset({ASH}), frozenset())


async def test_a_file_that_cannot_be_read(tmp_path):

    ask = asked_in_thread(lambda: sqlite3.connect(tmp_path / "nowhere" / "thrive.db"))
    with pytest.raises(Unavailable):
        await ask(lambda by: f"SELECT {by.fill('at')}", {"at": 1})
