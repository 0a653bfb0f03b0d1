"""Picturing: has a chart drawn as PNG by a process of its own, some at a time, while others are answered.

Source: service/pages/charts/pixels.py
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Final
from weakref import WeakKeyDictionary

from service.fhir.problems import Unavailable
from service.pages.charts.raster import Order

_PROGRAM: Final = (sys.executable, "-m", "service.pages.charts.pixels")
# Drawn at a time by one worker; others wait their turn.
AT_ONCE: Final = 2
# Seconds after which something is wrong: the largest picture takes a few.
LONGEST: Final = 30.0

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


async def png(order: Order) -> bytes:
    """The picture that is ordered.

    Raises:
        Unavailable: it could not be drawn in time.
    """
    turn = _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE))
    async with turn:
        process = await asyncio.create_subprocess_exec(*_PROGRAM, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)
        try:
            async with asyncio.timeout(LONGEST):
                picture, _ = await process.communicate(order.written())
        except TimeoutError:
            raise Unavailable("chart-not-drawn", "The chart could not be drawn in time; ask again.") from None
        finally:
            # Also where whoever asked has gone away meanwhile.
            if process.returncode is None:
                process.kill()
                await process.wait()
    if process.returncode != 0 or not picture:
        raise RuntimeError(f"A chart was not drawn: the process ended with {process.returncode}.")
    return picture
