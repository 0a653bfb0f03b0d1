"""Moments and what was there at them, on both databases."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.storage.exporting import LAST, NEVER, Slice, cut
from service.storage.store import Store
from tests.storage.builders import LOCALITY, patient, stored, unit, update
from tests.storage.lives import Lives

TYPES = ("Patient", "Observation")


@pytest.fixture
def lives(store: Store) -> Lives:
    return Lives(store, Random(7))


def whole(type_: str, at: int, since: int = NEVER) -> Slice:
    return Slice(type_, 0, LAST, at, since)


async def read(store: Store, *slices: Slice, sight=None) -> tuple[list[bytes], list[str]]:
    """The lines of the slices one after the other, and the ids of what was deleted."""
    view = await store.exports.view(LOCALITY, sight)

    def gathered() -> tuple[list[bytes], list[str]]:
        lines: list[bytes] = []
        gone: list[str] = []
        for of in slices:
            for chunk in view.chunks(of):
                assert chunk.lines.count(b"\n") == chunk.count
                assert not chunk.lines or chunk.lines.endswith(b"\n")
                lines += chunk.lines.splitlines()
                gone += chunk.deleted
        return lines, gone

    return await asyncio.to_thread(gathered)


async def records(store: Store, of: Slice, *, moved: bool = False):
    view = await store.exports.view(LOCALITY)
    return await asyncio.to_thread(lambda: list(view.records(of, moved=moved)))


async def test_what_was_there_stays_so_whatever_is_written_later(store: Store, lives: Lives):
    moments = []
    for _ in range(8):
        for _ in range(6):
            await lives.step(3)
        moments.append(await store.exports.moment(LOCALITY))
    for at in moments:
        for type_ in TYPES:
            assert (await read(store, whole(type_, at)))[0] == lives.bodies(at, type_)
            of = whole(type_, at)
            found = await records(store, of)
            assert {one.id: one.body for one in found} == {
                id_: one.body for id_, one in lives.at(at, type_).items()
            }
            moved = {one.key for one in found if one.moved}
            assert {one.key for one in await records(store, of, moved=True)} == moved
    assert moved == set()
    early = await records(store, whole("Patient", moments[0]))
    assert any(one.moved for one in early)


async def test_what_changed_since_a_moment_with_what_was_deleted(store: Store, lives: Lives):
    moments = [NEVER]
    for _ in range(5):
        for _ in range(8):
            await lives.step(2)
        moments.append(await store.exports.moment(LOCALITY))
    for place, at in enumerate(moments[1:], 1):
        for since in moments[1:place]:
            for type_ in TYPES:
                lines, gone = await read(store, whole(type_, at, since))
                assert lines == lives.bodies(at, type_, since)
                assert set(gone) == lives.deleted(at, type_, since)
                assert len(set(gone)) == len(gone)


async def test_nothing_that_is_stored_later_bears_the_moment_or_an_earlier_time(store: Store, clock):
    await stored(store, patient("a"))
    clock.now += 10_000
    at = await store.exports.moment(LOCALITY)
    clock.now -= 5_000  # somebody put the clock back
    later = await stored(store, patient("b"))
    assert later.updated == at + 1
    [changed] = await store.commit(LOCALITY, unit(update(later, patient("b", "2"))))
    assert changed.updated == at + 1
    assert (await stored(store, patient("a"), "elsewhere")).updated < at
    assert await store.exports.moment(LOCALITY) >= later.updated
    assert [one.id for one in await records(store, whole("Patient", at))] == ["a"]


async def test_a_moment_is_not_before_what_was_stored(store: Store, clock):
    clock.now += 10_000
    ahead = await stored(store, patient("a"))
    clock.now -= 10_000
    assert await store.exports.moment(LOCALITY) >= ahead.updated


async def test_a_time_that_no_clock_can_have_made_is_not_followed(store: Store, clock):
    now = clock.now
    clock.now += 10**9
    await stored(store, patient("a"))
    clock.now = now
    assert await store.exports.moment(LOCALITY) < now + 10


async def test_slices_end_where_they_ended_and_leave_nothing_out(store: Store, lives: Lives):
    for _ in range(30):
        await lives.step(4)
    since = await store.exports.moment(LOCALITY)
    for _ in range(10):
        await lives.step(4)
    at = await store.exports.moment(LOCALITY)
    ends = {}
    for round_ in range(2):
        for type_ in TYPES:
            for after in (NEVER, since):
                of = whole(type_, at, after)
                slices = await store.exports.slices(LOCALITY, of, 5)
                assert ends.setdefault((type_, after), slices) == slices, round_
                sizes = [len(await records(store, each)) for each in slices]
                total = len(await records(store, of))
                assert sizes[:-1] == [5] * (total // 5)
                assert sum(sizes) == total
                for rows in (1, 5, total, total + 1):
                    first = await store.exports.beginning(LOCALITY, of, rows)
                    assert first is not None
                    assert len(await records(store, first)) == min(rows, total)
                    behind = Slice(of.type, first.high, of.high, of.at, of.since)
                    assert await read(store, first, behind) == await read(store, of)
                assert await read(store, *slices) == await read(store, of)
        for _ in range(10):
            await lives.step(4)


async def test_it_is_counted_quickly(store: Store, lives: Lives):
    for _ in range(20):
        await lives.step(4)
    since = await store.exports.moment(LOCALITY)
    await lives.step(4)
    at = await store.exports.moment(LOCALITY)
    for after in (NEVER, since):
        counts = await store.exports.counts(LOCALITY, TYPES, after)
        assert counts == {type_: len(await records(store, whole(type_, at, after))) for type_ in TYPES}


async def test_a_moment_is_kept_while_others_write(store: Store, lives: Lives):
    """Units under way when a moment is given out are in it with earlier times or not at all."""
    done = asyncio.Event()

    async def write(name: str) -> None:
        number = 0
        while not done.is_set():
            number += 1
            await stored(store, patient(f"{name}-{number}"))

    async with asyncio.TaskGroup() as group:
        for name in "abcdef":
            group.create_task(write(name))
        found = []
        for _ in range(12):
            at = await store.exports.moment(LOCALITY)
            await store.exports.settled()
            found.append((at, await read(store, whole("Patient", at))))
            await asyncio.sleep(0.01)
        done.set()
    assert len(found[-1][1][0]) > len(found[0][1][0])
    for at, seen in found:
        assert await read(store, whole("Patient", at)) == seen


@given(st.integers(0, 50), st.integers(0, 50), st.lists(st.integers(-5, 60), max_size=6).map(sorted))
def test_slices_lie_side_by_side(low: int, size: int, ends: list[int]):
    found = cut(Slice("Goal", low, low + size, 5, 3), ends)
    assert (found[0].low, found[-1].high) == (low, low + size)
    for former, latter in pairwise(found):
        assert former.high == latter.low
    assert {(one.type, one.at, one.since) for one in found} == {("Goal", 5, 3)}
