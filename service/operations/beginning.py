"""How jobs begin: whether a client may have one more, the job itself, and the answer to who asked for it.

Source: ADR 0024, https://hl7.org/fhir/R4/async.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from service.bulk import acting
from service.bulk.manifest import JOBS
from service.fhir import codec
from service.fhir.problems import Issue, TooMany, operation_outcome
from service.interactions.context import Act, Answer, Context
from service.storage.jobs import OPEN, Job, new_job_id

WAIT: Final = 60
"""Units: seconds after which a client that has too many jobs may try again."""
_HOUR: Final = 3_600_000  # milliseconds


async def require_room(context: Context, act: Act) -> None:
    """Lets a client go on that may have one more job, before anything is done for it; `begin` makes sure.

    Raises:
        TooMany: it has as many under way as it may.
    """
    most = context.limits.client_jobs
    if not most:
        return
    jobs = await context.store.jobs.listed(act.caller.locality, act.caller.client)
    if sum(job.state in OPEN for job in jobs) >= most:
        raise _too_many(most)


async def begin(context: Context, job: Job, tasks: Sequence[bytes]) -> None:
    """Adds the job with its first tasks.

    Raises:
        TooMany: its client has as many under way as it may, also by what it asked for at the same time.
    """
    most = context.limits.client_jobs
    if not await context.store.jobs.add(job, tasks, most):
        raise _too_many(most)


def _too_many(most: int) -> TooMany:
    problem = TooMany(
        "jobs-too-many",
        f"This client has {most} jobs under way, the most that it may: wait, or cancel one.",
    )
    problem.retry_after = WAIT
    return problem


def job_of(context: Context, act: Act, kind: str, request: bytes, at: int, id_: str = "") -> Job:
    """A job of the caller that has not begun; `at`, in milliseconds since 1970, is the moment that it is about."""
    caller, now = act.caller, context.clock()
    return Job(
        caller.locality,
        id_ or new_job_id(),
        kind,
        caller.client,
        caller.agency,
        "queued",
        request,
        acting.encode(caller),
        at,
        now,
        None,
        now + context.limits.job_hours * _HOUR,
    )


def accepted(
    context: Context,
    job: Job,
    said: Issue,
    issues: Sequence[Issue] = (),
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> Answer:
    """202 with the address of the job in Content-Location; `said` and the issues are in the body."""
    address = f"{context.base_url}/{JOBS}/{job.id}".encode()
    return Answer(
        202,
        document=codec.encode(operation_outcome([said, *issues])),
        headers=((b"content-location", address), *headers),
    )
