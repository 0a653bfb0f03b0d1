"""A kind of jobs for tests, of which it can be told whether each line was written exactly once.

Task 0 plans: each planning task adds a few tasks and the next planning task, which waits for them where the job says
so. Each other task writes a file of lines that tell which they are, slowly where the job says so.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from service.fhir.problems import Invalid, Unavailable
from service.interactions.context import Context
from service.storage.files import Files
from service.storage.jobs import File, Job, Jobs, Outcome, Task, new_job_id

COUNT = "count"
HOUR = 3_600_000


def job(
    now: int, *, client: str = "analyst", locality: str = "default", keep: int = HOUR, **request: Any
) -> Job:
    """A job of `tasks` tasks with `lines` lines each, planned `stride` at a time."""
    return Job(
        locality=locality,
        id=new_job_id(),
        kind=COUNT,
        client=client,
        agency="camhs",
        state="queued",
        request=json.dumps({"tasks": 5, "lines": 20, "stride": 2} | request).encode(),
        caller=b"{}",
        at=now,
        created=now,
        ended=None,
        expires=now + keep,
    )


FIRST = json.dumps({"plan": 0}).encode()


def lines(request: Mapping[str, Any], part: int) -> Iterator[bytes]:
    """What the file of that part holds, chunk by chunk; a function of the job and of the part alone."""
    for number in range(request["lines"]):
        padding = hashlib.sha256(f"{part}-{number}".encode()).hexdigest() * request.get("wide", 1)
        yield f"{part} {number} {padding}\n".encode()
        time.sleep(request.get("seconds", 0) / request["lines"])


def expected(request: dict[str, Any]) -> bytes:
    """All lines of a job, in order."""
    return b"".join(b"".join(lines(request | {"seconds": 0}, part)) for part in range(request["tasks"]))


class Counting:
    """Carries out such jobs; `failing` says how often which part fails, and how."""

    def __init__(self) -> None:
        self.performed: list[tuple[int, int]] = []
        self.failing: dict[int, Exception | list[Exception]] = {}

    async def perform(self, context: Context, files: Files, task: Task) -> Outcome:
        request, what = json.loads(task.job.request), json.loads(task.what)
        if "plan" in what:
            return self.planned(request, what["plan"])
        part = what["part"]
        self.performed.append((task.number, task.attempt))
        if fault := self.failing.get(part):  # a list: so many times
            raise fault.pop() if isinstance(fault, list) else fault
        path = task.path(0)
        size = await asyncio.to_thread(files.put, path, task.held(lines(request, part)))
        file = File(task.number, 0, "output", "Goal", path, request["lines"], size, b"")
        return Outcome((file,), done=request["lines"], result=f"{part}".encode())

    def planned(self, request: Mapping[str, Any], start: int) -> Outcome:
        end = min(start + request["stride"], request["tasks"])
        more = tuple(json.dumps({"part": part}).encode() for part in range(start, end))
        further = (json.dumps({"plan": end}).encode(),) if end < request["tasks"] else ()
        total = request["tasks"] * request["lines"]
        if request.get("levels"):
            return Outcome(more=more, then=further, total=total)
        return Outcome(more=(*more, *further), total=total)


def refused() -> Invalid:
    return Invalid("not-this", "This cannot be done.")


def unreachable() -> Unavailable:
    return Unavailable("files-unavailable", "The files cannot be reached now. Try again.")


async def written(files: Files, jobs: Jobs, one: Job) -> bytes:
    """All that the files of a job hold, in their order."""
    parts = []
    for file in await jobs.files(one.locality, one.id):
        held = b"".join([chunk async for chunk in files.read(file.path)])
        assert len(held) == file.size
        parts.append(held)
    return b"".join(parts)
