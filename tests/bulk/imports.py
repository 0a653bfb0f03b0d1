"""Imports as tests carry them out: task by task, by one worker, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from service.access.callers import Caller
from service.bulk import acting, importing
from service.bulk.import_request import IMPORT, ImportRequest, Source
from service.bulk.importing import Counts, Importing, counted
from service.fhir import codec
from service.interactions.context import Context
from service.storage.files import Files
from service.storage.jobs import Job, folder, new_job_id

HOUR = 3_600_000
KINDS = frozenset({IMPORT})
Json = dict[str, Any]


def ndjson(resources: Iterable[Json | bytes]) -> bytes:
    return b"".join((each if isinstance(each, bytes) else codec.encode(each)) + b"\n" for each in resources)


async def begun(context: Context, files: Files, caller: Caller, *texts: bytes) -> Job:
    """An import of files with these contents that nobody works at yet."""
    now = context.clock()
    sources = tuple(Source(f"file-{number}.ndjson") for number, _ in enumerate(texts))
    job = Job(
        caller.locality, new_job_id(), IMPORT, caller.client, caller.agency, "queued",
        b"", acting.encode(caller), now, now, None, now + HOUR,
    )  # fmt: skip
    placed = []
    for number, text in enumerate(texts):
        path = f"{folder(job)}input-{number}"
        files.put(path, [text])
        placed.append(Source(sources[number].name, path))
    job = Job(
        caller.locality, job.id, IMPORT, caller.client, caller.agency, "queued",
        ImportRequest(tuple(placed)).encode(), job.caller, now, now, None, now + HOUR,
    )  # fmt: skip
    await context.store.jobs.add(job, (importing.FIRST,))
    return job


async def one_task(context: Context, files: Files, holder: str = "w", together: int = 0) -> bool:
    """Whether there was a task; it was carried out."""
    jobs = context.store.jobs
    task = await jobs.claim(holder, KINDS)
    if task is None:
        return False
    assert await jobs.complete(task, await Importing(together).perform(context, files, task))
    return True


async def finished(context: Context, files: Files, job: Job, together: int = 0) -> Job:
    """The job when nothing is left to do."""
    for _ in range(1000):
        if not await one_task(context, files, together=together):
            break
    found = await context.store.jobs.find(job.locality, job.id)
    assert found is not None
    return found


async def imported(
    context: Context, files: Files, caller: Caller, *texts: bytes, together: int = 0
) -> tuple[Counts, list[Json]]:
    """What came of the lines of files with these contents, and the outcomes in the files of faults."""
    job = await finished(context, files, await begun(context, files, caller, *texts), together)
    assert job.state == "done", job.fault
    assert job.done == job.total
    return await counts(context, job), await faults(context, files, job)


async def counts(context: Context, job: Job) -> Counts:
    results = await context.store.jobs.results(job.locality, job.id)
    return counted(raw for _, raw in results)


async def faults(context: Context, files: Files, job: Job) -> list[Json]:
    found: list[Json] = []
    for file in await context.store.jobs.files(job.locality, job.id):
        if file.kind == "error":
            raw = b"".join([chunk async for chunk in files.read(file.path)])
            assert len(raw) == file.size
            outcomes = [codec.decode(line) for line in raw.splitlines()]
            assert len(outcomes) == file.count
            found += outcomes
    return found


def places(outcomes: Sequence[Json]) -> list[tuple[str, str]]:
    """Of each outcome where its line is, and the slug of its first issue."""
    return sorted(
        (each["issue"][0]["diagnostics"].partition(": ")[0], each["issue"][0]["details"]["coding"][0]["code"])
        for each in outcomes
    )
