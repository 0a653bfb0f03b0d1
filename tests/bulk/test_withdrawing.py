"""A file of an export is given out as long as all that is in it is seen, and not longer."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from service.access.callers import Caller
from service.bulk import withdrawing
from service.bulk.withdrawing import require_seen
from service.fhir.problems import Gone, Missing
from service.outcomes.deidentification_keys import SECRET, Keyring
from service.outcomes.grants import Ground
from tests.bulk.exports import ADMINISTRATOR, carried, exported, job, request
from tests.outcomes import sharing_cases as cases
from tests.storage.builders import LOCALITY, deletion, patient, score, unit, update
from tests.storage.circle import (
    AGENCIES,
    CAMHS,
    CHARITY,
    SCHOOL,
    agency,
    encounter,
    labelled,
    team,
    world,
    wrote,
)

OF_SCHOOL = Caller("epr", SCHOOL, LOCALITY)
OF_CHARITY = Caller("epr", CHARITY, LOCALITY)
TYPES = ("Encounter", "Observation", "Organization", "Patient")
YEAR = 365 * 24 * 3_600_000


async def refused(around, found, caller=OF_SCHOOL):
    """What the files are of that are refused, as kind and type."""
    names = []
    for file in found.files:
        try:
            await require_seen(around, caller, found.job, file)
        except Gone as gone:
            [issue] = gone.issues
            assert issue.slug == "file-withdrawn"
            names.append((file.kind, file.type))
    return names


async def changed(store, type_, id_, resource=None, **more):
    """The resource is that one from now on, or what it was with something more; deleted where nothing is said."""
    before = await store.read(LOCALITY, type_, id_)
    if resource is None and not more:
        await store.commit(LOCALITY, unit(deletion(before)))
        return
    said = json.loads(before.body, parse_float=str) | more if resource is None else resource
    await store.commit(LOCALITY, unit(update(before, said)))


def of(*types):
    return [("output", type_) for type_ in types]


@pytest.fixture
async def store(store):
    await world(store)
    return store


async def test_as_long_as_nothing_changes_all_is_given_out(around, store, folder):
    for name in (*AGENCIES, "stranger"):
        caller = replace(OF_SCHOOL, agency=name)
        found = await exported(around, folder, *TYPES, caller=caller)
        assert await refused(around, found, caller) == []


async def test_whoever_is_not_in_the_team_any_more_gets_no_file_about_the_young_person(around, store, folder):
    found = await exported(around, folder, *TYPES, caller=OF_SCHOOL)
    await changed(store, "CareTeam", "ash-team")
    assert await refused(around, found) == of("Encounter", "Observation", "Patient")
    again = await exported(around, folder, *TYPES, caller=OF_SCHOOL)
    assert await refused(around, again) == []


async def test_what_takes_nothing_away_refuses_nothing(around, store, folder):
    """Others come and go, and somebody else's record is closed; and of two grounds one is left."""
    await wrote(store, CAMHS, {**cases.consent("permit", cases.to(cases.SCHOOL)), "id": "c"})
    found = await exported(around, folder, *TYPES, caller=OF_SCHOOL)
    await changed(store, "CareTeam", "birch-team")
    await changed(store, "CareTeam", "ash-team", team("ash-team", "ash", CAMHS, SCHOOL, CHARITY))
    await wrote(store, CAMHS, score("ash-4", "ash"), labelled(score("ash-5", "ash")))
    await changed(store, "Observation", "ash-1", status="amended")
    await changed(store, "Observation", "ash-2", status="amended")
    assert await refused(around, found) == []
    await changed(store, "CareTeam", "ash-team")
    assert await refused(around, found) == []


async def test_a_denial_of_a_type_is_about_files_of_that_type(around, store, folder):
    found = await exported(around, folder, *TYPES, caller=OF_SCHOOL)
    denied = cases.consent("deny", cases.to(cases.SCHOOL), **cases.types("Observation"))
    await wrote(store, CAMHS, denied)
    assert await refused(around, found) == of("Observation")
    await changed(store, "Consent", "c")
    assert await refused(around, found) == []


async def test_what_an_agency_wrote_stays_its_own(around, store, folder):
    found = await exported(around, folder, "Observation", caller=OF_CHARITY)
    assert found.ids() == ["Observation/birch-1", "Observation/ash-3"]
    await wrote(store, CAMHS, cases.consent("deny"))
    assert await refused(around, found, OF_CHARITY) == []
    await changed(store, "CareTeam", "birch-team")
    assert await refused(around, found, OF_CHARITY) == of("Observation")


@pytest.mark.parametrize("administrator", [False, True])
async def test_a_label_that_is_put_on_afterwards(around, store, folder, administrator):
    caller = replace(OF_SCHOOL, administrator=administrator)
    found = await exported(around, folder, *TYPES, caller=caller)
    await changed(store, "Observation", "ash-1", labelled(score("ash-1", "ash")))
    await changed(store, "Organization", CAMHS, labelled(agency(CAMHS)))
    expected = [] if administrator else of("Observation", "Organization")
    assert await refused(around, found, caller) == expected


async def test_what_is_about_somebody_else_afterwards(around, store, folder):
    found = await exported(around, folder, "Observation", "Encounter", caller=OF_SCHOOL)
    await changed(store, "Observation", "ash-1", score("ash-1", "birch"))
    assert await refused(around, found) == of("Observation")


async def test_a_consent_that_is_written_for_somebody_else(around, store, folder):
    """What it said is not said any more of whom it was about, who is in no version that there is."""
    await changed(store, "CareTeam", "ash-team")
    await wrote(store, CAMHS, cases.consent("permit", cases.to(cases.SCHOOL)))
    found = await exported(around, folder, "Observation", caller=OF_SCHOOL)
    assert found.ids() == ["Observation/ash-1", "Observation/ash-3"]
    moved = cases.consent("permit", cases.to(cases.SCHOOL)) | {"patient": {"reference": "Patient/birch"}}
    await changed(store, "Consent", "c", moved)
    assert await refused(around, found) == of("Observation")


async def test_a_permission_ends_and_a_denial_begins_by_themselves(around, store, folder, clock):
    await changed(store, "CareTeam", "ash-team")
    year = datetime.fromtimestamp(clock.now / 1000, UTC).year
    until = {"period": {"end": f"{year + 1}-12-31"}}
    from_then = {"period": {"start": f"{year + 3}-01-01"}}
    await wrote(
        store,
        CAMHS,
        cases.consent("permit", cases.to(cases.SCHOOL), **until) | {"id": "soon-over"},
        cases.consent("deny", cases.to(cases.CHARITY), **from_then)
        | {"id": "later", "patient": {"reference": "Patient/birch"}},
    )
    schools = await exported(around, folder, "Patient", caller=OF_SCHOOL)
    charitys = await exported(around, folder, "Patient", caller=OF_CHARITY)
    refusals = []
    for _ in range(6):
        clock.now += YEAR
        refusals.append(
            (await refused(around, schools) != [], await refused(around, charitys, OF_CHARITY) != [])
        )
    assert refusals[0] == (False, False)
    assert refusals[-1] == (True, True)
    assert refusals == sorted(refusals)
    assert (True, False) in refusals


async def test_where_a_young_person_is_must_not_be_told_any_more(around, store, folder):
    found = await exported(around, folder, *TYPES, caller=OF_SCHOOL)
    await changed(store, "Patient", "ash", labelled(patient("ash", "1")))
    assert await refused(around, found) == of("Encounter", "Observation", "Patient")
    again = await exported(around, folder, *TYPES, caller=OF_SCHOOL)
    assert await refused(around, again) == []


async def test_what_was_there_once_is_asked_for_as_it_was(around, store, folder):
    """An export of a former moment holds a version that had no label then; it is labelled by now, and was not since."""
    await wrote(store, CAMHS, score("ash-6", "ash"))
    until = await store.exports.moment(LOCALITY)
    await changed(store, "Observation", "ash-6", status="amended")
    found = await exported(around, folder, "Observation", caller=OF_SCHOOL, until=until)
    assert await refused(around, found) == []
    await wrote(store, CAMHS, cases.consent("permit", cases.to(cases.SCHOOL), **cases.labels("R")))
    assert await refused(around, found) == []
    await changed(store, "Observation", "ash-6", labelled(score("ash-6", "ash")))
    assert await refused(around, found) == []
    await changed(store, "Consent", "c")
    assert await refused(around, found) == of("Observation")


async def test_blocks_and_deletions(around, store, folder):
    since = await store.exports.moment(LOCALITY)
    await changed(store, "Encounter", "ash-visit")
    await changed(store, "Observation", "ash-1", status="amended")
    changes = await exported(around, folder, "Encounter", "Observation", caller=OF_SCHOOL, since=since)
    assert [(file.kind, file.type) for file in changes.files] == [("deleted", "Bundle"), *of("Observation")]
    blocks = await exported(around, folder, *TYPES, caller=OF_SCHOOL, level="Patient", organized_by="Patient")
    assert await refused(around, changes) == await refused(around, blocks) == []
    await wrote(store, CAMHS, cases.consent("deny", **cases.types("Encounter")))
    assert await refused(around, changes) == [("deleted", "Bundle")]
    # It had been deleted before: there is none in the blocks.
    assert await refused(around, blocks) == []
    await changed(store, "Consent", "c", cases.consent("deny", **cases.types("Observation")))
    assert await refused(around, changes) == of("Observation")
    assert await refused(around, blocks) == of("")


async def test_files_of_many_resources(around, store, folder, monkeypatch):
    """Lines are read in pieces, wherever these end, and asked about some at a time."""
    monkeypatch.setattr(withdrawing, "_TOGETHER", 3)
    await wrote(store, CAMHS, *(encounter(f"visit-{number}", "ash", CAMHS) for number in range(10)))
    await wrote(store, CAMHS, cases.consent("permit", cases.to(cases.SCHOOL)) | {"id": "both"})
    found = await exported(around, folder, "Encounter", caller=OF_SCHOOL)
    await changed(store, "CareTeam", "ash-team")
    assert await refused(around, found) == []
    await changed(store, "Encounter", "visit-9", labelled(encounter("visit-9", "ash", CAMHS)))
    assert await refused(around, found) == of("Encounter")


async def test_of_a_sector_that_the_agency_was_not_of(around, store, folder):
    found = await exported(around, folder, "Patient", caller=OF_SCHOOL)
    await wrote(store, CAMHS, cases.consent("deny", cases.to_sector("school")))
    assert await refused(around, found) == []
    late = replace(OF_SCHOOL, sectors=frozenset({"school"}))
    found = await exported(around, folder, "Patient", caller=OF_SCHOOL)
    assert await refused(around, found, OF_SCHOOL) == []
    assert await refused(around, found, late) == of("Patient")


async def test_of_a_de_identified_export_a_young_person_is_looked_at_whole(around, store, folder):
    young = [patient(f"yp-{number}", str(number)) for number in range(6)]
    teams = [team(f"team-{number}", f"yp-{number}", SCHOOL) for number in range(6)]
    scores = [score(f"s-{number}", f"yp-{number}") for number in range(6)]
    await wrote(store, CAMHS, *young, *teams, *scores)
    one = await job(around, replace(request("Observation", "Patient"), deidentified=True), OF_SCHOOL)
    await around.store.jobs.add(one, ())
    found = await carried(around, folder, one)
    assert sorted(file.kind for file in found.files) == ["output", "output", "report"]
    assert await refused(around, found) == []
    await changed(store, "CareTeam", "team-3", team("team-3", "yp-3", SCHOOL, CHARITY))
    assert await refused(around, found) == []
    await changed(store, "Observation", "s-2", labelled(score("s-2", "yp-2")))
    assert await refused(around, found) == of("Observation")
    keyring = Keyring(await store.secret(SECRET), LOCALITY, SCHOOL)
    assert keyring.pseudonym("Observation", "s-2").encode() in b"".join(found.lines())
    await changed(store, "CareTeam", "team-3")
    assert await refused(around, found) == of("Observation", "Patient")


async def test_administrators_and_what_is_about_nobody(around, store, folder):
    found = await exported(around, folder, *TYPES, caller=ADMINISTRATOR)
    await changed(store, "CareTeam", "ash-team")
    await wrote(store, CAMHS, cases.consent("deny"))
    assert await refused(around, found, ADMINISTRATOR) == []
    assert {ground for grounds in found.children().values() for ground in grounds} == {Ground.SERVICE}


async def test_a_file_that_was_removed_meanwhile(around, store, folder):
    found = await exported(around, folder, "Patient", caller=OF_SCHOOL)
    await changed(store, "CareTeam", "ash-team")
    [file] = found.files
    await folder.delete(file.path)
    with pytest.raises(Missing, match="removed"):
        await require_seen(around, OF_SCHOOL, found.job, file)


@pytest.mark.parametrize("after", [0, 2, 3, 4])
async def test_what_is_withdrawn_while_an_export_is_under_way(around, store, folder, small, after):
    """Eyes are those of the reading: a task that begins behind the withdrawal finds nothing, files from before stay there."""
    await wrote(store, CAMHS, *(score(f"s{number:02}", "ash") for number in range(30)))
    performed = 0

    async def withdraw():
        nonlocal performed
        if performed == after:
            await wrote(store, CAMHS, cases.consent("deny", cases.to(cases.SCHOOL)))
        performed += 1

    one = await job(around, request("Observation"), OF_SCHOOL)
    found = await carried(around, folder, one, meanwhile=withdraw)
    assert performed > 6
    early = [number for number, outcome in found.outcomes.items() if outcome.files]
    assert all(number < after for number in early)
    assert bool(early) is (after > 1)
    assert await refused(around, found) == of(*["Observation"] * len(early))
