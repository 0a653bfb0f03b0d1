"""Working at jobs: claims tasks, has them performed, and keeps hold of them until they are finished.

Any number of runners, in any number of processes and on any number of machines, work at the jobs of one
database. A runner that is killed leaves tasks whose lease runs out; one that stops gives its tasks back.

Source: ADR 0024
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from service.access.issuers import Issuer
from service.bulk.acting import has_still, is_vouched
from service.bulk.import_request import IMPORT
from service.bulk.sweeping import Sweeper, discard
from service.fhir import codec
from service.fhir.problems import Forbidden, Issue, Problem, Unavailable, operation_outcome
from service.interactions.context import Context
from service.storage.files import Files
from service.storage.jobs import LEASE, Job, Lost, Outcome, Task

POLL: Final = 0.1
"""Units: seconds after which a runner with nothing to do looks again: jobs are added by other processes too."""
LOOK: Final = 0.4
"""Units: seconds after which a runner looks whether a task is still its own: a cancel is seen within a second."""
PAUSES: Final = (1_000, 10_000)
"""Units: milliseconds before a task that failed is tried again, the first and the second time."""
LASTING: Final = frozenset({IMPORT})
"""Kinds of jobs of which a task may take as long as a source or a file does; those of the others are short."""
_AGAIN: Final = 0.5  # seconds after which a store that could not be reached is asked again
_EXTENSIONS: Final = 3  # times that a lease is extended in its own length

TASK_DONE: Final = "job_task_done"
TASK_LOST: Final = "job_task_lost"
TASK_FAILED: Final = "job_task_failed"
JOB_FAILED: Final = "job_failed"
SWEEP_FAILED: Final = "job_sweep_failed"
JOBS_UNREACHABLE: Final = "jobs_unreachable"

Report = Callable[[str, Task | None, BaseException | None], None]

_UNEXPECTED: Final = Issue(
    "fatal",
    "exception",
    "job-failed",
    "Something went wrong on our side, and the job was given up. Give its id to those who run the server.",
)


def _revoked() -> Forbidden:
    return Forbidden("client-revoked", "The client that asked for the job was revoked, so it was given up.")


class Kind(Protocol):
    """How the tasks of a kind of jobs are carried out."""

    async def perform(self, context: Context, files: Files, task: Task) -> Outcome:
        """What comes of the task: the same whenever and however often it is performed.

        What takes longer than some milliseconds runs in a thread, and calls `task.require()` there now and
        then. A Problem fails the job with its issues; but where something is unavailable (`Unavailable`), or
        anything else goes wrong, the task is tried again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How a runner goes about it: tasks at once, and its times.

    Units: `lease` and `pauses` milliseconds, the others seconds.
    """

    tasks: int = 2
    lease: int = LEASE
    poll: float = POLL
    look: float = LOOK
    pauses: tuple[int, ...] = PAUSES


def _silent(_event: str, _task: Task | None, _fault: BaseException | None) -> None:
    """Reports to nobody."""


class Runner:
    """Works at jobs in this process."""

    def __init__(
        self,
        context: Context,
        files: Files,
        kinds: Mapping[str, Kind],
        *,
        pace: Pace = Pace(),
        report: Report = _silent,
        lasting: frozenset[str] = LASTING,
        issuers: Collection[Issuer] = (),
    ) -> None:
        """`report` is told, by the names above, what happens to tasks. `issuers` are those that are believed.

        Tasks of `lasting` kinds leave one of the places free for the others, where there are several.
        """
        self._context = context
        self._jobs = context.store.jobs
        self._files = files
        self._kinds = kinds
        self._pace = pace
        self._report = report
        self._lasting = lasting
        self._issuers = issuers
        self._holder = secrets.token_hex(8)
        self._sweeper = Sweeper(
            self._jobs, files, context.clock, lambda fault: report(SWEEP_FAILED, None, fault)
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Works until told to stop; what is not finished then is given back."""
        stopped = asyncio.create_task(stop.wait())
        sweeping = asyncio.create_task(self._sweeper.run())
        working: dict[asyncio.Task[None], str] = {}  # with the kinds of their jobs
        try:
            while not stop.is_set():
                task = await self._claim(working.values()) if len(working) < self._pace.tasks else None
                if task is not None:
                    working[asyncio.create_task(self._work(task))] = task.job.kind
                else:
                    await self._something(stopped, working)
                working = {one: kind for one, kind in working.items() if not one.done()}
        finally:
            for one in (*working, stopped, sweeping):
                one.cancel()
            await asyncio.gather(*working, stopped, sweeping, return_exceptions=True)

    async def finish(self, locality: str, id_: str) -> Job:
        """The job, worked at until it ended, with whatever else waits meanwhile.

        Raises:
            LookupError: there is no such job.
        """
        stop = asyncio.Event()
        running = asyncio.create_task(self.run(stop))
        try:
            while (job := await self._jobs.find(locality, id_)) is not None and job.is_open:
                await asyncio.wait({running}, timeout=self._pace.poll)
                if running.done():
                    running.result()
        finally:
            stop.set()
            await running
        if job is None:
            raise LookupError(id_)
        return job

    async def _something(self, stopped: asyncio.Task[bool], working: Iterable[asyncio.Task[None]]) -> None:
        """Waits until a task ends, a job is added, or some time is over."""
        arrival = asyncio.create_task(self._jobs.arrival(self._pace.poll))
        try:
            await asyncio.wait({stopped, arrival, *working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arrival.cancel()

    def _welcome(self, held: Iterable[str]) -> frozenset[str]:
        """The kinds of which a task may be taken beside those of the kinds held.

        Else a few slow sources would keep all places, and nobody else's job went on.
        """
        kinds = frozenset(self._kinds)
        lasting = sum(kind in self._lasting for kind in held)
        return kinds if lasting < max(1, self._pace.tasks - 1) else kinds - self._lasting

    async def _claim(self, held: Iterable[str]) -> Task | None:
        kinds = self._welcome(held)
        if not kinds:
            return None
        try:
            return await self._jobs.claim(self._holder, kinds, self._pace.lease)
        except Exception as fault:  # noqa: BLE001 - whatever it is, what is being worked at goes on
            self._report(JOBS_UNREACHABLE, None, fault)
            await asyncio.sleep(_AGAIN)
            return None

    async def _work(self, task: Task) -> None:
        """Performs the task and tells what came of it; it is given back where this is cancelled."""
        performing = asyncio.create_task(self._perform(task))
        holding = asyncio.create_task(self._hold(task))
        try:
            await asyncio.wait({performing, holding}, return_when=asyncio.FIRST_COMPLETED)
            if performing.done():
                await self._tell(task, performing)
            else:
                await self._let_go(task, performing, holding)
        except asyncio.CancelledError:
            await self._give_back(task, performing)
            raise
        except Exception as fault:  # noqa: BLE001 - its lease runs out, and it is tried again
            self._report(TASK_FAILED, task, fault)
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)

    async def _perform(self, task: Task) -> Outcome:
        if await self._is_revoked(task.job):
            raise _revoked()
        return await self._kinds[task.job.kind].perform(self._context, self._files, task)

    async def _is_revoked(self, job: Job) -> bool:
        """Whether the client of the job may not do that any more. One that is not registered may be of an issuer."""
        client = await self._context.store.registrations.find(job.client)
        if client is None:
            return not is_vouched(self._issuers, job.client, job.caller)
        return client.revoked is not None or not has_still(client, job.caller)

    async def _hold(self, task: Task) -> Forbidden | None:
        """Keeps hold of the task; ends when it is lost, or with a reason when nobody may work at it any more."""
        clock, lease = self._context.clock, self._pace.lease
        extended = clock()
        while True:
            await asyncio.sleep(min(self._pace.look, lease / 1000 / _EXTENSIONS))
            now = clock()
            try:
                if now - extended < lease / _EXTENSIONS:
                    held = await self._jobs.holds(task)
                else:
                    held, extended = await self._jobs.extend(task, lease), now
                if held and await self._is_revoked(task.job):
                    return _revoked()
            except Unavailable:
                held = now - extended < lease
            if not held:
                return None

    async def _tell(self, task: Task, performing: asyncio.Task[Outcome]) -> None:
        try:
            outcome = performing.result()
        except (Lost, asyncio.CancelledError):
            await self._discard(task)
        except Exception as fault:  # noqa: BLE001 - whatever it is, the job must hear of it
            await self._fail(task, fault)
        else:
            await self._complete(task, outcome)

    async def _complete(self, task: Task, outcome: Outcome) -> None:
        """Stores the outcome, for as long as the store cannot be reached and the task may still be ours."""
        patience = self._context.clock() + self._pace.lease
        while True:
            try:
                if await self._jobs.complete(task, outcome):
                    self._report(TASK_DONE, task, None)
                else:
                    await self._discard(task)
                return
            except Unavailable as fault:
                self._report(JOBS_UNREACHABLE, task, fault)
                if self._context.clock() > patience:
                    return
                await asyncio.sleep(_AGAIN)

    async def _fail(self, task: Task, fault: Exception) -> None:
        final = isinstance(fault, Problem) and not isinstance(fault, Unavailable)
        issues = fault.issues if isinstance(fault, Problem) else [_UNEXPECTED]
        said = codec.encode(operation_outcome(issues))
        pause = self._pace.pauses[min(task.faults, len(self._pace.pauses) - 1)]
        self._report(TASK_FAILED, task, fault)
        try:
            if await self._jobs.fail(task, said, final=final, pause=pause):
                self._report(JOB_FAILED, task, fault)
        except Unavailable as unreachable:
            # Its lease runs out, and it is tried again.
            self._report(JOBS_UNREACHABLE, task, unreachable)
        await self._remove(task)

    async def _let_go(
        self,
        task: Task,
        performing: asyncio.Task[Outcome],
        holding: asyncio.Task[Forbidden | None],
    ) -> None:
        """Stops what runs for a task that is not ours any more, or that nobody may work at."""
        task.gone.set()
        performing.cancel()
        await asyncio.gather(performing, return_exceptions=True)
        refusal = None if holding.exception() else holding.result()
        if refusal is None:
            await self._discard(task)
        else:
            await self._fail(task, refusal)

    async def _give_back(self, task: Task, performing: asyncio.Task[Outcome]) -> None:
        task.gone.set()
        performing.cancel()
        await asyncio.gather(performing, return_exceptions=True)
        try:
            await self._jobs.release(task)
        except Unavailable as fault:
            self._report(JOBS_UNREACHABLE, task, fault)
        await self._remove(task)

    async def _discard(self, task: Task) -> None:
        self._report(TASK_LOST, task, None)
        await self._remove(task)

    async def _remove(self, task: Task) -> None:
        """Removes what the attempt wrote and nobody knows of; what is left now the sweeper finds later."""
        try:
            await discard(self._jobs, self._files, task)
        except Unavailable as fault:
            self._report(JOBS_UNREACHABLE, task, fault)
