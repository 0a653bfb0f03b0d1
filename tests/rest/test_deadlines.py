"""One clock for all that runs: what is late ends, and nothing else does."""

import asyncio

import pytest

from service.rest.deadlines import Deadlines
from service.rest.exchanges import Exchange

SOON = 0.1  # seconds
WAIT = 5  # seconds that anything here may take


class Act:
    """A request that goes on until it is told to end, or is given up."""

    def __init__(self, deadlines: Deadlines) -> None:
        self.deadlines = deadlines
        self.seen = Exchange("x", {})
        self.go = asyncio.Event()
        self.task = asyncio.create_task(self.run())

    async def run(self) -> str:
        task = asyncio.current_task()
        self.deadlines.begin(task, self.seen)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            if not self.deadlines.gave_up(task):
                raise
            await asyncio.sleep(0)  # what is said then must not be cancelled once more
            return "late"
        else:
            return "in time"
        finally:
            self.deadlines.end(task)


async def ended(act: Act) -> str:
    return await asyncio.wait_for(act.task, WAIT)


async def test_what_takes_too_long_ends_and_what_began_later_goes_on():
    deadlines = Deadlines(SOON)
    first = Act(deadlines)
    await asyncio.sleep(SOON / 2)
    second = Act(deadlines)
    assert await ended(first) == "late"
    assert not second.task.done()
    second.go.set()
    assert await ended(second) == "in time"
    assert not deadlines._running
    assert not deadlines._given_up


async def test_each_in_its_turn():
    deadlines = Deadlines(SOON)
    acts = [Act(deadlines) for _ in range(50)]
    assert [await ended(act) for act in acts] == ["late"] * 50


async def test_what_has_begun_to_go_out_goes_on():
    act = Act(Deadlines(SOON))
    act.seen.status = 200
    await asyncio.sleep(3 * SOON)
    act.go.set()
    assert await ended(act) == "in time"


async def test_without_a_limit_nothing_ends():
    deadlines = Deadlines(0)
    act = Act(deadlines)
    await asyncio.sleep(SOON)
    assert deadlines._timer is None
    act.go.set()
    assert await ended(act) == "in time"


async def test_who_is_told_to_stop_by_others_stops():
    act = Act(Deadlines(WAIT))
    await asyncio.sleep(0)
    act.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act.task


async def test_who_is_told_to_stop_by_others_too_stops():
    deadlines = Deadlines(SOON)
    act = Act(deadlines)
    await asyncio.sleep(0)
    act.task.cancel()
    deadlines._given_up.add(act.task)
    act.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act.task


async def test_the_clock_stops_when_nothing_runs_and_goes_again():
    deadlines = Deadlines(SOON)
    for _ in range(2):
        act = Act(deadlines)
        await asyncio.sleep(0)
        assert deadlines._timer is not None
        act.go.set()
        assert await ended(act) == "in time"
        await asyncio.sleep(SOON / 2)
        assert deadlines._timer is None
        assert await ended(Act(deadlines)) == "late"
        await asyncio.sleep(SOON / 2)
