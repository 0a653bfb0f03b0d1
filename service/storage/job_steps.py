"""The transactions of jobs, told as steps: each yields statements and is sent their rows.

So they stand here once, and either database carries them out in a transaction of its own. Whatever locks a job
does so before it touches the job's tasks, so that no two wait for each other. Statements are written with
`$1`, `$2` and so on; `{lock}` and `{skip}` are what a database needs to keep to itself a row that it read: the
latter passes by a row that another keeps.

Source: ADR 0024, https://www.postgresql.org/docs/15/sql-select.html#SQL-FOR-UPDATE-SHARE
"""
# ruff: noqa: S608 - the texts are made of names of our own columns; values are arguments

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from service.fhir import codec
from service.fhir.problems import Issue, operation_outcome
from service.storage.job_tables import job as job_table
from service.storage.job_tables import job_file, job_task
from service.storage.jobs import LEASE, MOST_FAULTS, MOST_LOSSES, Job, Outcome
from service.storage.names import Kind

Row = Sequence[Any]
_Result = TypeVar("_Result")
Steps = Generator[tuple[str, tuple[Any, ...]], Sequence[Row], _Result]

AGAIN: Final = 4 * LEASE
"""Units: milliseconds after which the files of an ended job are swept once more: a worker that lost its task may
still have been writing."""
SWEEPS: Final = 3
"""So many times the files of an ended job are removed; after the last time the job is forgotten."""
REMEMBERED: Final = 7 * 24 * 3600 * 1000
"""Units: milliseconds for which a job is known whose files are gone, so that its client hears what became of it."""
EVERY_DUE: Final = 100  # jobs that are looked after at a time

# Rows of one statement: enough that a plan of thousands of tasks is some dozen statements.
_ROWS: Final = 100

_OPEN: Final = "state IN ('queued', 'running')"
_JOB_COLUMNS: Final = (
    "id, kind, client, agency, state, request, caller, at, created, ended, expires, done, total, fault"
)
_ONE: Final = "WHERE locality = $1 AND id = $2"
_TASK: Final = "WHERE locality = $1 AND job = $2 AND number = $3"
_MINE: Final = f"{_TASK} AND attempt = $4 AND state = 'open' AND holder <> ''"
_FILE_COLUMNS: Final = "task, ordinal, kind, type, path, count, size, children"

FIND: Final = f"SELECT {_JOB_COLUMNS} FROM job {_ONE}"
LISTED: Final = f"SELECT {_JOB_COLUMNS} FROM job WHERE locality = $1 AND client = $2 ORDER BY created, id"
DUE: Final = f"SELECT locality, {_JOB_COLUMNS} FROM job WHERE due <= $1 ORDER BY due LIMIT {EVERY_DUE}"
FILES: Final = f"SELECT {_FILE_COLUMNS} FROM job_file WHERE locality = $1 AND job = $2 ORDER BY task, ordinal"
ONE_FILE: Final = (
    f"SELECT {_FILE_COLUMNS} FROM job_file WHERE locality = $1 AND job = $2 AND task = $3 AND ordinal = $4"
)
RESULTS: Final = (
    "SELECT number, result FROM job_task WHERE locality = $1 AND job = $2 AND state = 'done' ORDER BY number"
)
HELD: Final = f"SELECT 1 FROM job_task {_MINE}"
REACHED: Final = (
    "SELECT coalesce((SELECT min(number) FROM job_task WHERE locality = $1 AND job = $2 AND state = 'open'),"
    " (SELECT count(*) FROM job_task WHERE locality = $1 AND job = $2))"
)
_EXTEND: Final = f"UPDATE job_task SET until = $5 {_MINE} RETURNING number"
_RELEASE: Final = f"UPDATE job_task SET until = 0, holder = '' {_MINE}"
# A task that waits is for whoever comes when no task before it is open.
_READY: Final = (
    "(t.waits = 0 OR NOT EXISTS (SELECT 1 FROM job_task AS b WHERE b.locality = t.locality AND b.job = t.job"
    " AND b.state = 'open' AND b.number < t.number))"
)
# What is open, of each job how many of its tasks are held now, and whether one can be claimed.
OPEN_JOBS: Final = (
    "SELECT j.locality, j.id, j.kind, j.client, j.turn, j.created,"
    " (SELECT count(*) FROM job_task AS h WHERE h.locality = j.locality AND h.job = j.id"
    " AND h.holder <> '' AND h.until > $1),"
    " EXISTS (SELECT 1 FROM job_task AS t WHERE t.locality = j.locality AND t.job = j.id"
    f" AND t.state = 'open' AND t.until <= $1 AND {_READY})"
    f" FROM job AS j WHERE j.{_OPEN}"
)

# Jobs of a locality that has a bound are added one after the other.
_ADDING: Final = f"SELECT code FROM name WHERE kind = {Kind.LOCALITY:d} AND code = $1{{lock}}"
_COUNT_OPEN: Final = f"SELECT count(*) FROM job WHERE locality = $1 AND client = $2 AND {_OPEN}"
_LOCK: Final = f"SELECT {_JOB_COLUMNS} FROM job {_ONE} AND {_OPEN}"
_CLAIM: Final = (
    "UPDATE job_task SET attempt = attempt + 1, until = $5, holder = $3,"
    " losses = losses + CASE WHEN holder <> '' THEN 1 ELSE 0 END"
    " WHERE locality = $1 AND job = $2 AND state = 'open' AND until <= $4 AND number ="
    " (SELECT t.number FROM job_task AS t WHERE t.locality = $1 AND t.job = $2 AND t.state = 'open'"
    f" AND t.until <= $4 AND {_READY} ORDER BY t.number LIMIT 1)"
    " RETURNING number, attempt, what, faults, losses"
)
_RUNNING: Final = f"UPDATE job SET state = 'running', turn = $3, due = $3 + keep {_ONE}"
_FINISH: Final = (
    f"UPDATE job_task SET state = 'done', holder = '', until = 0, result = $5 {_MINE} RETURNING number"
)
_LAST: Final = "SELECT max(number) FROM job_task WHERE locality = $1 AND job = $2"
_ADVANCE: Final = f"UPDATE job SET done = done + $3, total = coalesce($4, total) {_ONE}"
_LEFT: Final = "SELECT 1 FROM job_task WHERE locality = $1 AND job = $2 AND state = 'open' LIMIT 1"
_END: Final = (
    "UPDATE job SET state = $3, ended = $4, expires = $4 + keep, due = $4, sweeps = 0, fault = $5"
    f" {_ONE} AND {_OPEN}"
)
_CANCEL: Final = (
    "UPDATE job SET state = 'cancelled', ended = coalesce(ended, $3), expires = $3, due = $3, sweeps = 0"
    f" {_ONE} AND state IN ('queued', 'running', 'done', 'failed') RETURNING id"
)
_DROP: Final = (
    "UPDATE job_task SET state = 'dropped', holder = '' WHERE locality = $1 AND job = $2 AND state = 'open'"
)
_FAULTED: Final = f"UPDATE job_task SET faults = faults + 1, holder = '', until = $5 {_MINE} RETURNING faults"
# An open job whose time is over: nobody worked at it for as long as its files would be kept.
_EXPIRE: Final = (
    "UPDATE job SET state = 'expired', ended = coalesce(ended, $3), expires = $3, due = $3, sweeps = 0"
    f" {_ONE} AND due <= $3 AND ({_OPEN} OR state = 'done' AND expires <= $3)"
    f" RETURNING {_JOB_COLUMNS}"
)
_SWEEPS: Final = f"SELECT state, sweeps, due, expires FROM job {_ONE}{{lock}}"
_SET_SWEPT: Final = f"UPDATE job SET sweeps = $3, due = $4 {_ONE}"
_FORGET: Final = (
    f"DELETE FROM job {_ONE}",
    "DELETE FROM job_task WHERE locality = $1 AND job = $2",
    "DELETE FROM job_file WHERE locality = $1 AND job = $2",
)


class Claimed(NamedTuple):
    """A claim: the row of the job, and number, attempt, text and faults of the task."""

    job: Row
    number: int
    attempt: int
    what: bytes
    faults: int


class Held(NamedTuple):
    """Which claim of which task: the number of its locality, the id of its job, its number and attempt."""

    locality: int
    job: bytes
    number: int
    attempt: int


def add(locality: int, job: Job, tasks: Sequence[bytes], now: int, most: int = 0) -> Steps[bool]:
    """Whether the job was added, which it is unless its client has `most` (0: no bound) that are open.

    One that has no tasks is done at once.
    """
    if most:
        # Of all who add jobs in the locality one at a time counts: else each would count what was there before.
        yield _ADDING, (locality,)
        [(open_jobs,)] = yield _COUNT_OPEN, (locality, job.client)
        if open_jobs >= most:
            return False
    keep = job.expires - job.created
    ends = not tasks
    row = {
        "locality": locality,
        "id": bytes.fromhex(job.id),
        "kind": job.kind,
        "client": job.client,
        "agency": job.agency,
        "state": "done" if ends else "queued",
        "request": job.request,
        "caller": job.caller,
        "at": job.at,
        "created": job.created,
        "ended": now if ends else None,
        "expires": job.expires,
        "done": job.done,
        "total": job.total,
        "fault": b"",
        "keep": keep,
        "turn": 0,
        "due": now if ends else job.expires,
        "sweeps": 0,
    }
    yield _insert(job_table.name, tuple(row), [tuple(row.values())])
    yield from _add_tasks(locality, bytes.fromhex(job.id), 0, tasks)
    return True


def claim(locality: int, job: bytes, holder: str, now: int, lease: int) -> Steps[Claimed | None]:
    """The next task of the job; None where another works at the job this moment, or nothing is to be done.

    A task that was lost too often fails its job.
    """
    found = yield f"{_LOCK}{{skip}}", (locality, job)
    if not found:
        return None
    claimed = yield _CLAIM, (locality, job, holder, now, now + lease)
    if not claimed:
        return None
    number, attempt, what, faults, losses = claimed[0]
    if losses >= MOST_LOSSES:
        yield from _end(locality, job, "failed", now, _LOST_TOO_OFTEN)
        return None
    yield _RUNNING, (locality, job, now)
    return Claimed(found[0], number, attempt, bytes(what), faults)


def extend(held: Held, until: int) -> Steps[bool]:
    """Whether the claim still stands; it does until then."""
    return bool((yield _EXTEND, (*held, until)))


def release(held: Held) -> Steps[None]:
    """Lets go of the claim, for anybody to take the task."""
    yield _RELEASE, held


def complete(held: Held, outcome: Outcome, now: int) -> Steps[bool]:
    """Whether the outcome was stored; the job is done where it was the last."""
    locality, job = held.locality, held.job
    if not (yield f"{_LOCK}{{lock}}", (locality, job)):
        return False
    if not (yield _FINISH, (*held, outcome.result)):
        return False
    files = [
        (
            locality,
            job,
            one.task,
            one.ordinal,
            one.kind,
            one.type,
            one.path,
            one.count,
            one.size,
            one.children,
        )
        for one in outcome.files
    ]
    for start in range(0, len(files), _ROWS):
        yield _insert(job_file.name, _columns(job_file), files[start : start + _ROWS])
    if outcome.more or outcome.then:
        [(last,)] = yield _LAST, (locality, job)
        yield from _add_tasks(locality, job, last + 1, outcome.more, outcome.then)
    yield _ADVANCE, (locality, job, outcome.done, outcome.total)
    if not (yield _LEFT, (locality, job)):
        yield _END, (locality, job, "done", now, b"")
    return True


def fail(held: Held, fault: bytes, now: int, pause: int, *, final: bool) -> Steps[bool]:
    """Whether the job failed with the task."""
    locality, job = held.locality, held.job
    if not (yield f"{_LOCK}{{lock}}", (locality, job)):
        return False
    faulted = yield _FAULTED, (*held, now + pause)
    if not faulted or not (final or faulted[0][0] >= MOST_FAULTS):
        return False
    yield from _end(locality, job, "failed", now, fault)
    return True


def cancel(locality: int, job: bytes, now: int) -> Steps[bool]:
    """Whether the job was cancelled now; its open tasks are dropped."""
    if not (yield _CANCEL, (locality, job, now)):
        return False
    yield _DROP, (locality, job)
    return True


def expire(locality: int, job: bytes, now: int) -> Steps[Row | None]:
    """The row of the job, which is expired now; None where its time is not over after all."""
    expired = yield _EXPIRE, (locality, job, now)
    if not expired:
        return None
    yield _DROP, (locality, job)
    return expired[0]


def swept(locality: int, job: bytes, now: int) -> Steps[None]:
    """Says when something is to be done for the job next, or forgets it."""
    found = yield _SWEEPS, (locality, job)
    if not found:
        return
    [(state, sweeps, due, expires)] = found
    if due > now or state in {"queued", "running"}:
        return
    if state == "done":
        yield _SET_SWEPT, (locality, job, sweeps, expires)
    elif sweeps + 1 >= SWEEPS:
        yield from forget(locality, job)
    else:
        later = now + AGAIN if sweeps == 0 else max(now, expires) + REMEMBERED
        yield _SET_SWEPT, (locality, job, sweeps + 1, later)


def forget(locality: int, job: bytes) -> Steps[None]:
    """Removes all rows of the job."""
    for text in _FORGET:
        yield text, (locality, job)


def _end(locality: int, job: bytes, state: str, now: int, fault: bytes) -> Steps[None]:
    yield _END, (locality, job, state, now, fault)
    yield _DROP, (locality, job)


def _add_tasks(
    locality: int, job: bytes, first: int, tasks: Sequence[bytes], then: Sequence[bytes] = ()
) -> Steps[None]:
    added = [(0, what) for what in tasks] + [(1, what) for what in then]
    rows = [
        (locality, job, number, "open", waits, what, 0, 0, 0, "", 0, b"")
        for number, (waits, what) in enumerate(added, first)
    ]
    for start in range(0, len(rows), _ROWS):
        yield _insert(job_task.name, _columns(job_task), rows[start : start + _ROWS])


def _columns(table: Any) -> tuple[str, ...]:
    return tuple(column.name for column in table.c)


def _insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[str, tuple[Any, ...]]:
    """The statement that adds the rows, and its values."""
    width = len(columns)
    slots = ", ".join(
        f"({', '.join(f'${place * width + at}' for at in range(1, width + 1))})" for place in range(len(rows))
    )
    text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {slots}"
    return text, tuple(value for row in rows for value in row)


_LOST_TOO_OFTEN: Final = codec.encode(
    operation_outcome(
        [
            Issue(
                "error",
                "exception",
                "job-task-lost",
                f"A part of the job was given up: whatever worked at it ended {MOST_LOSSES} times before it was done.",
            )
        ]
    )
)
