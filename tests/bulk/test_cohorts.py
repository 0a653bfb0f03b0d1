"""Cohorts: who is in a Group with filters, as each agency sees it, and what is exported of them."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from service.access.callers import Caller
from service.access.needs import InsufficientScope
from service.access.scopes import read_scopes
from service.bulk import cohorts, export_steps
from service.bulk.export_look import look
from service.bulk.export_request import EXPORT
from service.bulk.exporting import FIRST, Export
from service.bulk.running import Runner
from service.fhir.problems import Gone, Invalid, Malformed, Problem
from service.interactions.context import Act
from service.interactions.searching import setting_of
from service.storage.jobs import Task
from tests.bulk.exports import ADMINISTRATOR, carried, exported, job, request
from tests.storage.builders import LOCALITY, creation, deletion, patient, score, unit, update
from tests.storage.circle import AGENCIES, CAMHS, CHARITY, SCHOOL, encounter, world, wrote

FILTER = "http://hl7.org/fhir/uv/bulkdata/StructureDefinition/member-filter"
TYPES = ("Encounter", "Observation", "Patient")
RATED = "Observation?code=1034351000000101"


@pytest.fixture
def small(monkeypatch):
    """Steps of few young people, so that an export of some has many."""
    for name, rows in (("ROWS", 7), ("SEARCHED_ROWS", 7), ("SOON", 3), ("PEOPLE", 2), ("BLOCKS", 2)):
        monkeypatch.setattr(export_steps, name, rows)


def cohort(id_: str, *filters: str, **more: object) -> dict:
    return {
        "resourceType": "Group",
        "id": id_,
        "modifierExtension": [
            {
                "url": FILTER,
                "valueExpression": {"language": "application/x-fhir-query", "expression": text},
            }
            for text in filters
        ],
        "type": "person",
        "actual": False,
        "name": id_,
        **more,
    }


async def members(around, id_: str, caller: Caller = ADMINISTRATOR, **asked: object):
    """Who is in the cohort of a job that begins now."""
    return await members_of(
        around, await job(around, request(*TYPES, level="Group", group=id_, **asked), caller)
    )


async def members_of(around, one, number: int = 0):
    found = await cohorts.members(await look(around, one), Task(one, number, 1, FIRST))
    return found.ids


@pytest.fixture
async def people(around):
    """Seven young people; p0 to p5 are rated, p4 to p6 have been seen, p3 was born first."""
    await wrote(
        around.store,
        CAMHS,
        *(
            patient(f"p{n}", birthDate=f"20{14 - n:02}-01-01" if n < 3 else f"20{n:02}-01-01")
            for n in range(7)
        ),
        *(score(f"p{n}-{m}", f"p{n}", str(n)) for n in range(6) for m in range(2)),
        *(encounter(f"p{n}-visit", f"p{n}", CAMHS) for n in range(4, 7)),
    )
    return around


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([RATED], "012345"),
        ([RATED, "Encounter?status=finished"], "45"),
        (["Encounter?status=finished", "Patient?birthdate=gt2004-06-01"], "56"),
        (["Observation?value-quantity=ge3"], "345"),
        (["Observation?value-quantity=ge3", "Observation?value-quantity=lt3"], ""),
        (["Patient?birthdate=lt2004"], "3"),
        (["Encounter?status:not=cancelled"], "456"),
        (["Patient?birthdate=ge2004&birthdate=lt2006"], "45"),
        (["Encounter?status=cancelled"], ""),
        (["Observation?value-quantity=1,2"], "12"),
    ],
)
async def test_who_meets_all_filters_is_in_it(people, filters, expected):
    await wrote(people.store, CAMHS, cohort("c", *filters))
    assert await members(people, "c") == tuple(f"p{n}" for n in expected)


async def test_who_is_only_linked_to_a_patient_is_not_that_patient(people):
    linked = patient("twin") | {"link": [{"other": {"reference": "Patient/p3"}, "type": "seealso"}]}
    await wrote(
        people.store, CAMHS, linked, cohort("c", "Patient?identifier=urn:number|1&birthdate:missing=true")
    )
    assert await members(people, "c") == ("twin",)


async def test_filters_say_who_is_in_another_group(people):
    listed = {
        "resourceType": "Group",
        "id": "roster",
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": f"Patient/p{n}"}} for n in (0, 5)],
    }
    await wrote(people.store, CAMHS, listed, cohort("c", "Group?_id=roster", "Encounter?status=finished"))
    assert await members(people, "c") == ("p5",)


async def test_the_young_people_that_are_named_are_those_of_the_cohort(people):
    await wrote(people.store, CAMHS, cohort("c", "Encounter?status=finished"))
    assert await members(people, "c", patients=("p6", "p0", "p4")) == ("p4", "p6")


async def test_who_is_in_it_is_who_was_at_the_moment(people, folder, small):
    store = people.store
    await wrote(store, CAMHS, cohort("c", "Observation?value-quantity=ge3"))
    one = await job(people, request(*TYPES, level="Group", group="c"))
    before = await members_of(people, one)
    calm = await carried(people, folder, one)

    async def changed(type_: str, id_: str, content: dict | None) -> None:
        was = await store.read(LOCALITY, type_, id_)
        await store.commit(LOCALITY, unit(deletion(was) if content is None else update(was, content)))

    for id_ in ("p3-0", "p3-1"):
        await changed("Observation", id_, score(id_, "p3", "1"))
    await changed("Observation", "p1-0", score("p1-0", "p1", "9"))
    for id_ in ("p4-0", "p4-1"):
        await changed("Observation", id_, None)
    await changed("Observation", "p5-0", score("p5-0", "p6", "5"))
    await changed("Patient", "p5", None)
    await changed("Group", "c", cohort("c", "Encounter?status=finished"))
    await store.commit(LOCALITY, unit(creation(score("new", "p2", "8"))))
    assert before == await members_of(people, one) == ("p3", "p4", "p5")
    assert (await carried(people, folder, one, Random(3))).texts == calm.texts
    assert await members(people, "c") == ("p4", "p6")


async def test_each_agency_finds_whom_it_sees(around, folder):
    """`ash` has CAMHS and the school around them, `birch` CAMHS and the charity, who rated `ash` once."""
    await world(around.store)
    for agency in AGENCIES:
        visited = cohort(f"{agency}-visited", "Encounter?status=finished")
        await wrote(around.store, agency, cohort(agency, RATED), visited)
    seen = {agency: await members(around, agency, Caller("epr", agency, LOCALITY)) for agency in AGENCIES}
    assert seen == {CAMHS: ("ash", "birch"), SCHOOL: ("ash",), CHARITY: ("birch",)}
    for agency in AGENCIES:
        caller = Caller("epr", agency, LOCALITY)
        found = await exported(around, folder, *TYPES, level="Group", group=agency, caller=caller)
        patients = {id_ for id_ in found.ids() if id_.startswith("Patient/")}
        assert patients == {f"Patient/{child}" for child in seen[agency]}
        assert found.children().keys() <= set(seen[agency])
        for id_ in found.ids("Observation"):
            assert id_.partition("/")[2].split("-")[0] in seen[agency]
        assert await members(around, f"{agency}-visited", caller) == seen[agency]
    assert await members(around, CHARITY) == ("ash", "birch")


async def test_what_is_not_shown_meets_no_filter(around):
    """The school sees `ash`, but not the score with a label, nor one of another agency's that is denied."""
    await world(around.store)
    await wrote(
        around.store,
        SCHOOL,
        cohort("low", "Observation?value-quantity=2"),
        cohort("one", "Observation?value-quantity=1"),
    )
    caller = Caller("epr", SCHOOL, LOCALITY)
    assert await members(around, "low") == ("ash",)
    assert await members(around, "low", caller) == ()
    assert await members(around, "one", caller) == ("ash",)


async def test_a_cohort_is_its_authors(around):
    await world(around.store)
    await wrote(around.store, CAMHS, cohort("c", RATED))
    with pytest.raises(Gone):
        await members(around, "c", Caller("epr", CHARITY, LOCALITY))


def bearer(around, scopes: str) -> Caller:
    return Caller("epr", CAMHS, LOCALITY, scopes=read_scopes(setting_of(around), scopes))


async def test_a_token_finds_what_it_reads(around):
    await world(around.store)
    await wrote(around.store, CAMHS, cohort("c", RATED))
    assert await members(around, "c", bearer(around, "system/*.rs")) == ("ash", "birch")
    narrow = "system/Patient.rs system/Observation.rs?value-quantity=3"
    assert await members(around, "c", bearer(around, narrow)) == ("birch",)
    one = "system/Patient.rs?_id=ash system/Observation.rs"
    assert await members(around, "c", bearer(around, one)) == ("ash",)


@pytest.mark.parametrize(
    ("scopes", "needed"),
    [
        ("system/Patient.rs", "system/Observation.rs"),
        ("system/Observation.rs", "system/Patient.rs"),
        ("system/Patient.rs system/Observation.r", "system/Observation.rs"),
    ],
)
async def test_a_token_reads_what_the_filters_look_at(around, scopes, needed):
    act = Act(bearer(around, scopes), "request-1")
    with pytest.raises(InsufficientScope) as refused:
        await cohorts.require_cohort(around, act, cohort("c", RATED))
    assert refused.value.needed == needed
    assert await cohorts.require_cohort(around, act, {"type": "person", "actual": True}) == ()


@pytest.mark.parametrize(
    ("group", "problem", "slug"),
    [
        ({"type": "person", "actual": False}, Invalid, "cohort-without-members"),
        ({"type": "practitioner", "actual": True}, Invalid, "cohort-without-members"),
        (cohort("c", RATED, type="device"), Invalid, "cohort-without-members"),
        (
            {"type": "person", "actual": True, "modifierExtension": [{"url": "https://x.example/but-not"}]},
            Invalid,
            "cohort-not-understood",
        ),
        (cohort("c", "Observation?no-such=1"), Malformed, "search-parameter-unknown"),
        (cohort("c", "Medication?code=1"), Malformed, "cohort-filter"),
    ],
)
async def test_groups_that_cannot_be_exported(around, group, problem, slug):
    with pytest.raises(Problem) as refused:
        await cohorts.require_cohort(around, Act(ADMINISTRATOR, "request-1"), group)
    assert isinstance(refused.value, problem)
    assert refused.value.issues[0].slug == slug


async def test_all_tasks_are_about_whom_the_first_one_found(around, folder, small):
    """A permission that is withdrawn meanwhile moves nobody to another task, and holds all the same."""
    store = around.store
    await world(store)
    people = [f"p{number}" for number in range(8)]
    around_them = [
        {
            "resourceType": "CareTeam",
            "id": f"{who}-team",
            "status": "active",
            "subject": {"reference": f"Patient/{who}"},
            "participant": [{"member": {"reference": f"Organization/{each}"}} for each in (CAMHS, SCHOOL)],
        }
        for who in people
    ]
    await wrote(
        store, CAMHS, *map(patient, people), *around_them, *(score(f"{who}-1", who) for who in people)
    )
    await wrote(store, SCHOOL, cohort("c", RATED))
    one = await job(around, request("Observation", level="Group", group="c"), Caller("epr", SCHOOL, LOCALITY))
    await store.jobs.add(one, (FIRST,))
    kind = Export()
    [first] = [await store.jobs.claim("test", frozenset({EXPORT}))]
    outcome = await kind.perform(around, folder, first)
    assert outcome.result
    assert await store.jobs.complete(first, outcome)
    withdrawn = await store.read(LOCALITY, "CareTeam", "p2-team")
    await store.commit(LOCALITY, unit(deletion(withdrawn)))
    assert await members_of(around, one, 1) == ("ash", *people)
    assert "p2" not in await members_of(around, one, 0)
    ended = await Runner(around, folder, {EXPORT: kind}).finish(LOCALITY, one.id)
    assert ended.state == "done"
    files = await store.jobs.files(LOCALITY, one.id)
    text = b"".join([piece for file in files async for piece in folder.read(file.path)])
    assert {who for who in people if f"Patient/{who}".encode() in text} == set(people) - {"p2"}
    assert text.count(b"\n") == text.count(b'"Observation"')


async def test_it_is_found_in_many_pages(around):
    people = [f"p{number:04}" for number in range(1100)]
    await wrote(around.store, CAMHS, *map(patient, people), cohort("c", RATED, "Patient?identifier=1"))
    await wrote(around.store, CAMHS, *(score(f"{who}-1", who) for who in people if who != "p0600"))
    assert await members(around, "c") == tuple(who for who in people if who != "p0600")


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_is_written_meanwhile_it_is_as_one_would_count_it(around, seed):
    """Scores come, go, change value and young person; some before the moment, some after it, some in between."""
    random = Random(seed)
    store = around.store
    people = [f"p{number}" for number in range(8)]
    await wrote(store, CAMHS, *map(patient, people))
    await wrote(store, CAMHS, cohort("c", "Observation?value-quantity=ge5", "Observation?value-quantity=lt3"))
    scores: dict[str, tuple[str, int]] = {}

    async def step() -> None:
        id_ = f"s{random.randrange(20)}"
        before = await store.read(LOCALITY, "Observation", id_)
        gone = before is None or before.deleted
        if not gone and random.random() < 0.3:
            await store.commit(LOCALITY, unit(deletion(before)))
            del scores[id_]
            return
        whose, value = random.choice(people), random.randrange(10)
        content = score(id_, whose, str(value))
        await store.commit(LOCALITY, unit(creation(content) if before is None else update(before, content)))
        scores[id_] = (whose, value)

    async def go_on() -> None:
        for _ in range(5):
            await step()

    for _ in range(30):
        await step()
    for _ in range(4):
        one = await job(around, request("Patient", level="Group", group="c"))
        high = {whose for whose, value in scores.values() if value >= 5}
        low = {whose for whose, value in scores.values() if value < 3}
        expected = tuple(who for who in people if who in high & low)
        for _ in range(8):
            await step()
        found, _ = await asyncio.gather(members_of(around, one), go_on())
        assert found == expected
        assert await members_of(around, one) == expected
