"""What was done gets into the audit within a second, or nothing more is done."""

from __future__ import annotations

import asyncio
import time

import pytest

from service.fhir.problems import Unavailable
from service.storage.audit import FIRST_SERIAL
from service.storage.audit_due import Unreadable
from service.storage.ledger import Asked
from service.storage.open import open_store
from service.storage.trail import FLUSH_AFTER, BufferedTrail, NoTrail, kept
from tests.storage.audits import entry
from tests.storage.test_checking import execute

SOON = 0.01  # seconds


class Shelf:
    """Keeps entries in a list; fails, or waits, as long as it is told to."""

    def __init__(self) -> None:
        self.entries = []
        self.lots = []
        self.broken = False
        self.open = asyncio.Event()
        self.open.set()

    async def keep(self, entries) -> None:
        await self.open.wait()
        if self.broken:
            raise Unavailable("store-unavailable", "not now")
        self.lots.append(len(entries))
        self.entries += entries


async def eventually(true) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.005)


def event(number: int = 0):
    return entry(number).event


async def test_entries_that_come_soon_after_another_are_written_together():
    shelf = Shelf()
    trail = BufferedTrail(shelf.keep, flush_after=SOON)
    for number in range(20):
        await trail.note(event(number))
    assert shelf.entries == []
    await eventually(lambda: len(shelf.entries) == 20)
    assert shelf.lots == [20]
    await trail.note(event(20))
    await eventually(lambda: len(shelf.entries) == 21)
    await trail.close()


async def test_an_entry_is_written_within_a_second():
    shelf = Shelf()
    trail = BufferedTrail(shelf.keep)
    began = time.monotonic()
    await trail.note(event())
    await eventually(lambda: shelf.entries)
    assert FLUSH_AFTER < 1
    assert time.monotonic() - began < 1
    await trail.close()


async def test_serials_rise_and_are_of_the_process_alone():
    shelf, other = Shelf(), Shelf()
    for one in (shelf, other):
        trail = BufferedTrail(one.keep)
        for number in range(3):
            await trail.note(event(number))
        await trail.close()
    serials = [kept.serial for kept in shelf.entries]
    assert serials == list(range(serials[0], serials[0] + 3))
    assert FIRST_SERIAL < serials[0] < 1 << 63
    assert {kept.serial for kept in other.entries}.isdisjoint(serials)


async def test_what_waits_is_written_at_the_end():
    shelf = Shelf()
    trail = BufferedTrail(shelf.keep, flush_after=60, clock=lambda: 0)
    await trail.note(event())
    await trail.close()
    assert len(shelf.entries) == 1


async def test_all_processes_write_at_the_same_moments():
    """At multiples of the time that entries wait, by the machine's clock: this one is told shortly before one."""
    shelf = Shelf()
    trail = BufferedTrail(shelf.keep, flush_after=60, clock=lambda: 7 * 60 - SOON)
    await trail.note(event())
    await eventually(lambda: shelf.entries)
    await trail.close()


async def test_half_a_buffer_is_written_at_once():
    shelf = Shelf()
    trail = BufferedTrail(shelf.keep, flush_after=60, room=10, clock=lambda: 0)
    for number in range(5):
        await trail.note(event(number))
    await eventually(lambda: len(shelf.entries) == 5)
    await trail.close()


async def test_a_full_buffer_makes_the_next_act_wait_and_loses_nothing():
    shelf = Shelf()
    shelf.open.clear()
    trail = BufferedTrail(shelf.keep, flush_after=SOON, room=4)
    for number in range(4):
        await trail.note(event(number))
    late = [asyncio.create_task(trail.note(event(4 + number))) for number in range(6)]
    await asyncio.sleep(5 * SOON)
    assert not any(task.done() for task in late)
    shelf.open.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*late)
    await trail.close()
    assert sorted(kept.event.at for kept in shelf.entries) == [event(number).at for number in range(10)]


async def test_while_nothing_can_be_written_nothing_may_be_done_and_nothing_is_lost():
    shelf, faults = Shelf(), []
    shelf.broken = True
    trail = BufferedTrail(shelf.keep, faults.append, flush_after=SOON)
    trail.require()
    await trail.note(event())
    await eventually(lambda: faults)
    with pytest.raises(Unavailable) as refused:
        trail.require()
    assert refused.value.issues[0].slug == "audit-unavailable"
    assert refused.value.status == 503
    shelf.broken = False
    await eventually(lambda: shelf.entries)
    await asyncio.sleep(0)
    trail.require()
    await trail.close()
    assert len(shelf.entries) == 1


async def test_it_is_tried_again_now_and_then_and_not_without_rest():
    shelf, faults = Shelf(), []
    shelf.broken = True
    trail = BufferedTrail(shelf.keep, faults.append, flush_after=SOON, room=2)
    await trail.note(event())
    await trail.note(event(1))
    await asyncio.sleep(10 * SOON)
    assert 1 <= len(faults) <= 12
    shelf.broken = False
    await trail.close()
    assert len(shelf.entries) == 2


async def test_what_could_not_be_written_waits_for_no_other_entries():
    """The clock is asked once each time that others are waited for."""
    shelf, faults, asked = Shelf(), [], []

    def clock():
        asked.append(len(faults))
        return 0

    shelf.broken = True
    trail = BufferedTrail(shelf.keep, faults.append, flush_after=SOON, clock=clock)
    await trail.note(event())
    await eventually(lambda: len(faults) >= 5)
    assert asked == [0]
    shelf.broken = False
    await eventually(lambda: shelf.entries)
    await trail.note(event(1))
    await eventually(lambda: len(shelf.entries) == 2)
    assert len(asked) == 2
    await trail.close()


async def test_who_ends_is_told_where_what_waits_cannot_be_written():
    shelf = Shelf()
    shelf.broken = True
    trail = BufferedTrail(shelf.keep, flush_after=60, clock=lambda: 0)
    await trail.note(event())
    with pytest.raises(Unavailable):
        await trail.close()


async def test_nothing_may_be_done_after_the_end():
    trail = BufferedTrail(Shelf().keep)
    await trail.close()
    with pytest.raises(Unavailable):
        trail.require()


async def test_no_trail_lets_everything_be_done():
    trail = NoTrail()
    trail.require()
    await trail.note(event())


async def test_a_trail_into_a_database_is_there_for_the_next_process(
    store, database_url, registry, extractor, clock
):
    clock.now = entry().event.at
    async with kept(store.audit, clock) as trail:
        for number in range(3):
            await trail.note(event(number))
    other = await open_store(database_url, registry, extractor, clock, ("default", "elsewhere"))
    entries, _ = await other.audit.found("default", Asked(10))
    assert [one.event for one in entries] == [event(number) for number in (2, 1, 0)]
    await other.close()


async def test_what_is_due_is_made_from_time_to_time(store, clock, monkeypatch):
    monkeypatch.setattr("service.storage.trail.SEAL_EVERY", 0.05)
    clock.now = entry().event.at
    await store.audit.keep([entry()])
    async with kept(store.audit, clock):
        for _ in range(600):
            if not await store.audit.shelf.fetch("SELECT 1 FROM audit_due"):
                break
            await asyncio.sleep(0.05)
    assert len(await store.audit.shelf.fetch("SELECT 1 FROM audit_child")) == 1


async def test_of_what_is_unreadable_it_is_told_once(store, database_url, clock, monkeypatch):
    monkeypatch.setattr("service.storage.trail.SEAL_EVERY", 0.02)
    value = "x'0102'" if database_url.startswith("sqlite") else "'\\x0102'::bytea"
    await execute(database_url, f"INSERT INTO audit_due VALUES (1, {value})")
    clock.now = entry().event.at
    told: list[BaseException] = []
    async with kept(store.audit, clock, told.append):
        for number in range(2):
            await store.audit.keep([entry(number)])
            for _ in range(600):
                if len(await store.audit.shelf.fetch("SELECT 1 FROM audit_child")) == number + 1:
                    break
                await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
    assert len(await store.audit.shelf.fetch("SELECT 1 FROM audit_child")) == 2
    assert [type(each) for each in told] == [Unreadable]
