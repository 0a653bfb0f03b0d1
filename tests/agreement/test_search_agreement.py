"""SQL and the in-memory matcher give the same answer to random searches of random resources.

A hundred lists of resources on each database are asked a hundred searches each. Making a
locality costs far more than a search, and so does a draw.
"""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from service.storage.names import Kind
from service.storage.open import migrate, open_store
from tests.agreement.neighbours import neighbours
from tests.agreement.pools import with_own
from tests.agreement.strategies import STARTED, cases
from tests.conftest import BASE_URL, TestClock
from tests.storage.builders import creation, unit

# Most of a case hangs on its seed, so that smaller ones are no nearer to it.
PHASES = (Phase.reuse, Phase.generate)
LISTS = 100
SEARCHES = 100
# The million is asked in parts, each of an empty database, so that one sees how far it has come.
PARTS = 10


@pytest.fixture(scope="module")
def registry(registry: Registry) -> Registry:
    """With a deployer's search parameters, of kinds that there are none of otherwise."""
    return with_own(registry)


@pytest.fixture(scope="module")
def extractor(registry: Registry) -> Extractor:
    return Extractor(registry, BASE_URL)


@pytest.fixture
def loop():
    """One event loop for all examples: a store lives in the loop it was opened in."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def searched(loop, database_url, registry, extractor):
    """Puts resources into a locality of their own and returns what searches find there, and what they should."""
    migrate(database_url)
    clock = TestClock(STARTED // 1000)
    store = loop.run(open_once(database_url, registry, extractor, clock))
    numbers = itertools.count()

    async def run(drawn, asked):
        locality = f"locality-{next(numbers)}"
        await store._intern({(Kind.LOCALITY, locality)})
        stored = await store.commit(locality, unit(*map(creation, drawn))) if drawn else ()
        moments = iter([version.updated * 1000 for version in stored])
        around = neighbours(drawn, extractor, moments)
        for query in asked:
            found = await store.search(locality, query)
            expected = around.found(query)
            assert {item.id for item in found.items} == expected, query
            assert len(found.items) == found.total == len(expected), query

    yield lambda drawn, asked: loop.run(run(drawn, asked))
    loop.run(store.close())


async def open_once(database_url, registry, extractor, clock):
    return await open_store(database_url, registry, extractor, clock)


@settings(max_examples=LISTS, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(searches=SEARCHES))
def test_sql_finds_what_matches(searched, case):
    searched(*case)


@pytest.mark.long
@pytest.mark.timeout(0)  # a million searches: some minutes for each part
@pytest.mark.parametrize("part", range(PARTS))
@settings(
    settings.get_profile("long"),
    max_examples=100 * LISTS // PARTS,
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=cases(searches=SEARCHES))
def test_sql_finds_what_matches_for_long(searched, part, case):
    searched(*case)
