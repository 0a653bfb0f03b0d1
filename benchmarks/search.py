"""`python -m benchmarks.search`: the search mix on a store that `benchmarks.volume` built.

The store is at rest: nobody writes while it is searched.

Source: docs/performance.md
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import uvloop

from benchmarks import access, figures, machine, population, search_mix, servers
from benchmarks.__main__ import Watched
from benchmarks.load import Load, Plan
from benchmarks.search_mix import ALL, Draws, searcher
from benchmarks.target import Refused, target
from benchmarks.wire import Garbled, Lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.load import Counts
    from benchmarks.search_mix import Values
    from benchmarks.target import Target

SCENARIO = "search"


async def load(
    goal: Target, drawn_from: Values, plan: Plan, options: argparse.Namespace, watched: Watched
) -> Counts:
    """Return the counts of one run. Raises Garbled, Lost, OSError."""
    if goal.access is not None:
        await goal.access.fresh()
    draws = [
        Draws(drawn_from, options.clones, Random(f"{plan.seed}/{lane}")) for lane in range(plan.connections)
    ]
    actors = [await searcher(goal, one, options.shapes) for one in draws]
    return await Load(goal, plan).run(list(actors), watched.at_edge)


def result(counts: Counts, plan: Plan, watched: Watched, options: argparse.Namespace) -> figures.Result:
    """Return the run's figures."""
    overall, by_kind = figures.latencies(counts)
    per_second = counts.requests / counts.seconds if counts.seconds else 0.0
    server_memory, database_memory = watched.memory()
    server_cpu, database_cpu = watched.cpu()
    shown = SCENARIO if tuple(options.shapes) == ALL else f"{SCENARIO}: {', '.join(options.shapes)}"
    return figures.Result(
        scenario=shown,
        server=options.database,
        connections=plan.connections,
        workers=options.workers,
        rate=plan.rate,
        seed=plan.seed,
        seconds=round(counts.seconds, 3),
        requests=counts.requests,
        per_second=round(per_second, 1),
        resources_per_second=round(per_second, 1),
        latency=overall,
        by_kind=by_kind,
        statuses={str(status): count for status, count in sorted(counts.statuses.items())},
        errors=dict(counts.errors.most_common()),
        memory=server_memory,
        database_memory=database_memory,
        generator_cpu=round(counts.cpu, 3),
        server_cpu=server_cpu,
        database_cpu=database_cpu,
        access=options.access,
        notes=machine.described(options.database) | {"resources": f"{options.resources:,}"},
    )


@contextlib.contextmanager
def serving(options: argparse.Namespace) -> Iterator[tuple[Target, Watched]]:
    """Yield where the load goes and what is watched: a server on the store, stopped afterwards."""
    url = options.url or f"sqlite:///{options.file.resolve()}"
    with tempfile.TemporaryDirectory(prefix="thrive-bench-") as folder:
        where = servers.Place(Path(folder), url, None)
        with servers.running(where, options.workers, *servers.openness(access=options.access)) as server:
            signed = access.for_search(server, population.READER) if options.access else None
            yield target(server.base_url, access=signed), Watched(server.pids(), options.pids)


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--file", type=Path, help="an SQLite file that benchmarks.volume built")
    where.add_argument("--url", help="a PostgreSQL database that benchmarks.volume filled")
    parser.add_argument("--resources", type=int, default=1_000_000, help="as the store was built with")
    parser.add_argument(
        "--patients", type=int, default=population.PATIENTS, help="as the store was built with"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds that are not counted")
    parser.add_argument("--rate", type=float, help="open loop: so many requests are due each second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shapes", type=_shapes, default=ALL, help="only these, with commas")
    parser.add_argument("--each", action="store_true", help="each shape alone as well, after the mix")
    parser.add_argument("--pids", type=_pids, default=[], help="PostgreSQL's postmaster, to see what it uses")
    parser.add_argument("--access", action="store_true", help=servers.ACCESS_HELP)
    parser.add_argument("--json", type=Path, help="write the results here as well")
    return parser


def _shapes(text: str) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if unknown := set(found) - set(ALL):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: not one of {', '.join(ALL)}")
    return found


def _pids(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def measured(options: argparse.Namespace) -> list[figures.Result]:
    """Return the figures of the runs that were asked for."""
    sessions = population.read_along(population.sessions(options.patients))
    drawn_from = search_mix.values(sessions)
    size = sum(len(one.resources) for one in sessions)
    options.clones = max(1, round(options.resources / size))
    options.resources = options.clones * size
    options.database = "sqlite" if options.file else "postgresql"
    plan = Plan(options.connections, options.seconds, options.warm_up, options.rate, options.seed)
    runs = [options.shapes, *([one] for one in options.shapes if options.each)]
    results = []
    with serving(options) as (goal, watched):
        for shapes in runs:
            options.shapes = shapes
            counts = uvloop.run(load(goal, drawn_from, plan, options, watched))
            results.append(result(counts, plan, watched, options))
    return results


def main(given: Sequence[str] | None = None) -> int:
    """Run the mix and return 0 where every answer was right."""
    parser = arguments()
    options = parser.parse_args(given)
    try:
        results = measured(options)
    except (ValueError, Refused, servers.NotServing, Garbled, Lost, OSError) as fault:
        parser.exit(2, f"{fault}\n")
    print(figures.printed(results))
    if options.json:
        document = {"kind": "load", "results": [one.as_json() for one in results]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(one.errors for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
