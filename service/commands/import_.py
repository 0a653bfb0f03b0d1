"""`thrive-fhir import`: stores resources out of files of NDJSON, by as many processes as wanted.

It starts a job of the kind that `$import` starts, works at it, and says what came of it. Servers may run
beside it. Stopped or killed, it goes on with `--resume`, or a `thrive-fhir worker` goes on with it.

Source: docs/commands.md, docs/bulk-import.md, ADR 0026
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from service import asgi
from service.access.callers import DEFAULT_LOCALITY, Caller
from service.bulk.import_request import IMPORT, ImportRequest, Source
from service.bulk.importing import FIRST, LARGE, Counts, counted
from service.commands.starting import kernel
from service.commands.telling import progress, settings_now, told_plainly
from service.commands.worker import carry_out
from service.fhir import codec
from service.interactions.context import Act, Context
from service.operations.beginning import job_of
from service.rest import logs
from service.settings import Settings
from service.storage.jobs import Job, folder
from service.storage.open import NotMigrated, current_revision
from service.storage.sqlite import PLENTY
from service.storage.tables import REVISION

CLIENT: Final = "import"
"""What the audit calls who imports by this command."""
CHUNK: Final = 1024 * 1024
"""Units: bytes of a file that are read at once."""
LOOK: Final = 0.2
"""Units: seconds between two looks at how far the import is."""


@click.command("import")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workers", "count", type=click.IntRange(1, 256), help="Processes that share the work.")
@click.option("--locality", default=DEFAULT_LOCALITY, show_default=True, help="Where the resources belong.")
@click.option("--agency", default="", help="The id of the Organization that counts as author of what is new.")
@click.option(
    "--faults",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write what is wrong with lines to this file, an OperationOutcome a line.",
)
@click.option("--resume", metavar="JOB", help="Go on with an import that was stopped, in place of files.")
def import_(
    files: tuple[Path, ...],
    count: int | None,
    locality: str,
    agency: str,
    faults: Path | None,
    resume: str | None,
) -> None:
    """Store resources out of files of NDJSON, gzipped or not, in the order of their references."""
    if bool(files) == bool(resume):
        raise click.UsageError("Name files, or with --resume the import to go on with.")
    with told_plainly():
        settings = settings_now()
        parts = kernel(settings)
        asgi.settle()
        if asyncio.run(current_revision(settings.database_url)) != REVISION:
            raise NotMigrated
        id_ = resume or asyncio.run(begin(settings, parts, files, locality, agency))
        click.echo(f"Import {id_}", err=True)
        with _working(settings, parts, count or len(os.sched_getaffinity(0))):
            job, counts = asyncio.run(_watch(settings, parts, locality, id_, faults))
    if job.state != "done":
        raise click.ClickException(_reason(job))
    click.echo(told(counts))
    if counts.refused:
        raise click.ClickException(_refused(counts))


async def begin(
    settings: Settings, parts: asgi.Kernel, files: Sequence[Path], locality: str, agency: str
) -> str:
    """The id of a job that imports the files, which are in the file store; nobody works at it yet."""
    caller = Caller(CLIENT, agency, locality, administrator=True, chooses_ids=True)
    async with asgi.opened(settings, parts) as context:
        job = job_of(context, Act(caller, CLIENT), IMPORT, b"", context.clock())
        sources = []
        for number, path in enumerate(files):
            kept = f"{folder(job)}input-{number}"
            await asyncio.to_thread(context.files.put, kept, _pieces(path))
            sources.append(Source(path.name, kept))
        job = replace(job, request=ImportRequest(tuple(sources)).encode())
        await context.store.jobs.add(job, (FIRST,))
    return job.id


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield piece


@contextmanager
def _working(settings: Settings, parts: asgi.Kernel, count: int) -> Iterator[None]:
    """Lets so many processes work at jobs meanwhile; they end with this one, in whatever way it ends."""
    alive, lifeline = os.pipe()
    settings = replace(settings, job_tasks=1)
    workers = [_forked(settings, parts, alive, lifeline) for _ in range(count)]
    os.close(alive)
    try:
        yield
    finally:
        os.close(lifeline)
        for pid in workers:
            os.waitpid(pid, 0)


def _forked(settings: Settings, parts: asgi.Kernel, alive: int, lifeline: int) -> int:
    """The id of a process that works at jobs until the lifeline is closed."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.close(lifeline)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device; what fails is told by the job
            # It does nothing else, and looks up what is stored all the time.
            code = carry_out(settings, parts, logs.logger(settings.log, nowhere), PLENTY, LARGE)
    finally:
        # Not sys.exit: what the parent has on its stack is not ours to unwind.
        os._exit(code)


def _end_with(alive: int) -> None:
    """Ends this process in order when the other end of the pipe is closed."""
    os.read(alive, 1)
    os.kill(os.getpid(), signal.SIGTERM)


async def _watch(
    settings: Settings, parts: asgi.Kernel, locality: str, id_: str, faults: Path | None
) -> tuple[Job, Counts]:
    """The job when it has ended, and what came of its lines; faults are written where it says."""
    async with asgi.opened(settings, parts) as context:
        job = await _reached(context, locality, id_)
        while job.is_open and job.total is None:
            await asyncio.sleep(LOOK)
            job = await _reached(context, locality, id_)
        with progress("Importing", job.total or 0) as advance:
            done = 0
            while True:
                advance(job.done - done)
                done = job.done
                if not job.is_open:
                    break
                await asyncio.sleep(LOOK)
                job = await _reached(context, locality, id_)
        if faults is not None:
            await _write(context, job, faults)
        results = await context.store.jobs.results(locality, id_)
    return job, counted(raw for _, raw in results)


async def _reached(context: Context, locality: str, id_: str) -> Job:
    job = await context.store.jobs.find(locality, id_)
    if job is None or job.kind != IMPORT:
        raise click.ClickException("There is no such import.")
    return job


async def _write(context: Context, job: Job, faults: Path) -> None:
    """Puts the files of faults together."""
    with faults.open("wb") as file:
        for each in await context.store.jobs.files(job.locality, job.id):
            if each.kind == "error":
                async for chunk in context.files.read(each.path):
                    file.write(chunk)


def _reason(job: Job) -> str:
    """Why an import did not come to its end."""
    if not job.fault:
        return f"The import is {job.state}."
    issues = codec.restore(job.fault)["issue"]
    return "\n".join(str(issue["details"]["text"]) for issue in issues)


def told(counts: Counts) -> str:
    """What came of an import, in a sentence."""
    return (
        f"{counts.created} resources are new, {counts.updated} changed, {counts.unchanged} were there;"
        f" {_refused(counts)}"
    )


def _refused(counts: Counts) -> str:
    return "1 line was refused." if counts.refused == 1 else f"{counts.refused} lines were refused."
