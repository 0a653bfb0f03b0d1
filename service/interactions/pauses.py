"""Pauses in long work, so that other requests get their turn.

Source: ADR 0010
"""

from __future__ import annotations

import asyncio

# Other requests get their turn after so many entries: a few milliseconds of work.
BREATHER = 50


async def breathe(index: int) -> None:
    """Gives other requests their turn now and then in a loop over entries."""
    if index % BREATHER == BREATHER - 1:
        await asyncio.sleep(0)
