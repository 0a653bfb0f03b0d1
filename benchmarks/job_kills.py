"""`python -m benchmarks.job_kills`: disturb jobs in every way, many times, and see that each ends as it must.

Source: docs/jobs.md, ADR 0024
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

from benchmarks import servers
from benchmarks.durability import job_errands
from benchmarks.durability.job_rounds import Round, World, swept
from benchmarks.durability.job_workers import Workers
from service import asgi
from service.commands.starting import kernel
from service.settings import read
from tests.full_disk import mounted
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.postgres import Cluster

DISK: Final = 128 * 1024
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


async def run(around: World, count: int, kind: str, told: Callable[[Round], None]) -> list[Round]:
    """The rounds, and one more that says what is left of the files when all is over."""
    done = await around.rounds(count, KINDS[kind], told)
    async with asgi.opened(around.settings, around.parts) as context:
        left = await swept(context)
    if left:
        done.append(Round(len(done), {}, {}, 0.0, tuple(f"{path} is left" for path in left)))
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


def main(given: Sequence[str] | None = None) -> int:
    """Run the rounds and return 0 where every job ended as it must."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.job_kills", description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=sorted(KINDS), default="count")
    parser.add_argument("--crashes", action="store_true", help="PostgreSQL itself is killed too")
    parser.add_argument("--together", action="store_true", help="SQLite lies on the disk that is filled")
    parser.add_argument("--log", type=Path, help="keep what the workers said here")
    options = parser.parse_args(given)
    try:
        faults = {"crashes": options.crashes, "together": options.together}
        with world(options.database, options.seed, **faults) as around:
            done = asyncio.run(
                run(around, options.rounds, options.kind, lambda one: print(line(one), flush=True))
            )
            if options.log:
                options.log.write_bytes(around.workers.log.read_bytes())
    except PostgresAbsent as absent:
        print(absent)
        return 2
    ended: Counter[str] = Counter()
    chaos: Counter[str] = Counter()
    for one in done:
        ended.update(one.ended)
        chaos.update(one.done_to_them)
    wrong = [fault for one in done for fault in one.faults]
    print(f"jobs: {dict(ended)}; done to them: {dict(chaos)}; faults: {len(wrong)}")
    for fault in wrong:
        print(f"  FAULT {fault}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
