"""Both databases order and page as `places.py` tells, forward and backward, while resources change in between."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import get_args

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.fhir.search.expressions import Everything, SortKind
from tests.agreement.lasting import lasting
from tests.agreement.remembered import few_are_many, keys_of, remembered, some_order, sortable
from tests.agreement.strategies import cases
from tests.agreement.turmoil import LONG_AGO, Changes, between_statements

# Most of a case hangs on its seed, so that smaller ones are no nearer to it.
PHASES = (Phase.reuse, Phase.generate)
MOST_PAGES = 60  # of ten resources, even by ones and with what is written on the way


@pytest.fixture
def walked(migrated_url, own_registry, own_extractor, monkeypatch):
    """Writes resources to a locality of their own, and compares pages of searches there with what is remembered."""
    few_are_many(monkeypatch)
    with lasting(migrated_url, own_registry, own_extractor) as kept:

        async def run(drawn, asked, seed, turned):
            random = Random(seed)
            record = await remembered(kept.store, kept.locality(), own_extractor)
            first, spare = drawn[: len(drawn) * 2 // 3 + 1], drawn[len(drawn) * 2 // 3 :]
            await record.put(*first)
            for drawn_query in asked:
                query = sorted_anew(own_registry, drawn_query, random)
                kept.clock.now += random.choice((0, 0, LONG_AGO))
                await turned(record, query, Changes(record, (query,), random, spare, kept.clock))

        yield lambda *case: kept.run(run(*case))


def sorted_anew(registry, query, random):
    """The query with an order of its own, small pages, and no condition for the most part."""
    return replace(
        query,
        where=query.where if random.random() < 0.3 else Everything(),
        sort=some_order(random, sortable(registry, query.type)) if random.random() < 0.9 else (),
        count=random.choice((1, 2, 3, 100)),
        total="none",
    )


async def walk(record, query, changes):
    """Turns pages to the end and back to the beginning, each compared with what is remembered."""
    first = await record.store.search(record.locality, query)
    at_start = set(record.ordered(query, None))
    compare(record, first, replace(query, pins=first.pins), first.as_of if first.more else None)
    if not first.more:
        return
    query = replace(query, as_of=first.as_of, pins=first.pins)
    forward = await turn(record, query, changes, first, at_start)
    last = replace(forward[-1], more=True)  # before it, that is
    await turn(record, replace(query, backward=True), changes, last, set(keys_in(forward)))


async def turn(record, query, changes, page, steady):
    """The pages from this one on in one direction: nothing twice, and all of `steady` that went on matching."""
    pages = [page]
    while page.more:
        assert len(pages) < MOST_PAGES, query
        await changes.befall()
        steady = steady & set(record.ordered(query, None))
        edge = page.items[0 if query.backward else -1].key
        page = await record.store.search(record.locality, replace(query, after=edge))
        compare(record, page, replace(query, after=edge), query.as_of)
        pages.append(page)
    seen = keys_in(pages)
    assert len(seen) == len(set(seen)), query
    assert steady <= set(seen), query
    return [one for one in pages if one.items]


async def walk_in_turmoil(record, query, changes):
    """Turns pages to the end and back while something is written before any statement of them."""
    found = set(record.ordered(query, None))
    with between_statements(record.store, changes, found):
        pages = await turned(record, query, [await record.store.search(record.locality, query)])
    check(pages, found, query)
    if len(pages) == 1:
        return
    query = replace(query, as_of=pages[0].as_of, pins=pages[0].pins)
    found = set(keys_in(pages)) & set(record.ordered(query, None))
    last = [page for page in pages if page.items][-1:]
    with between_statements(record.store, changes, found):
        back = (
            await turned(record, replace(query, backward=True), [replace(last[0], more=True)]) if last else []
        )
    check(back[::-1], found, query)


async def turned(record, query, pages):
    """The pages, and all that follow them in the direction of the query."""
    while pages[-1].more and pages[-1].items:
        assert len(pages) < MOST_PAGES, query
        edge = pages[-1].items[0 if query.backward else -1].key
        beside = replace(query, after=edge, as_of=pages[0].as_of, pins=pages[0].pins)
        pages.append(await record.store.search(record.locality, beside))
    return pages


def check(pages, steady, query):
    """Nothing twice, nothing missed that was there and matched all the time."""
    seen = keys_in(pages)
    assert len(seen) == len(set(seen)), (query, seen)
    assert steady <= set(seen), (query, seen)


def keys_in(pages):
    return [key for page in pages for key in keys_of(page)]


def compare(record, found, query, as_of):
    direction = record.store._searches.direction(query)
    keys, more = record.page(query, as_of, direction)
    assert keys_of(found) == keys, query
    assert found.more == more, query
    if query.sort:
        assert list(found.places) == [record.place(key, query, as_of) for key in keys], query
    for stored in found.items:
        assert record.current[stored.type, stored.id] == stored, query


@settings(max_examples=12, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), seed=st.integers(0, 2**32))
def test_pages_are_in_the_order_that_is_told(walked, case, seed):
    walked(*case, seed, walk)


@pytest.mark.long
@pytest.mark.timeout(0)  # hundreds of thousands of pages
@settings(
    settings.get_profile("long"),
    max_examples=20_000,
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_pages_are_in_the_order_that_is_told_for_long(walked, case, seed):
    walked(*case, seed, walk)


@settings(max_examples=12, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases(), seed=st.integers(0, 2**32))
def test_pages_are_exact_whatever_is_written_between_their_statements(walked, case, seed):
    walked(*case, seed, walk_in_turmoil)


@pytest.mark.long
@pytest.mark.timeout(0)  # hundreds of thousands of pages
@settings(
    settings.get_profile("long"),
    max_examples=20_000,
    phases=PHASES,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(case=cases(), seed=st.integers(0, 2**32))
def test_pages_are_exact_whatever_is_written_between_their_statements_for_long(walked, case, seed):
    walked(*case, seed, walk_in_turmoil)


def test_what_can_be_sorted_by_is_worth_it(own_registry):
    by_kind = {
        key.kind
        for type_ in ("Observation", "Patient", "Questionnaire")
        for key in sortable(own_registry, type_)
    }
    assert by_kind == set(get_args(SortKind))
