"""SQL and the in-memory matcher give the same answer to random searches of random resources.

A hundred lists of resources on each database are asked a hundred searches each. Making a
locality costs far more than a search, and so does a draw.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from service.storage.names import Kind
from tests.agreement.lasting import lasting
from tests.agreement.neighbours import neighbours
from tests.agreement.strategies import cases
from tests.storage.builders import creation, unit

# Most of a case hangs on its seed, so that smaller ones are no nearer to it.
PHASES = (Phase.reuse, Phase.generate)
LISTS = 100
SEARCHES = 100
# The million is asked in parts, each of an empty database, so that one sees how far it has come.
PARTS = 10


@pytest.fixture
def searched(migrated_url, own_registry, own_extractor):
    """Puts resources into a locality of their own and returns what searches find there, and what they should."""
    with lasting(migrated_url, own_registry, own_extractor) as kept:
        store = kept.store

        async def run(drawn, asked):
            locality = kept.locality()
            await store._intern({(Kind.LOCALITY, locality)})
            stored = await store.commit(locality, unit(*map(creation, drawn))) if drawn else ()
            moments = iter([version.updated * 1000 for version in stored])
            around = neighbours(drawn, own_extractor, moments)
            for query in asked:
                found = await store.search(locality, query)
                expected = around.found(query)
                assert {item.id for item in found.items} == expected, query
                assert len(found.items) == found.total == len(expected), query

        yield lambda drawn, asked: kept.run(run(drawn, asked))


@pytest.mark.slow
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
