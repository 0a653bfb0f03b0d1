from __future__ import annotations

import asyncio

from service.interactions.history import history
from service.interactions.read import read
from service.interactions.search import search
from tests.interactions.builders import (
    body,
    criteria,
    entries,
    entry,
    goal,
    ids,
    patient,
    score,
    statuses,
    urn,
)
from tests.interactions.transactions import location_id, put, run


async def test_parallel_transactions_with_one_condition_make_one_resource(context, act):
    def given(number):
        return [
            entry("POST", "Patient", patient("1"), urn(1), ifNoneExist=criteria("1")),
            entry("POST", "Goal", goal(urn(1), description={"text": f"invented goal {number}"})),
        ]

    answers = await asyncio.gather(*(run(context, act, *given(number)) for number in range(12)))
    assert sorted(statuses(answer)[0] for answer in answers) == ["200 OK"] * 11 + ["201 Created"]
    (only,) = ids(await search(context, act, "Patient", []))
    found = await search(context, act, "Goal", [("subject", f"Patient/{only}"), ("_count", "50")])
    assert len(ids(found)) == 12


async def test_parallel_transactions_on_the_same_resources_all_come_through(context, act):
    await put(context, act, "p1")
    await put(context, act, "p2", "2")

    def given(number):
        one = entry("PUT", "Patient/p1", patient(id="p1", multipleBirthInteger=number))
        two = entry("PUT", "Patient/p2", patient("2", id="p2", multipleBirthInteger=number))
        return (one, two) if number % 2 else (two, one)

    await asyncio.gather(*(run(context, act, *given(number)) for number in range(15)))
    for id_ in ("p1", "p2"):
        versions = entries(await history(context, act, "Patient", id_, [("_count", "50")]))
        assert len(versions) == 16
    both = [body(await read(context, act, "Patient", id_)) for id_ in ("p1", "p2")]
    assert both[0]["multipleBirthInteger"] == both[1]["multipleBirthInteger"]


async def test_others_get_their_turn_during_a_long_transaction(context, act):
    await put(context, act, "p1")
    given = [
        entry("POST", "Observation", score("Patient?" + criteria("1")), urn(number)) for number in range(600)
    ]
    long = asyncio.create_task(run(context, act, *given))
    turns = 0
    while not long.done():
        await asyncio.sleep(0)
        turns += 1
    assert set(statuses(await long)) == {"201 Created"}
    assert turns >= 2 * 600 // 50


async def test_five_thousand_entries_pass(context, act):
    given = [
        entry("POST", "Patient", patient("1"), urn(0)),
        *(entry("POST", "Observation", score(urn(0)), urn(number)) for number in range(1, 5000)),
    ]
    answer = await run(context, act, *given)
    assert statuses(answer) == ["201 Created"] * 5000
    who = location_id(answer, 0)
    pairs = [("subject", f"Patient/{who}"), ("_count", "1"), ("_total", "accurate")]
    assert body(await search(context, act, "Observation", pairs))["total"] == 4999
