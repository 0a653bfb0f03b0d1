"""What is old enough is sealed in blocks, by one process at a time, and nobody waits for it."""

from __future__ import annotations

import asyncio

import pytest

from service.storage import sealing
from service.storage.audit_checking import Audit
from service.storage.checking import check
from service.storage.open import open_store
from service.storage.sealing import BLOCK, OLD, WAIT, seal
from service.storage.searching import MARGIN
from tests.storage.audits import BEGUN, entry

LATER = BEGUN + OLD + WAIT + 10_000


@pytest.fixture
def ledger(store, clock):
    clock.now = BEGUN
    return store.audit


async def chain(database_url, registry, extractor) -> Audit:
    report = await check(database_url, registry, extractor)
    assert report.faults == []
    return report.audit


async def test_only_what_is_old_is_sealed(ledger, clock, database_url, registry, extractor):
    await ledger.keep([entry(0)])
    assert await seal(ledger, lambda: BEGUN + MARGIN) == 0
    assert await seal(ledger, lambda: BEGUN + OLD + WAIT - 1) == 0
    found = await chain(database_url, registry, extractor)
    assert (found.entries, found.unsealed, found.heads) == (1, 1, [])
    assert await seal(ledger, lambda: LATER) == 1
    found = await chain(database_url, registry, extractor)
    assert (found.entries, found.unsealed, [head.number for head in found.heads]) == (1, 0, [1])


async def test_a_full_block_does_not_wait(ledger, database_url, registry, extractor):
    await ledger.keep([entry(number, at=BEGUN) for number in range(BLOCK + 1)])
    assert await seal(ledger, lambda: BEGUN + OLD + 1) == 1
    found = await chain(database_url, registry, extractor)
    assert (found.entries, found.unsealed) == (BLOCK + 1, 1)


async def test_blocks_follow_one_another_and_so_do_their_hashes(ledger, database_url, registry, extractor):
    heads = []
    for lot in range(3):
        await ledger.keep([entry(number, at=BEGUN + number) for number in range(lot * 10, lot * 10 + 10)])
        assert await seal(ledger, lambda: LATER) == 1
        [head] = (await chain(database_url, registry, extractor)).heads
        heads.append(head)
    assert [head.number for head in heads] == [1, 2, 3]
    assert len({head.hash for head in heads}) == 3
    report = await check(database_url, registry, extractor, [head.hash for head in heads])
    assert report.faults == []


async def test_each_locality_has_a_chain_of_its_own(ledger, database_url, registry, extractor):
    await ledger.keep([entry(0), entry(1, locality="elsewhere")])
    assert await seal(ledger, lambda: LATER) == 2
    heads = (await chain(database_url, registry, extractor)).heads
    assert sorted(head.locality for head in heads) == ["default", "elsewhere"]
    assert len({head.hash for head in heads}) == 2


async def test_who_finds_that_another_seals_leaves_it_to_them(ledger):
    await ledger.keep([entry(0)])
    async with ledger.shelf.alone() as ours:
        assert ours
        assert await seal(ledger, lambda: LATER) == 0
    assert await seal(ledger, lambda: LATER) == 1


async def test_two_who_seal_all_the_same_make_one_chain(
    ledger, database_url, registry, extractor, clock, monkeypatch
):
    """The lock spares work; that a block is there once is the key's doing."""
    other = await open_store(database_url, registry, extractor, clock, ("default", "elsewhere"))
    await ledger.keep([entry(number, at=BEGUN) for number in range(3 * BLOCK)])

    class Free:
        async def __aenter__(self):
            return True

        async def __aexit__(self, *_):
            return None

    for one in (ledger, other.audit):
        monkeypatch.setattr(one.shelf, "alone", Free)
    made = await asyncio.gather(*(seal(one, lambda: LATER) for one in (ledger, other.audit)))
    while sum(made) < 3:
        made.append(await seal(ledger, lambda: LATER))
    found = await chain(database_url, registry, extractor)
    assert (found.unsealed, found.heads[0].number) == (0, 3)
    await other.close()


async def test_versions_are_sealed_with_the_other_acts(
    store, ledger, clock, database_url, registry, extractor
):
    from tests.storage.builders import patient, stored

    await stored(store, patient("a"))
    await ledger.keep([entry(5)])
    assert await seal(ledger, lambda: LATER) == 1
    found = await chain(database_url, registry, extractor)
    assert (found.entries, found.unsealed) == (2, 0)


def test_nothing_is_sealed_before_which_something_could_still_appear():
    """A version is there `MARGIN` after its time; an entry is placed `FRESH` before it begins to be written."""
    assert sealing.OLD == MARGIN + sealing.FRESH
