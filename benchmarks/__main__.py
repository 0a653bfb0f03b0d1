"""`python -m benchmarks SCENARIO`: load a FHIR server on this machine and print what it stood.

Source: docs/performance.md
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from benchmarks import access, figures, machine, processes, servers
from benchmarks.load import Plan, run
from benchmarks.scenarios import RESOURCES, SETUPS
from benchmarks.target import Refused, Target, target
from benchmarks.wire import Garbled, Lost
from tests.lifeline import lifeline
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.load import Counts
    from benchmarks.processes import Usage

ALL = ("read", "create", "transaction", "crud")


class Watched:
    """The processes of server and database, whose use is taken at both edges of a run."""

    def __init__(self, server: list[int], database: list[int]) -> None:
        self._pids = (server, database)
        self._before: tuple[list[Usage], list[Usage]] = ([], [])
        self._after: tuple[list[Usage], list[Usage]] = ([], [])

    def at_edge(self) -> None:
        """Take what is used now; the second time ends the run."""
        self._before, self._after = self._after, self._now()

    def _now(self) -> tuple[list[Usage], list[Usage]]:
        server, database = self._pids
        return processes.usages(processes.family(server)), processes.usages(processes.family(database))

    def memory(self) -> tuple[figures.Memory | None, figures.Memory | None]:
        """Return the memory of server and database at the end."""
        return figures.memory(self._after[0]), figures.memory(self._after[1])

    def cpu(self) -> tuple[float | None, float | None]:
        """Return the processor seconds of server and database between the edges."""
        server, database = (
            _spent(before, after) for before, after in zip(self._before, self._after, strict=True)
        )
        return server, database


def _spent(before: Sequence[Usage], after: Sequence[Usage]) -> float | None:
    if not after:
        return None
    earlier = {one.pid: one.cpu for one in before}
    return round(sum(one.cpu - earlier.get(one.pid, 0.0) for one in after), 3)


def measured(
    goal: Target, scenario: str, plan: Plan, watched: Watched, options: argparse.Namespace
) -> figures.Result:
    """Return the figures of one scenario. Raises Garbled, Lost, OSError."""
    counts: Counts = uvloop.run(run(goal, scenario, plan, watched.at_edge))
    overall, by_kind = figures.latencies(counts)
    per_second = counts.requests / counts.seconds if counts.seconds else 0.0
    server_memory, database_memory = watched.memory()
    server_cpu, database_cpu = watched.cpu()
    return figures.Result(
        scenario=scenario,
        server=options.label,
        connections=plan.connections,
        workers=options.workers if options.serve else None,
        rate=plan.rate,
        seed=plan.seed,
        seconds=round(counts.seconds, 3),
        requests=counts.requests,
        per_second=round(per_second, 1),
        resources_per_second=round(per_second * RESOURCES[scenario], 1),
        latency=overall,
        by_kind=by_kind,
        statuses={str(status): count for status, count in sorted(counts.statuses.items())},
        errors=dict(counts.errors.most_common()),
        memory=server_memory,
        database_memory=database_memory,
        generator_cpu=round(counts.cpu, 3),
        server_cpu=server_cpu,
        database_cpu=database_cpu,
        start_seconds=options.start_seconds,
        access=options.access,
        notes=machine.described(options.serve),
    )


@contextlib.contextmanager
def goals(options: argparse.Namespace) -> Iterator[tuple[Target, Watched]]:
    """Yield where the load goes and what is watched; starts and stops the server where asked to."""
    headers = tuple(options.header)
    if options.serve == "bare":
        with _bare() as (url, pid):
            yield target(url, headers), Watched([pid], [])
    elif options.serve:
        cohort = servers.COHORT if options.access else 0  # a sandbox invents its own
        with (
            servers.place(options.serve) as where,
            servers.running(
                where, options.workers, *servers.openness(access=options.access), cohort=cohort
            ) as server,
        ):
            # The first start loaded the sandbox; the second shows what a start costs.
            server.stop()
            server.start()
            options.start_seconds = round(server.await_ready(), 3)
            database = [where.cluster.pid] if where.cluster else []
            signed = access.for_load(server) if options.access else None
            yield target(server.base_url, headers, signed), Watched(server.pids(), database)
    else:
        goal = target(options.base_url, headers)
        yield goal, Watched(options.pids or processes.listeners(goal.port), [])


@contextlib.contextmanager
def _bare() -> Iterator[tuple[str, int]]:
    port = servers.free_port()
    command = [sys.executable, "-m", "benchmarks.bare", f"--port={port}"]
    process = subprocess.Popen(command, cwd=servers.ROOT)  # noqa: S603 - our own program
    with lifeline('kill "$1"', str(process.pid)):
        try:
            servers.await_port(port)
            yield f"http://127.0.0.1:{port}/fhir", process.pid
        finally:
            process.terminate()
            process.wait()


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenario", choices=(*SETUPS, "all"))
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--base-url", help="a FHIR R4 base URL on this machine")
    where.add_argument(
        "--serve",
        choices=("sqlite", "postgresql", "bare"),
        help="start thrive-fhir on a new database; «bare» is a server that does nothing, "
        "whose figure is the load generator's own ceiling",
    )
    parser.add_argument("--workers", type=int, default=2, help="of the server that --serve starts")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds that are not counted")
    parser.add_argument("--rate", type=float, help="open loop: so many requests are due each second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--pid",
        "--pids",
        dest="pids",
        type=_pids,
        default=[],
        help="the server's processes, with commas; found by its port where left out",
    )
    parser.add_argument("--access", action="store_true", help=servers.ACCESS_HELP)
    parser.add_argument("--header", action="append", default=[], help="«Name: value», sent with each request")
    parser.add_argument("--label", help="the server's name in the results")
    parser.add_argument("--json", type=Path, help="write the results here as well")
    return parser


def _pids(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def main(given: Sequence[str] | None = None) -> int:
    """Run the scenarios and return 0 where every answer was right."""
    parser = arguments()
    options = parser.parse_args(given)
    options.start_seconds = None
    if options.access and options.serve not in {"sqlite", "postgresql"}:
        parser.error("--access wants a server that it starts itself: --serve sqlite or postgresql")
    options.label = options.label or options.serve or options.base_url
    try:
        plan = Plan(options.connections, options.seconds, options.warm_up, options.rate, options.seed)
        with goals(options) as (goal, watched):
            scenarios = ALL if options.scenario == "all" else (options.scenario,)
            results = [measured(goal, scenario, plan, watched, options) for scenario in scenarios]
    except (ValueError, Refused, PostgresAbsent, servers.NotServing, Garbled, Lost, OSError) as fault:
        parser.exit(2, f"{fault}\n")
    print(figures.printed(results))
    if options.json:
        document = {"kind": "load", "results": [result.as_json() for result in results]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(result.errors for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
