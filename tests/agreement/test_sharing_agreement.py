"""The store's decision in SQL is the clinic's rule in plain Python: on whatever resources say, on both databases.

What resources say is made up here beside any real consent, so that rows meet which no clinic
would write.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from service.fhir import codec
from service.fhir.search.expressions import And, Everything, Ids, Query, Reference
from service.fhir.search.sight import Seen, Sight
from service.outcomes.grants import Effect, Row
from service.outcomes.sharing import Facts, Ground, Viewer, decide, withholds
from service.storage.open import migrate, open_store
from service.storage.sharing import Rule
from service.storage.store import AuditEntry, Unit
from tests.conftest import DATABASES
from tests.postgres import fresh_database
from tests.storage.builders import creation, score

NOW = 1_700_000_000_000  # milliseconds
FAR = 2**53
CHILDREN = ("ash", "birch")
AGENCIES = ("camhs", "school-1")
# Mostly what is about whoever looks, now, and about everything: else rows would hardly ever meet.
PARTIES = (*AGENCIES, "charity", "sector|school", "*", "*", "*", "")
LABELS = (0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 1 << 30)
LOW, HIGH = (0, 0, 0, NOW, NOW - 5, NOW + 10**9), (FAR, FAR, FAR, NOW + 1, NOW, NOW + 10**9)
AUTHORS = ("charity", "charity", "charity", "camhs")
EVERY = ("", "", "", "")

# Denials and permissions of both oftener than the rest: how they stand to each other is most of the rule.
EFFECTS = (*list(Effect)[:7], *(Effect.YOUNG_PERMIT, Effect.PARENT_DENY, Effect.PARENT_PERMIT) * 2)
OF_AGE, RESTRICTED = 0.1, 0.3  # shares of rows, and of children
# Worlds drawn evenly: shrunk ones, of few rows, hardly ever hold two rows that meet.
SEEDS, WORLDS = 6, 60

_localities = count(1)


def _row(random: Random, child: str) -> Row:
    pick = random.choice
    if random.random() < OF_AGE:
        return Row(child, "", Effect.COMING_OF_AGE, low=pick(LOW))
    effect = pick(EFFECTS)
    team = pick(("team-1", "team-2") if effect == Effect.TEAM else ("", "team-1", "team-2"))
    purpose = pick((*EVERY, "TREAT", "HRESCH"))
    type_ = pick((*EVERY, "Observation", "Goal"))
    return Row(child, pick(PARTIES), effect, type_, purpose, pick((0, *LABELS)), pick(LOW), pick(HIGH), team)


def _rows(random: Random, child: str) -> tuple[Row, ...]:
    """What is said of a child; at most one row tells that where it is, is not told: its Patient's."""
    rows = [_row(random, child) for _ in range(random.randint(0, 7))]
    if random.random() < RESTRICTED:
        rows.append(Row(child, "", Effect.RESTRICTED, mask=random.choice((1, 2, 3)), low=random.choice(LOW)))
    return tuple(dict.fromkeys(rows))


def _kept(random: Random) -> tuple[Facts, str]:
    """What a resource tells, and its author."""
    child, closed = random.choice(
        [("ash", False), ("ash", False), ("birch", False), (None, False), (None, True)]
    )
    return Facts(child, closed, random.choice(LABELS)), random.choice(AUTHORS)


def _viewer(random: Random) -> Viewer:
    sectors = frozenset(each for each in ("school", "charity", "health") if random.random() < 0.5)
    purpose = random.choice(("TREAT", "HRESCH", "ETREAT"))
    return Viewer(random.choice((*AGENCIES, "never-heard-of")), sectors, purpose, NOW)


@pytest.fixture(scope="module", params=DATABASES)
def loop_and_store(request, tmp_path_factory, registry, extractor):
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('sharing') / 'thrive.db'}"
    else:
        url = fresh_database(request.getfixturevalue("postgres_server"))
    migrate(url)
    told = {}
    rule = Rule(
        facts=lambda resource: told[resource["id"]],
        masked=lambda _, resource: {**resource, "status": "masked"},
        revealing=frozenset({("Observation", "performer")}),
    )
    with asyncio.Runner() as runner:

        async def opened():
            return await open_store(url, registry, extractor, lambda: NOW, rule=rule)

        store = runner.run(opened())
        yield runner, store, told
        runner.run(store.close())


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_store_decides_as_the_rule_does(loop_and_store, seed):
    runner, store, told = loop_and_store
    random = Random(seed)
    for _ in range(WORLDS):
        said = tuple(_rows(random, child) for child in CHILDREN)
        kept = [_kept(random) for _ in range(6)]
        viewers = [_viewer(random) for _ in range(3)]
        runner.run(_agree(store, told, said, kept, viewers))


async def _agree(store, told, said, kept, viewers):
    locality = f"here-{next(_localities)}"
    for child, rows in zip(CHILDREN, said, strict=True):
        told[child] = Facts(child, False, 0, rows)
        await _commit(store, locality, "camhs", {"resourceType": "Patient", "id": child})
    for number, (facts, author) in enumerate(kept):
        told[f"score-{number}"] = facts
        await _commit(store, locality, author, score(f"score-{number}", "ash"))
    for viewer in viewers:
        await _as_seen(store, locality, told, said, kept, viewer)


async def _commit(store, locality, agency, resource):
    audit = AuditEntry(client="epr", agency=agency, interaction="create", request_id="request-1")
    return await store.commit(locality, Unit((creation(resource),), audit))


async def _as_seen(store, locality, told, said, kept, viewer):
    rows = [row for rows in said for row in rows]
    expected = {}
    for number, (facts, author) in enumerate(kept):
        ground = decide(facts, "Observation", author, rows, viewer)
        if ground is not Ground.NONE:
            masked = withholds(facts, "Observation", author, rows, viewer)
            expected[f"score-{number}"] = (ground, masked)
    seen = Seen()
    sight = Sight(viewer.agency, viewer.sectors, viewer.purpose)
    sighted = store.seen_by(locality, sight, seen)
    keys = [("Observation", f"score-{number}") for number in range(len(kept))]
    many = await sighted.read_many(locality, keys)
    assert _told(many.values()) == expected
    single = [await sighted.read(locality, *key) for key in keys]
    assert _told(one for one in single if one is not None) == expected
    every = Query("Observation", Everything(), 100, total="accurate")
    # The second asks for one child, of whom all is looked up at once.
    of_ash = Query("Observation", Reference("subject", "Patient", "ash"), 100, total="accurate")
    for query in (
        every,
        of_ash,
        replace(of_ash, where=And((of_ash.where, Ids(frozenset(k[1] for k in keys))))),
    ):
        found = await sighted.search(locality, query)
        assert _told(found.items) == expected
        assert found.total == len(expected)
        assert (await sighted.search(locality, replace(query, count=0))).total == len(expected)
    assert seen.children.keys() == {kept[int(id_[6:])][0].child for id_ in expected} - {None}
    assert {row.child for row in rows} <= set(CHILDREN)
    for child, rows_of in zip(CHILDREN, said, strict=True):
        shares = await store.sharing(locality, child)
        assert len(shares) == len(rows_of)


def _told(items):
    told = {}
    for one in items:
        assert (codec.decode(one.body)["status"] == "masked") is one.withheld
        told[one.id] = (one.ground, one.withheld)
    return told
