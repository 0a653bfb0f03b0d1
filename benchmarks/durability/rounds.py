"""Rounds of load, kill, restart and verification, on one database after another.

Source: design, section 5
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Literal

import uvloop

from benchmarks import servers
from benchmarks.durability.ledger import Ledger
from benchmarks.durability.verification import Verification
from benchmarks.durability.writers import Writer
from benchmarks.figures import percentile
from benchmarks.target import target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.servers import Place, Server
    from benchmarks.target import Target

Victim = Literal["server", "database", "both"]

# The kill comes at a random moment of this many seconds of load.
LOAD_SECONDS = (0.2, 1.5)
# In one of so many rounds the server is killed a second time, while it starts.
KILL_AGAIN_IN = 8
KILL_AGAIN_SECONDS = 1.0
# Resources of earlier rounds that each round looks at again.
OLDER = 100
# Writers end at once when the server is gone; whoever does not hangs, and that is a fault.
WRITERS_END_SECONDS = 30.0
CHECK_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Kills:
    """What is done. `fresh_every` rounds on one database, `check_every` rounds of them checked as a whole."""

    database: str
    rounds: int
    victim: Victim = "server"
    workers: int = 2
    writers: int = 8
    seed: int = 1
    check_every: int = 1
    fresh_every: int = 20


@dataclass(frozen=True, slots=True)
class Round:
    """One round's figures. `open` writes had no answer; `settled` of them turned out to be stored."""

    number: int
    acknowledged: int
    open: int
    settled: int
    restart_seconds: float
    verify_seconds: float
    checked: bool
    faults: tuple[str, ...]


def rounds(kills: Kills) -> Iterator[Round]:
    """Yield the rounds as they end. Raises postgres.PostgresAbsent, servers.NotServing."""
    random = Random(kills.seed)
    for first in range(0, kills.rounds, kills.fresh_every):
        with servers.place(kills.database) as where:
            numbers = range(first, min(first + kills.fresh_every, kills.rounds))
            with servers.running(where, kills.workers, "--sandbox") as server:
                yield from _Database(kills, where, server, random).rounds(numbers)


class _Database:
    """One database and its server over some rounds."""

    def __init__(self, kills: Kills, where: Place, server: Server, random: Random) -> None:
        self._kills = kills
        self._where = where
        self._server = server
        self._random = random
        self._target: Target = target(server.base_url)
        self._ledger = Ledger()
        self._writers = [
            Writer(self._target, self._ledger, lane, Random(random.random())) for lane in range(kills.writers)
        ]

    def rounds(self, numbers: range) -> Iterator[Round]:
        uvloop.run(self._prepare())
        for number in numbers:
            yield self._round(number, last=number == numbers[-1])

    async def _prepare(self) -> None:
        for writer in self._writers:
            await writer.prepare()

    def _round(self, number: int, *, last: bool) -> Round:
        ledger = self._ledger
        before, ledger.faults = ledger.acknowledged, []
        uvloop.run(self._load_and_strike())
        acknowledged = ledger.acknowledged - before
        open_ = len(ledger.open_creates) + len(ledger.open_bundles)
        open_ += sum(track.open is not None for track in ledger.touched.values())
        restart = self._restart()
        began = time.perf_counter()
        verification = Verification(self._target, ledger)
        older = ledger.tracks if last else self._random.sample(ledger.tracks, min(OLDER, len(ledger.tracks)))
        uvloop.run(verification.round(older))
        checked = last or number % self._kills.check_every == 0
        if checked:
            self._check()
        ledger.close_round()
        return Round(
            number=number,
            acknowledged=acknowledged,
            open=open_,
            settled=verification.settled,
            restart_seconds=restart,
            verify_seconds=time.perf_counter() - began,
            checked=checked,
            faults=tuple(ledger.faults),
        )

    async def _load_and_strike(self) -> None:
        struck = asyncio.Event()
        writing = [asyncio.create_task(writer.write(struck)) for writer in self._writers]
        await asyncio.sleep(self._random.uniform(*LOAD_SECONDS))
        struck.set()
        await asyncio.to_thread(self._strike)
        _, hanging = await asyncio.wait(writing, timeout=WRITERS_END_SECONDS)
        for task in hanging:
            task.cancel()
        if hanging:
            self._ledger.faults.append(f"{len(hanging)} writers were never answered")
        for task in set(writing) - hanging:
            task.result()

    def _strike(self) -> None:
        if self._kills.victim in {"server", "both"}:
            self._server.kill()
        if self._kills.victim in {"database", "both"} and self._where.cluster is not None:
            self._where.cluster.crash()

    def _restart(self) -> float:
        """Return the seconds from the start of what was killed until the server is ready."""
        if self._kills.victim in {"database", "both"} and self._where.cluster is not None:
            self._where.cluster.start()
        if self._kills.victim != "database":
            if self._random.randrange(KILL_AGAIN_IN) == 0:
                self._server.start()
                time.sleep(self._random.uniform(0, KILL_AGAIN_SECONDS))
                self._server.kill()
            self._server.start()
        try:
            return self._server.await_ready()
        except servers.NotServing as fault:
            self._ledger.faults.append(str(fault))
            raise

    def _check(self) -> None:
        try:
            self._server.run("check", timeout=CHECK_SECONDS)
        except servers.NotServing as fault:
            self._ledger.faults.append(str(fault))


def total(done: list[Round]) -> dict[str, float]:
    """Return the sums over all rounds, restarts as percentiles. Units: seconds."""
    restarts = sorted(one.restart_seconds for one in done)
    return {
        "rounds": len(done),
        "acknowledged": sum(one.acknowledged for one in done),
        "open": sum(one.open for one in done),
        "open_and_stored": sum(one.settled for one in done),
        "faults": sum(len(one.faults) for one in done),
        "restart_p50": percentile(restarts, 0.5),
        "restart_max": percentile(restarts, 1),
    }
