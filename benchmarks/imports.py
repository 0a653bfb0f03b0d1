"""`python -m benchmarks.imports`: a cohort imported from one file of NDJSON, by several processes.

The cohort is written out by `thrive-fhir sandbox --output`, and its lines are shuffled: no reference points
back any more. Then `thrive-fhir import` is run twice, on a new database and with all of it there already, and
`thrive-fhir check` looks through what came of it.

Source: docs/performance.md, docs/bulk-import.md
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import resource
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import machine, processes, servers
from service.storage.open import session
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.servers import Place, Server

IMPORT_SECONDS = 3600.0
TOLD = re.compile(
    r"(\d+) resources are new, (\d+) changed, (\d+) were there; (\d+) lines? (?:was|were) refused"
)


@dataclass(frozen=True, slots=True)
class Run:
    """One import of the file. Units: `seconds` from the job's begin to its end; `cpu` seconds of processor time.

    `database_cpu` is that of PostgreSQL, 0 where there is none.
    """

    new: int
    there: int
    refused: int
    seconds: float
    cpu: float
    database_cpu: float

    @property
    def per_second(self) -> float:
        """Lines a second."""
        return (self.new + self.there + self.refused) / self.seconds

    @property
    def microseconds(self) -> float:
        """Processor time of a line, start of the processes included and the database left out."""
        return self.cpu / (self.new + self.there + self.refused) * 1e6


def written(server: Server, patients: int, seed: int) -> Path:
    """Return the file of a cohort, its lines in no order."""
    path = server.folder / "cohort.ndjson"
    server.run("sandbox", f"--patients={patients}", f"--seed={seed}", f"--output={path}")
    lines = path.read_bytes().splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    path.write_bytes(b"".join(lines))
    return path


def imported(server: Server, where: Place, path: Path, workers: int) -> Run:
    """Return what an import of the file took. Raises NotServing where lines are refused."""
    database = [where.cluster.pid] if where.cluster else []
    before = _children(), _database(database)
    said = server.run("import", str(path), f"--workers={workers}", timeout=IMPORT_SECONDS)
    after = _children(), _database(database)
    found = TOLD.search(said)
    if found is None:
        raise servers.NotServing(said)
    new, _, there, refused = map(int, found.groups())
    seconds = asyncio.run(_taken(server.database_url))
    return Run(new, there, refused, seconds, after[0] - before[0], after[1] - before[1])


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _database(pids: list[int]) -> float:
    """Seconds of processor time of PostgreSQL, of what it forked and has ended too."""
    found = 0
    for pid in processes.family(pids) if pids else ():
        after_name = (processes.PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        # Fields 14 to 17 of proc(5): its own user and system time, and those of its ended children.
        found += sum(map(int, after_name[11:15]))
    return found / processes.TICKS


async def _taken(database_url: str) -> float:
    """Seconds from the begin of the newest job to its end."""
    async with session(database_url) as at:
        [(created, ended)] = await at.fetch("SELECT created, ended FROM job ORDER BY created DESC LIMIT 1")
    return float(ended - created) / 1000


def printed(runs: Sequence[Run], options: argparse.Namespace) -> str:
    """Return the figures as lines for people."""
    names = ("new", "there already")
    return "\n".join(
        f"{options.database}, {options.workers} processes, {name}: {run.new + run.there:,} resources in"
        f" {run.seconds:.1f} s, {run.per_second:,.0f} a second, {run.microseconds:.0f} µs of processor each"
        for name, run in zip(names, runs, strict=True)
    )


def document(runs: Sequence[Run], options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures as they are written."""
    return {
        "kind": "imports",
        "database": options.database,
        "workers": options.workers,
        "runs": [asdict(run) | {"per_second": round(run.per_second, 1)} for run in runs],
        "notes": machine.described(options.database),
    }


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imports", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--patients", type=int, default=1_500)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Import the cohort twice and return 0 where the database is sound."""
    parser = arguments()
    options = parser.parse_args(given)
    try:
        with servers.place(options.database) as where:
            server = servers.Server(where.folder, where.database_url, options.workers)
            server.run("migrate")
            path = written(server, options.patients, options.seed)
            runs = [imported(server, where, path, options.workers) for _ in range(2)]
            sound = server.run("check", timeout=IMPORT_SECONDS)
    except (PostgresAbsent, servers.NotServing, OSError) as fault:
        parser.exit(2, f"{fault}\n")
    print(printed(runs, options), sound, sep="\n")
    if options.json:
        options.json.write_text(json.dumps(document(runs, options), indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
