"""Pages of several types at once are exact, whatever is written between the statements that make them."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.fhir.search.expressions import Everything, Query, SortKey
from service.interactions.pages import show
from tests.agreement.lasting import lasting
from tests.agreement.remembered import few_are_many, remembered, some_order
from tests.agreement.strategies import TYPES, resources
from tests.agreement.turmoil import LONG_AGO, Changes, between_statements

WALKS = 6  # of each locality: making one costs more than a walk
PHASES = (Phase.reuse, Phase.generate)
MOST_PAGES = 60
# What all types are sorted by.
KEYS = [
    SortKey("_id", "_id"),
    SortKey("_lastUpdated", "_lastUpdated"),
    SortKey("_tag", "token"),
    SortKey("_profile", "uri"),
]


@pytest.fixture
def walked(migrated_url, registry, extractor, terminology, monkeypatch):
    """Turns pages of several types in a locality of their own, while it is written to."""
    few_are_many(monkeypatch)
    with lasting(migrated_url, registry, extractor) as kept:
        context = kept.context(registry, extractor, terminology)

        async def run(drawn, seed):
            random = Random(seed)
            record = await remembered(kept.store, kept.locality(), extractor)
            first, spare = drawn[: len(drawn) * 2 // 3 + 1], drawn[len(drawn) * 2 // 3 :]
            await record.put(*first)
            for _ in range(WALKS):
                kept.clock.now += random.choice((0, 0, LONG_AGO))
                queries = asked(random, sorted({one["resourceType"] for one in drawn}))
                await walk(context, queries, Changes(record, queries, random, spare, kept.clock))

        yield lambda *case: kept.run(run(*case))


def asked(random, types):
    """A query for each of the types, all in one order and of one count."""
    sort = some_order(random, KEYS) if random.random() < 0.8 else ()
    count = random.choice((1, 2, 3, 100))
    return tuple(Query(type_, Everything(), count, sort=sort) for type_ in types or TYPES[:2])


async def walk(context, queries, changes):
    """Turns pages to the end and back again."""
    store, locality, steady = context.store, changes.record.locality, changes.found()
    with between_statements(store, changes, steady):
        forward = [await show(context, locality, queries, None)]
        while forward[-1].next:
            forward.append(await show(context, locality, queries, forward[-1].next))
            assert len(forward) < MOST_PAGES, queries
    check(forward, steady, queries)
    if len(forward) == 1:
        return
    steady = set(keys_in(forward)) & changes.found()
    back = []
    with between_statements(store, changes, steady):
        place = forward[-1].previous
        while place:
            back.append(await show(context, locality, queries, place))
            place = back[-1].previous
            assert len(back) < MOST_PAGES, queries
    check([*back[::-1], forward[-1]], steady - set(keys_in(forward[-1:])), queries)


def check(pages, steady, queries):
    """Nothing twice, nothing missed that was there and matched all the time."""
    seen = keys_in(pages)
    assert len(seen) == len(set(seen)), (queries, seen)
    assert steady <= set(seen), (queries, seen)


def keys_in(pages):
    return [one.key for page in pages for one in page.items]


@settings(max_examples=30, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=resources(), seed=st.integers(0, 2**32))
def test_pages_of_several_types_are_exact_whatever_is_written_meanwhile(walked, drawn, seed):
    walked(drawn, seed)
