"""Work that takes longer than a request: jobs, their tasks, and what these leave behind.

A job is a set of tasks, each short. What comes of a task is a function of the job and of the task alone,
so that it may be begun anew after whoever had it was killed. A task is claimed for a while (a lease); its
`attempt` tells this claim from all others, and what comes of a claim that was lost counts for nothing.
Finishing a task is one transaction: its result, its files, the tasks that it adds, the job's progress, and
the end of the job where nothing is left to do. Every job ends: done, failed, cancelled or expired.

A task may add tasks, which get the next numbers. Only the last task of a chain adds, so that numbers are
the same whoever works and however often it is killed.

Units: milliseconds since 1970 UTC, but for leases and pauses (milliseconds). Clocks of machines that differ
by more than a lease cost work that is done twice; they never make a wrong result.

Source: ADR 0024
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Final, Literal, Protocol, TypeVar
from urllib.parse import quote, unquote

JobState = Literal["queued", "running", "done", "failed", "cancelled", "expired"]
FileKind = Literal["output", "deleted", "error", "report", "input"]

OPEN: Final[frozenset[JobState]] = frozenset({"queued", "running"})
"""The states in which a job's tasks are worked at; no job leaves any of the others for one of these."""

MOST_FAULTS: Final = 3
"""So many times a task may fail for reasons of its own; then its job fails."""
MOST_LOSSES: Final = 10
"""So many times whoever works at a task may be killed meanwhile: one that kills its worker must end too."""
LEASE: Final = 15_000
"""Units: milliseconds. A claim is extended every third of it; a killed worker's task waits that long for the next."""

_ID_BYTES: Final = 16
_Item = TypeVar("_Item")


class Lost(Exception):  # noqa: N818 - a state, not an error: whoever works at the task stops
    """The task is not ours any more: it was cancelled, its lease ran out, or this worker stops."""


def new_job_id() -> str:
    """An id that nobody can guess, as 32 hexadecimal digits."""
    return secrets.token_hex(_ID_BYTES)


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    `id` is 32 hexadecimal digits, `client` and `agency` are who asked for it, `request` and `caller` what was
    asked and with which rights, as its kind writes them. `at` is the moment that it is about. It is kept until
    `expires`: when it is added that is `created` and how long its files are kept; when it ends, they are kept
    as long from then on. `done` of `total` (None: not known yet) says how far it came. `fault` is the JSON of
    an OperationOutcome where it failed.
    """

    locality: str
    id: str
    kind: str
    client: str
    agency: str
    state: JobState
    request: bytes
    caller: bytes
    at: int
    created: int
    ended: int | None
    expires: int
    done: int = 0
    total: int | None = None
    fault: bytes = b""

    @property
    def is_open(self) -> bool:
        """Whether it is still worked at."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True)
class Task:
    """A task that was claimed: the job as it was then, the task's number and what it is to do.

    `attempt` counts the claims, from 1 on. `faults` are the attempts that failed for reasons of their own.
    `gone` is set, from another thread, when the task is ours no longer.
    """

    job: Job
    number: int
    attempt: int
    what: bytes
    faults: int = 0
    gone: Event = field(default_factory=Event, compare=False, repr=False)

    def require(self) -> None:
        """Lets the work go on; to be called every tenth of a second or so by what runs in a thread.

        Raises:
            Lost: the task is ours no longer.
        """
        if self.gone.is_set():
            raise Lost

    def held(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The items, as long as the task is ours.

        Raises:
            Lost: it is so no longer.
        """
        for item in items:
            self.require()
            yield item

    def path(self, ordinal: int) -> str:
        """Where this attempt writes its file of that number, so that no other attempt overwrites it."""
        return f"{folder(self.job)}{self.attempt}-{self.number}-{ordinal}"


def folder(job: Job) -> str:
    """The beginning of the paths of all files of the job, with a slash at the end."""
    return f"{quote(job.locality, safe='')}/{job.id}/"


def owner(prefix: str) -> tuple[str, str]:
    """The locality and the id of the job whose `folder` this is."""
    locality, id_ = prefix.removesuffix("/").split("/")
    return unquote(locality), id_


@dataclass(frozen=True, slots=True)
class File:
    """A file that a task left behind.

    `task` and `ordinal` tell it from the others of the job. `type` is the type of the resources in it. Units:
    `count` resources (lines), `size` bytes. `children` are the packed ids (`names.pack_id`) of the young people
    in it, as `audit.packed` writes them.
    """

    task: int
    ordinal: int
    kind: FileKind
    type: str
    path: str
    count: int
    size: int
    children: bytes = b""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task.

    `more` is what further tasks are to do, in their order, and `then` what those are to do that get the next
    numbers and wait until all tasks before them are finished. `done` is how much further the job is by this
    task, `total` how much it has to do in all, None where that stays as it was. `result` is for later tasks.
    """

    files: tuple[File, ...] = ()
    more: tuple[bytes, ...] = ()
    then: tuple[bytes, ...] = ()
    done: int = 0
    total: int | None = None
    result: bytes = b""


class Jobs(Protocol):
    """The jobs of one database, for all who work at them and all who ask for them.

    Every method may raise `service.fhir.problems.Unavailable`.
    """

    async def add(self, job: Job, tasks: Sequence[bytes], most: int = 0) -> bool:
        """Whether a job was added that is queued, with its first tasks, numbered from 0 on.

        It is not where its client has `most` jobs that are open; 0 is no bound. A job without tasks is done at once.
        """
        ...

    async def find(self, locality: str, id_: str) -> Job | None:
        """The job of that id in the locality, whatever its state."""
        ...

    async def listed(self, locality: str, client: str) -> tuple[Job, ...]:
        """The jobs of the client in the locality, whatever their state, the oldest first."""
        ...

    async def files(self, locality: str, id_: str) -> tuple[File, ...]:
        """The files of the finished tasks of the job, in the order of their tasks and ordinals."""
        ...

    async def file(self, locality: str, id_: str, task: int, ordinal: int) -> File | None:
        """That file of the job."""
        ...

    async def results(self, locality: str, id_: str) -> tuple[tuple[int, bytes], ...]:
        """The results, where not empty, of the finished tasks of the job, by their numbers and in their order."""
        ...

    async def reached(self, locality: str, id_: str) -> int:
        """The number of the first task of the job that is not finished; of a job that is done, how many it had."""
        ...

    async def claim(self, holder: str, kinds: frozenset[str], lease: int = LEASE) -> Task | None:
        """The next task of these kinds, for `lease` milliseconds; None where there is nothing to do now.

        It is of the client of whom the fewest tasks are being worked at, and among those of the one who
        was served longest ago.
        """
        ...

    async def holds(self, task: Task) -> bool:
        """Whether the task is still ours, asked without changing anything."""
        ...

    async def extend(self, task: Task, lease: int = LEASE) -> bool:
        """Whether the task is still ours, as it will be for that long; False where it was lost or its job ended."""
        ...

    async def release(self, task: Task) -> None:
        """Gives the task back, to be claimed by another at once; counts neither as a fault nor as a loss."""
        ...

    async def complete(self, task: Task, outcome: Outcome) -> bool:
        """Whether the outcome counts: all of it is stored, or nothing where the task is no longer ours."""
        ...

    async def fail(self, task: Task, fault: bytes, *, final: bool, pause: int = 0) -> bool:
        """Notes that the task failed; whether its job failed with it.

        It did where this is `final` or the task failed `MOST_FAULTS` times; else it is tried again, not
        before `pause` milliseconds are over. Nothing happens where the task is no longer ours.
        """
        ...

    async def cancel(self, locality: str, id_: str) -> bool:
        """Whether the job was there to be cancelled: open, done or failed. Its files are removed soon after."""
        ...

    async def due(self, now: int) -> tuple[Job, ...]:
        """The jobs that something is to be done for, a hundred at most, those that wait longest first.

        They are those whose files are to be removed (`swept`), those whose time is over (they are `expired` by
        this call), and those of whom nothing needs to be remembered any more (`forget`).
        """
        ...

    async def swept(self, job: Job, now: int) -> None:
        """Notes that the files which the job does not need were removed."""
        ...

    async def forget(self, job: Job) -> None:
        """Removes the job, its tasks and what is known of its files."""
        ...

    async def arrival(self, seconds: float) -> None:
        """Waits until a job is added in this process, or so many seconds."""
        ...
