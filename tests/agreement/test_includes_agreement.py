"""What is included with matches, on both databases, is what their references in memory lead to."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.access.callers import Caller
from service.fhir import codec
from service.fhir.problems import Malformed
from service.fhir.search.includes import include, reference_codes
from service.interactions.context import Act
from service.interactions.search import search
from tests.agreement.lasting import lasting
from tests.agreement.remembered import remembered
from tests.agreement.strategies import TYPES, resources

SEARCHES = 20  # of each locality: making one costs more than a search
MANY = 300  # searches, of which some must include something
PHASES = (Phase.reuse, Phase.generate)


@pytest.fixture
def included(migrated_url, registry, extractor, terminology):
    """Compares what searches with includes show, in a locality of their own, with what is remembered."""
    with lasting(migrated_url, registry, extractor) as kept:
        context = kept.context(registry, extractor, terminology)
        beside = []

        async def run(drawn, seed):
            random = Random(seed)
            record = await remembered(kept.store, kept.locality(), extractor)
            await record.put(*drawn)
            for key in random.sample(record.there, len(record.there) // 5):
                await record.delete(*key)
            asked = [written(registry, random) for _ in range(SEARCHES)]
            beside.extend([await compare(context, record, *one) for one in asked])

        yield lambda *case: kept.run(run(*case))
        assert len(beside) < MANY or sum(map(bool, beside)) > MANY // 10, "hardly anything was included"


def written(registry, random):
    """A type, and one to three includes as a client writes them, each of which can lead somewhere."""
    type_ = random.choice(TYPES)
    pairs = []
    while len(pairs) < random.choice((1, 1, 2, 3)):
        reverse, iterate = random.random() < 0.5, random.random() < 0.4
        source = random.choice(TYPES) if reverse or iterate else type_
        code = random.choice((*reference_codes(registry, source), "*"))
        target = random.choice(("", "", f":{random.choice(TYPES)}"))
        name = ("_revinclude" if reverse else "_include") + (":iterate" if iterate else "")
        value = random.choice((f"{source}:{code}{target}",) * 4 + ("*",))
        if leads(registry, type_, name, value):
            pairs.append((name, value))
    return type_, pairs


def leads(registry, type_, name, value):
    try:
        include(registry, (type_,), name, value)
    except Malformed:
        return False
    return True


async def compare(context, record, type_, pairs):
    """How many resources were included, after a look at which."""
    act = Act(Caller("epr", "camhs", record.locality), "request-1")
    answer = await search(context, act, type_, [*pairs, ("_count", "1000")])
    shown = [
        (one["search"]["mode"], one["resource"]["resourceType"], one["resource"]["id"])
        for one in codec.decode(answer.document).get("entry", [])
    ]
    assert len(shown) == len(set(shown)), pairs
    matches = {("match", *key) for key in record.there if key[0] == type_}
    beside = reached(record, type_, [include(context.registry, (type_,), *pair) for pair in pairs])
    assert set(shown) == matches | {("include", *key) for key in beside}, (type_, pairs)
    return len(beside)


def reached(record, type_, includes):
    """Type and id of what the includes lead to from all resources of the type, these left out."""
    around = record.around().candidates
    matches = {key for key in around if key[0] == type_}
    known, fresh, here = set(matches), matches, includes
    while fresh:
        found = {to for one in includes_at(here) for to in led_to(around, fresh, *one)}
        fresh = found - known
        known |= fresh
        here = [one for one in includes if one.iterate]
    return known - matches


def includes_at(includes):
    return [(one, parameter) for one in includes for parameter in one.parameters]


def led_to(around, sources, one, parameter):
    """What an include leads to from the sources by one of its parameters."""
    type_, code = parameter
    for key, candidate in around.items():
        if key[0] != type_:
            continue
        targets = {(to, id_) for its, to, id_ in candidate.values.references if its == code}
        if one.reverse:
            wanted = {source for source in sources if one.target in {None, source[0]}}
            if targets & wanted:
                yield key
        elif key in sources:
            yield from (to for to in targets if to in around and one.target in {None, to[0]})


@settings(max_examples=40, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=resources(), seed=st.integers(0, 2**32))
def test_what_is_included_is_what_references_lead_to(included, drawn, seed):
    included(drawn, seed)
