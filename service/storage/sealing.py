"""The audit's chain: old entries are sealed in blocks, each block's hash is of the former one's too.

What is older than `OLD` can have no entries before it any more, so its order is settled. One process at
a time seals, whichever finds that nobody does; should two ever do so, both would make the very
same block, of which one is kept. Nobody who writes waits for this.

Source: ADR 0020
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from service.storage import audit
from service.storage.audit import COLUMNS, Row
from service.storage.ledger import FRESH, Ledger
from service.storage.searching import MARGIN

OLD: Final = MARGIN + FRESH
"""Units: milliseconds after which no entry with an earlier place can appear any more.

An entry is placed at most `FRESH` before the statement that stores it begins; the rest is as `MARGIN` says.
"""
BLOCK: Final = 1_000
"""Units: entries of a block at most."""
WAIT: Final = 60_000
"""Units: milliseconds that entries wait at most for a block to be full."""

# So many entries are read into a block between two looks at other requests.
_STEP: Final = 100

_LAST: Final = (
    "SELECT number, high, last, hash FROM audit_block WHERE locality = $1 ORDER BY number DESC LIMIT 1"
)
_NEXT: Final = (
    f"SELECT {', '.join(COLUMNS)} FROM audit WHERE locality = $1 AND (at, serial) > ($2, $3) AND at < $4"  # noqa: S608 - our own names
    f" ORDER BY at, serial LIMIT {BLOCK}"
)
_BEFORE_ALL: Final = (-(1 << 62), 0)


class Tail(NamedTuple):
    """Where the sealed part of a locality's audit ends: the number of blocks, the last place, the last hash."""

    number: int
    high: int
    last: int
    hash: bytes


async def seal(ledger: Ledger, clock: Callable[[], int]) -> int:
    """How many blocks were made of what is old enough; none where another process seals just now.

    Raises:
        Unavailable: the database cannot be reached now.
    """
    async with ledger.shelf.alone() as ours:
        if not ours:
            return 0
        made = 0
        for code, name in await ledger.localities():
            tail = await _tail(ledger, code, name)
            while (block := await _next(ledger, code, tail, clock())) is not None:
                if not await ledger.shelf.seal((code, block.number, *_kept(block))):
                    break
                made += 1
                tail = Tail(block.number, block.high, block.last, block.hash)
        return made


class _Block(NamedTuple):
    number: int
    low: int
    high: int
    last: int
    size: int
    hash: bytes


def _kept(block: _Block) -> Row:
    return block[1:]


async def _tail(ledger: Ledger, locality: int, name: str) -> Tail:
    rows = await ledger.shelf.fetch(_LAST, locality)
    if not rows:
        return Tail(0, *_BEFORE_ALL, audit.beginning(name))
    number, high, last, hash_ = rows[0]
    return Tail(number, high, last, bytes(hash_))


async def _next(ledger: Ledger, locality: int, tail: Tail, now: int) -> _Block | None:
    """The next block; None where there is nothing to seal, or more may come to fill it."""
    rows: Sequence[Sequence[Any]] = await ledger.shelf.fetch(_NEXT, locality, tail.high, tail.last, now - OLD)
    if not rows or (len(rows) < BLOCK and rows[0][1] > now - OLD - WAIT):
        return None
    chain = audit.Chain(tail.hash)
    for start in range(0, len(rows), _STEP):
        for line in await ledger.lines(rows[start : start + _STEP]):
            chain.add(line)
        await asyncio.sleep(0)
    _, low, *_ = rows[0]
    _, high, last, *_ = rows[-1]
    return _Block(tail.number + 1, low, high, last, len(rows), chain.hash)
