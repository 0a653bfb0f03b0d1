import asyncio
from dataclasses import replace

import pytest

from benchmarks.load import Plan, run
from benchmarks.scenarios import SESSION_ENTRIES, SETUPS
from benchmarks.target import target
from tests.benchmarks.memory_server import memory_server

SHORT = Plan(connections=3, seconds=0.2, warm_up=0.05, patience=10)


def nothing():
    """The edge of a run, when nobody watches."""


@pytest.mark.parametrize("scenario", SETUPS)
@pytest.mark.parametrize("rate", [None, 100])
async def test_every_scenario_runs_without_an_error(scenario, rate):
    edges = []
    async with memory_server() as server:
        counts = await run(
            target(server.base_url), scenario, replace(SHORT, rate=rate), lambda: edges.append(server.asked)
        )
    assert not counts.errors
    assert counts.requests == counts.statuses.total() > 0
    assert len(edges) == 2
    # Requests under way at an edge are counted on one side or the other.
    assert abs(counts.requests - (edges[1] - edges[0])) <= SHORT.connections
    assert counts.began < counts.ended


async def test_the_mix_is_a_quarter_each():
    async with memory_server() as server:
        counts = await run(target(server.base_url), "crud", replace(SHORT, seconds=0.6), nothing)
    shares = {kind: len(values) / counts.requests for kind, values in counts.latencies.items()}
    assert set(shares) == {"create", "read", "update", "delete"}
    assert all(0.15 < share < 0.35 for share in shares.values()), shares


async def test_transactions_store_all_entries():
    async with memory_server() as server:
        before = len(server.versions)
        counts = await run(target(server.base_url), "transaction", SHORT, nothing)
        stored = [type_ for type_, _ in server.versions if type_ in {"Observation", "QuestionnaireResponse"}]
    assert before == 0
    assert len(stored) >= SESSION_ENTRIES * counts.requests


async def test_wrong_answers_are_errors():
    async with memory_server() as server:

        def refuse():
            server.answer_status = 500

        counts = await run(target(server.base_url), "crud", SHORT, refuse)
    assert counts.statuses[500] > 0
    assert counts.errors.total() >= counts.statuses[500]
    assert any(text.endswith("answered 500") for text in counts.errors)


@pytest.mark.parametrize("rate", [None, 100])
async def test_an_answer_that_never_comes_is_an_error(rate):
    async with memory_server() as server:
        plan = replace(SHORT, patience=0.1, rate=rate)
        counts = await run(target(server.base_url), "read", plan, server.held.clear)
        server.held.set()
    assert counts.errors["no answer in time"] == SHORT.connections


async def test_a_fixed_rate_does_not_wait_for_a_slow_server():
    """What a closed loop leaves out, the open loop sends and books from when it was due."""
    plan = replace(SHORT, seconds=0.5, rate=200.0)
    async with memory_server() as server:

        def hold():
            if server.held.is_set():
                server.held.clear()
                asyncio.get_running_loop().call_later(0.4, server.held.set)

        counts = await run(target(server.base_url), "read", plan, hold)
    assert not counts.errors
    assert counts.requests >= 0.8 * 0.5 * 200
    slow = sum(value > 0.05 * 1e9 for value in counts.latencies["read"])
    assert slow > SHORT.connections * 5


async def test_a_server_that_closes_after_each_answer_is_no_error():
    async with memory_server() as server:
        server.closes = True
        counts = await run(target(server.base_url), "crud", SHORT, nothing)
    assert not counts.errors
    assert counts.requests > 0


async def test_a_lost_connection_is_an_error():
    async with memory_server() as server:
        server.die_at = 400
        counts = await run(target(server.base_url), "read", SHORT, nothing)
    assert counts.errors.total() >= SHORT.connections


@pytest.mark.parametrize(
    "plan",
    [
        {"connections": 0},
        {"connections": 10_000},
        {"seconds": 0},
        {"seconds": 1e9},
        {"rate": 0},
        {"rate": 1e12},
    ],
)
def test_a_plan_has_bounds(plan):
    with pytest.raises(ValueError, match="out of bounds"):
        Plan(**plan)
