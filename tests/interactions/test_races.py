"""Writes that are each right alone and wrong together: of those that race, as many stand as may.

Two stores on one database stand for two worker processes.

Source: docs/rules.md
"""

from __future__ import annotations

import asyncio
import itertools

import pytest

from service.fhir import codec
from service.fhir.problems import Invalid
from service.fhir.search.expressions import Everything, Query
from service.fhir.validation.validator import Validator
from tests.interactions.clinic import (
    answers,
    collaborate_score,
    given,
    goal,
    grouping,
    plan,
    put,
    refer,
    score,
    session,
    together,
)

ROUNDS = 6


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


async def race(workers, act, *resources):
    """What came of writing all resources at once, workers by turns: True where it stands."""
    turns = itertools.cycle(workers)
    done = await asyncio.gather(*(attempt(next(turns), act, resource) for resource in resources))
    return list(done)


async def attempt(context, act, resource):
    try:
        if isinstance(resource, tuple):
            await together(context, act, *resource)
        else:
            await put(context, act, resource)
    except Invalid:
        return False
    return True


async def all_of(context, act, type_):
    page = await context.store.search(act.caller.locality, Query(type_, Everything(), 500))
    return [codec.decode(stored.body) for stored in page.items]


async def test_one_of_many_goals_gets_the_slot(workers, act):
    for number in range(ROUNDS):
        goals = [goal(f"g{number}-{each}", whose=f"child-{number}") for each in range(8)]
        assert sum(await race(workers, act, *goals)) == 1


async def test_one_of_two_goals_becomes_active(workers, act):
    for number in range(ROUNDS):
        pair = [goal(f"g{number}-{each}", whose=f"child-{number}", status="proposed") for each in range(2)]
        await given(workers[0], act, *pair)
        assert sum(await race(workers, act, *({**each, "lifecycleStatus": "active"} for each in pair))) == 1


async def test_goals_in_slots_of_their_own_all_stand(workers, act):
    goals = [goal(f"g{slot}", slot=slot) for slot in (1, 2, 3)]
    assert await race(workers, act, *goals) == [True] * 3


async def test_one_of_many_plans_stands(workers, act):
    plans = [plan(f"p{number}", coordinator=f"c{number}") for number in range(6)]
    assert sum(await race(workers, act, *plans)) == 1


async def test_one_of_many_groupings_stands(workers, act):
    groupings = [grouping(f"n{number}", f"2026-0{number + 1}-01") for number in range(6)]
    assert sum(await race(workers, act, *groupings)) == 1


async def test_transactions_race_as_single_writes_do(workers, act):
    bundles = [(goal(f"g{number}"), score(f"s{number}", of=f"g{number}")) for number in range(4)]
    assert sum(await race(workers, act, *bundles, goal("alone"))) == 1


@pytest.mark.parametrize("first", ["the goal", "the score"])
async def test_a_goal_is_not_handed_on_while_it_is_rated(workers, act, first):
    for number in range(ROUNDS):
        id_ = f"g{number}"
        await given(workers[0], act, goal(id_, whose=f"ash-{number}"))
        handed_on = goal(id_, whose=f"bramble-{number}")
        scores = [score(f"s{number}-{each}", of=id_, whose=f"ash-{number}") for each in range(3)]
        rated = session(f"r{number}", of=id_, whose=f"ash-{number}")
        writes = [handed_on, *scores, rated] if first == "the goal" else [*scores, rated, handed_on]
        await race(workers, act, *writes)
    owners = {one["id"]: one["subject"] for one in await all_of(workers[0], act, "Goal")}
    for one in await all_of(workers[0], act, "Observation"):
        assert one["subject"] == owners[one["focus"][0]["reference"].partition("/")[2]]
    for one in await all_of(workers[0], act, "QuestionnaireResponse"):
        goal_of_it = one["item"][0]["item"][0]["answer"][0]["valueReference"]["reference"]
        assert one["subject"] == owners[goal_of_it.partition("/")[2]]


async def test_a_goal_is_not_cancelled_before_what_is_being_rated(workers, act):
    for number in range(ROUNDS):
        id_, whose = f"g{number}", f"ash-{number}"
        await given(workers[0], act, goal(id_, whose=whose))
        cancelled = goal(id_, whose=whose, status="cancelled", statusDate="2026-03-09")
        won = await race(workers, act, score(f"s{number}", of=id_, whose=whose), cancelled)
        assert sum(won) == 1


async def test_a_goal_and_a_plan_agree_on_whose_it_is(workers, act):
    for number in range(ROUNDS):
        id_ = f"g{number}"
        await given(workers[0], act, goal(id_, slot=None))
        planned = plan(f"p{number}", status="draft", goal=[refer(f"Goal/{id_}")])
        assert sum(await race(workers, act, planned, goal(id_, whose="bramble", slot=None))) == 1


async def test_a_response_is_not_scored_on_the_scale_that_it_leaves(workers, act):
    for number in range(ROUNDS):
        await given(workers[0], act, answers(f"c{number}"))
        scored = collaborate_score(f"cs{number}", of=f"c{number}")
        assert sum(await race(workers, act, scored, answers(f"c{number}", scale="0-4"))) == 1


async def test_a_busy_goal_takes_all_its_scores(workers, act):
    await given(workers[0], act, goal())
    changes = [goal(note=[{"text": f"{number}"}]) for number in range(5)]
    scores = [score(f"s{number}") for number in range(25)]
    assert all(await race(workers, act, *scores[:12], *changes, *scores[12:]))


async def test_a_unit_of_very_many_questions_waits_for_its_turn(workers, act, monkeypatch):
    monkeypatch.setattr("service.storage.postgres_turns.MANY_QUESTIONS", 3)
    many = tuple(goal(f"g{number}", whose=f"child-{number}") for number in range(6))
    singles = [goal(f"other-{number}", whose=f"child-{number}") for number in range(6)]
    won = await race(workers, act, *singles[:3], many, *singles[3:])
    assert sum(won) in {1, 6}
    assert won[3] is (sum(won) == 1)
