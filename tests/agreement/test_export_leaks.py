"""The leak test of exports: each caller's files hold what the plain oracle says that they may see, and nothing else.

Source: issue 7 («No row that the agency may not see, in any file»), docs/security.md, docs/sharing.md
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from random import Random

import pytest

from service.bulk import acting
from service.bulk.export_request import ExportRequest
from tests.agreement import worlds
from tests.agreement.lived import BEGUN, LATER, MINUTE, NOW, Lived, caller_of, everybody, unlived
from tests.agreement.oracle import Eyes
from tests.agreement.questions import TYPES
from tests.bulk.exports import Exported, carried, job
from tests.bulk.exports import request as export_of

SEEDS = {"sqlite": (11, 12), "postgresql": (13,)}
WORLDS = [pytest.param((kind, seed), id=f"{kind}-{seed}") for kind, seeds in SEEDS.items() for seed in seeds]
LEAST = (4_000, 1_000)
"""The fewest checks of a world, on SQLite and on PostgreSQL: whether a resource is in a file."""


@pytest.fixture(params=WORLDS)
async def lived(request, databases, tmp_path, registry, extractor, guide, terminology, folder):
    kind, seed = request.param
    shared = {"registry": registry, "extractor": extractor, "guide": guide, "terminology": terminology}
    async with unlived(databases.migrated(kind, tmp_path), files=folder, **shared) as found:
        await found.live(worlds.imagine(seed))
        yield found


def bodies(found) -> dict[tuple[str, str], bytes]:
    lines = found.lines()
    decoded = [json.loads(line) for line in lines]
    by_key = {(one["resourceType"], one["id"]): line for one, line in zip(decoded, lines, strict=True)}
    assert len(by_key) == len(lines)
    return by_key


@dataclass
class Asked:
    """An export: what is asked for, since when, and of which moment."""

    name: str
    request: ExportRequest
    since: int | None
    at: int


def exports(types: tuple[str, ...], now: int) -> list[Asked]:
    since, until = BEGUN + 12 * MINUTE, BEGUN + 40 * MINUTE
    return [
        Asked("all", export_of(*types), None, now),
        Asked("changed", export_of(*types, since=since), since, now),
        Asked("former", export_of(*types, until=until), None, until),
        Asked("people", export_of(*types, level="Patient"), None, now),
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_files_hold_what_may_be_seen_and_nothing_else(lived: Lived, request):
    context, rng = lived.service.context, Random(3)
    is_postgresql = "postgresql" in request.node.name
    checks = 0
    for now in (NOW, LATER):
        eyes_now = everybody() if now == NOW else rng.sample(everybody(), 5)
        for eyes in rng.sample(eyes_now, 3) if is_postgresql else eyes_now:
            lived.service.hands.set(now)
            caller = lived.service.gate.known[eyes.name] = caller_of(eyes, context.registry)
            types = tuple(sorted(type_ for type_ in TYPES if acting.exports(caller, type_)))
            if types:
                whole, *others = exports(types, now)
                for asked in (whole, rng.choice(others)):
                    one = replace(await job(context, asked.request, caller), at=now)
                    found = await carried(context, context.files, one, Random(checks))
                    checks += await _held(lived, eyes, asked, now, found)
    assert checks > LEAST[is_postgresql]


async def _held(lived: Lived, eyes: Eyes, asked: Asked, now: int, found: Exported) -> int:
    """How many resources were held against the oracle."""
    oracle = lived.oracles[eyes.locality]
    here, gone = bodies(found), found.deleted()
    checks = 0
    for key, record in oracle.records.items():
        then = [each for each in record.versions if each.at <= asked.at]
        if record.type not in asked.request.types or not then:
            continue
        version = then[-1]
        seen = oracle.ground(eyes, record, version, now) is not None
        seen = seen and (asked.since is None or version.at > asked.since)
        where = f"{asked.name} of {eyes.name} at {now}: {key}"
        if asked.name == "people":
            assert seen or key not in here, where
        else:
            assert (key in here) == (seen and version.resource is not None), where
        told = "/".join(key) in gone
        # Of what the token narrows nothing is told once it is deleted: nobody knows whether it showed it.
        if eyes.token.types is None or told:
            assert told == (asked.since is not None and seen and version.resource is None), where
        if key in here and version is record.current:
            said = await lived.service.ask(eyes.name, "GET", "/".join(key))
            assert json.loads(here[key]) == said.json, where
        checks += 1
    # What the service itself wrote, of no agency.
    assert {type_ for type_, _ in here.keys() - oracle.records.keys()} <= {"Questionnaire"}
    return checks
