"""The leak test: nobody is told anything of what they may not see, and everything of what they may.

Random worlds are written over the interface. Then each agency asks every route that can return
or count data. The plain oracle (`oracle.py`) says which versions somebody may see; the answers
must be those of a service that holds these and nothing else. What is hidden must make no
difference to anything, so that it can neither be shown nor counted nor found out by status
codes, ETags, conditional requests, totals, chains, order, includes or links of pages.

Source: issue 6 («the leak test»), docs/security.md, docs/sharing.md
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from service.access.rule import sharing_rule
from service.fhir.validation.validator import Validator
from service.interactions.context import Context, Limits
from service.operations.offered import OPERATIONS
from service.outcomes import sharing
from service.rest.application import system_routes
from service.rest.routes import Table
from service.storage.open import migrate, open_store
from tests.agreement import worlds
from tests.agreement.changing import all_changes
from tests.agreement.existence import Existence, attempts
from tests.agreement.keeping import all_kept
from tests.agreement.lived import (
    BEGUN,
    LATER,
    NOW,
    Hands,
    Lived,
    Service,
    caller_of,
    everybody,
    reduced_caller,
    service,
)
from tests.agreement.looking import Look, posted
from tests.agreement.questions import TYPES, questions
from tests.agreement.selfhelp import all_self_help
from tests.agreement.strangers import of_others
from tests.conftest import BASE_URL
from tests.postgres import fresh_database

# Each world is looked at at two moments. Those of every run take a minute of a processor each, and half of one.
SEEDS = {"sqlite": (0, 1), "postgresql": (100,)}
MORE = (2, 3, 4)  # on SQLite, where time does not matter
LEAST = {"sqlite": 50_000, "postgresql": 5_000}
"""The fewest checks of a world. A check is an answer held against the oracle."""

HIDDEN = 3  # resources of each caller that are asked for as if they never were, beside one of each type
SENT_BACK = 25  # resources that each caller sees and sends back changed
LOCATED = sorted({(eyes.name, now) for eyes in everybody() for now in (NOW, LATER)})


@dataclass
class Stage:
    """The service with the world on it, and the one with what each caller sees."""

    whole: Service
    reduced: Service


WORLDS = [
    *(pytest.param((kind, seed), id=f"{kind}-{seed}") for kind, seeds in SEEDS.items() for seed in seeds),
    *(pytest.param(("sqlite", seed), id=f"sqlite-{seed}", marks=pytest.mark.long) for seed in MORE),
]


@pytest.fixture(scope="session")
def validator(registry, terminology) -> Validator:
    return Validator(registry, terminology.guide, terminology)


@pytest.fixture(params=WORLDS)
def world(request) -> tuple[str, int]:
    return request.param


@pytest.fixture
async def stage(
    world, request, tmp_path: Path, registry, extractor, guide, terminology, validator
) -> AsyncIterator[Stage]:
    kind, _ = world
    url = (
        f"sqlite:///{tmp_path / 'whole.db'}"
        if kind == "sqlite"
        else fresh_database(request.getfixturevalue("postgres_server"))
    )
    beside = f"sqlite:///{tmp_path / 'reduced.db'}"
    rule = sharing_rule(registry, BASE_URL)
    async with AsyncExitStack() as stack:
        services = []
        localities = (worlds.LOCALITIES, [f"{name}-{now}" for name, now in LOCATED])
        for address, names in zip((url, beside), localities, strict=True):
            migrate(address)
            hands = Hands(BEGUN)
            store = await open_store(address, registry, extractor, hands, names, rule)
            stack.push_async_callback(store.close)
            context = Context(
                registry=registry,
                validator=validator,
                store=store,
                clock=hands,
                ids=str,
                base_url=BASE_URL,
                limits=Limits(),
                link_key=bytes(32),
                extractor=extractor,
                guide=guide,
                terminology=terminology,
            )
            services.append(service(store, context, hands))
        yield Stage(*services)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_nobody_is_told_of_what_is_hidden_and_everybody_of_what_is_not(world, stage: Stage):
    kind, seed = world
    lived = Lived(stage.whole)
    await lived.live(worlds.imagine(seed))
    tally: Counter[str] = Counter()
    faults = all_kept(lived.steps, lived.oracles, tally)
    rng = Random(seed)
    eyes = everybody()
    if kind == "postgresql":
        eyes = rng.sample(eyes, 4)
    looks = []
    for now in (NOW, LATER):
        for each in eyes if now == NOW else rng.sample(eyes, len(eyes) // 2):
            look = await _look(stage, lived, each, now, tally)
            await look.all_reads()
            await look.all_questions(rng)
            faults += look.faults
            looks.append(look)
    faults += await of_others(stage.whole, looks, rng, tally)
    for look in looks:
        # What these store comes last: it changes the world.
        stage.whole.hands.set(look.reduction.now)
        existence = Existence(stage.whole, look.reduction, tally)
        await existence.all_attempts(rng, HIDDEN)
        faults += existence.faults
    for look in looks:
        stage.whole.hands.set(look.reduction.now)
        faults += await all_changes(stage.whole, look.reduction, rng, SENT_BACK, tally)
    for look in looks:
        stage.whole.hands.set(look.reduction.now)
        faults += await all_self_help(stage.whole, look.reduction, tally)
    # The seed and the figures are shown where a world fails, and by `pytest -rP`.
    sys.stdout.write(f"world {kind} {seed}: {tally.total()} checks: {dict(tally)}\n")
    assert not faults, f"{len(faults)} of world {kind} {seed}:\n" + "\n".join(faults[:10])
    assert tally.total() >= LEAST[kind]


async def _look(stage: Stage, lived: Lived, eyes, now: int, tally: Counter[str]) -> Look:
    reduction = await lived.reduce(stage.reduced, eyes, now)
    locality = f"{eyes.name}-{now}"
    registry = stage.whole.context.registry
    stage.whole.gate.known[eyes.name] = caller_of(eyes, registry)
    stage.reduced.gate.known[locality] = reduced_caller(eyes, registry, locality)
    stage.whole.hands.set(now)
    stage.reduced.hands.set(now)
    return Look(stage.whole, stage.reduced, reduction, tally)


@pytest.mark.slow
@pytest.mark.parametrize("world", [("sqlite", 7)], indirect=True, ids=["sqlite-7"])
@pytest.mark.parametrize(
    ("as_if", "found"),
    [
        (
            {"administrator": True},
            {"read-hidden", "vread-hidden", "history-hidden", "histories", "list", "same"},
        ),
        (
            {"agency": "stranger", "sectors": frozenset()},
            {"read", "vread", "history", "histories", "list", "same"},
        ),
    ],
    ids=["sees-all", "sees-less"],
)
async def test_a_service_that_tells_too_much_or_too_little_is_found_out(world, stage: Stage, as_if, found):
    """The test itself is tested: the service takes the caller for another, as a fault in it would."""
    lived = Lived(stage.whole)
    await lived.live(worlds.imagine(world[1]))
    kinds: set[str] = set()
    for eyes in everybody()[:3]:
        look = await _look(stage, lived, eyes, NOW, Counter())
        known = stage.whole.gate.known
        known[eyes.name] = caller_of(eyes, stage.whole.context.registry, **as_if)
        await look.all_reads()
        await look.all_questions(Random(7))
        kinds |= {fault.split(": ")[1] for fault in look.faults}
    assert found <= kinds


def test_there_are_a_hundred_thousand_checks():
    assert sum(len(seeds) * LEAST[kind] for kind, seeds in SEEDS.items()) >= 100_000


@pytest.mark.parametrize("seed", range(20))
def test_the_rule_in_plain_python_is_that_of_the_oracle(seed):
    """Beside the service as a whole, the pure rule by itself: many more worlds for little time."""
    for locality in worlds.LOCALITIES:
        oracle = worlds.unlived(worlds.imagine(seed), locality)
        rows = [
            row
            for record in oracle.records.values()
            if record.current.resource is not None
            for row in sharing.facts(record.current.resource, _locate).rows
        ]
        for eyes in everybody():
            if eyes.locality != locality or eyes.all_of_it or eyes.token.types is not None:
                continue
            for now in (NOW, LATER):
                viewer = sharing.Viewer(eyes.agency, eyes.sectors, eyes.purpose, now)
                for record in oracle.records.values():
                    facts = sharing.facts(record.said(record.current), _locate)
                    if facts.through:
                        continue  # what it is about decides, which is looked up when it is written
                    found = sharing.decide(facts, record.type, record.author, rows, viewer)
                    ground = oracle.ground(eyes, record, record.current, now)
                    assert (found.name.lower() if found else None) == ground, (eyes, record.type, record.id)
                    if ground is not None:
                        withheld = sharing.withholds(facts, record.type, record.author, rows, viewer)
                        assert withheld == oracle.withheld(eyes, record, record.current, now)


def _locate(text: str) -> tuple[str, str] | None:
    type_, _, rest = text.partition("/")
    return (type_, rest.partition("/")[0]) if rest else None


# Routes that show nothing of what agencies wrote, or that other tests hold against access.
ELSEWHERE = {
    "the guide, which is everybody's": (
        *("$expand", "$validate-code", "$lookup", "$subsumes", "/metadata"),
        *("StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter", "OperationDefinition"),
    ),
    "figures of many, of one's own agency alone: tests/operations/test_collaborate.py": ("$collaborate",),
    "one's own notices: tests/operations/test_notices.py": ("$notices", "$acknowledge"),
    "the audit: tests/interactions/test_audit_events.py": ("AuditEvent", "$who-has-seen"),
    "files of everything: tests/agreement/test_export_leaks.py": ("$export",),
    "one's own jobs: tests/rest/test_jobs.py": ("/fhir/jobs/",),
    "what is sent is stored as by a create or update: tests/bulk/test_importing.py": ("$import",),
    "what is sent is judged; of what is stored as by a create or update, which are asked": ("$validate",),
}


def test_every_route_that_returns_or_counts_data_is_asked(registry, guide, terminology, validator, extractor):
    """A route that is added must be asked by the leak test, or be named above with a reason."""
    context = Context(
        registry,
        validator,
        None,
        lambda: 1,
        str,
        BASE_URL,
        Limits(),
        bytes(32),
        extractor,
        guide,
        terminology,
    )
    table = Table(registry, system_routes(context), OPERATIONS)
    left_out = tuple(name for names in ELSEWHERE.values() for name in names)
    wanted = {
        (route.template, method)
        for route in table.routes
        for method in route.methods
        # HEAD is GET; a create shows what was sent; a batch is its entries.
        if method not in {"HEAD", "OPTIONS"}
        and (method, bool(route.operation or route.form)) != ("POST", False)
        if not any(name in route.template for name in left_out)
    }
    asked = {(table.find(path).route.template, method) for method, path in _asked()}
    assert sorted(f"{method} {template}" for template, method in wanted - asked) == []


def _asked() -> set[tuple[str, str]]:
    """The method and path of what the leak test asks; what is chosen by chance is chosen often enough."""
    found = {("GET", "_history")}
    for seed in range(200):
        for question in questions(Random(seed), ["an-id"]):
            path = question.partition("?")[0]
            found |= {("GET", path), ("POST", posted(question)[0].partition("?")[0])}
    for type_ in TYPES:
        found |= {
            ("GET", f"{type_}/{rest}") for rest in ("_history", "an-id", "an-id/_history", "an-id/_history/1")
        }
        for attempt in attempts(type_, "an-id", {"resourceType": type_}):
            found.add((attempt.method, attempt.url.partition("?")[0]))
    return found
