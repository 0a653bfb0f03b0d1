from __future__ import annotations

import asyncio

from service.interactions.pauses import BREATHER, breathe


async def test_long_work_lets_others_in():
    turns = 0

    async def other():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    for index in range(BREATHER - 1):
        await breathe(index)
    assert turns == 0
    for index in range(BREATHER - 1, 3 * BREATHER):
        await breathe(index)
    assert turns == 3
    waiting.cancel()
