"""Lanes over a real pool: few go at once, none waits for long, none is lost, and connections are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from service.storage.postgres_connections import connect
from service.storage.postgres_lanes import Lanes

LONG = 3_600.0
PATIENCE = 5.0
WHO = "SELECT pg_backend_pid()"


@pytest.fixture
async def pool(postgres_server: str) -> AsyncIterator[asyncpg.Pool]:
    made = await connect(postgres_server)
    yield made
    await made.close()


class Visitors:
    """Each goes in, says who serves it, and stays until it is sent away."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes = lanes
        self.inside: dict[str, int] = {}
        self.order: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._away: dict[str, asyncio.Event] = {}

    async def come(self, *names: str, expected: int) -> None:
        """They come; returns when so many have been let in so far, and the others had time to be."""
        for name in names:
            self._away[name] = asyncio.Event()
            self._tasks[name] = asyncio.create_task(self._visit(name))
        await self.until(expected)

    async def until(self, expected: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.order) < expected:  # noqa: ASYNC110 - as many as are expected, whoever they are
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert len(self.order) == expected

    async def go(self, *names: str) -> None:
        for name in names:
            self._away[name].set()
            await self._tasks[name]

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await asyncio.wait([self._tasks[name]])
        assert self._tasks[name].cancelled()

    async def _visit(self, name: str) -> None:
        async with self.lanes.connection() as connection:
            self.order.append(name)
            self.inside[name] = await connection.fetchval(WHO)
            await self._away[name].wait()


async def test_few_go_at_once_and_the_others_in_the_order_in_which_they_came(pool):
    visitors = Visitors(Lanes(pool, PATIENCE, few=2, soon=LONG))
    await visitors.come(*"abcd", expected=2)
    assert visitors.order == ["a", "b"]
    await visitors.go("b")
    await visitors.until(3)
    await visitors.go("a")
    await visitors.until(4)
    assert visitors.order == ["a", "b", "c", "d"]
    await visitors.go("c", "d")
    # Two connections served them all, and are kept.
    assert len(set(visitors.inside.values())) == 2
    assert pool.get_size() - pool.get_idle_size() == 2
    await visitors.lanes.close()
    assert pool.get_size() == pool.get_idle_size()


async def test_who_has_waited_long_enough_goes_beside_them(pool):
    visitors = Visitors(Lanes(pool, PATIENCE, few=1, soon=0.02))
    await visitors.come(*"abc", expected=3)
    assert len(set(visitors.inside.values())) == 3
    await visitors.go("c", "a", "b")
    assert pool.get_size() - pool.get_idle_size() == 1
    await visitors.lanes.close()


async def test_who_gives_up_takes_no_lane(pool):
    visitors = Visitors(Lanes(pool, PATIENCE, few=1, soon=LONG))
    await visitors.come(*"abc", expected=1)
    await visitors.give_up("b")
    await visitors.go("a")
    await visitors.until(2)
    await visitors.give_up("c")
    await visitors.come("d", expected=3)
    await visitors.go("d")
    await visitors.lanes.close()


async def test_who_is_let_in_and_gives_up_at_that_moment_takes_no_lane(pool):
    lanes = Lanes(pool, PATIENCE, few=1, soon=LONG)
    for failed in (False, True):
        first = await lanes.enter()
        second = asyncio.create_task(lanes.enter())
        await asyncio.sleep(0)
        await lanes.leave(first, failed=failed)
        second.cancel()  # its turn has come, and it does not know yet
        await asyncio.wait([second])
        assert second.cancelled()
    async with asyncio.timeout(PATIENCE), lanes.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await lanes.close()


@pytest.mark.parametrize(
    "failure", [ValueError("inside"), asyncio.CancelledError()], ids=["error", "cancelled"]
)
async def test_a_failure_gives_the_lane_back_and_lets_the_pool_look_at_the_connection(pool, failure):
    lanes = Lanes(pool, PATIENCE, few=1, soon=LONG)
    with pytest.raises(type(failure)):
        async with lanes.connection():
            raise failure
    assert pool.get_size() == pool.get_idle_size()
    async with asyncio.timeout(PATIENCE), lanes.connection():
        pass
    await lanes.close()


async def test_a_connection_that_has_ended_is_not_given_again(pool, postgres_server):
    lanes = Lanes(pool, PATIENCE, few=1, soon=LONG)
    async with lanes.connection() as connection:
        ended = await connection.fetchval(WHO)
    other = await asyncpg.connect(postgres_server)
    await other.execute("SELECT pg_terminate_backend($1)", ended)
    await other.close()
    async with asyncio.timeout(PATIENCE):
        # The pool may open another at once; the one that has ended is no longer lent to anybody.
        while pool.get_size() > pool.get_idle_size():  # noqa: ASYNC110 - asyncpg tells nobody
            await asyncio.sleep(0.001)
    async with lanes.connection() as connection:
        assert await connection.fetchval(WHO) != ended
    await lanes.close()


async def test_a_pool_that_has_none_to_give_leaves_the_lane_free(pool):
    lanes = Lanes(pool, 0.05, few=1, soon=LONG)
    async with AsyncExitStack() as busy:
        for _ in range(pool.get_max_size()):
            await busy.enter_async_context(pool.acquire())
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await lanes.enter()
    async with asyncio.timeout(PATIENCE), lanes.connection():
        pass
    await lanes.close()
