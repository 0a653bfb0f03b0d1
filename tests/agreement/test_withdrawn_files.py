"""Files of exports and the plain oracle: what is not to be seen any more is given out in none of them.

An export is made in the middle of a random world; then the rest of it happens, and time goes by.

Source: issue 6 («a withdrawal takes effect with its commit»), ADR 0027
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from service.bulk import acting
from service.bulk.withdrawing import require_seen
from service.fhir.problems import Gone
from service.storage.jobs import File
from tests.agreement import worlds
from tests.agreement.lived import BEGUN, LATER, NOW, Lived, caller_of, everybody, unlived
from tests.agreement.oracle import EVERYTHING, Eyes, Key, Oracle
from tests.agreement.questions import TYPES
from tests.bulk.exports import Exported, carried, job
from tests.bulk.exports import request as export_of

SEEDS = {"sqlite": (21, 22), "postgresql": (23,)}
WORLDS = [pytest.param((kind, seed), id=f"{kind}-{seed}") for kind, seeds in SEEDS.items() for seed in seeds]
BEFORE = 0.6
"""The part of what happens in a world that the exports come after."""
LEAST = {"refused": 30, "given": 60}
"""The fewest files of a world that must be refused, and that must be given out."""


@pytest.fixture(params=WORLDS)
async def begun(request, databases, tmp_path, registry, extractor, guide, terminology, folder):
    """A world of which nothing happened yet, and its seed."""
    kind, seed = request.param
    shared = {"registry": registry, "extractor": extractor, "guide": guide, "terminology": terminology}
    async with unlived(databases.migrated(kind, tmp_path), files=folder, **shared) as found:
        yield found, seed


@dataclass
class Taken:
    """An export, with whose eyes it was made, of which moment, and when it was read."""

    eyes: Eyes
    found: Exported
    at: int
    read: int
    masked: frozenset[Key]

    def keys(self, file: File) -> Iterator[Key]:
        """The resources that the file holds."""
        for line in self.found.text(file).splitlines():
            said = json.loads(line)
            if said["resourceType"] == "Bundle":
                for entry in said["entry"]:
                    type_, _, id_ = entry["request"]["url"].partition("/")
                    yield type_, id_
            elif "id" in said:
                yield said["resourceType"], said["id"]


async def _taken(lived: Lived, eyes: Eyes, rng: Random) -> Taken:
    context, now = lived.service.context, lived.service.hands.now
    caller = caller_of(eyes, context.registry)
    types = tuple(sorted(type_ for type_ in TYPES if acting.exports(caller, type_)))
    how = rng.choice(
        ({}, {}, {"since": BEGUN}, {"until": rng.randint(BEGUN, now)}, {"organized_by": "Patient"})
    )
    level = "Patient" if "organized_by" in how else "system"
    one = await job(context, export_of(*types, level=level, **how), caller)
    found = await carried(context, context.files, one)
    oracle = lived.oracles[eyes.locality]
    at = min(one.at, how.get("until", one.at))
    masked = frozenset(key for key in oracle.records if _is_masked(oracle, eyes, key, at, now))
    return Taken(eyes, found, at, now, masked)


def _is_masked(oracle: Oracle, eyes: Eyes, key: Key, at: int, now: int) -> bool:
    record = oracle.records[key]
    then = [each for each in record.versions if each.at <= at]
    return bool(then) and oracle.withheld(eyes, record, then[-1], now)


def _parted(steps: list[worlds.Step]) -> tuple[list[worlds.Step], list[worlds.Step]]:
    """What happens before the exports and afterwards, in each of the localities."""
    before, after = [], []
    for locality in worlds.LOCALITIES:
        own = [step for step in steps if step.locality == locality]
        cut = int(len(own) * BEFORE)
        before += own[:cut]
        after += own[cut:]
    return before, after


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_no_file_holds_what_is_not_to_be_seen_any_more(begun):
    lived, seed = begun
    rng = Random(seed)
    before, after = _parted(worlds.imagine(seed))
    await lived.live(before)
    lived.service.hands.set(lived.steps[-1][0] + 30_000)
    taken = [await _taken(lived, eyes, rng) for eyes in everybody() if eyes.token is EVERYTHING]
    counts: Counter[str] = Counter()
    for one in taken:
        await _hold(lived, one, one.read, counts)
    assert counts["refused"] == 0
    await lived.live(after)
    for now in (NOW, LATER):
        for one in taken:
            await _hold(lived, one, now, counts)
    for what, fewest in LEAST.items():
        assert counts[what] >= fewest, counts


async def _hold(lived: Lived, one: Taken, now: int, counts: Counter[str]) -> None:
    """Holds each file against the oracle."""
    context = lived.service.context
    lived.service.hands.set(now)
    oracle = lived.oracles[one.eyes.locality]
    caller = caller_of(one.eyes, context.registry)
    for file in one.found.files:
        keys = [key for key in one.keys(file) if key in oracle.records]
        hidden = [key for key in keys if not _is_seen(oracle, one, key, now)]
        masked = {key for key in keys if _is_masked(oracle, one.eyes, key, one.at, now)}
        try:
            await require_seen(context, caller, one.found.job, file)
        except Gone:
            assert hidden or masked, (one.eyes.name, now, file.kind, file.type)
            counts["refused"] += 1
        else:
            where = (one.eyes.name, now, file.kind, file.type, hidden, masked - one.masked)
            assert not hidden, where
            assert masked <= one.masked, where
            counts["given"] += 1


def _is_seen(oracle: Oracle, one: Taken, key: Key, now: int) -> bool:
    record = oracle.records[key]
    version = [each for each in record.versions if each.at <= one.at][-1]
    return oracle.ground(one.eyes, record, version, now) is not None
