"""Searches as clients write them: read, run on both databases, and compared with the matcher and the order in memory.

And what is said of a search by its self link is the same search.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.fhir.problems import Malformed
from service.fhir.search.asked import Setting
from service.fhir.search.grammar import parse
from service.storage.names import unpack_id
from tests.agreement.lasting import lasting
from tests.agreement.remembered import few_are_many, keys_of, remembered
from tests.agreement.strategies import STARTED, resources
from tests.agreement.written import Writer, searched
from tests.conftest import BASE_URL

SEARCHES = 25  # of each locality: making one costs more than a search
COUNT = 3
MANY = 1000  # searches, of which some must be of each kind
# Most of a case hangs on its seed, so that smaller ones are no nearer to it.
PHASES = (Phase.reuse, Phase.generate)


def read(registry, type_, pairs, *, lenient=False):
    """The search that the pairs ask for."""
    return parse(
        Setting(registry, BASE_URL, now=STARTED),
        type_,
        pairs,
        count_default=COUNT,
        count_limit=1000,
        lenient=lenient,
    )


class Asking:
    """Asks random searches of a store, and counts what came of them."""

    def __init__(self, store, registry, extractor):
        self.store, self.registry, self.extractor = store, registry, extractor
        self.numbers = itertools.count()
        self.came = Counter()

    async def ask(self, drawn, seed):
        random = Random(seed)
        record = await remembered(self.store, f"locality-{next(self.numbers)}", self.extractor)
        await record.put(*drawn)
        await self.change(record, random)
        held = [record.around().candidates[key] for key in record.there]
        writer = Writer(self.registry, random, held)
        types = sorted({type_ for type_, _ in record.there})
        for _ in range(SEARCHES):
            type_ = random.choice(types) if types and random.random() < 0.9 else searched(random)
            pairs = writer.pairs(type_)
            if random.random() < 0.3:
                pairs.append(("_sort", writer.order(type_)))
            await self.compare(record, type_, pairs)

    async def change(self, record, random):
        """Some of what was written is deleted, or has the content of another: what was indexed must go."""
        for key in record.there:
            others = [other for other in record.there if other[0] == key[0] and other != key]
            match random.random():
                case chance if chance < 0.1 and others:
                    await record.delete(*key)
                case chance if chance < 0.3 and others:
                    await record.put({**record.content(*random.choice(others)), "id": key[1]})

    async def compare(self, record, type_, pairs):
        try:
            query = read(self.registry, type_, pairs).query
        except Malformed:
            self.came["refused"] += 1
            return
        expected = record.ordered(query, None, self.store._searches.direction(query))
        everything = await self.store.search(record.locality, replace(query, count=1000, total="accurate"))
        assert keys_of(everything) == expected, (pairs, query)
        assert everything.total == len(expected), (pairs, query)
        first = await self.store.search(record.locality, replace(query, total="accurate"))
        pinned = replace(query, pins=first.pins)
        page = record.page(pinned, first.as_of if first.more else None, self.store._searches.direction(query))
        assert (keys_of(first), first.more) == page, (pairs, query)
        assert first.total == len(expected), (pairs, query)
        self.came[
            "none" if not expected else "all" if len(expected) == self.kept(record, type_) else "some"
        ] += 1

    async def found_at_commit(self, record, query):
        """The ids that the writer of a conditional interaction would find, which counts nothing first."""
        store = self.store
        statement = store._searches.ids(store._locality(record.locality), replace(query, count=1000))
        rows = (
            store._rows(*statement)
            if hasattr(store, "_reader")
            else await store._fetch(statement[0], *statement[1])
        )
        return {unpack_id(row[0]) for row in rows}

    def kept(self, record, type_):
        return sum(key[0] == type_ for key in record.there)


@pytest.fixture
def asked(migrated_url, own_registry, own_extractor, monkeypatch):
    """Asks searches of resources in a locality of their own."""
    few_are_many(monkeypatch)
    with lasting(migrated_url, own_registry, own_extractor) as kept:
        asking = Asking(kept.store, own_registry, own_extractor)
        yield lambda drawn, seed: kept.run(asking.ask(drawn, seed))
    if asking.came.total() > MANY:
        assert min(asking.came[what] for what in ("refused", "none", "some", "all")) > MANY // 100, (
            asking.came
        )


@pytest.mark.slow
@settings(max_examples=60, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=resources(), seed=st.integers(0, 2**32))
def test_what_clients_write_finds_what_matches(asked, drawn, seed):
    asked(drawn, seed)


@pytest.mark.long
@pytest.mark.timeout(0)  # a million searches
@settings(
    settings.get_profile("long"),
    max_examples=40_000,
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(drawn=resources(), seed=st.integers(0, 2**32))
def test_what_clients_write_finds_what_matches_for_long(asked, drawn, seed):
    asked(drawn, seed)


@settings(max_examples=1500)
@given(seed=st.integers(0, 2**32))
def test_a_self_link_asks_for_the_same(registry, seed):
    random = Random(seed)
    type_ = searched(random)
    writer = Writer(registry, random)
    pairs = [*writer.pairs(type_), ("_sort", writer.order(type_))]
    try:
        search = read(registry, type_, pairs, lenient=True)
    except Malformed:
        return
    again = read(registry, type_, search.understood)
    assert again.query == search.query, pairs
    assert again.understood == search.understood, pairs
