"""PNGs are drawn by a process of their own, while the service answers others."""

from __future__ import annotations

import asyncio
import sys

import pytest

from service.fhir.problems import Unavailable
from service.operations import picturing
from service.pages.charts import drawing, raster
from service.pages.charts.pictures import Chart
from tests.pages.charts.drawings import Picture, panel, png, rated

CHART = Chart((panel(rated(2, 6), wording="Get to school"),), 320)
ORDER = raster.order(drawing.draw(CHART), 1)


async def test_the_picture_is_the_same_as_drawn_here():
    assert await picturing.png(ORDER) == png(CHART)


async def test_others_are_answered_meanwhile():
    turns = 0
    drawn = asyncio.ensure_future(picturing.png(ORDER))
    while not drawn.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert Picture(await drawn, 1).width == 320
    assert turns > 5


async def test_no_more_at_once_than_so_many(monkeypatch):
    running = most = 0
    start = asyncio.create_subprocess_exec

    async def counted(*arguments, **more):
        nonlocal running, most
        running += 1
        most = max(most, running)
        process = await start(*arguments, **more)
        communicate = process.communicate

        async def ended(given):
            nonlocal running
            try:
                return await communicate(given)
            finally:
                running -= 1

        process.communicate = ended
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    pictures = await asyncio.gather(*(picturing.png(ORDER) for _ in range(5)))
    assert len(set(pictures)) == 1
    assert most == picturing.AT_ONCE


SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")


async def test_what_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(picturing, "_PROGRAM", SLEEPER)
    monkeypatch.setattr(picturing, "LONGEST", 0.05)
    with pytest.raises(Unavailable) as caught:
        await picturing.png(ORDER)
    assert caught.value.issues[0].slug == "chart-not-drawn"


async def test_whoever_goes_away_leaves_no_process_behind(monkeypatch):
    monkeypatch.setattr(picturing, "_PROGRAM", SLEEPER)
    started, running = [], asyncio.Event()
    start = asyncio.create_subprocess_exec

    async def kept(*arguments, **more):
        started.append(await start(*arguments, **more))
        running.set()
        return started[0]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", kept)
    drawn = asyncio.ensure_future(picturing.png(ORDER))
    await running.wait()
    drawn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drawn
    assert started[0].returncode is not None


@pytest.mark.parametrize("program", ["import sys; sys.exit(3)", "pass"])
async def test_a_process_that_fails_is_a_fault_of_ours(monkeypatch, program):
    monkeypatch.setattr(picturing, "_PROGRAM", (sys.executable, "-c", program))
    with pytest.raises(RuntimeError):
        await picturing.png(ORDER)
