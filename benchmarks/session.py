"""`python -m benchmarks.session`: sessions' forms posted at a fixed rate, and read back at once as progress.

One turn is one POST (a transaction of two responses: three goals rated, and CollaboRATE) and one GET of
the young person's `$progress`, which must show the three new scores. `form` is the POST, counted from the
moment at which it was due; `progress` is the GET; `visible` is from that moment until the scores are seen.

Source: docs/performance.md, docs/adr/0016-scores-are-taken-from-forms.md
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks import figures, machine, resources, servers
from benchmarks.__main__ import Watched
from benchmarks.resources import OURS, Circle, Json
from benchmarks.scenarios import Serials, create
from benchmarks.target import Refused, target
from benchmarks.wire import Exchange, Garbled, Lost
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.target import Target

SCENARIO = "session"
SLOTS = (1, 2, 3)
ITEMS = ("understand", "listen", "include")
TOP = 9
# What one turn stores: two responses, a score of each goal, and the CollaboRATE score.
STORED = 2 + len(SLOTS) + 1
NANOSECONDS = 1_000_000_000
# The day of the first session of each young person, well after their goals began; one a day from then on.
FIRST_DAY = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86_400  # seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how fast and by how many. Units: seconds; turns per second; young people on each connection."""

    connections: int
    seconds: float
    warm_up: float
    rate: float
    people: int
    seed: int


@dataclass(slots=True)
class YoungPerson:
    """A young person with three goals, and how many sessions were posted."""

    circle: Circle
    goals: tuple[str, ...]
    sessions: int = 0


@dataclass(slots=True)
class Counts:
    """What came back: latencies in nanoseconds by kind, and what was wrong how often."""

    latencies: dict[str, list[int]] = field(
        default_factory=lambda: {"form": [], "progress": [], "visible": []}
    )
    errors: Counter[str] = field(default_factory=Counter)
    turns: int = 0
    began: int = 0
    ended: int = 0
    cpu: float = 0.0


def forms(random: Random, person: YoungPerson) -> tuple[Json, list[Decimal]]:
    """Return the transaction of the next session, and the scores that it gives in the order of the slots."""
    moment = time.gmtime(FIRST_DAY + person.sessions * DAY + random.randrange(DAY))
    about = {
        "status": "completed",
        "subject": {"reference": person.circle.patient},
        "encounter": {"reference": person.circle.encounter},
        "authored": time.strftime("%Y-%m-%dT%H:%M:%SZ", moment),
        "source": {"reference": person.circle.patient},
    }
    scores = [Decimal(random.randrange(0, 21)) / 2 for _ in SLOTS]
    rated = [
        {
            "linkId": f"goal-{slot}",
            "item": [
                {"linkId": f"goal-{slot}.goal", "answer": [{"valueReference": {"reference": goal}}]},
                {"linkId": f"goal-{slot}.score", "answer": [{"valueDecimal": score}]},
            ],
        }
        for slot, goal, score in zip(SLOTS, person.goals, scores, strict=True)
    ]
    answered = [{"linkId": item, "answer": [{"valueInteger": random.randrange(TOP + 1)}]} for item in ITEMS]
    responses = [
        {
            "resourceType": "QuestionnaireResponse",
            "questionnaire": f"{OURS}/Questionnaire/{form}",
            "identifier": {"system": f"{resources.SYSTEM}/response", "value": f"{form}-{resources.SERIAL}"},
            **about,
            "item": items,
        }
        for form, items in (("gbo-session", rated), ("collaborate-0-9", answered))
    ]
    entries = [
        {"resource": one, "request": {"method": "POST", "url": "QuestionnaireResponse"}} for one in responses
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}, scores


def wrong_with(answer: bytes, person: YoungPerson, scores: list[Decimal]) -> str | None:
    """Return what $progress does not show of the session just posted; None where it shows it."""
    shown = json.loads(answer, parse_float=Decimal)
    latest: dict[str, Decimal] = {}
    ratings: dict[str, int] = {}
    for goal in _parts(shown.get("parameter", []), "goal"):
        [about] = [part["valueReference"]["reference"] for part in goal if part["name"] == "goal"]
        for series in _parts(goal, "series"):
            [ratings[about]] = [part["valueUnsignedInt"] for part in series if part["name"] == "ratings"]
            [last] = _parts(series, "latest")
            [latest[about]] = [part["valueDecimal"] for part in last if part["name"] == "value"]
    if [latest.get(goal) for goal in person.goals] != scores:
        return "progress does not show the scores"
    if set(ratings.values()) != {person.sessions}:
        return "progress counts other than one rating a session"
    return None


def _parts(of: list[dict[str, Any]], name: str) -> list[list[dict[str, Any]]]:
    return [one["part"] for one in of if one["name"] == name and "part" in one]


class Lane:
    """One connection, which takes its young people in turn."""

    def __init__(self, goal: Target, number: int, random: Random) -> None:
        self._target = goal
        self._exchange = Exchange(goal)
        self._serials = Serials(number)
        self._random = random
        self._people: deque[YoungPerson] = deque()

    async def settle(self, people: int) -> None:
        """Make the young people and their goals. Raises Garbled, Lost."""

        async def made(resource: Json) -> str:
            body = self._serials.stamp(resources.encode(resource))
            return await create(self._exchange, self._target, resource["resourceType"], body)

        organization = await made(resources.organization())
        practitioner = await made(resources.practitioner())
        for _ in range(people):
            patient = await made(resources.patient(self._random, organization))
            around = Circle(patient, practitioner, organization, "", "")
            encounter = await made(resources.encounter(around))
            around = Circle(patient, practitioner, organization, encounter, "")
            goals = [await made(resources.goal(self._random, around, slot)) for slot in SLOTS]
            self._people.append(YoungPerson(around, tuple(goals)))

    async def turn(self, due: int, counts: Counts, *, counted: bool) -> None:
        """Post one session and read it back; latencies count from `due`."""
        person = self._people[0]
        self._people.rotate(-1)
        bundle, scores = forms(self._random, person)
        body = self._serials.stamp(resources.encode(bundle))
        posted = await self._exchange(self._target.post(b"", body))
        stored = time.perf_counter_ns()
        fault = None if posted.status == 200 else f"the form was answered with {posted.status}"
        person.sessions += posted.status == 200
        read = await self._exchange(self._target.get(f"/{person.circle.patient}/$progress".encode()))
        seen = time.perf_counter_ns()
        if fault is None:
            fault = wrong_with(read.body, person, scores) if read.status == 200 else "progress was refused"
        if not counted:
            return
        counts.turns += 1
        counts.ended = seen
        for kind, taken in (("form", stored - due), ("progress", seen - stored), ("visible", seen - due)):
            counts.latencies[kind].append(taken)
        if fault is not None:
            counts.errors[fault] += 1

    def close(self) -> None:
        """Close the connection."""
        self._exchange.close()


async def run(goal: Target, plan: Plan, at_edge: Callable[[], None]) -> Counts:
    """Return the counts of one run. Raises Garbled, Lost, OSError."""
    lanes = [Lane(goal, number, Random(f"{plan.seed}/{number}")) for number in range(plan.connections)]
    for lane in lanes:
        await lane.settle(plan.people)
    counts = Counts()
    gc.collect()
    gc.freeze()
    try:
        await _paced(lanes, plan, counts, at_edge)
    finally:
        gc.unfreeze()
        for lane in lanes:
            lane.close()
    return counts


async def _paced(lanes: list[Lane], plan: Plan, counts: Counts, at_edge: Callable[[], None]) -> None:
    """Give each turn to the next free connection; one that is due while none is free waits, and its time counts."""
    free: asyncio.Queue[Lane] = asyncio.Queue()
    for lane in lanes:
        free.put_nowait(lane)
    interval = NANOSECONDS / plan.rate

    async def take(lane: Lane, due: int, *, counted: bool) -> None:
        await lane.turn(due, counts, counted=counted)
        free.put_nowait(lane)

    begin = time.perf_counter_ns()
    first = round(plan.warm_up * plan.rate)
    cpu = time.process_time()
    async with asyncio.TaskGroup() as turns:
        for number in range(first + round(plan.seconds * plan.rate)):
            due = begin + round(number * interval)
            await asyncio.sleep(max(0.0, (due - time.perf_counter_ns()) / NANOSECONDS))
            if number == first:
                at_edge()
                counts.began, cpu = time.perf_counter_ns(), time.process_time()
            turns.create_task(take(await free.get(), due, counted=number >= first))
    counts.cpu = time.process_time() - cpu
    at_edge()


def result(counts: Counts, plan: Plan, watched: Watched, options: argparse.Namespace) -> figures.Result:
    """Return the run's figures; its latency is that of `visible`."""
    by_kind = {kind: figures.latency(taken) for kind, taken in counts.latencies.items()}
    seconds = (counts.ended - counts.began) / NANOSECONDS
    per_second = counts.turns / seconds if seconds else 0.0
    server_memory, database_memory = watched.memory()
    server_cpu, database_cpu = watched.cpu()
    return figures.Result(
        scenario=SCENARIO,
        server=options.serve,
        connections=plan.connections,
        workers=options.workers,
        rate=plan.rate,
        seed=plan.seed,
        seconds=round(seconds, 3),
        requests=counts.turns,
        per_second=round(per_second, 1),
        resources_per_second=round(per_second * STORED, 1),
        latency=by_kind["visible"],
        by_kind={kind: one for kind, one in by_kind.items() if one is not None},
        statuses={},
        errors=dict(counts.errors.most_common()),
        memory=server_memory,
        database_memory=database_memory,
        generator_cpu=round(counts.cpu, 3),
        server_cpu=server_cpu,
        database_cpu=database_cpu,
        notes=machine.described(options.serve),
    )


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.session", description=__doc__)
    parser.add_argument("--serve", choices=("sqlite", "postgresql"), required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--people", type=int, default=20, help="young people on each connection")
    parser.add_argument("--rate", type=float, default=50.0, help="sessions due each second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds that are not counted")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the results here as well")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Run the sessions and return 0 where every answer was right."""
    parser = arguments()
    options = parser.parse_args(given)
    plan = Plan(
        options.connections, options.seconds, options.warm_up, options.rate, options.people, options.seed
    )
    try:
        with (
            servers.place(options.serve) as where,
            servers.running(where, options.workers, "--sandbox") as server,
        ):
            watched = Watched(server.pids(), [where.cluster.pid] if where.cluster else [])
            counts = uvloop.run(run(target(server.base_url), plan, watched.at_edge))
            measured = [result(counts, plan, watched, options)]
    except (Refused, PostgresAbsent, servers.NotServing, Garbled, Lost, OSError) as fault:
        parser.exit(2, f"{fault}\n")
    print(figures.printed(measured))
    if options.json:
        document = {"kind": "load", "results": [one.as_json() for one in measured]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 1 if any(one.errors for one in measured) else 0


if __name__ == "__main__":
    sys.exit(main())
