from __future__ import annotations

import asyncio

import pytest

from service.interactions.batch import side_by_side
from service.interactions.read import read
from service.interactions.search import search
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import update
from tests.conftest import BASE_URL
from tests.interactions.builders import (
    body,
    bundle,
    criteria,
    entries,
    entry,
    goal,
    ids,
    patient,
    statuses,
    urn,
)


async def run(context, act, *given, **options):
    return await carry_out(context, act, bundle(*given, type_="batch"), **options)


async def put(context, act, id_, number="1"):
    await update(context, act, "Patient", id_, patient(number, id=id_))


async def test_every_entry_has_its_own_fate(context, act):
    await put(context, act, "p1")
    await put(context, act, "p2", "2")
    part = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": "Patient.gender"}]
    answer = await run(
        context,
        act,
        entry("POST", "Patient", patient("3")),
        entry("POST", "Patient", patient(colour="red")),
        entry("PUT", "Patient/p1", patient(id="p1", active=True), ifMatch='W/"9"'),
        entry("PUT", "Patient/p1", patient(id="p1", active=True), ifMatch='W/"1"'),
        entry("GET", "Patient/p1"),
        entry("GET", "Patient/never"),
        entry("GET", "Patient/p1", ifNoneMatch='W/"2"'),
        entry("DELETE", "Patient/p2"),
        entry("POST", "Patient", patient("1"), ifNoneExist=criteria("1")),
        entry("GET", "Patient?_count=1"),
        entry("GET", "_history"),
        entry("POST", "Nonsense", patient()),
        entry("POST", "AuditEvent", patient()),
        entry("PUT", "Patient?" + criteria("8"), patient("8")),
        entry("PATCH", "Patient?" + criteria("9"), {"resourceType": "Parameters", "parameter": [
              {"name": "operation", "part": part}]}),
        entry("DELETE", "Patient?" + criteria("9")),
        {"resource": patient()},
    )  # fmt: skip
    assert body(answer)["type"] == "batch-response"
    assert [int(status.split()[0]) for status in statuses(answer)] == [
        201, 422, 412, 200, 200, 404, 304, 204, 200, 200, 200, 404, 405, 201, 404, 204, 400,
    ]  # fmt: skip
    shown = entries(answer)
    for one in shown:
        refused = one["response"]["status"][0] == "4"
        assert ("outcome" in one["response"]) is refused
        if refused:
            assert one["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert shown[1]["response"]["outcome"]["issue"][0]["expression"] == ["Patient.colour"]
    assert shown[16]["response"]["outcome"]["issue"][0]["expression"] == ["Bundle.entry[16].request"]
    assert shown[4]["resource"]["active"] is True
    assert shown[4]["fullUrl"] == f"{BASE_URL}/Patient/p1"
    assert shown[8]["response"]["location"].startswith("Patient/p1/")
    assert shown[9]["resource"]["type"] == "searchset"
    assert shown[10]["resource"]["type"] == "history"
    assert "resource" not in shown[0]


async def test_representation_adds_the_resources(context, act):
    answer = await run(context, act, entry("POST", "Patient", patient()), representation=True)
    assert entries(answer)[0]["resource"]["resourceType"] == "Patient"


async def test_no_entry_refers_to_what_another_creates(context, act):
    answer = await run(
        context,
        act,
        entry("POST", "Patient", patient(), urn(1)),
        entry("POST", "Goal", goal(urn(1)), urn(2)),
        entry("POST", "Goal", goal("Patient/p1"), urn(3)),
    )
    assert [status[:3] for status in statuses(answer)] == ["201", "400", "201"]
    (issue,) = entries(answer)[1]["response"]["outcome"]["issue"]
    assert issue["details"]["coding"][0]["code"] == "batch-reference"
    assert issue["expression"] == ["Bundle.entry[1].resource.subject.reference"]
    assert len(ids(await search(context, act, "Goal", []))) == 1


async def test_an_empty_batch(context, act):
    assert body(await run(context, act)) == {"resourceType": "Bundle", "type": "batch-response"}


async def test_many_entries_come_back_in_order(context, act):
    given = [entry("PUT", f"Patient/p{number}", patient(id=f"p{number}")) for number in range(120)]
    answer = await run(context, act, *given)
    found = [one["response"]["location"] for one in entries(answer)]
    assert found == [f"Patient/p{number}/_history/1" for number in range(120)]
    assert (await read(context, act, "Patient", "p119")).status == 200


async def test_side_by_side_is_bounded_and_does_everything():
    running = most = 0
    done = []

    async def work(item):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        done.append(item)
        running -= 1

    await side_by_side(range(100), work)
    assert sorted(done) == list(range(100))
    assert most == 8


async def test_side_by_side_stops_at_what_is_no_problem():
    async def work(item):
        if item == 3:
            raise RuntimeError("broken")

    with pytest.raises(ExceptionGroup):
        await side_by_side(range(100), work)
