"""Rounds of jobs under faults: killed, frozen, stopped workers, cancels, full disks, restarts, crashes of the database.

Every job must end. Of one that is done every line must be there exactly once, and the files of one that is not
must go. Nothing is ever half written: what there is to read while all this happens is read, and must be whole.

Source: ADR 0024
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

from benchmarks.durability.job_tally import CANCEL, Ending, Event, Round, anew
from benchmarks.durability.job_workers import Workers
from benchmarks.processes import alive
from service import asgi
from service.bulk.sweeping import ABANDONED, Sweeper
from service.fhir import codec
from service.fhir.problems import Unavailable
from service.storage.files_folder import STALE
from service.storage.job_steps import REMEMBERED
from service.storage.jobs import MOST_LOSSES
from service.storage.open import migrate
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from service.interactions.context import Context
    from service.settings import Settings
    from service.storage.jobs import Job
    from tests.postgres import Cluster

WORKERS: Final = 3
PATIENCE: Final = 180.0
"""Units: seconds in which every job of a round must have ended once the faults are over."""
CHAOS: Final = (0.02, 0.2)  # seconds between two faults
DISTURBED: Final = (2.0, 5.0)  # seconds for which the jobs of a round are disturbed
FROZEN: Final = (0.3, 3.0)  # seconds that a worker stands still: less and more than its lease
FULL: Final = (0.2, 1.5)  # seconds that the disk is full
# How often each fault comes, in relation to the others. «look» is none: it reads what there is meanwhile.
EVERY: Final = {"kill": 6, "freeze": 6, "stop": 3, "restart": 1, CANCEL: 1, "fill": 1, "crash": 1, "look": 4}
FULL_DISK: Final = "full disk"
CRASH: Final = "crash of the database"
RESTART: Final = "restart"
READABLE: Final = frozenset({"output", "deleted", "error"})  # files that a client gets
# What a job may fail for, where that was done to it.
OF_THE_DISK: Final = frozenset({"storage-full", "files-unavailable"})
OF_THE_DATABASE: Final = frozenset({"store-unavailable"})
OF_KILLS: Final = "job-task-lost"


class Errand(Protocol):
    """A job that is asked for in a round, and what must have come of it."""

    @property
    def job(self) -> Job:
        """The job."""
        ...

    async def begin(self, context: Context) -> None:
        """Adds the job."""
        ...

    async def faults(self, context: Context) -> Sequence[str]:
        """What is wrong with what came of it, now that it is done."""
        ...

    async def halves(self, context: Context) -> Sequence[str]:
        """What is wrong with what is left of it, now that it ended and was not done: nothing may be half there."""
        ...


@dataclass(slots=True)
class World:
    """A database, a place for files, and workers; `disk` is a small file system of its own, where one can be had."""

    settings: Settings
    parts: asgi.Kernel
    workers: Workers
    disk: Path | None
    cluster: Cluster | None
    random: Random
    events: list[Event] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)

    async def rounds(
        self,
        count: int,
        errands: Callable[[Context, Random], Awaitable[Sequence[Errand]]],
        told: Callable[[Round], None],
    ) -> list[Round]:
        """The rounds, one after the other, on the one database."""
        migrate(self.settings.database_url)
        async with asgi.opened(self.settings, self.parts) as context:
            done: list[Round] = []
            for number in range(count):
                self.events, self.torn = [], []
                done.append(await self._round(context, number, await errands(context, self.random)))
                told(done[-1])
            return done

    async def _round(self, context: Context, number: int, errands: Sequence[Errand]) -> Round:
        begun = time.perf_counter()
        self.workers.refill(WORKERS)
        for errand in errands:
            await errand.begin(context)
        chaos = asyncio.create_task(self._disturb(context, errands))
        try:
            await asyncio.wait({chaos}, timeout=self.random.uniform(*DISTURBED))
        finally:
            chaos.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await chaos
            await self._calm()
        faults = await self._settled(context, errands)
        again = await anew(self.settings.database_url)
        endings = [_ending(await _find(context, errand.job), again) for errand in errands]
        await self._make_room(context, errands)
        return Round(
            number,
            tuple(endings),
            tuple(self.events),
            time.perf_counter() - begun,
            (*self.torn, *faults),
        )

    async def _disturb(self, context: Context, errands: Sequence[Errand]) -> None:
        """Does one thing after the other to the workers, the jobs, the disk and the database."""
        async with asyncio.TaskGroup() as under_way:
            while True:
                match self.random.choices(list(EVERY), list(EVERY.values()))[0]:
                    case "kill":
                        self._end(signal.SIGKILL)
                    case "stop":
                        self._end(signal.SIGTERM)
                    case "freeze":
                        under_way.create_task(self._freeze())
                    case "fill":
                        under_way.create_task(self._fill())
                    case "crash":
                        await self._crash()
                    case "restart":
                        await self._restart()
                    case "look":
                        await self._look(context, self.random.choice(errands).job)
                    case _:
                        await self._cancel(context, errands)
                await asyncio.sleep(self.random.uniform(*CHAOS))

    def _end(self, number: signal.Signals) -> None:
        if self.workers.running:
            self.workers.signal(self.random.choice(self.workers.running), number)
            self._note(number.name)
            self.workers.start()

    async def _freeze(self) -> None:
        """Lets a worker stand still for a while, and then go on as if nothing had been."""
        if not self.workers.running:
            return
        pid = self.random.choice(self.workers.running)
        self.workers.signal(pid, signal.SIGSTOP)
        self._note("SIGSTOP")
        try:
            await asyncio.sleep(self.random.uniform(*FROZEN))
        finally:
            self.workers.signal(pid, signal.SIGCONT)

    async def _cancel(self, context: Context, errands: Sequence[Errand]) -> None:
        """Cancels one of those that are still under way."""
        with contextlib.suppress(Unavailable):
            for job in [one.job for one in self.random.sample(errands, len(errands))]:
                found = await context.store.jobs.find(job.locality, job.id)
                if found is not None and found.is_open:
                    self._note(CANCEL, job.id)  # before it is known: it may be done and its answer be lost
                    await context.store.jobs.cancel(job.locality, job.id)
                    break

    async def _look(self, context: Context, job: Job) -> None:
        """Reads one of the files of the job that there are already: it must be whole, or gone with its job."""
        with contextlib.suppress(Unavailable):
            files = await context.store.jobs.files(job.locality, job.id)
            for file in [one for one in files if one.kind in READABLE][-1:]:
                size = lines = 0
                with contextlib.suppress(FileNotFoundError):
                    async for chunk in context.files.read(file.path):
                        size, lines = size + len(chunk), lines + chunk.count(b"\n")
                if (size, lines) == (file.size, file.count):
                    continue
                found = await context.store.jobs.find(job.locality, job.id)
                if found is None or found.is_open or found.state == "done":
                    self.torn.append(f"{job.kind} {job.id}: {size} bytes are not the {file.size} of a file")

    async def _fill(self) -> None:
        """Takes all the room that there is on the disk for a while."""
        if self.disk is None or (self.disk / "filler").exists():
            return
        filler = self.disk / "filler"
        try:
            self._note(FULL_DISK)
            _take_all(filler)
            await asyncio.sleep(self.random.uniform(*FULL))
        finally:
            filler.unlink(missing_ok=True)

    async def _crash(self) -> None:
        if self.cluster is not None:
            self._note(CRASH)
            self.cluster.crash()
            self.cluster.start()

    async def _restart(self) -> None:
        """What a machine that goes down and comes up does: to all workers that are not frozen, and to the database."""
        self._note(RESTART)
        for pid in list(self.workers.running):
            self.workers.signal(pid, signal.SIGKILL)
        await self._crash()
        self.workers.refill(WORKERS)

    async def _calm(self) -> None:
        """Lets everything be well again."""
        for pid in list(self.workers.frozen):
            self.workers.signal(pid, signal.SIGCONT)
        if self.disk is not None:
            (self.disk / "filler").unlink(missing_ok=True)
        if self.cluster is not None:
            with contextlib.suppress(PostgresAbsent):
                if alive(self.cluster.pid):
                    return
            await asyncio.to_thread(self.cluster.start)

    async def _settled(self, context: Context, errands: Sequence[Errand]) -> list[str]:
        """What is wrong when all is quiet again."""
        deadline = time.monotonic() + PATIENCE
        faults: list[str] = []
        for errand in errands:
            while (job := await _find(context, errand.job)).is_open:
                if time.monotonic() > deadline:
                    faults.append(
                        f"{job.kind} {job.id} has not ended: {job.state}, {job.done} of {job.total}"
                    )
                    break
                await asyncio.sleep(0.2)
                self.workers.refill(WORKERS)
            faults += await self._judged(context, errand, job)
        return faults

    async def _make_room(self, context: Context, errands: Sequence[Errand]) -> None:
        """Takes away what the round has left on the disk, as clients and time would."""
        for errand in errands:
            await context.store.jobs.cancel(errand.job.locality, errand.job.id)
        await Sweeper(context.store.jobs, context.files, context.clock).sweep()
        await context.files.tidy(context.clock() + 2 * STALE)

    async def _judged(self, context: Context, errand: Errand, job: Job) -> list[str]:
        if job.state == "done":
            return [f"{job.kind} {job.id}: {fault}" for fault in await errand.faults(context)]
        if job.is_open:
            return []  # which is told already
        halves = [f"{job.kind} {job.id}: {half}" for half in await errand.halves(context)]
        if job.state == "cancelled" and any(one.job == job.id for one in self.events):
            return halves
        if job.state == "failed":
            why = _why(job)
            return halves if self._may_fail(why) else [f"{job.kind} {job.id} failed: {why}", *halves]
        return [f"{job.kind} {job.id} is {job.state}", *halves]

    def _may_fail(self, why: str) -> bool:
        done = Counter(one.what for one in self.events)
        kills = done["SIGKILL"] + done["SIGSTOP"] + done[RESTART]
        return (
            (why in OF_THE_DISK and bool(done[FULL_DISK]))
            or (why in OF_THE_DATABASE and bool(done[CRASH]))
            or (why == OF_KILLS and kills > MOST_LOSSES - 1)
        )

    def _note(self, what: str, job: str = "") -> None:
        self.events.append(Event(what, round(time.time() * 1000), job))


def _why(job: Job) -> str:
    slug: str = codec.restore(job.fault)["issue"][0]["details"]["coding"][0]["code"]
    return slug


def _ending(job: Job, again: Mapping[str, int]) -> Ending:
    why = _why(job) if job.state == "failed" else ""
    ended = math.inf if job.ended is None else job.ended
    return Ending(job.kind, job.id, job.state, why, ended, again.get(job.id, 0))


async def swept(context: Context) -> list[str]:
    """What is left in the file store when the time of every job is over, which must be nothing."""
    sweeping = [0, ABANDONED, 2 * ABANDONED, 2 * ABANDONED + REMEMBERED, 2 * (ABANDONED + REMEMBERED)]
    for later in sweeping:
        now = context.clock() + later
        await Sweeper(context.store.jobs, context.files, partial(int, now)).sweep()
    return list(await context.files.idle(2**50))


async def _find(context: Context, job: Job) -> Job:
    """The job as it is now, however long the database is away."""
    while True:
        with contextlib.suppress(Unavailable):
            found = await context.store.jobs.find(job.locality, job.id)
            if found is None:
                raise LookupError(job.id)
            return found
        await asyncio.sleep(0.1)


def _take_all(filler: Path) -> None:
    with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
