"""`python -m benchmarks.cost`: what access control and audit cost, on servers that take turns under the same load.

Up to three servers run at once, and in each round each of them is loaded for some seconds, in turns: the code of an
older checkout (`--before`), this code as a sandbox (no tokens, everybody sees everything, all of it audited), and
this code with access control. What else the machine does falls on all alike, so that their ratios mean something.

Source: docs/performance.md
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks import access, figures, machine, population, search_mix, servers
from benchmarks.__main__ import Watched, measured
from benchmarks.load import Plan
from benchmarks.scenarios import SETUPS
from benchmarks.search import load as search_load
from benchmarks.search import result as search_result
from benchmarks.search_mix import ALL
from benchmarks.target import Refused, target
from benchmarks.wire import Garbled, Lost
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.access import Access
    from benchmarks.figures import Result
    from benchmarks.servers import Place, Server
    from benchmarks.target import Target

SEARCH = "search"
BEFORE, OPEN, ACCESS = "before", "sandbox", "access"
# As benchmarks and benchmarks.search have them.
CONNECTIONS = 16
SEARCH_CONNECTIONS = 30


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the servers that are compared."""

    name: str
    goal: Target
    watched: Watched


@contextlib.contextmanager
def arms(options: argparse.Namespace) -> Iterator[list[Arm]]:
    """Yield the servers, all of them ready; they are stopped afterwards. Raises NotServing, Garbled, OSError."""
    names = [*([BEFORE] if options.before else []), OPEN, ACCESS]
    with contextlib.ExitStack() as stack:
        yield [_arm(name, options, stack) for name in names]


def _arm(name: str, options: argparse.Namespace, stack: contextlib.ExitStack) -> Arm:
    tree = options.before if name == BEFORE else servers.ROOT
    where = stack.enter_context(_place(name, options))
    invented = servers.COHORT if name == ACCESS and options.scenario != SEARCH else 0
    arguments = servers.openness(access=name == ACCESS)
    server = stack.enter_context(
        servers.running(where, options.workers, *arguments, tree=tree, cohort=invented)
    )
    signed = _access(server, options.scenario) if name == ACCESS else None
    database = [where.cluster.pid] if where.cluster else options.pids
    return Arm(name, target(server.base_url, access=signed), Watched(server.pids(), database))


def _access(server: Server, scenario: str) -> Access:
    return access.for_search(server, population.READER) if scenario == SEARCH else access.for_load(server)


@contextlib.contextmanager
def _place(name: str, options: argparse.Namespace) -> Iterator[Place]:
    if options.scenario != SEARCH:
        with servers.place(options.database) as where:
            yield where
        return
    store = options.before_store if name == BEFORE else options.store
    url = store if options.database == "postgresql" else f"sqlite:///{Path(store).resolve()}"
    with tempfile.TemporaryDirectory(prefix="thrive-bench-") as folder:
        yield servers.Place(Path(folder), url, None)


def _searching(options: argparse.Namespace) -> Callable[[Arm, Plan, argparse.Namespace], Result]:
    sessions = population.sessions(options.patients)
    drawn_from = search_mix.values(sessions)
    options.clones = max(1, round(options.resources / sum(len(one.resources) for one in sessions)))

    def of(arm: Arm, plan: Plan, given: argparse.Namespace) -> Result:
        counts = uvloop.run(search_load(arm.goal, drawn_from, plan, given, arm.watched))
        return search_result(counts, plan, arm.watched, given)

    return of


def _loading(arm: Arm, plan: Plan, given: argparse.Namespace) -> Result:
    return measured(arm.goal, given.scenario, plan, arm.watched, given)


def rounds(options: argparse.Namespace, plan: Plan) -> Iterator[tuple[int, str, Result]]:
    """Yield round, arm and figures as they come; who is first changes with each round."""
    once = _searching(options) if options.scenario == SEARCH else _loading
    with arms(options) as found:
        for number in range(options.rounds):
            turn = number % len(found)
            for arm in (*found[turn:], *found[:turn]):
                given = copy.copy(options)
                given.access = arm.name == ACCESS
                yield number, arm.name, once(arm, plan, given)


def document(found: Sequence[tuple[int, str, Result]], options: argparse.Namespace) -> dict[str, Any]:
    """Return the figures as they are written: each arm's, in the order of the rounds."""
    by_arm: dict[str, list[Result]] = {}
    for _, name, result in sorted(found, key=lambda one: one[0]):
        by_arm.setdefault(name, []).append(result)
    return {
        "kind": "cost",
        "scenario": options.scenario,
        "database": options.database,
        "seconds": options.seconds,
        "arms": {
            name: {
                "per_second": [one.per_second for one in results],
                "p99": [one.latency.p99 for one in results if one.latency],
                "server_cpu": [_each(one.server_cpu, one) for one in results],
                "database_cpu": [_each(one.database_cpu, one) for one in results],
                "errors": sum(sum(one.errors.values()) for one in results),
            }
            for name, results in by_arm.items()
        },
        "notes": machine.described(options.database),
    }


def _each(seconds: float | None, result: Result) -> float | None:
    """Return the processor time of one request in microseconds, None where it is not known."""
    return None if seconds is None or not result.requests else round(seconds / result.requests * 1e6, 1)


def kept(measured_arms: dict[str, Any]) -> tuple[str, list[float]]:
    """Return what access is compared with, and which share of its rate is left in each round."""
    without = BEFORE if BEFORE in measured_arms else OPEN
    pairs = zip(measured_arms[ACCESS]["per_second"], measured_arms[without]["per_second"], strict=True)
    return without, [round(one / other, 4) for one, other in pairs]


def printed(found: dict[str, Any]) -> str:
    """Return the figures as people read them."""
    heads = ("arm", "requests/s", "p99 ms", "server µs", "database µs", "errors")
    rows = [
        (
            name,
            f"{statistics.median(one['per_second']):,.0f}",
            f"{statistics.median(one['p99']):.2f}" if one["p99"] else "-",
            *(_median(one[cpu]) for cpu in ("server_cpu", "database_cpu")),
            f"{one['errors']:,}",
        )
        for name, one in found["arms"].items()
    ]
    without, shares = kept(found["arms"])
    last = (
        f"with access {statistics.median(shares):.1%} of the rate of «{without}» is left"
        f" (median of {len(shares)} rounds, {min(shares):.1%} to {max(shares):.1%})"
    )
    return f"{found['scenario']} on {found['database']}\n{figures.table(heads, rows)}\n{last}"


def _median(values: Sequence[float | None]) -> str:
    there = [one for one in values if one is not None]
    return f"{statistics.median(there):,.0f}" if there else "-"


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("scenario", choices=(*SETUPS, SEARCH))
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--before", type=Path, help="a checkout of the code to compare with")
    parser.add_argument("--store", help="for search: the file or URL that benchmarks.volume filled")
    parser.add_argument("--before-store", help="the same, filled by the older checkout's benchmarks.volume")
    parser.add_argument("--resources", type=int, default=1_000_000, help="as the stores were built with")
    parser.add_argument("--patients", type=int, default=population.PATIENTS, help="as they were built with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, help="16, for search 30")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each turn")
    parser.add_argument("--warm-up", type=float, default=2.0, help="seconds that are not counted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pids", type=_pids, default=[], help="PostgreSQL's postmaster, for search")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    return parser


def _pids(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


def _completed(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if options.scenario == SEARCH:
        if not options.store or (options.before and not options.before_store):
            parser.error("search wants --store, and with --before its --before-store")
        options.connections = options.connections or SEARCH_CONNECTIONS
    options.connections = options.connections or CONNECTIONS
    if options.before:
        options.before = options.before.resolve()
    options.label = options.serve = options.database
    options.start_seconds = None
    options.shapes = ALL


def main(given: Sequence[str] | None = None) -> int:
    """Run the rounds and return 0 where every answer was right."""
    parser = arguments()
    options = parser.parse_args(given)
    _completed(options, parser)
    try:
        plan = Plan(options.connections, options.seconds, options.warm_up, None, options.seed)
        found = []
        for number, name, result in rounds(options, plan):
            print(f"round {number + 1} {name:8} {result.per_second:10,.0f}/s", flush=True)
            found.append((number, name, result))
    except (ValueError, Refused, PostgresAbsent, servers.NotServing, Garbled, Lost, OSError) as fault:
        parser.exit(2, f"{fault}\n")
    written = document(found, options)
    print(printed(written))
    if options.json:
        options.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return 1 if any(one["errors"] for one in written["arms"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
