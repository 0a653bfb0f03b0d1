"""What jobs leave behind goes when its time is over, and not before; nothing of anybody else's is touched."""

from __future__ import annotations

import asyncio

import pytest

from service.bulk.sweeping import ABANDONED, TIDY, Sweeper, discard
from service.fhir.problems import Unavailable
from service.storage.files import NoFiles
from service.storage.job_steps import AGAIN, REMEMBERED
from service.storage.jobs import File, Outcome, Task, folder
from tests.bulk.counting import COUNT, FIRST, HOUR, job

KINDS = frozenset({COUNT})


@pytest.fixture
def jobs(store):
    return store.jobs


@pytest.fixture
def sweeper(jobs, files, clock):
    return Sweeper(jobs, files, clock)


@pytest.fixture
def files(folder):
    return folder


async def put(files, path):
    await asyncio.to_thread(files.put, path, [b"x"])


async def done(jobs, files, clock, *, keep=HOUR):
    """A job that is done, with one file that counts and two that do not."""
    one = job(clock(), keep=keep)
    await jobs.add(one, (FIRST,))
    first = await jobs.claim("w", KINDS, lease=1)
    clock.now += 10
    task = await jobs.claim("w", KINDS)
    for path in (first.path(0), task.path(0), f"{folder(one)}input-0"):
        await put(files, path)
    assert await jobs.complete(task, Outcome((File(0, 0, "output", "Goal", task.path(0), 1, 1),)))
    return one, task


async def test_a_job_that_is_done_keeps_the_files_that_count(jobs, files, sweeper, clock):
    one, task = await done(jobs, files, clock)
    await sweeper.sweep()
    assert await files.listed(folder(one)) == (task.path(0),)
    clock.now += HOUR - 1000
    await sweeper.sweep()
    assert await files.listed(folder(one)) == (task.path(0),)


async def test_its_files_go_when_it_expires_and_what_is_known_of_it_later(jobs, files, sweeper, clock):
    one, _ = await done(jobs, files, clock)
    await sweeper.sweep()
    clock.now += HOUR
    await sweeper.sweep()
    assert await files.listed(folder(one)) == ()
    assert (await jobs.find(one.locality, one.id)).state == "expired"
    clock.now += AGAIN
    await sweeper.sweep()
    clock.now += REMEMBERED
    await sweeper.sweep()
    assert await jobs.find(one.locality, one.id) is None


async def test_what_a_worker_writes_too_late_goes_as_well(jobs, files, sweeper, clock):
    one, _ = await done(jobs, files, clock)
    await jobs.cancel(one.locality, one.id)
    await sweeper.sweep()
    assert await files.listed(folder(one)) == ()
    await put(files, f"{folder(one)}1-7-0")
    clock.now += AGAIN
    await sweeper.sweep()
    assert await files.listed(folder(one)) == ()


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
async def test_nothing_stays_of_what_was_cancelled_or_failed(jobs, files, sweeper, clock, ending):
    one = job(clock())
    await jobs.add(one, (FIRST, FIRST))
    task = await jobs.claim("w", KINDS)
    await put(files, task.path(0))
    await jobs.complete(task, Outcome((File(0, 0, "output", "Goal", task.path(0), 1, 1),)))
    if ending == "cancelled":
        await jobs.cancel(one.locality, one.id)
    else:
        await jobs.fail(await jobs.claim("w", KINDS), b"{}", final=True)
    await sweeper.sweep()
    assert await files.listed(folder(one)) == ()
    assert (await jobs.find(one.locality, one.id)).state == ending


async def test_a_job_at_which_nobody_works_expires_and_its_input_goes(jobs, files, sweeper, clock):
    one = job(clock())
    await put(files, f"{folder(one)}input-0")
    await jobs.add(one, (FIRST,))
    await sweeper.sweep()
    assert (await jobs.find(one.locality, one.id)).state == "queued"
    clock.now += HOUR
    await sweeper.sweep()
    assert (await jobs.find(one.locality, one.id)).state == "expired"
    assert await files.listed(folder(one)) == ()


async def test_files_whose_job_was_never_added_go_after_a_day(jobs, files, clock):
    """The file system tells how old files are, so the clock is this machine's."""
    import time

    now = time.time_ns() // 1_000_000
    broken, waiting = job(now), job(now, locality="elsewhere", keep=30 * ABANDONED)
    await jobs.add(waiting, (FIRST,))
    for one in (broken, waiting):
        await put(files, f"{folder(one)}input-0")
    ages = []
    sweeper = Sweeper(jobs, files, lambda: now + ages[-1])
    for age, left in ((0, [1, 1]), (ABANDONED - 60_000, [1, 1]), (ABANDONED + TIDY, [0, 1])):
        ages.append(age)
        await sweeper.sweep()
        assert [len(await files.listed(folder(one))) for one in (broken, waiting)] == left


async def test_what_is_tidied_is_tidied_once_an_hour(jobs, clock):
    tidied = []

    class Watched(NoFiles):
        async def tidy(self, now):
            tidied.append(now)

    sweeper = Sweeper(jobs, Watched(), clock)
    for _ in range(3):
        await sweeper.sweep()
    assert len(tidied) == 1
    clock.now += TIDY
    await sweeper.sweep()
    assert len(tidied) == 2


async def test_only_what_this_attempt_wrote_is_discarded(jobs, files, clock):
    one, task = await done(jobs, files, clock)
    lost = Task(one, 0, 1, b"")
    others = [Task(one, 0, 11, b"").path(0), Task(one, 1, 1, b"").path(0)]
    for path in others:
        await put(files, path)
    await discard(jobs, files, lost)
    assert sorted(await files.listed(folder(one))) == sorted([task.path(0), f"{folder(one)}input-0", *others])
    await discard(jobs, files, task)
    assert task.path(0) in await files.listed(folder(one))


async def test_what_cannot_be_done_now_is_told_and_done_later(jobs, files, clock, monkeypatch):
    from service.bulk import sweeping

    monkeypatch.setattr(sweeping, "EVERY", 0.01)
    one, _ = await done(jobs, files, clock)
    await jobs.cancel(one.locality, one.id)
    told, away = [], [True, True]

    class Away:
        def __getattr__(self, name):
            if away:
                away.pop()
                raise Unavailable("files-unavailable", "Not now.")
            return getattr(files, name)

    running = asyncio.create_task(Sweeper(jobs, Away(), clock, told.append).run())
    async with asyncio.timeout(30):
        while await files.listed(folder(one)):  # noqa: ASYNC110 - another task brings it about
            await asyncio.sleep(0.01)
    running.cancel()
    assert [each.issues[0].slug for each in told] == ["files-unavailable"] * 2
