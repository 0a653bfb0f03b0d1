"""`python -m benchmarks.job_kills`: disturb jobs in every way, many times, and see that each ends as it must.

Source: docs/jobs.md, ADR 0024
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

from benchmarks import machine, servers
from benchmarks.durability import job_errands
from benchmarks.durability.job_rounds import World, swept
from benchmarks.durability.job_tally import Round, tally, told
from benchmarks.durability.job_workers import Workers
from service import asgi
from service.access.rule import sharing_rule
from service.commands.starting import kernel
from service.settings import read
from service.storage.checking import check
from tests.full_disk import mounted
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.postgres import Cluster

FRESH: Final = 8
"""Rounds on one database: what imports leave in it makes its exports larger, and they must have room on the disk."""
DISK: Final = 384 * 1024
"""Units: kibibytes of the disk that is filled."""
KINDS: Final[dict[str, job_errands.Ask]] = {
    "count": job_errands.counts,
    "export": job_errands.exports,
    "import": job_errands.imports,
    "mixed": job_errands.mixed,
}


@contextlib.contextmanager
def world(database: str, seed: int, *, crashes: bool = False, together: bool = False) -> Iterator[World]:
    """Yield a new database, a disk and workers. Raises tests.postgres.PostgresAbsent.

    `together`: an SQLite database lies on the disk that is filled, as it does by default.
    """
    with servers.place(database) as where, contextlib.ExitStack() as stack:
        disk = where.folder / "disk"
        small = stack.enter_context(mounted(disk, DISK))
        environment = {
            "THRIVE_DATABASE_URL": f"sqlite:///{disk / 'thrive.db'}" if together else where.database_url,
            "THRIVE_FILES_URL": str(disk / "files"),
            "THRIVE_LOG": "info",
        }
        settings = read(environment)
        workers = Workers(environment, where.folder / "workers.log")
        stack.callback(workers.end)
        parts = kernel(settings)
        cluster: Cluster | None = where.cluster if crashes else None
        yield World(settings, parts, workers, disk if small else None, cluster, Random(seed))


async def run(around: World, count: int, kind: str, each: Callable[[Round], None]) -> list[Round]:
    """The rounds, and one more that says what is wrong with the files and the store when all is over."""
    done = await around.rounds(count, KINDS[kind], each)
    async with asgi.opened(around.settings, around.parts) as context:
        left = [f"{path} is left" for path in await swept(context)]
    parts = around.parts
    rule = sharing_rule(parts.registry, parts.base_url)
    report = await check(around.settings.database_url, parts.registry, parts.extractor, rule=rule)
    if left or report.faults:
        done.append(Round(len(done), faults=(*left, *report.faults)))
    return done


def line(one: Round) -> str:
    """A round in a line, and one more for each fault."""
    ended = ", ".join(f"{number} {state}" for state, number in one.ended.items())
    chaos = ", ".join(f"{number} {what}" for what, number in one.done_to_them.items())
    return "\n".join(
        (
            f"round {one.number + 1}: {ended} in {one.seconds:.1f} s ({chaos})",
            *(f"  FAULT {fault}" for fault in one.faults),
        )
    )


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.job_kills", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=sorted(KINDS), default="count")
    parser.add_argument("--crashes", action="store_true", help="PostgreSQL itself is killed too")
    parser.add_argument("--together", action="store_true", help="SQLite lies on the disk that is filled")
    parser.add_argument("--fresh-every", type=int, default=FRESH, help="rounds on one database")
    parser.add_argument("--log", type=Path, help="keep what the workers said here")
    parser.add_argument("--json", type=Path, help="write the totals here as well, after each database")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Run the rounds and return 0 where every job ended as it must."""
    options = arguments().parse_args(given)
    done: list[Round] = []
    begun = time.perf_counter()
    try:
        while (already := _count(done)) < options.rounds:
            done += _on_a_fresh_database(options, already)
            _note(options, done, time.perf_counter() - begun)
    except PostgresAbsent as absent:
        print(absent)
        return 2
    print(told(tally(done)))
    wrong = [fault for one in done for fault in one.faults]
    print(f"faults: {len(wrong)}")
    for fault in wrong:
        print(f"  FAULT {fault}")
    return 1 if wrong else 0


def _on_a_fresh_database(options: argparse.Namespace, already: int) -> list[Round]:
    """The next rounds, and what is wrong when they are over. The seed of each database tells of the rounds before."""
    count = min(options.fresh_every, options.rounds - already)
    faults = {"crashes": options.crashes, "together": options.together}
    with world(options.database, options.seed + already, **faults) as around:
        done = asyncio.run(run(around, count, options.kind, lambda one: print(line(one), flush=True)))
        if options.log:
            with options.log.open("ab") as log:
                log.write(around.workers.log.read_bytes())
    return done


def _count(done: Sequence[Round]) -> int:
    """Rounds in which there were jobs: what is found wrong at the end of a database comes as one more."""
    return sum(bool(one.endings) for one in done)


def _note(options: argparse.Namespace, done: Sequence[Round], seconds: float) -> None:
    if not options.json:
        return
    document: dict[str, Any] = {
        "kind": "job-kills",
        **{name: getattr(options, name) for name in ("database", "crashes", "together", "seed")},
        "rounds": _count(done),
        "seconds": round(seconds, 1),
        "kinds": {name: one.as_json() for name, one in tally(done).items()},
        "faults": [fault for one in done for fault in one.faults],
        "notes": machine.described(options.database),
    }
    options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
