"""`python -m benchmarks.cohort`: very many responses sent in transactions, some again and again, and all of it counted.

Each transaction holds responses of many young people; their scores are made by the service. Some
transactions are sent twice at the same moment, some once more later, as senders do who had no answer. At
the end everything is read back: each response once, and each rated goal with one score of the right value.

Source: docs/performance.md, docs/adr/0016-scores-are-taken-from-forms.md
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import uvloop

from benchmarks import machine, resources, servers
from benchmarks.resources import OURS, SYSTEM, Circle, Json
from benchmarks.scenarios import Serials
from benchmarks.target import Refused, target
from benchmarks.wire import Exchange, Garbled, Lost
from tests.postgres import PostgresAbsent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from benchmarks.target import Target

SLOTS = (1, 2, 3)
ITEMS = ("understand", "listen", "include")
TOP = 9
SESSIONS = 20  # of each young person
RESPONSES = 30  # of each young person: every session's goals, and every other's CollaboRATE
TOGETHER = 50  # responses in a transaction
PEOPLE_TOGETHER = 20  # young people in a transaction of the set-up
PAGE = 1_000
OWN = "load-"  # how the ids of our young people begin: the sandbox has others
# Of the transactions: sent twice at one moment, and sent once more when all is over.
TWICE, AGAIN = 0.1, 0.05

Rated = dict[tuple[str, str], Decimal]  # value by identifier of the response and goal


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, by how many connections."""

    responses: int
    connections: int
    seed: int


@dataclass(slots=True)
class Sent:
    """What was sent: identifiers of all responses, the scores that their goals must have, and CollaboRATE's totals."""

    responses: set[str] = field(default_factory=set)
    rated: Rated = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """What came of it. Units: seconds; `faults` say what is wrong how often."""

    seconds: float = 0.0
    transactions: int = 0
    repeated: int = 0
    responses: int = 0
    observations: int = 0
    faults: Counter[str] = field(default_factory=Counter)


def transaction(found: Sequence[Json], method: str = "POST") -> Json:
    """Return a transaction that stores the resources."""
    entries = [
        {
            "resource": one,
            "request": {
                "method": method,
                "url": f"{one['resourceType']}/{one['id']}" if method == "PUT" else one["resourceType"],
            },
        }
        for one in found
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def young_person(random: Random, number: int) -> list[Json]:
    """Return a young person under an id of our own, with an encounter and three goals."""
    whose = f"{OWN}{number}"
    around = Circle(f"Patient/{whose}", "Practitioner/p", "Organization/o", f"Encounter/{whose}", "")
    made = [resources.patient(random, around.organization), resources.encounter(around)]
    made += [resources.goal(random, around, slot) for slot in SLOTS]
    ids = [whose, whose, *(f"{whose}-{slot}" for slot in SLOTS)]
    return [{**one, "id": id_} for one, id_ in zip(made, ids, strict=True)]


def responses(random: Random, number: int, sent: Sent) -> list[Json]:
    """Return all responses of a young person, and note what they say."""
    found = []
    for session in range(SESSIONS):
        about = {
            "status": "completed",
            "subject": {"reference": f"Patient/{OWN}{number}"},
            "encounter": {"reference": f"Encounter/{OWN}{number}"},
            "authored": f"2026-{session // 2 + 1:02d}-{session % 2 * 14 + 1:02d}T15:48:00Z",
            "source": {"reference": f"Patient/{OWN}{number}"},
        }
        named = f"{number}-{session}"
        goals = [f"Goal/{OWN}{number}-{slot}" for slot in SLOTS]
        scores = [Decimal(random.randrange(21)) / 2 for _ in SLOTS]
        sent.responses.add(f"gbo-{named}")
        sent.rated |= {(f"gbo-{named}", goal): score for goal, score in zip(goals, scores, strict=True)}
        items = [
            {
                "linkId": f"goal-{slot}",
                "item": [
                    {"linkId": f"goal-{slot}.goal", "answer": [{"valueReference": {"reference": goal}}]},
                    {"linkId": f"goal-{slot}.score", "answer": [{"valueDecimal": score}]},
                ],
            }
            for slot, goal, score in zip(SLOTS, goals, scores, strict=True)
        ]
        found.append(_response("gbo-session", f"gbo-{named}", about, items))
        if session % 2:
            answers = [random.randrange(TOP + 1) for _ in ITEMS]
            sent.responses.add(f"collaborate-{named}")
            sent.totals[f"collaborate-{named}"] = sum(answers)
            items = [
                {"linkId": item, "answer": [{"valueInteger": answer}]}
                for item, answer in zip(ITEMS, answers, strict=True)
            ]
            found.append(_response("collaborate-0-9", f"collaborate-{named}", about, items))
    return found


def _response(form: str, identifier: str, about: Json, items: list[Json]) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{OURS}/Questionnaire/{form}",
        "identifier": {"system": f"{SYSTEM}/response", "value": identifier},
        **about,
        "item": items,
    }


async def fill(goal: Target, plan: Plan) -> tuple[Sent, Found]:
    """Return what was sent and what it came to. Raises Garbled, Lost, OSError."""
    random, sent, found = Random(plan.seed), Sent(), Found()
    people = -(-plan.responses // RESPONSES)
    exchanges = [Exchange(goal) for _ in range(plan.connections)]
    try:
        await _settle(goal, exchanges[0], random, people)
        bodies = _bodies(random, people, sent)
        queue = [body for body in bodies for _ in range(1 + (random.random() < TWICE))]
        later = [body for body in bodies if random.random() < AGAIN]
        found.repeated = len(queue) - len(bodies) + len(later)
        began = time.perf_counter()
        for part in (queue, later):
            waiting = iter(part)
            await asyncio.gather(*(_send(goal, one, waiting, found) for one in exchanges))
        found.seconds = time.perf_counter() - began
    finally:
        for one in exchanges:
            one.close()
    return sent, found


async def _settle(goal: Target, exchange: Exchange, random: Random, people: int) -> None:
    first = [{**resources.organization(), "id": "o"}, {**resources.practitioner(), "id": "p"}]
    made = [one for number in range(people) for one in young_person(random, number)]
    size = PEOPLE_TOGETHER * (2 + len(SLOTS))
    serials = Serials(0)
    for part in (first, *(made[start : start + size] for start in range(0, len(made), size))):
        body = serials.stamp(resources.encode(transaction(part, "PUT")))
        answer = await exchange(goal.post(b"", body))
        if answer.status != 200:
            raise Garbled(f"set-up: {answer.status} {answer.body[:500].decode(errors='replace')}")


def _bodies(random: Random, people: int, sent: Sent) -> list[bytes]:
    made = [one for number in range(people) for one in responses(random, number, sent)]
    random.shuffle(made)
    return [
        resources.encode(transaction(made[start : start + TOGETHER]))
        for start in range(0, len(made), TOGETHER)
    ]


async def _send(goal: Target, exchange: Exchange, waiting: Any, found: Found) -> None:
    for body in waiting:
        answer = await exchange(goal.post(b"", body))
        found.transactions += 1
        if answer.status != 200:
            found.faults[f"a transaction was answered with {answer.status}"] += 1


async def look(goal: Target, sent: Sent, found: Found) -> None:
    """Read everything back, and note each fault. Raises Garbled, Lost."""
    exchange = Exchange(goal)
    try:
        named: dict[str, str] = {}
        async for one in _everything(
            goal, exchange, f"QuestionnaireResponse?identifier={SYSTEM}/response|&_elements=identifier"
        ):
            value = one["identifier"]["value"]
            found.responses += 1
            named[f"QuestionnaireResponse/{one['id']}"] = value
        times = Counter(named.values())
        found.faults["a response is lost"] += len(sent.responses - times.keys())
        found.faults["a response is there twice"] += sum(count - 1 for count in times.values())
        await _scores(goal, exchange, sent, named, found)
    finally:
        exchange.close()
    found.faults = +found.faults  # without those that never happened


async def _scores(goal: Target, exchange: Exchange, sent: Sent, named: dict[str, str], found: Found) -> None:
    query = "Observation?category=survey&_elements=subject,derivedFrom,focus,valueQuantity,component"
    rated: Counter[tuple[str, str]] = Counter()
    totals: Counter[str] = Counter()
    async for one in _everything(goal, exchange, query):
        if not one["subject"]["reference"].startswith(f"Patient/{OWN}"):
            continue
        found.observations += 1
        response = named.get(one.get("derivedFrom", [{}])[0].get("reference", ""))
        if one["status"] == "entered-in-error":
            found.faults["a score was retracted"] += 1
        elif response is None:
            found.faults["a score of no response"] += 1
        elif response in sent.totals:
            totals[response] += 1
            items = sum(part.get("valueInteger", 0) for part in one["component"])
            found.faults["a CollaboRATE score is wrong"] += items != sent.totals[response]
        else:
            key = (response, one["focus"][0]["reference"])
            rated[key] += 1
            found.faults["a score is wrong"] += one["valueQuantity"]["value"] != sent.rated.get(key)
    for kind, expected, seen in (
        ("score", sent.rated.keys(), rated),
        ("CollaboRATE score", sent.totals.keys(), totals),
    ):
        found.faults[f"a {kind} is lost"] += len(expected - seen.keys())
        found.faults[f"a {kind} is there twice"] += sum(count - 1 for count in seen.values())


async def _everything(goal: Target, exchange: Exchange, query: str) -> AsyncIterator[Json]:
    """Every match, page by page."""
    path = f"/{query}&_count={PAGE}"
    while path:
        answer = await exchange(goal.get(path.encode()))
        if answer.status != 200:
            raise Garbled(f"{query}: {answer.status}")
        page = json.loads(answer.body, parse_float=Decimal)
        for entry in page.get("entry", []):
            yield entry["resource"]
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        path = _path(following[0], goal) if following else ""


def _path(url: str, goal: Target) -> str:
    parts = urlsplit(url)
    return f"{parts.path.removeprefix(goal.path)}?{parts.query}"


def printed(found: Found, options: argparse.Namespace) -> str:
    """Return the figures as lines for people."""
    each = found.responses / found.seconds
    stored = (found.responses + found.observations) / found.seconds
    lines = [
        f"{found.responses:,} responses on {options.serve} by {options.connections} connections: {found.seconds:.1f} s",
        f"  {found.transactions:,} transactions, of which {found.repeated:,} were sent again",
        f"  {each:,.0f} responses/s, {stored:,.0f} resources/s with the {found.observations:,} scores taken from them",
    ]
    lines += [f"  FAULT  {count:,} x {what}" for what, count in found.faults.items()]
    return "\n".join([*lines, "  nothing lost, nothing twice" if not found.faults else ""])


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cohort", description=__doc__)
    parser.add_argument("--serve", choices=("sqlite", "postgresql"), required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--responses", type=int, default=150_000, help="about so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the results here as well")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Send the cohort and return 0 where nothing was lost and nothing is there twice."""
    parser = arguments()
    options = parser.parse_args(given)
    plan = Plan(options.responses, options.connections, options.seed)

    async def whole(goal: Target) -> Found:
        sent, found = await fill(goal, plan)
        await look(goal, sent, found)
        return found

    try:
        with (
            servers.place(options.serve) as where,
            servers.running(where, options.workers, "--sandbox") as server,
        ):
            found = uvloop.run(whole(target(server.base_url)))
            server.stop()
            sound = server.run("check")
    except (Refused, PostgresAbsent, servers.NotServing, Garbled, Lost, OSError) as fault:
        parser.exit(2, f"{fault}\n")
    print(printed(found, options), sound, sep="\n")
    if options.json:
        text = json.dumps(_figures(found, options.serve), indent=1)
        options.json.write_text(f"{text}\n", encoding="utf-8")
    return 1 if found.faults else 0


def _figures(found: Found, database: str) -> Json:
    return {
        "kind": "cohort",
        "database": database,
        "responses": found.responses,
        "observations": found.observations,
        "transactions": found.transactions,
        "repeated": found.repeated,
        "seconds": round(found.seconds, 3),
        "faults": dict(found.faults),
        "notes": machine.described(database),
    }


if __name__ == "__main__":
    sys.exit(main())
