"""Every plan finds the same resources in the same order, forward and backward, on both databases."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.fhir import codec
from service.fhir.search.extraction import Extractor
from service.fhir.search.places import order, place
from service.storage.names import Kind
from service.storage.open import open_store
from service.storage.querying.shapes import names_of
from service.storage.querying.wanted import Wanted
from service.storage.searching import kept
from tests.agreement.neighbours import neighbours
from tests.agreement.pools import with_own
from tests.agreement.remembered import some_order, sortable
from tests.agreement.strategies import STARTED, cases
from tests.conftest import BASE_URL, TestClock
from tests.storage.builders import creation, unit
from tests.storage.querying.ways import KEY, VALUES, every_plan, fetched, page


@pytest.fixture(scope="module")
def own_registry(registry):
    return with_own(registry)


@pytest.fixture
def asked(migrated_url, own_registry):
    """Runs a case on a store: its resources in a locality of their own, each of its queries by every plan."""
    extractor, numbers = Extractor(own_registry, BASE_URL), itertools.count()
    clock = TestClock(STARTED // 1000)
    with asyncio.Runner() as runner:
        store = runner.run(opened(migrated_url, own_registry, extractor, clock))

        async def run(drawn, queries, seed):
            locality = f"locality-{next(numbers)}"
            await store._intern({(Kind.LOCALITY, locality)})
            stored = await store.commit(locality, unit(*map(creation, drawn))) if drawn else ()
            around = neighbours(drawn, extractor, iter([one.updated * 1000 for one in stored]))
            random = Random(seed)
            for query in queries:
                await store._learn(names_of(query.where))
                found = around.found(query)
                keys = [one for one in stored if one.type == query.type and one.id in found]
                by_order = some_order(random, sortable(own_registry, query.type))
                for one in (query, replace(query, sort=by_order)):
                    await Case(store, locality, extractor, one, keys, random).holds()

        yield lambda *case: runner.run(run(*case))
        runner.run(store.close())


async def opened(database_url, registry, extractor, clock):
    return await open_store(database_url, registry, extractor, clock)


class Case:
    """One query of one locality, and the versions that it must list."""

    def __init__(self, store, locality, extractor, query, versions, random):
        self.store, self.query, self.random = store, replace(query, total="none"), random
        self.code = store._locality(locality)
        self.taken = store._searches._taken_apart(self.code, self.query)
        self.late = store._searches.direction(self.query) == -1
        values = {one.key: extractor.values(codec.decode(one.body)) for one in versions}
        self.places = {
            one.key: place(values[one.key], one.id, one.updated, query.sort, kept(store._names))
            for one in versions
        }
        keys = sorted(self.places, key=lambda key: order(self.places[key], query.sort, key))
        self.keys = keys[::-1] if self.late else keys

    async def holds(self):
        """Lists the whole by every plan, then a part of it beside one of its resources."""
        total = self.store._searches.total(self.code, self.query)
        assert await fetched(self.store, *total) == [(len(self.keys),)], self.query
        for plan in every_plan(self.taken.shape, is_sorted=bool(self.query.sort)):
            for after in [None, *self.random.sample(self.keys, min(1, len(self.keys)))]:
                backward = self.random.random() < 0.5
                rows = await self._page(plan, after, backward)
                expected = self.keys[::-1] if backward else self.keys
                if after is not None:
                    expected = expected[expected.index(after) + 1 :]
                assert [row[KEY] for row in rows] == expected[:3], (plan, after, backward, self.query)
                assert [row[VALUES:] for row in rows] == [self.places[row[KEY]] for row in rows], self.query

    async def _page(self, plan, after, backward):
        placed = self.places[after] if after is not None and self.query.sort else None
        wanted = Wanted(
            self.taken.shape,
            self.taken.sort,
            self.taken.like,
            after=after is not None,
            missing=None if placed is None else tuple(value is None for value in placed),
            backward=backward,
            descending=self.late,
        )
        marks = {f"s{index}": value for index, value in enumerate(placed or ())}
        return await page(self.store, plan, wanted, self.taken.named(count=3, after=after, **marks))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(10, 4), seed=st.integers(0, 1_000_000))
def test_every_plan_lists_what_matches_in_the_order_that_was_asked_for(asked, case, seed):
    asked(*case, seed)
