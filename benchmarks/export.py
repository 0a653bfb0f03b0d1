"""`python -m benchmarks.export`: an export of everything, by workers, from a store that `benchmarks.volume` built.

The workers are real ones (`thrive-fhir worker`), the job is one that `$export` would have added, and the files
go to a folder. What is measured: resources a second from the moment at which the job is added until it is done,
when the first file can be read, and how much memory a worker had at most.

Source: docs/performance.md, ADR 0025
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import machine
from benchmarks.servers import command_line
from service import asgi
from service.access.callers import Caller
from service.bulk.export_request import EXPORT, ExportRequest
from service.bulk.exporting import FIRST
from service.fhir.registry import APART
from service.interactions.context import Act
from service.operations.beginning import job_of
from service.settings import read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from service.interactions.context import Context
    from service.storage.jobs import Job

LOCALITY = "default"
LOOK = 0.01  # seconds between two looks at the job
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """Figures of one export. Units: `seconds`, `first` seconds until a file can be read, `memory` MiB of a worker."""

    database: str
    workers: int
    tasks: int
    agency: str
    resources: int
    megabytes: int
    files: int
    seconds: float
    first: float
    memory: int
    processor: float

    @property
    def per_second(self) -> int:
        """Resources a second."""
        return round(self.resources / self.seconds)


@contextlib.contextmanager
def working(url: str, folder: Path, options: argparse.Namespace) -> Iterator[list[int]]:
    """Yield the process ids of workers, which are ended afterwards."""
    # Nothing is inherited, so that no setting of ours creeps in.
    surroundings = {"THRIVE_DATABASE_URL": url, "THRIVE_FILES_URL": str(folder)}
    command = [*command_line(), "worker", "--tasks", str(options.tasks)]
    workers = [
        subprocess.Popen(  # noqa: S603 - our own program
            command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(options.workers)
    ]
    try:
        yield [each.pid for each in workers]
    finally:
        for each in workers:
            each.terminate()
        for each in workers:
            each.wait()


def peak(pid: int) -> int:
    """Return the most memory that the process ever had resident, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0


def processor(pid: int) -> float:
    """Return the seconds of processor time that the process has used."""
    after = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(after[11]) + int(after[12])) / os.sysconf("SC_CLK_TCK")


async def export(context: Context, caller: Caller, types: Sequence[str]) -> tuple[Job, float, float]:
    """Return the job that is done, the seconds that it took, and those until its first file."""
    request = ExportRequest(level="system", group="", url="", method="POST", types=tuple(types))
    begun = time.perf_counter()
    at = await context.store.exports.moment(LOCALITY)
    job = job_of(context, Act(caller, "benchmark"), EXPORT, request.encode(), at)
    await context.store.jobs.add(job, (FIRST,))
    first = 0.0
    while True:
        await asyncio.sleep(LOOK)
        found = await context.store.jobs.find(LOCALITY, job.id)
        if not first and await context.store.jobs.files(LOCALITY, job.id):
            first = time.perf_counter() - begun
        if found is None or not found.is_open:
            if found is None or found.state != "done":
                raise RuntimeError(f"the export ended as {found and found.state}: {found and found.fault!r}")
            return found, time.perf_counter() - begun, first


async def measured(url: str, folder: Path, options: argparse.Namespace) -> list[Result]:
    """Return the figures of the exports, one after the other."""
    settings = read({"THRIVE_DATABASE_URL": url, "THRIVE_FILES_URL": str(folder)})
    parts = asgi.kernel("http://127.0.0.1:8080/fhir")
    caller = Caller("benchmark", options.agency, LOCALITY, administrator=not options.agency)
    results = []
    with working(url, folder, options) as pids:
        async with asgi.opened(settings, parts) as context:
            # Until the workers have started: a little job, which is not counted.
            await export(context, caller, ["StructureDefinition"])
            for _ in range(options.rounds):
                before = [processor(pid) for pid in pids]
                job, seconds, first = await export(
                    context, caller, sorted(context.registry.served.keys() - APART)
                )
                files = await context.store.jobs.files(LOCALITY, job.id)
                used = sum(processor(pid) - former for pid, former in zip(pids, before, strict=True))
                results.append(
                    Result(
                        url.partition(":")[0],
                        *(options.workers, options.tasks, options.agency),
                        resources=sum(each.count for each in files),
                        megabytes=sum(each.size for each in files) // MEGABYTE,
                        files=len(files),
                        seconds=round(seconds, 3),
                        first=round(first, 3),
                        memory=max(map(peak, pids)),
                        processor=round(used, 3),
                    )
                )
                await context.store.jobs.cancel(LOCALITY, job.id)
    return results


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--file", type=Path, help="an SQLite file that benchmarks.volume built")
    where.add_argument("--url", help="a PostgreSQL database that benchmarks.volume filled")
    parser.add_argument("--workers", type=int, default=1, help="processes that work at jobs")
    parser.add_argument("--tasks", type=int, default=2, help="tasks that each of them has at once")
    parser.add_argument(
        "--agency", default="", help="with the eyes of this agency, in place of an administrator's"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary folder by default")
    parser.add_argument("--json", type=Path, help="write the results here as well")
    return parser


def shown(result: Result) -> str:
    """Return a line about the export."""
    eyes = result.agency or "administrator"
    return (
        f"{result.database}, {result.workers} x {result.tasks} tasks, {eyes}: {result.resources:,} resources,"
        f" {result.megabytes:,} MB in {result.files} files, {result.seconds} s: {result.per_second:,} a second;"
        f" first file after {result.first} s; {result.memory} MiB; processor {result.processor} s"
    )


def main(given: Sequence[str] | None = None) -> int:
    """Run the exports and print what was measured."""
    options = arguments().parse_args(given)
    url = options.url or f"sqlite:///{options.file.resolve()}"
    with tempfile.TemporaryDirectory(prefix="thrive-export-", dir=options.folder) as folder:
        results = asyncio.run(measured(url, Path(folder), options))
    for result in results:
        print(shown(result))
    if options.json:
        notes: Any = machine.described(url.partition(":")[0])
        told = [_json(result) | {"notes": notes} for result in results]
        options.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return 0


def _json(result: Result) -> dict[str, Any]:
    names = result.__slots__
    return {name: getattr(result, name) for name in names} | {"per_second": result.per_second}


if __name__ == "__main__":
    sys.exit(main())
