"""The same response sent by several at once, from two workers on one database: one set of Observations, whatever happens.

Source: ADR 0016
"""

from __future__ import annotations

import asyncio
import itertools
from random import Random

import pytest

from service.fhir.problems import Conflict, Invalid, Problem
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import update
from tests.interactions.builders import bundle, statuses
from tests.interactions.sessions import PARENT, all_of, collaborate, counted, own_score, session
from tests.interactions.test_extracting import whole_session

RESPONSE = "QuestionnaireResponse"
YOUNG = "young-person"


async def attempt(awaited):
    """The status of an act, and of what it was refused with."""
    try:
        return (await awaited).status
    except Problem as problem:
        return problem.status


async def at_once(workers, acts):
    """The statuses of acts carried out at once, by workers in turns."""
    turns = itertools.cycle(workers)
    return await asyncio.gather(*(attempt(do(next(turns))) for do in acts))


async def test_the_same_post_by_many_at_once(workers, act):
    for value in range(4):
        made = session({1: value, 2: value})
        done = await at_once(workers, [lambda c, m=made: create(c, act, RESPONSE, m)] * 8)
        assert sorted(done) == [200] * 7 + [201]
    expected = sorted((goal, YOUNG, value) for value in range(4) for goal in ("g1", "g2"))
    assert await counted(workers[0], act) == expected


async def test_the_same_bundle_by_many_at_once(workers, act):
    async def send(context):
        answer = await carry_out(context, act, bundle(*whole_session(1)))
        codes = {status.partition(" ")[0] for status in statuses(answer)}
        assert codes in ({"200"}, {"201"})
        return answer

    assert await at_once(workers, [send] * 8) == [200] * 8
    assert len(await all_of(workers[0], act, "Encounter")) == 1
    assert len(await all_of(workers[0], act, RESPONSE)) == 2
    assert await counted(workers[0], act) == [("g1", YOUNG, 7), ("g2", YOUNG, 3)]
    assert len(await all_of(workers[0], act)) == 3


async def test_one_identifier_and_two_contents(workers, act):
    named = {"identifier": {"system": "urn:epr", "value": "1"}}
    acts = [
        lambda c, value=value: create(c, act, RESPONSE, session({1: value}, **named)) for value in (1, 2) * 4
    ]
    done = await at_once(workers, acts)
    assert sorted(done) == [200] * 3 + [201] + [409] * 4
    assert len(await counted(workers[0], act)) == 1


async def test_corrections_at_once_leave_what_the_response_says(workers, act):
    for number in range(4):
        id_ = f"r{number}"
        corrections = [{**session({1: value, 2: value}), "id": id_} for value in range(6)]
        await update(workers[0], act, RESPONSE, id_, corrections[0])
        done = await at_once(
            workers, [lambda c, m=m, id_=id_: update(c, act, RESPONSE, id_, m) for m in corrections[1:]]
        )
        assert done == [200] * 5
        [response] = [one for one in await all_of(workers[0], act, RESPONSE) if one["id"] == id_]
        said = response["item"][0]["item"][1]["answer"][0]["valueDecimal"]
        taken = [
            one["valueQuantity"]["value"]
            for one in await all_of(workers[0], act)
            if one["derivedFrom"] == [{"reference": f"{RESPONSE}/{id_}"}]
        ]
        assert taken == [said, said]


async def test_a_score_by_hand_and_the_completion_of_its_response(workers, act):
    for number in range(6):
        id_, goal = f"r{number}", {1: f"Goal/h{number}"}
        open_ = {**session({1: 7}, status="in-progress", goals=goal), "id": id_}
        await update(workers[0], act, RESPONSE, id_, open_)
        own = own_score(f"{RESPONSE}/{id_}", 7, focus=[{"reference": goal[1]}])
        acts = [
            lambda c, m=own: create(c, act, "Observation", m),
            lambda c, m=open_, id_=id_: update(c, act, RESPONSE, id_, {**m, "status": "completed"}),
        ]
        done = await at_once(workers, acts if number % 2 else acts[::-1])
        assert 200 in done
    assert await counted(workers[0], act) == [(f"h{number}", YOUNG, 7) for number in range(6)]


async def test_a_response_that_goes_while_it_is_corrected(workers, act):
    for number in range(6):
        id_ = f"r{number}"
        await update(workers[0], act, RESPONSE, id_, {**session({1: 7}), "id": id_})
        await at_once(
            workers,
            [
                lambda c, id_=id_: update(c, act, RESPONSE, id_, {**session({1: 8, 2: 2}), "id": id_}),
                lambda c, id_=id_: delete(c, act, RESPONSE, id_),
            ],
        )
    standing = {one["id"] for one in await all_of(workers[0], act, RESPONSE)}
    counting = [
        (one["derivedFrom"][0]["reference"].partition("/")[2], one["valueQuantity"]["value"])
        for one in await all_of(workers[0], act)
        if one["status"] != "entered-in-error"
    ]
    assert sorted(counting) == sorted((id_, value) for id_ in standing for value in (2, 8))


async def test_of_first_levels_at_once_one_is_the_baseline(workers, act):
    for number in range(4):
        goal = {1: f"Goal/l{number}"}
        given = [session(levels={1: each}, goals=goal, authored=f"2026-03-1{each}") for each in (0, 1, 2)]
        given.append(session(levels={1: -1}, goals=goal, by=PARENT))
        done = await at_once(workers, [lambda c, m=m: create(c, act, RESPONSE, m) for m in given])
        assert done == [201] * 4
    found = await all_of(workers[0], act)
    baselines = [one for one in found if one["code"]["coding"][0]["code"] == "112296-9"]
    assert len(found) == 16
    assert sorted(one["focus"][0]["reference"] for one in baselines) == [f"Goal/l{n}" for n in range(4)]


async def test_hundreds_of_responses_with_retries_lose_and_double_nothing(workers, act):
    """As clients in trouble send them: alone and in bundles, again at random, by many at once, in any order."""
    random = Random(20261127)
    given = [
        session({1: number % 11, 2: (number * 7) % 11}, goals={1: f"Goal/a{number}", 2: f"Goal/b{number}"})
        for number in range(120)
    ]
    given += [
        collaborate(number % 10, 9, 9, authored=f"2026-04-01T10:{number:02d}:00Z") for number in range(40)
    ]
    sent = given + [random.choice(given) for _ in range(160)]
    random.shuffle(sent)
    groups = [sent[start : start + 8] for start in range(0, len(sent), 8)]

    async def send(context, group, *, together):
        if not together:
            for one in group:
                try:
                    await create(context, act, RESPONSE, one)
                except (Conflict, Invalid) as refusal:
                    pytest.fail(str(refusal))
            return
        unique = [one for index, one in enumerate(group) if one not in group[:index]]
        entries = [{"resource": dict(one), "request": {"method": "POST", "url": RESPONSE}} for one in unique]
        await carry_out(context, act, bundle(*entries))

    turns = itertools.cycle(workers)
    await asyncio.gather(
        *(send(next(turns), group, together=index % 2 == 0) for index, group in enumerate(groups))
    )
    assert len(await all_of(workers[0], act, RESPONSE)) == 160
    expected = [
        (f"{letter}{n}", YOUNG, (n * f) % 11) for n in range(120) for letter, f in (("a", 1), ("b", 7))
    ]
    assert await counted(workers[0], act) == sorted(expected)
    assert len(await all_of(workers[0], act)) == 280
