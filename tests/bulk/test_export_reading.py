"""What the files of an export hold: whose eyes look, which filters, whose records, in which order."""

from __future__ import annotations

import json
from itertools import product
from random import Random

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.bulk import export_reading, export_steps
from service.bulk.export_look import look
from service.fhir.search.compartments import belonging
from service.fhir.search.expressions import Everything, Query
from service.fhir.search.sight import Seen, Sight
from service.interactions.searching import setting_of
from service.outcomes.sharing import Ground
from tests.bulk.exports import ADMINISTRATOR, COHORT, carried, exported, group, job, request, token
from tests.storage.builders import LOCALITY, creation, deletion, score, stored, unit, update
from tests.storage.circle import AGENCIES, CAMHS, SCHOOL, labelled, team, world, wrote


async def test_an_agency_gets_what_searches_show_it(around, folder, small):
    await world(around.store)
    types = ("CareTeam", "Encounter", "Observation", "Organization", "Patient")
    for agency in (*AGENCIES, "stranger"):
        caller = Caller("epr", agency, LOCALITY)
        found = await exported(around, folder, *types, caller=caller)
        seen = Seen()
        store = around.store.seen_by(LOCALITY, Sight(agency), seen)
        for type_ in types:
            page = await store.search(LOCALITY, Query(type_, Everything(), 100))
            assert found.lines(type_=type_) == [one.body for one in page.items]
        grounds = found.children()
        assert grounds.keys() == seen.children.keys()
        assert all(ground in grounds[child] for child, ground in seen.children.items())


async def test_who_is_told_of_is_noted_with_the_ground(around, folder):
    await world(around.store)
    found = await exported(around, folder, "Patient", "Observation", caller=Caller("epr", SCHOOL, LOCALITY))
    assert found.children() == {"ash": {Ground.TEAM}}
    found = await exported(around, folder, "Patient", "Observation", "Organization")
    assert found.children() == {"ash": {Ground.SERVICE}, "birch": {Ground.SERVICE}}


async def test_a_permission_that_is_withdrawn_holds_for_the_rest(around, folder, small):
    await world(around.store)
    one = await job(around, request("Observation", "Patient"), Caller("epr", SCHOOL, LOCALITY))
    team = await around.store.read(LOCALITY, "CareTeam", "ash-team")
    await around.store.commit(LOCALITY, unit(deletion(team)))
    found = await carried(around, folder, one)
    assert found.ids() == []


async def test_what_was_seen_and_is_hidden_by_now_is_not_told(around, folder):
    await world(around.store)
    one = await job(around, request("Observation"), Caller("epr", SCHOOL, LOCALITY))
    before = await around.store.read(LOCALITY, "Observation", "ash-1")
    await around.store.commit(
        LOCALITY, unit(update(before, labelled(json.loads(before.body, parse_float=str))))
    )
    assert (await carried(around, folder, one)).ids() == ["Observation/ash-3"]


@pytest.mark.parametrize("administrator", [False, True])
async def test_what_a_token_narrows_is_asked_of_what_is_there_now(around, folder, small, administrator):
    await world(around.store)
    for number in range(10):
        await wrote(around.store, CAMHS, score(f"more-{number}", "ash") | {"status": "amended"})
    caller = token(
        around,
        "system/Observation.rs?status=amended system/Observation.rs?_id=ash-1,birch-1 system/Patient.rs",
        administrator=administrator,
    )
    since = await around.store.exports.moment(LOCALITY)
    one = await job(around, request("Observation", "Patient"), caller)
    expected = ["ash-1", "birch-1", *(f"more-{number}" for number in range(10))]
    calm = await carried(around, folder, one)
    assert calm.ids("Observation") == [f"Observation/{id_}" for id_ in expected]
    assert calm.ids("Patient") == ["Patient/ash", "Patient/birch"]
    for id_, change in (("more-3", "corrected"), ("more-4", "amended"), ("ash-1", "corrected")):
        before = await around.store.read(LOCALITY, "Observation", id_)
        await around.store.commit(LOCALITY, unit(update(before, score(id_, "ash") | {"status": change})))
    await around.store.commit(
        LOCALITY, unit(deletion(await around.store.read(LOCALITY, "Observation", "more-5")))
    )
    # What the token does not show any more is not told, and of a deletion nobody knows whether it showed it.
    wild = await carried(around, folder, one, Random(2))
    assert wild.ids("Observation") == [
        f"Observation/{id_}" for id_ in expected if id_ not in {"more-3", "more-5"}
    ]
    assert set(wild.lines()) < set(calm.lines())
    changed = await exported(around, folder, "Observation", caller=caller, since=since)
    assert sorted(changed.ids()) == ["Observation/ash-1", "Observation/more-4"]
    assert changed.deleted() == set()


async def test_filters_and_tokens_are_met_together(around, folder, small):
    for number in range(9):
        await wrote(around.store, CAMHS, score(f"s{number}", "ash") | {"status": "amended"})
    caller = token(around, "system/Observation.rs?_id=s0,s1,s2,s3,s4,s5,s6,s7,other")
    asked = request("Observation", filters=(("Observation", "status=final"),))
    await wrote(around.store, CAMHS, *(score(f"s{number}", "ash") for number in ("9", "0x")))
    for number in (1, 2, 6):
        await _change(around.store, f"s{number}", score(f"s{number}", "ash"))
    one = await job(around, asked, caller)
    calm = await carried(around, folder, one)
    assert calm.ids() == ["Observation/s1", "Observation/s2", "Observation/s6"]
    for number in (3, 4):  # they meet it by now
        await _change(around.store, f"s{number}", score(f"s{number}", "ash"))
    for number in (2, 6):  # they did
        await _change(around.store, f"s{number}", score(f"s{number}", "ash") | {"status": "amended"})
    assert (await carried(around, folder, one)).texts == calm.texts


async def _change(store, id_, content):
    before = await store.read(LOCALITY, "Observation", id_)
    await store.commit(LOCALITY, unit(update(before, content)))


async def test_a_type_that_the_token_does_not_read_is_left_out(around, folder):
    await world(around.store)
    found = await exported(
        around, folder, "Observation", "Patient", caller=token(around, "system/Patient.rs")
    )
    assert found.ids() == ["Patient/ash", "Patient/birch"]


async def test_a_token_for_one_young_person_exports_them_alone(around, folder, small):
    await world(around.store)
    scopes = read_scopes(setting_of(around), "patient/*.rs", patient="ash")
    caller = Caller("epr", CAMHS, LOCALITY, patient="ash", scopes=scopes)
    for level in ("system", "Patient"):
        found = await exported(around, folder, "Observation", "Patient", level=level, caller=caller)
        assert found.ids() == ["Observation/ash-1", "Observation/ash-3", "Patient/ash"]
        assert found.children().keys() == {"ash"}


async def test_filters_are_met_by_what_was_at_the_moment(around, folder, small):
    for number in range(12):
        await stored(around.store, score(f"s{number}", "p", "4"))
    chosen = [
        await stored(around.store, score(f"t{number}", "p", "4") | {"status": "amended"})
        for number in range(9)
    ]
    asked = request("Observation", filters=(("Observation", "status=amended"), ("Observation", "_id=s1,s2")))
    one = await job(around, asked)
    for number, version in enumerate(chosen[:4]):
        content = score(version.id, "p", "5")
        change = deletion(version) if number == 3 else update(version, content)
        await around.store.commit(LOCALITY, unit(change))
    for number in range(4, 7):
        before = await around.store.read(LOCALITY, "Observation", f"s{number}")
        await around.store.commit(
            LOCALITY, unit(update(before, score(f"s{number}", "p", "4") | {"status": "amended"}))
        )
    found = await carried(around, folder, one)
    expected = ["s1", "s2", *(f"t{number}" for number in range(9))]
    assert found.ids() == [f"Observation/{id_}" for id_ in expected]
    assert all(json.loads(line)["valueQuantity"]["value"] == 4 for line in found.lines())


@pytest.mark.parametrize(
    "query", ["date=ge2026-03-02", "_lastUpdated=gt2000-01-01", "date=gt2026-03-01&status=final"]
)
async def test_filters_with_an_open_end_of_time_find_all(around, folder, small, query):
    """What they find is listed from the newest down elsewhere."""
    for number in range(25):
        await stored(around.store, score(f"s{number}", "p"))
    found = await exported(around, folder, "Observation", filters=(("Observation", query),))
    assert found.ids() == [f"Observation/s{number}" for number in range(25)]


async def test_at_patient_level_all_compartments_are_exported(cohort, folder, small):
    found = await exported(cohort, folder, *COHORT, "Organization", level="Patient")
    scores = [f"Observation/p{who}-{n}" for n in range(2) for who in range(7)]
    people = [f"Patient/p{who}" for who in range(7)]
    assert found.ids() == ["Group/some", "List/both", "List/other", *scores, *people, "Organization/o"]


async def test_a_group_is_exported_once_each(cohort, folder, small):
    found = await exported(cohort, folder, *COHORT, "Organization", level="Group", group="some")
    scores = {f"Observation/p{who}-{n}" for n in range(2) for who in (1, 3, 5)}
    people = {f"Patient/p{who}" for who in (1, 3, 5)}
    expected = {"Group/some", "List/both", "List/other", "Organization/o", *scores, *people}
    assert sorted(found.ids()) == sorted(expected)


WHO = {
    "administrator": ADMINISTRATOR,
    "author": Caller("epr", CAMHS, LOCALITY),
    "one of the team": Caller("epr", SCHOOL, LOCALITY),
    "stranger": Caller("epr", "stranger", LOCALITY),
    "narrowed": None,
}


@pytest.mark.parametrize("who", WHO)
async def test_those_who_are_looked_up_together_have_what_each_has_alone(cohort, folder, monkeypatch, who):
    await wrote(cohort.store, CAMHS, team("p2-team", "p2", SCHOOL), team("p4-team", "p4", SCHOOL))
    await wrote(cohort.store, SCHOOL, score("by-school", "p3"), labelled(score("closed", "p4")))
    await wrote(cohort.store, CAMHS, *(score(f"m{n}", f"p{n}") | {"status": "amended"} for n in range(7)))
    scopes = (
        "system/Observation.rs?status=amended system/Observation.rs?_id=p2-1 system/Patient.rs system/List.rs"
    )
    caller = WHO[who] or token(cohort, scopes)
    members = tuple(Random(who).sample([f"p{number}" for number in range(8)], 6))
    types = (*COHORT, "CareTeam")
    asked = request(*types, level="Patient", patients=members)
    looks = await look(cohort, await job(cohort, asked, caller))
    alone: dict[str, set[bytes]] = {type_: set() for type_ in types}
    for type_, member in product(types, members):
        if looks.reads(type_):
            where = belonging(cohort.registry, type_, member)
            page = await looks.store.search(LOCALITY, Query(type_, where, 100))
            alone[type_] |= {one.body for one in page.items}
    assert any(alone.values()) is (who != "stranger")
    for together in (1, 2, 100):
        monkeypatch.setattr(export_reading, "_PEOPLE", together)
        monkeypatch.setattr(export_steps, "PEOPLE", 3 * together)
        found = await exported(cohort, folder, *types, level="Patient", patients=members, caller=caller)
        for type_ in types:
            assert sorted(found.lines(type_=type_)) == sorted(alone[type_]), (together, type_)


async def test_a_filter_is_met_by_what_is_about_those_who_are_named(cohort, folder, small):
    await wrote(cohort.store, CAMHS, *(score(f"m{n}", f"p{n}") | {"status": "amended"} for n in range(7)))
    asked = (("Observation", "status=amended"),)
    found = await exported(
        cohort, folder, "Observation", level="Patient", patients=("p5", "p1"), filters=asked
    )
    assert sorted(found.ids()) == ["Observation/m1", "Observation/m5"]


async def test_young_people_are_named(cohort, folder, small):
    found = await exported(cohort, folder, *COHORT, level="Patient", patients=("p6", "p2"))
    expected = {
        "List/other",
        "Patient/p2",
        "Patient/p6",
        *(f"Observation/p{w}-{n}" for w in (2, 6) for n in (0, 1)),
    }
    assert sorted(found.ids()) == sorted(expected)


async def test_a_group_is_as_it_was_with_its_members_records(cohort, folder, small):
    store = cohort.store
    one = await job(cohort, request(*COHORT, level="Group", group="some"))
    calm = await carried(cohort, folder, one)
    before = await store.read(LOCALITY, "Group", "some")
    await store.commit(LOCALITY, unit(update(before, group("some", "p0"))))
    for id_ in ("p1-0", "p3-1"):
        before = await store.read(LOCALITY, "Observation", id_)
        await store.commit(LOCALITY, unit(update(before, score(id_, "p0"))))
    await store.commit(LOCALITY, unit(deletion(await store.read(LOCALITY, "Patient", "p5"))))
    await store.commit(LOCALITY, unit(creation(score("new", "p1"))))
    assert (await carried(cohort, folder, one, Random(1))).texts == calm.texts


async def test_what_changed_of_a_group_is_told_with_what_was_deleted(cohort, folder, small):
    store = cohort.store
    since = await store.exports.moment(LOCALITY)
    for id_ in ("p1-0", "p2-0"):
        before = await store.read(LOCALITY, "Observation", id_)
        await store.commit(LOCALITY, unit(update(before, score(id_, id_[:2], "9"))))
    for id_ in ("p3-0", "p4-0"):
        await store.commit(LOCALITY, unit(deletion(await store.read(LOCALITY, "Observation", id_))))
    found = await exported(cohort, folder, *COHORT, level="Group", group="some", since=since)
    assert (found.ids(), found.deleted()) == (["Observation/p1-0"], {"Observation/p3-0"})


async def test_it_is_organised_by_young_person(cohort, folder, small):
    found = await exported(cohort, folder, *COHORT, level="Patient", organized_by="Patient")
    assert {file.type for file in found.files} == {""}
    blocks: dict[str, list[str]] = {}
    for line in map(json.loads, found.lines()):
        if line["resourceType"] == "Parameters":
            [header] = line["parameter"]
            assert header["name"] == "header"
            current = blocks.setdefault(header["valueReference"]["reference"], [])
            assert current == []
        else:
            current.append(f"{line['resourceType']}/{line['id']}")
    assert list(blocks) == [f"Patient/p{who}" for who in range(7)]
    for patient_, block in blocks.items():
        assert block[0] == patient_
        who = patient_.partition("/")[2]
        assert {f"Observation/{who}-0", f"Observation/{who}-1"} < set(block)
    assert blocks["Patient/p5"][1:3] == ["Group/some", "List/both"]


async def test_organised_what_changed_leaves_out_who_has_nothing_new(cohort, folder, small):
    since = await cohort.store.exports.moment(LOCALITY)
    before = await cohort.store.read(LOCALITY, "Observation", "p4-0")
    await cohort.store.commit(LOCALITY, unit(update(before, score("p4-0", "p4", "9"))))
    await cohort.store.commit(
        LOCALITY, unit(deletion(await cohort.store.read(LOCALITY, "Observation", "p2-0")))
    )
    found = await exported(cohort, folder, *COHORT, level="Patient", organized_by="Patient", since=since)
    assert found.ids() == ["Parameters/", "Observation/p4-0"]
    assert found.deleted() == {"Observation/p2-0"}
