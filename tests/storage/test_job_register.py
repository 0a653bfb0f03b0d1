"""Jobs on both databases: claimed once, finished whole or not at all, in turn, and ended whatever happens."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace

import pytest

from service.storage.job_steps import AGAIN, REMEMBERED, SWEEPS
from service.storage.jobs import MOST_FAULTS, MOST_LOSSES, File, Job, Outcome, new_job_id
from service.storage.open import open_store

HOUR = 3_600_000
COUNT = frozenset({"count"})


def job(clock, **parts):
    now = clock()
    given = {
        "locality": "default",
        "id": new_job_id(),
        "kind": "count",
        "client": "analyst",
        "agency": "camhs",
        "state": "queued",
        "request": b'{"of":3}',
        "caller": b"{}",
        "at": now - 5,
        "created": now,
        "ended": None,
        "expires": now + HOUR,
    }
    return Job(**given | parts)


@pytest.fixture
def jobs(store):
    return store.jobs


@pytest.fixture
async def second(store, database_url, registry, extractor, clock):
    """Another process's view of the same jobs."""
    opened = await open_store(database_url, registry, extractor, clock, localities=())
    yield opened.jobs
    await opened.close()


async def added(jobs, clock, *tasks, **parts):
    one = job(clock, **parts)
    await jobs.add(one, tasks or (b"first",))
    return one


async def state(jobs, one):
    found = await jobs.find(one.locality, one.id)
    return None if found is None else found.state


async def test_a_job_is_found_as_it_was_added(jobs, second, clock):
    one = await added(jobs, clock, total=3)
    other = await added(jobs, clock, locality="elsewhere", client="epr")
    assert await second.find("default", one.id) == one
    assert await second.find("elsewhere", other.id) == other
    assert await second.listed("default", "analyst") == (one,)
    assert await second.files("default", one.id) == ()
    assert await second.results("default", one.id) == ()


async def test_a_job_is_of_its_own_locality_alone(jobs, clock):
    one = await added(jobs, clock)
    assert await jobs.find("elsewhere", one.id) is None
    assert await jobs.listed("elsewhere", "analyst") == ()
    assert not await jobs.cancel("elsewhere", one.id)
    assert await state(jobs, one) == "queued"


@pytest.mark.parametrize("id_", ["", "x", "abc", "00", "no job", "é"])
async def test_an_id_that_is_none_finds_nothing(jobs, clock, id_):
    await added(jobs, clock)
    assert await jobs.find("default", id_) is None
    assert await jobs.files("default", id_) == ()
    assert await jobs.file("default", id_, 0, 0) is None
    assert await jobs.results("default", id_) == ()
    assert not await jobs.cancel("default", id_)


async def test_jobs_are_listed_in_the_order_in_which_they_came(jobs, clock):
    ones = [await added(jobs, clock) for _ in range(3)]
    await added(jobs, clock, client="epr")
    assert [one.id for one in await jobs.listed("default", "analyst")] == [one.id for one in ones]


async def test_a_job_without_tasks_is_done(jobs, clock):
    one = job(clock)
    await jobs.add(one, ())
    found = await jobs.find("default", one.id)
    assert found.state == "done"
    assert found.ended is not None
    assert await jobs.claim("w", COUNT) is None


async def test_a_task_is_claimed_once(jobs, second, clock):
    one = await added(jobs, clock, b"a", b"b")
    claimed = await jobs.claim("one", COUNT)
    assert (claimed.number, claimed.attempt, claimed.what) == (0, 1, b"a")
    assert claimed.job == one
    assert (await second.claim("two", COUNT)).number == 1
    assert await second.claim("two", COUNT) is None
    assert await state(second, one) == "running"


async def test_only_tasks_of_the_wanted_kinds_are_claimed(jobs, clock):
    await added(jobs, clock)
    assert await jobs.claim("w", frozenset({"export", "import"})) is None
    assert await jobs.claim("w", frozenset({"export", "count"})) is not None


async def test_of_many_who_claim_each_task_has_one(jobs, second, clock):
    await added(jobs, clock, *[b"%d" % number for number in range(12)])
    claims = await asyncio.gather(*(one.claim(f"w{at}", COUNT) for at in range(10) for one in (jobs, second)))
    numbers = [one.number for one in claims if one is not None]
    assert len(numbers) == len(set(numbers))
    while (one := await jobs.claim("rest", COUNT)) is not None:
        numbers.append(one.number)
    assert sorted(numbers) == list(range(12))


async def test_what_came_of_a_task_is_stored_at_once(jobs, second, clock):
    one = await added(jobs, clock)
    task = await jobs.claim("w", COUNT)
    files = (
        File(0, 0, "output", "Goal", task.path(0), 7, 700, b"\x01"),
        File(0, 1, "error", "OperationOutcome", task.path(1), 1, 90),
    )
    assert await jobs.complete(task, Outcome(files, (b"x", b"y"), done=7, total=20, result=b"r"))
    assert await second.files("default", one.id) == files
    assert await second.file("default", one.id, 0, 1) == files[1]
    assert await second.file("default", one.id, 1, 1) is None
    assert await second.results("default", one.id) == ((0, b"r"),)
    found = await second.find("default", one.id)
    assert (found.state, found.done, found.total) == ("running", 7, 20)
    further = [await second.claim("w", COUNT) for _ in range(2)]
    assert [(each.number, each.what) for each in further] == [(1, b"x"), (2, b"y")]


async def test_how_far_the_tasks_are_finished_without_a_gap(jobs, second, clock):
    one = await added(jobs, clock, b"a", b"b", b"c")
    first, middle, last = [await jobs.claim("w", COUNT) for _ in range(3)]
    assert await jobs.reached("default", one.id) == 0
    for task, reached in ((last, 0), (first, 1), (middle, 3)):
        await jobs.complete(task, Outcome())
        assert await second.reached("default", one.id) == reached
    assert await second.reached("default", "none") == 0


async def test_a_job_is_done_with_its_last_task(jobs, clock):
    one = await added(jobs, clock, b"a", b"b")
    first, last = [await jobs.claim("w", COUNT) for _ in range(2)]
    await jobs.complete(last, Outcome(done=1))
    assert await state(jobs, one) == "running"
    await jobs.complete(first, Outcome(done=2))
    found = await jobs.find("default", one.id)
    assert (found.state, found.done) == ("done", 3)
    assert found.expires == found.ended + HOUR
    assert await jobs.claim("w", COUNT) is None


async def test_a_task_that_waits_is_claimed_when_all_before_it_are_finished(jobs, second, clock):
    one = await added(jobs, clock)
    await jobs.complete(await jobs.claim("w", COUNT), Outcome(more=(b"a", b"b"), then=(b"next",)))
    first, other = [await jobs.claim("w", COUNT) for _ in range(2)]
    assert {first.what, other.what} == {b"a", b"b"}
    await jobs.complete(other, Outcome())
    assert await second.claim("w", COUNT) is None
    await jobs.release(first)
    again = await second.claim("w", COUNT)
    assert (again.number, again.what) == (1, b"a")
    await second.complete(again, Outcome())
    last = await jobs.claim("w", COUNT)
    assert (last.number, last.what) == (3, b"next")
    await jobs.complete(last, Outcome(then=(b"and",)))
    assert (await jobs.claim("w", COUNT)).what == b"and"
    assert await state(jobs, one) == "running"


async def test_thousands_of_tasks_can_be_added(jobs, clock):
    one = await added(jobs, clock)
    more = tuple(b"%d" % number for number in range(1, 2_051))
    await jobs.complete(await jobs.claim("w", COUNT), Outcome(more=more))
    for number in (1, 2, 3):
        task = await jobs.claim("w", COUNT)
        assert (task.number, task.what) == (number, b"%d" % number)
    assert await state(jobs, one) == "running"


async def test_a_task_whose_lease_ran_out_is_claimed_anew_and_the_former_counts_for_nothing(
    jobs, second, clock
):
    one = await added(jobs, clock)
    slow = await jobs.claim("slow", COUNT, lease=1000)
    clock.now += 2000
    quick = await second.claim("quick", COUNT)
    assert (quick.number, quick.attempt) == (0, 2)
    assert quick.path(0) != slow.path(0)
    assert not await jobs.holds(slow)
    assert not await jobs.extend(slow)
    assert not await jobs.complete(
        slow, Outcome((File(0, 0, "output", "Goal", slow.path(0), 1, 1),), (b"x",))
    )
    assert not await jobs.fail(slow, b"{}", final=True)
    await jobs.release(slow)
    assert await second.holds(quick)
    assert await second.complete(quick, Outcome((File(0, 0, "output", "Goal", quick.path(0), 1, 1),)))
    assert [each.path for each in await jobs.files("default", one.id)] == [quick.path(0)]
    assert await state(jobs, one) == "done"


async def test_a_lease_is_extended(jobs, second, clock):
    await added(jobs, clock)
    task = await jobs.claim("w", COUNT, lease=1000)
    for _ in range(3):
        clock.now += 900
        assert await jobs.extend(task, lease=1000)
        assert await second.claim("other", COUNT) is None
    clock.now += 1100
    assert await second.claim("other", COUNT) is not None


async def test_a_lease_that_ran_out_and_that_nobody_took_still_counts(jobs, clock):
    one = await added(jobs, clock)
    task = await jobs.claim("w", COUNT, lease=1000)
    clock.now += 5000
    assert await jobs.complete(task, Outcome())
    assert not await jobs.complete(task, Outcome())
    assert await state(jobs, one) == "done"


async def test_a_task_that_is_given_back_is_claimed_at_once(jobs, second, clock):
    await added(jobs, clock)
    for attempt in range(1, MOST_LOSSES + 3):
        task = await jobs.claim("w", COUNT)
        assert task.attempt == attempt
        await jobs.release(task)
        assert not await jobs.complete(task, Outcome())
    assert (await second.claim("other", COUNT)).number == 0


async def test_a_task_that_keeps_failing_fails_its_job(jobs, clock):
    one = await added(jobs, clock, b"a", b"b")
    for attempt in range(1, MOST_FAULTS + 1):
        task = await jobs.claim("w", COUNT)
        assert (task.number, task.attempt, task.faults) == (0, attempt, attempt - 1)
        assert await jobs.fail(task, b'{"n":%d}' % attempt, final=False) is (attempt == MOST_FAULTS)
    found = await jobs.find("default", one.id)
    assert (found.state, found.fault) == ("failed", b'{"n":3}')
    assert found.ended is not None
    assert await jobs.claim("w", COUNT) is None


async def test_a_task_is_not_tried_again_before_its_pause_is_over(jobs, clock):
    await added(jobs, clock)
    assert not await jobs.fail(await jobs.claim("w", COUNT), b"{}", final=False, pause=500)
    assert await jobs.claim("w", COUNT) is None
    clock.now += 500
    assert await jobs.claim("w", COUNT) is not None


async def test_a_final_fault_fails_the_job_at_once(jobs, clock):
    one = await added(jobs, clock, b"a", b"b")
    first, other = [await jobs.claim("w", COUNT) for _ in range(2)]
    assert await jobs.fail(first, b"{}", final=True)
    assert await state(jobs, one) == "failed"
    assert not await jobs.holds(other)
    assert not await jobs.complete(other, Outcome())


async def test_a_task_that_kills_whoever_works_at_it_fails_its_job(jobs, clock):
    one = await added(jobs, clock)
    for _ in range(MOST_LOSSES):
        assert await jobs.claim("w", COUNT, lease=100) is not None
        clock.now += 200
    assert await jobs.claim("w", COUNT) is None
    found = await jobs.find("default", one.id)
    assert found.state == "failed"
    [issue] = json.loads(found.fault)["issue"]
    assert issue["details"]["coding"][0]["code"] == "job-task-lost"


@pytest.mark.parametrize("ending", ["open", "done", "failed"])
async def test_a_job_is_cancelled_once_open_or_not(jobs, second, clock, ending):
    one = await added(jobs, clock)
    task = await jobs.claim("w", COUNT)
    if ending == "done":
        await jobs.complete(task, Outcome())
    elif ending == "failed":
        await jobs.fail(task, b"{}", final=True)
    assert await second.cancel("default", one.id)
    assert await state(jobs, one) == "cancelled"
    assert not await jobs.holds(task)
    assert not await jobs.complete(task, Outcome())
    assert not await jobs.cancel("default", one.id)
    assert await jobs.claim("w", COUNT) is None


async def test_clients_take_turns_however_many_jobs_they_have(jobs, clock):
    for client, number in (("many", 4), ("few", 1)):
        for _ in range(number):
            await added(jobs, clock, *[b""] * 6, client=client)
    claimed = [await jobs.claim("w", COUNT) for _ in range(8)]
    assert Counter(task.job.client for task in claimed) == {"many": 4, "few": 4}
    assert len({task.job.id for task in claimed if task.job.client == "many"}) == 4
    for task in claimed:
        await jobs.complete(task, Outcome())
    assert {(await jobs.claim("w", COUNT)).job.client for _ in range(2)} == {"many", "few"}


async def test_a_client_of_one_locality_takes_no_turn_of_its_namesake(jobs, clock):
    for locality in ("default", "elsewhere"):
        await added(jobs, clock, *[b""] * 3, locality=locality)
    claimed = [(await jobs.claim("w", COUNT)).job.locality for _ in range(4)]
    assert sorted(claimed) == ["default", "default", "elsewhere", "elsewhere"]


async def test_what_ended_is_swept_remembered_and_forgotten(jobs, second, clock):
    one = await added(jobs, clock)
    task = await jobs.claim("w", COUNT)
    await jobs.complete(task, Outcome((File(0, 0, "output", "Goal", task.path(0), 1, 1),)))
    assert [each.state for each in await jobs.due(clock())] == ["done"]
    await jobs.swept(one, clock())
    assert await jobs.due(clock()) == ()
    clock.now += HOUR
    [expired] = await second.due(clock())
    assert (expired.id, expired.state) == (one.id, "expired")
    for sweep in range(1, SWEEPS + 1):
        assert await state(jobs, one) == "expired"
        await jobs.swept(one, clock())
        if sweep < SWEEPS:
            assert await jobs.due(clock()) == ()
            clock.now += AGAIN if sweep == 1 else REMEMBERED
            assert [each.id for each in await jobs.due(clock())] == [one.id]
    assert await jobs.find("default", one.id) is None
    assert await jobs.files("default", one.id) == ()
    assert await jobs.due(clock.now + 10 * REMEMBERED) == ()


async def test_two_who_sweep_count_as_one(jobs, second, clock):
    one = await added(jobs, clock)
    await jobs.cancel("default", one.id)
    now = clock()
    await jobs.swept(one, now)
    await second.swept(one, now)
    clock.now += AGAIN + 10
    await jobs.swept(one, clock())
    assert await state(jobs, one) == "cancelled"


async def test_a_job_at_which_nobody_works_expires(jobs, clock):
    waiting = await added(jobs, clock)
    clock.now += HOUR - 1000
    assert await jobs.due(clock()) == ()
    worked = await added(jobs, clock, expires=clock.now + 1500)
    clock.now += 1400
    assert (await jobs.due(clock()))[0].id == waiting.id
    task = await jobs.claim("w", COUNT)
    assert task.job.id == worked.id
    clock.now += 200
    assert [each.id for each in await jobs.due(clock())] == [waiting.id]
    assert await state(jobs, worked) == "running"
    assert await state(jobs, waiting) == "expired"


async def test_what_failed_is_not_expired_but_forgotten_in_the_end(jobs, clock):
    one = await added(jobs, clock)
    await jobs.fail(await jobs.claim("w", COUNT), b"{}", final=True)
    for later in (0, AGAIN, HOUR + REMEMBERED):
        clock.now += later
        [due] = await jobs.due(clock())
        assert (due.id, due.state) == (one.id, "failed")
        await jobs.swept(due, clock())
    assert await jobs.find("default", one.id) is None


async def test_a_job_is_forgotten_with_all_that_was_its(jobs, clock):
    one = await added(jobs, clock, b"a", b"b")
    other = await added(jobs, clock)
    await jobs.forget(one)
    assert await jobs.find("default", one.id) is None
    assert (await jobs.claim("w", COUNT)).job == other
    assert await jobs.claim("w", COUNT) is None


async def test_who_waits_hears_of_a_job_that_is_added(jobs, clock):
    waiting = [asyncio.create_task(jobs.arrival(30)) for _ in range(2)]
    await asyncio.sleep(0)
    await added(jobs, clock)
    await asyncio.wait_for(asyncio.gather(*waiting), 5)


async def test_who_waits_in_vain_goes_on(jobs):
    await asyncio.wait_for(jobs.arrival(0.01), 5)


async def test_the_jobs_are_the_same_with_whosever_eyes(store, jobs, clock):
    from service.fhir.search.sight import Seen

    one = await added(jobs, clock)
    assert await store.seen_by("default", None, Seen()).jobs.find("default", one.id) == one


def test_paths_of_attempts_differ_and_need_no_quoting(clock):
    from service.storage.jobs import Task, folder

    one = job(clock, locality="Nord/West é")
    paths = {
        replace(Task(one, 0, 1, b""), number=number, attempt=attempt).path(ordinal)
        for number in range(3)
        for attempt in range(12)
        for ordinal in range(12)
    }
    assert len(paths) == 3 * 12 * 12
    assert all(path.startswith(folder(one)) and path.count("/") == 2 and path.isascii() for path in paths)
