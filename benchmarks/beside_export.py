"""`python -m benchmarks.beside_export`: what requests take while an export runs, against what they take without one.

With `--importing` it is an import in place of the exports: of one file in each round, as `thrive-fhir sandbox --output`
writes them, each by a seed of its own and with more lines than are stored meanwhile.

A real server with its own process for jobs, on a store that `benchmarks.volume` built. Requests are due at a fixed,
moderate rate: searches of the mix, reads by id all over the store, and creates of scores. In each round they come once
without an export and once while exports of everything follow each other, in turns, so that what else the machine does
falls on both alike.

Source: docs/performance.md
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final

import uvloop

from benchmarks import figures, machine, population, search_mix, servers
from benchmarks.exporting import Exports, NotExported
from benchmarks.importing import Import, NotImported
from benchmarks.load import Counts, Load, Plan
from benchmarks.scenarios import actor
from benchmarks.search import serving
from benchmarks.search_mix import Draws, searcher
from benchmarks.target import Refused
from benchmarks.wire import Garbled, Lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.scenarios import Actor
    from benchmarks.search_mix import Values
    from benchmarks.target import Target
    from benchmarks.wire import Response

ALONE: Final = "alone"
BESIDE: Final = "beside"
ALLOWED: Final = 2.0
"""What the p99 beside an export may be, as a multiple of that without. Beside an import a write waits for its units."""
# What each connection does, in turns: half search, three of ten read, a fifth writes.
WORK: Final = ("search", "read") * 3 + ("search", "create") * 2
SECONDS_BETWEEN: Final = 8.0
"""Until the files of the last export are removed, and what it wrote is on the disk."""


@dataclass(slots=True)
class Reading:
    """Reads young people and goals, of any clone."""

    target: Target
    draws: Draws
    kind: str = "read"

    def request(self) -> bytes:
        """Return the next read."""
        child = self.draws.child()
        path = (
            f"/Patient/{child.patient}" if self.draws.number(2) else f"/Goal/{self.draws.pick(child.goals)}"
        )
        return self.target.get(path.encode())

    def verdict(self, response: Response) -> str | None:
        """Return what is wrong with the status: all of them are there."""
        return None if response.status == 200 else f"read answered {response.status}"


@dataclass(slots=True)
class Arm:
    """All rounds without exports, or beside them. Latencies in nanoseconds, by kind and for each round."""

    rounds: list[dict[str, list[int]]] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    exports: int = 0
    resources: int = 0
    seconds: float = 0.0

    def add(self, counts: Counts) -> None:
        """Add a round."""
        by_work: dict[str, list[int]] = {}
        for kind, found in counts.latencies.items():
            by_work.setdefault(kind if kind in WORK else "search", []).extend(found)
        self.rounds.append(by_work)
        for fault, count in counts.errors.items():
            self.errors[fault] = self.errors.get(fault, 0) + count

    def latency(self, work: str | None = None, number: int | None = None) -> figures.Latency:
        """Return the latency of one kind of work or of all, in one round or in all. Raises ValueError: no answer."""
        rounds = self.rounds if number is None else [self.rounds[number]]
        found = [
            one for each in rounds for kind, all_ in each.items() if work in {None, kind} for one in all_
        ]
        latency = figures.latency(found)
        if latency is None:
            raise ValueError(f"no answer at all: {self.errors}")
        return latency

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        kinds = {work: dataclasses.asdict(self.latency(work)) for work in dict.fromkeys(WORK)}
        return {
            "all": dataclasses.asdict(self.latency()),
            "kinds": kinds,
            "p50": [self.latency(number=number).p50 for number in range(len(self.rounds))],
            "p99": [self.latency(number=number).p99 for number in range(len(self.rounds))],
            "errors": self.errors,
            "exports": self.exports,
            "resources": self.resources,
            "seconds": round(self.seconds, 1),
        }


async def _load(goal: Target, drawn_from: Values, plan: Plan, clones: int) -> Counts:
    """Return the counts of one run. Raises Garbled, Lost, OSError."""
    actors: list[Actor] = []
    for lane in range(plan.connections):
        draws = Draws(drawn_from, clones, Random(f"{plan.seed}/{lane}"))
        match WORK[lane % len(WORK)]:
            case "search":
                actors.append(await searcher(goal, draws))
            case "read":
                actors.append(Reading(goal, draws))
            case other:
                actors.append(await actor(other, goal, lane, plan.seed))
    return await Load(goal, plan).run(actors, lambda: None)


def rounds(options: argparse.Namespace) -> Iterator[tuple[int, Mapping[str, Arm]]]:
    """Yield the arms after each round; which of them is first changes from round to round.

    Raises:
        Garbled, Lost, NotExported, NotImported, NotServing, OSError
    """
    sessions = population.read_along(population.sessions(options.patients))
    drawn_from = search_mix.values(sessions)
    clones = max(1, round(options.resources / sum(len(one.resources) for one in sessions)))
    arms = {ALONE: Arm(), BESIDE: Arm()}
    with serving(options) as (goal, _):
        for number in range(options.rounds):
            plan = Plan(
                options.connections, options.seconds, options.warm_up, options.rate, options.seed + number
            )
            for name in (ALONE, BESIDE) if number % 2 == 0 else (BESIDE, ALONE):
                time.sleep(options.between)
                if name == ALONE:
                    arms[name].add(uvloop.run(_load(goal, drawn_from, plan, clones)))
                    continue
                with _job(goal, options.importing, number) as job:
                    begun = time.perf_counter()
                    arms[name].add(uvloop.run(_load(goal, drawn_from, plan, clones)))
                    arms[name].seconds += time.perf_counter() - begun
                arms[name].exports += job.finished
                arms[name].resources += job.resources
            yield number, arms


def _job(goal: Target, importing: Sequence[Path], number: int) -> Exports | Import:
    """Return what runs beside the requests of a round."""
    return Import(goal, importing[number % len(importing)]) if importing else Exports(goal)


def document(arms: Mapping[str, Arm], options: argparse.Namespace) -> dict[str, Any]:
    """Return what `benchmarks.document` shows."""
    names = ("database", "workers", "connections", "rate", "seed", "rounds", "resources")
    return {
        "kind": "beside-import" if options.importing else "beside-export",
        **{name: getattr(options, name) for name in names},
        "arms": {name: arm.as_json() for name, arm in arms.items()},
        "ratio": ratio(arms),
        "notes": machine.described(options.database),
    }


def ratio(arms: Mapping[str, Arm]) -> float:
    """Return the p99 of all answers beside exports, as a multiple of that without."""
    return round(arms[BESIDE].latency().p99 / arms[ALONE].latency().p99, 2)


def told(arms: Mapping[str, Arm]) -> str:
    """Return the figures as a table for people."""
    heads = ("work", "answers", "p50 ms", "beside", "p99 ms", "beside", "ratio", "max ms", "beside")
    rows = []
    for work in (None, *dict.fromkeys(WORK)):
        alone, beside = arms[ALONE].latency(work), arms[BESIDE].latency(work)
        rows.append(
            (
                work or "all",
                f"{alone.requests + beside.requests:,}",
                *(f"{one:.1f}" for one in (alone.p50, beside.p50, alone.p99, beside.p99)),
                f"{beside.p99 / alone.p99:.2f}",
                *(f"{one:.1f}" for one in (alone.max, beside.max)),
            )
        )
    arm = arms[BESIDE]
    finished = f"{arm.exports} exports finished, " if arm.exports else ""
    errors = {name: one.errors for name, one in arms.items() if one.errors}
    return (
        f"{figures.table(heads, rows)}\n{finished}{arm.resources:,} resources in"
        f" {arm.seconds:.0f} s beside the requests; errors: {errors or 'none'}"
    )


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.beside_export", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--file", type=Path, help="an SQLite file that benchmarks.volume built; scores are added"
    )
    where.add_argument("--url", help="a PostgreSQL database that benchmarks.volume filled; scores are added")
    parser.add_argument(
        "--importing",
        type=Path,
        nargs="+",
        default=[],
        help="files to import, one a round, in place of exports",
    )
    parser.add_argument("--resources", type=int, default=1_000_000, help="as the store was built with")
    parser.add_argument(
        "--patients", type=int, default=population.PATIENTS, help="as the store was built with"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=30)
    parser.add_argument("--rate", type=float, default=150.0, help="so many requests are due each second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of the two in each round")
    parser.add_argument("--warm-up", type=float, default=3.0, help="seconds that are not counted")
    parser.add_argument("--between", type=float, default=SECONDS_BETWEEN, help="seconds of rest before each")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Run the rounds and return 0 where every answer was right, and beside exports the p99 within what is allowed."""
    parser = arguments()
    options = parser.parse_args(given)
    options.database = "sqlite" if options.file else "postgresql"
    options.access, options.pids = False, []
    arms: Mapping[str, Arm] = {}
    try:
        for number, arms in rounds(options):
            each = [f"p99 {name} {arm.latency(number=number).p99:.1f} ms" for name, arm in arms.items()]
            print(f"round {number + 1}: {', '.join(each)}", flush=True)
    except (
        ValueError,
        Refused,
        NotExported,
        NotImported,
        servers.NotServing,
        Garbled,
        Lost,
        OSError,
    ) as fault:
        parser.exit(2, f"{fault}\n")
    print(told(arms))
    if options.json:
        options.json.write_text(json.dumps(document(arms, options), indent=1) + "\n", encoding="utf-8")
    wrong = any(arm.errors for arm in arms.values())
    return 1 if wrong or (not options.importing and ratio(arms) > ALLOWED) else 0


if __name__ == "__main__":
    sys.exit(main())
