"""The whole record of a young person, by what the clinic asks of it."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.access.callers import Caller
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Gone, Malformed, Missing
from service.fhir.stamping import instant
from service.interactions.delete import delete
from service.interactions.search import search
from service.interactions.update import update
from service.operations import everything
from service.operations.operation import Call
from service.storage.open import migrate, open_store, session
from tests.interactions.builders import body


def child(id_="a", **elements):
    return {"resourceType": "Patient", "id": id_, **elements}


def of(type_, id_, whose="a", **elements):
    subject = {"RelatedPerson": "patient", "EpisodeOfCare": "patient", "Task": "for"}.get(type_, "subject")
    return {"resourceType": type_, "id": id_, subject: {"reference": f"Patient/{whose}"}, **elements}


def organization(id_, **elements):
    return {"resourceType": "Organization", "id": id_, "name": "of nowhere", **elements}


def score(id_, whose="a", **elements):
    return of("Observation", id_, whose, status="final", code={"text": "progress"}, **elements)


def goal(id_, whose="a", **elements):
    return of("Goal", id_, whose, lifecycleStatus="active", description={"text": "sleep"}, **elements)


@pytest.fixture
def put(context, act):
    async def putting(*resources):
        for resource in resources:
            await update(context, act, resource["resourceType"], resource["id"], resource)

    return putting


@pytest.fixture
def ask(context, act):
    async def asking(id_="a", **parameters):
        pairs = [
            (name.replace("since", "_since").replace("type", "_type").replace("count", "_count"), str(value))
            for name, value in parameters.items()
        ]
        return await page(context, act, id_, pairs)

    return asking


async def page(context, act, id_, pairs):
    inputs = read_inputs(everything.INPUTS, pairs, None)
    answer = await everything.everything(context, act, Call("Patient", id_, inputs))
    assert answer.status == 200
    return body(answer)


async def follow(context, act, bundle, relation):
    """The page that a link leads to; None where there is no such link."""
    for link in bundle["link"]:
        if link["relation"] == relation:
            url = urlsplit(link["url"])
            id_ = url.path.split("/")[-2]
            return await page(context, act, id_, parse_qsl(url.query))
    return None


def shown(bundle, mode="match"):
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", ())
        if entry["search"]["mode"] == mode
    ]


async def walked(context, act, bundle, relation="next"):
    """What all pages from this one on show, a list for each."""
    pages = [shown(bundle)]
    while (bundle := await follow(context, act, bundle, relation)) is not None:
        pages.append(shown(bundle))
    return pages


async def test_the_record_is_the_patient_first_and_all_that_is_in_the_compartment(put, ask):
    await put(child(), child("b"), goal("1"), goal("2", "b"), score("1"), of("RelatedPerson", "1"))
    await put(of("Task", "1", status="requested", intent="order"))
    bundle = await ask()
    assert shown(bundle) == ["Patient/a", "Goal/1", "Observation/1", "RelatedPerson/1", "Task/1"]
    assert bundle["type"] == "searchset"
    assert bundle["total"] == 5
    assert [link["relation"] for link in bundle["link"]] == ["self"]


async def test_what_the_record_refers_to_comes_with_it_but_nobody_elses_record(put, ask):
    await put(child(), child("b"), organization("trust"))
    await put(organization("clinic", partOf={"reference": "Organization/trust"}))
    await put({"resourceType": "Practitioner", "id": "p"}, {"resourceType": "Practitioner", "id": "q"})
    await put(
        {
            "resourceType": "PractitionerRole",
            "id": "r",
            "practitioner": {"reference": "Practitioner/p"},
            "organization": {"reference": "Organization/clinic"},
        },
        {
            "resourceType": "Group",
            "id": "siblings",
            "type": "person",
            "actual": True,
            "member": [{"entity": {"reference": "Patient/a"}}, {"entity": {"reference": "Patient/b"}}],
        },
        of("CareTeam", "1", participant=[{"member": {"reference": "PractitionerRole/r"}}]),
    )
    bundle = await ask()
    assert shown(bundle) == ["Patient/a", "CareTeam/1", "Group/siblings"]
    assert sorted(shown(bundle, "include")) == [
        "Organization/clinic",
        "Organization/trust",
        "Practitioner/p",
        "PractitionerRole/r",
    ]


async def test_more_than_may_come_with_a_page_is_told(put, ask, context, act):
    few = replace(context, limits=replace(context.limits, included=2))
    performers = [{"resourceType": "Practitioner", "id": str(n)} for n in range(3)]
    await put(child(), *performers)
    await put(score("1", performer=[{"reference": f"Practitioner/{n}"} for n in range(3)]))
    assert len(shown(await ask(), "include")) == 3
    bundle = await page(few, act, "a", [])
    assert len(shown(bundle, "include")) == 2
    assert bundle["entry"][-1]["search"]["mode"] == "outcome"
    [issue] = bundle["entry"][-1]["resource"]["issue"]
    assert issue["details"]["coding"][0]["code"] == "search-includes-cut"


async def test_what_is_not_indexed_yet_is_not_answered_in_part(
    context, act, database_url, registry, extractor
):
    migrate(database_url)

    async def opened():
        store = await open_store(database_url, registry, extractor, context.clock)
        return replace(context, store=store)

    here = replace(act, caller=Caller("epr", "camhs"))
    filled = await opened()
    for resource in (child(), goal("1")):
        await update(filled, here, resource["resourceType"], resource["id"], resource)
    await filled.store.close()
    async with session(database_url) as own:
        await own.run("DELETE FROM indexed_parameter WHERE name = 'Goal.patient'")
    unready = await opened()
    with pytest.raises(Malformed) as caught:
        await page(unready, here, "a", [])
    assert caught.value.issues[0].slug == "search-parameter-not-indexed"
    await page(unready, here, "a", [("_type", "Patient")])
    await unready.store.close()


async def test_types_may_be_chosen_of_the_record_and_beside_it(put, ask):
    await put(child(), goal("1"), {"resourceType": "Practitioner", "id": "p"})
    await put(score("1", performer=[{"reference": "Practitioner/p"}]))
    alone = await ask(type="Observation,Goal")
    assert shown(alone) == ["Goal/1", "Observation/1"]
    assert shown(alone, "include") == []
    beside = await ask(type="Observation,Practitioner")
    assert shown(beside) == ["Observation/1"]
    assert shown(beside, "include") == ["Practitioner/p"]


async def test_what_was_changed_since(put, ask, clock):
    await put(child(), goal("1"))
    before = clock()
    clock.now += 5_000
    await put(score("1"))
    assert shown(await ask(since=instant(before))) == ["Observation/1"]
    assert shown(await ask(since=instant(clock()))) == []


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (None, None, {"Patient/a", "Goal/g", "Observation/early", "Observation/late", "Observation/undated"}),
        ("2026-02-01", None, {"Patient/a", "Goal/g", "Observation/late", "Observation/undated"}),
        (None, "2026-02-01", {"Patient/a", "Goal/g", "Observation/early", "Observation/undated"}),
        ("2026-01-10", "2026-01-10", {"Patient/a", "Goal/g", "Observation/early", "Observation/undated"}),
        (None, "2025", {"Patient/a", "Observation/undated"}),
        ("2026-01", "2026-01", {"Patient/a", "Goal/g", "Observation/early", "Observation/undated"}),
    ],
)
async def test_care_in_a_time(put, ask, start, end, found):
    await put(child(), goal("g", startDate="2026-01-05"), score("undated"))
    await put(score("early", effectiveDateTime="2026-01-10T09:00:00Z"))
    await put(score("late", effectivePeriod={"start": "2026-02-10"}))
    times = {name: value for name, value in (("start", start), ("end", end)) if value}
    assert set(shown(await ask(**times))) == found


async def test_pages_go_both_ways_and_hold_each_resource_once(put, ask, context, act):
    await put(child(), *(goal(str(n)) for n in range(3)), *(score(str(n)) for n in range(4)))
    whole = shown(await ask())
    for count in (1, 2, 3, 7, 8, 9):
        first = await ask(count=count)
        pages = await walked(context, act, first)
        assert [one for shown_ in pages for one in shown_] == whole
        assert all(len(shown_) == count for shown_ in pages[:-1])
        assert all(pages)
        assert ("total" in first) is (count >= 8)
        last = first
        while (beyond := await follow(context, act, last, "next")) is not None:
            last = beyond
        back = await walked(context, act, last, "previous")
        assert [one for shown_ in reversed(back) for one in shown_] == whole


async def test_pages_are_exact_while_others_write(put, ask, context, act):
    await put(child(), *(goal(str(n)) for n in range(6)), *(score(str(n)) for n in range(6)))
    first = await ask(count=4)
    await put(goal("0", note=[{"text": "changed"}]), goal("5", note=[{"text": "changed"}]), goal("new"))
    await delete(context, act, "Goal", "4")
    await delete(context, act, "Goal", "2")
    found = [one for shown_ in await walked(context, act, first) for one in shown_]
    assert len(found) == len(set(found))
    staying = {"Patient/a", "Goal/0", "Goal/1", "Goal/3", "Goal/5", *(f"Observation/{n}" for n in range(6))}
    assert staying <= set(found)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("relation", ["next", "previous"])
async def test_pages_are_exact_whatever_is_written_between_them(put, ask, context, act, seed, relation):
    chance = random.Random(seed)
    there = {f"{make.__name__}{n}": make(str(n)) for make in (goal, score) for n in range(8)}
    await put(child(), *chance.sample(list(there.values()), len(there)))
    bundle = await ask(count=chance.randint(2, 5))
    if relation == "previous":
        while (beyond := await follow(context, act, bundle, "next")) is not None:
            bundle = beyond
    gone = set()
    found = shown(bundle)
    for number in itertools.count():
        for _ in range(chance.randint(0, 3)):
            name, resource = chance.choice(list(there.items()))
            match chance.choice(["change", "delete", "add"]):
                case "change":
                    await put(resource | {"language": chance.choice(["en", "cy"])})
                case "delete":
                    await delete(context, act, resource["resourceType"], resource["id"])
                    gone.add(name)
                case _:
                    await put(score(f"new-{number}"))
        bundle = await follow(context, act, bundle, relation)
        if bundle is None:
            break
        found += shown(bundle)
    assert len(found) == len(set(found))
    staying = {f"{each['resourceType']}/{each['id']}" for name, each in there.items() if name not in gone}
    assert staying | {"Patient/a"} <= set(found)


async def test_the_record_is_the_compartment_and_the_tasks(put, ask, context, act):
    await put(child(), child("b"), goal("1"), goal("2", "b"), of("RelatedPerson", "1"))
    await put(score("1", "b", performer=[{"reference": "Patient/a"}]))
    await put(of("Task", "1", status="requested", intent="order"))
    compartment = body(await search(context, act, "", [], within=("Patient", "a")))
    assert set(shown(await ask())) == {*shown(compartment), "Task/1"}
    assert "Observation/1" in shown(compartment)


async def test_a_page_link_holds_for_its_own_record_alone(put, ask, context, act):
    await put(child(), child("b"), goal("1"), goal("2", "b"))
    [link] = [one for one in (await ask(count=1))["link"] if one["relation"] == "next"]
    token = link["url"].partition("_page=")[2]
    for id_, pairs in (
        ("b", [("_count", "1"), ("_page", token)]),
        ("a", [("_count", "2"), ("_page", token)]),
        ("a", [("_count", "1"), ("_type", "Goal"), ("_page", token)]),
        ("a", [("_count", "1"), ("_page", token[:-4] + "AAAA")]),
    ):
        with pytest.raises(Malformed) as caught:
            await page(context, act, id_, pairs)
        assert caught.value.issues[0].slug == "page-link-invalid"


@pytest.mark.parametrize(
    ("parameters", "slug"),
    [
        ({"start": "yesterday"}, "operation-parameter-type"),
        ({"end": "2026-02-30"}, "operation-parameter-type"),
        ({"since": "2026"}, None),
        ({"since": "now"}, "operation-parameter-type"),
        ({"type": "Goal,Wish"}, "everything-type"),
        ({"type": "Practitioner"}, "everything-type"),
        ({"count": 0}, "everything-count"),
    ],
)
async def test_what_cannot_be_asked(put, ask, parameters, slug):
    await put(child())
    if slug is None:
        await ask(**parameters)
        return
    with pytest.raises(Malformed) as caught:
        await ask(**parameters)
    assert caught.value.issues[0].slug == slug


async def test_there_must_be_such_a_patient(put, ask, context, act):
    with pytest.raises(Missing):
        await ask()
    await put(child())
    await delete(context, act, "Patient", "a")
    with pytest.raises(Gone):
        await ask()
