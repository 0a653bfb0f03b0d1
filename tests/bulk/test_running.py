"""Runners carry jobs out: whole, once, in whatever order, and to an end whatever happens."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest

from service import asgi
from service.access.callers import Caller
from service.access.issuers import Issuer
from service.bulk import running
from service.bulk.acting import encode
from service.bulk.import_request import IMPORT
from service.bulk.running import LASTING, Pace, Runner
from service.bulk.sweeping import Sweeper
from service.storage.jobs import MOST_FAULTS, Lost, Outcome
from service.storage.registrations import Registration
from tests.bulk.counting import COUNT, FIRST, Counting, expected, job, refused, unreachable, written

QUICK = Pace(poll=0.02, look=0.1, pauses=(20, 20))


@pytest.fixture
def clock():
    """Leases run out by the time that passes."""
    return asgi.clock


@pytest.fixture
def files(folder):
    return folder


@pytest.fixture
def context(around):
    return around


@pytest.fixture
def counting():
    return Counting()


@pytest.fixture
def told():
    return []


@pytest.fixture
def runner(context, files, counting, told):
    return Runner(
        context, files, {COUNT: counting}, pace=QUICK, report=lambda *happened: told.append(happened)
    )


async def added(context, **request):
    one = job(context.clock(), **request)
    await context.store.jobs.add(one, (FIRST,))
    return one


def request_of(one):
    return json.loads(one.request)


async def state(context, one):
    return (await context.store.jobs.find(one.locality, one.id)).state


async def until(holds):
    """Waits until that holds; whoever waits in vain is told by the time that the test may take."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - other processes and threads bring it about
            await asyncio.sleep(0.02)


async def until_state(context, wanted, *ones):
    async def all_are():
        return {await state(context, one) for one in ones} == {wanted}

    await until(all_are)


async def until_performed(counting, number):
    async def enough():
        return len(counting.performed) >= number

    await until(enough)


async def lying(files, one):
    return await files.listed(f"{one.locality}/{one.id}/")


@pytest.mark.parametrize("levels", [False, True], ids=["chain", "levels"])
async def test_a_job_is_carried_out(context, files, runner, levels):
    one = await added(context, levels=levels)
    ended = await runner.finish(one.locality, one.id)
    assert (ended.state, ended.done, ended.total) == ("done", 100, 100)
    assert await written(files, context.store.jobs, one) == expected(request_of(one))


async def test_the_files_of_a_job_may_lie_in_a_bucket(context, bucket, counting):
    """On a real S3 API server; what was cancelled leaves nothing there."""
    done, cancelled = [await added(context, wide=2000, tasks=3) for _ in range(2)]
    runner = Runner(context, bucket, {COUNT: counting}, pace=QUICK)
    assert (await runner.finish(done.locality, done.id)).state == "done"
    assert await written(bucket, context.store.jobs, done) == expected(request_of(done))
    await runner.finish(cancelled.locality, cancelled.id)
    await context.store.jobs.cancel(cancelled.locality, cancelled.id)
    await Sweeper(context.store.jobs, bucket, context.clock).sweep()
    assert await lying(bucket, cancelled) == ()
    assert len(await lying(bucket, done)) == 3


async def test_tasks_are_worked_at_at_once(context, runner):
    one = await added(context, tasks=4, stride=4, seconds=0.6)
    begun = time.monotonic()
    await runner.finish(one.locality, one.id)
    assert time.monotonic() - begun < 4 * 0.6 * 0.85


async def test_a_runner_hears_of_a_job_at_once(context, files, counting):
    slow = Runner(context, files, {COUNT: counting}, pace=Pace(poll=30))
    stop = asyncio.Event()
    work = asyncio.create_task(slow.run(stop))
    await asyncio.sleep(0.1)
    one = await added(context, tasks=1)
    async with asyncio.timeout(10):
        await until_state(context, "done", one)
        stop.set()
        await work


async def test_several_runners_share_the_work(context, files, counting):
    ones = [await added(context, client=f"client-{at}", seconds=0.05, levels=at % 2) for at in range(4)]
    runners = [Runner(context, files, {COUNT: counting}, pace=QUICK) for _ in range(3)]
    stop = asyncio.Event()
    work = [asyncio.create_task(each.run(stop)) for each in runners]
    await until_state(context, "done", *ones)
    stop.set()
    await asyncio.gather(*work)
    for one in ones:
        assert await written(files, context.store.jobs, one) == expected(request_of(one))
    assert [attempt for _, attempt in counting.performed] == [1] * 4 * 5


async def test_what_is_refused_fails_the_job_with_the_reason(context, files, runner, counting, told):
    one = await added(context)
    counting.failing[3] = refused()
    ended = await runner.finish(one.locality, one.id)
    assert ended.state == "failed"
    [issue] = json.loads(ended.fault)["issue"]
    assert issue["details"]["coding"][0]["code"] == "not-this"
    assert [attempt for number, attempt in counting.performed if number == 5] == [1]
    assert (running.JOB_FAILED, 1) in [(event, task.attempt) for event, task, _ in told if task]


async def test_what_is_unavailable_is_tried_again(context, files, runner, counting):
    one = await added(context, tasks=1)
    counting.failing[0] = [unreachable(), unreachable()]
    ended = await runner.finish(one.locality, one.id)
    assert ended.state == "done"
    assert [attempt for _, attempt in counting.performed] == [1, 2, 3]
    assert await written(files, context.store.jobs, one) == expected(request_of(one))


@pytest.mark.parametrize(
    ("fault", "slug"),
    [(unreachable(), "files-unavailable"), (ZeroDivisionError("secret"), "job-failed")],
    ids=["unavailable", "unexpected"],
)
async def test_what_keeps_failing_fails_the_job(context, runner, counting, fault, slug):
    one = await added(context, tasks=1)
    counting.failing[0] = fault
    ended = await runner.finish(one.locality, one.id)
    assert ended.state == "failed"
    [issue] = json.loads(ended.fault)["issue"]
    assert issue["details"]["coding"][0]["code"] == slug
    assert b"secret" not in ended.fault
    assert len(counting.performed) == MOST_FAULTS


async def test_a_cancel_is_seen_within_a_second_and_leaves_no_file(context, files, runner, counting, told):
    one = await added(context, tasks=2, lines=400, seconds=60, stride=2)
    stop = asyncio.Event()
    work = asyncio.create_task(runner.run(stop))
    await until_performed(counting, 2)
    assert await context.store.jobs.cancel(one.locality, one.id)

    async def let_go():
        return [event for event, *_ in told].count(running.TASK_LOST) == 2

    async with asyncio.timeout(1.5):  # a second, and what a busy machine adds
        await until(let_go)
    assert await state(context, one) == "cancelled"
    assert await lying(files, one) == ()
    stop.set()
    await work


async def test_a_cancelled_task_makes_room_for_others_within_a_second(context, files, counting):
    one_at_a_time = Runner(context, files, {COUNT: counting}, pace=Pace(tasks=1, poll=0.02))
    stop = asyncio.Event()
    work = asyncio.create_task(one_at_a_time.run(stop))
    long = await added(context, tasks=1, lines=600, seconds=60)
    await until_performed(counting, 1)
    other = await added(context, tasks=1, client="other")
    await context.store.jobs.cancel(long.locality, long.id)
    async with asyncio.timeout(5):
        await until_state(context, "done", other)
    stop.set()
    await work


async def revoked(context, client):
    registrations = context.store.registrations
    await registrations.add(Registration(client, "default", "camhs", "An EPR", "system/*.rs", keys="{}"))

    async def revoke():
        assert await registrations.revoke(client, context.clock())

    return revoke


async def reason(context, one):
    ended = await context.store.jobs.find(one.locality, one.id)
    return ended.state, json.loads(ended.fault)["issue"][0]["details"]["coding"][0]["code"]


async def test_a_job_whose_client_was_revoked_is_not_begun(context, files, runner, counting):
    revoke = await revoked(context, "epr")
    one, other = await added(context, client="epr"), await added(context, client="another")
    await revoke()
    assert (await runner.finish(other.locality, other.id)).state == "done"
    assert len(counting.performed) == 5
    await runner.finish(one.locality, one.id)
    assert await reason(context, one) == ("failed", "client-revoked")
    assert len(counting.performed) == 5


async def test_a_job_whose_client_is_revoked_stops_within_a_second(context, files, runner, counting):
    revoke = await revoked(context, "epr")
    one = await added(context, client="epr", tasks=2, lines=400, seconds=60, stride=2)
    stop = asyncio.Event()
    work = asyncio.create_task(runner.run(stop))
    await until_performed(counting, 2)
    await revoke()
    async with asyncio.timeout(1.5):  # a second, and what a busy machine adds
        await until_state(context, "failed", one)
    assert await reason(context, one) == ("failed", "client-revoked")
    stop.set()
    await work
    assert await lying(files, one) == ()


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ({"administrator": True, "sectors": ("nhs", "school")}, "done"),
        ({"administrator": True, "sectors": ()}, "failed"),
        ({"administrator": False, "sectors": ("nhs",)}, "failed"),
    ],
    ids=["as before", "a sector less", "no administrator"],
)
async def test_a_job_of_a_client_that_has_not_any_more_what_it_was_asked_for_with(
    now, state, context, runner, counting
):
    client = Registration("epr", "default", "camhs", "An EPR", "system/*.rs", keys="{}")
    await context.store.registrations.add(replace(client, **now))
    then = Caller("epr", "camhs", administrator=True, sectors=frozenset({"nhs"}))
    one = replace(job(context.clock(), client="epr"), caller=encode(then))
    await context.store.jobs.add(one, (FIRST,))
    assert (await runner.finish(one.locality, one.id)).state == state
    if state == "failed":
        assert await reason(context, one) == ("failed", "client-revoked")


def issuer(name, agency="camhs", **more):
    agencies = {"camhs": Registration("outside", "default", agency, "Outside", "system/*.rs", **more)}
    return Issuer(name, "here", frozenset({"RS384"}), "azp", "org", agencies)


@pytest.mark.parametrize(
    ("issuers", "state"),
    [
        ([issuer("https://other.example"), issuer("https://login.example")], "done"),
        ([issuer("https://login.example", sectors=("nhs-trust", "school"))], "done"),
        ([], "failed"),
        ([issuer("https://other.example")], "failed"),
        ([issuer("https://login.example", "school")], "failed"),
        ([issuer("https://login.example", purpose="HRESCH")], "failed"),
    ],
    ids=["believed", "of more sectors", "none", "another", "another agency", "another purpose"],
)
async def test_a_job_of_a_client_of_an_issuer_that_is_not_believed_any_more(
    issuers, state, context, files, counting
):
    client = "https://login.example|their|client"
    raw = encode(Caller(client, "camhs"))
    one = replace(job(context.clock(), client=client), caller=raw)
    await context.store.jobs.add(one, (FIRST,))
    await Runner(context, files, {COUNT: counting}, pace=Pace(poll=0.02), issuers=issuers).finish(
        one.locality, one.id
    )
    ended = await context.store.jobs.find(one.locality, one.id)
    assert ended.state == state
    if state == "failed":
        assert await reason(context, one) == ("failed", "client-revoked")
        assert counting.performed == []


async def test_who_stops_gives_its_tasks_back(context, files, counting):
    one = await added(context, tasks=2, lines=200, seconds=20, stride=2)
    first = Runner(context, files, {COUNT: counting}, pace=Pace(lease=600_000, poll=0.02))
    stop = asyncio.Event()
    work = asyncio.create_task(first.run(stop))
    await until_performed(counting, 2)
    stop.set()
    async with asyncio.timeout(5):
        await work
    again = [await context.store.jobs.claim("other", frozenset({COUNT})) for _ in range(2)]
    assert sorted((task.number, task.attempt) for task in again) == [(1, 2), (2, 2)]
    assert await state(context, one) == "running"


async def test_a_task_whose_lease_ran_out_is_done_by_another_and_its_file_does_not_count(
    context, files, counting
):
    """The runner hears too late that its lease ran out: another took over meanwhile, and was quicker."""
    one = await added(context, tasks=1)
    jobs = context.store.jobs

    class HeldUp(Counting):
        async def perform(self, context, files, task):
            outcome = await super().perform(context, files, task)
            if outcome.files:
                await jobs.extend(task, lease=-1)  # as if that much time had passed
                again = await jobs.claim("quick", frozenset({COUNT}))
                assert (again.number, again.attempt) == (task.number, 2)
                assert await jobs.complete(again, await super().perform(context, files, again))
            return outcome

    slow = Runner(context, files, {COUNT: HeldUp()}, pace=Pace(poll=0.02, look=60))
    assert (await slow.finish(one.locality, one.id)).state == "done"
    assert await written(files, jobs, one) == expected(request_of(one))
    [file] = await jobs.files(one.locality, one.id)
    assert file.path.endswith("/2-1-0")
    assert await lying(files, one) == (file.path,)


async def test_a_thread_that_goes_on_for_a_lost_task_hears_of_it(context):
    one = await added(context)
    task = await context.store.jobs.claim("w", frozenset({COUNT}))
    assert list(task.held([1, 2])) == [1, 2]
    task.gone.set()
    with pytest.raises(Lost):
        list(task.held([1]))
    with pytest.raises(Lost):
        task.require()
    assert one.id == task.job.id


async def test_kinds_that_a_runner_does_not_know_wait_for_one_that_does(context, files, counting):
    one = await added(context, tasks=1)
    ignorant = Runner(context, files, {"other": counting}, pace=QUICK)
    stop = asyncio.Event()
    work = asyncio.create_task(ignorant.run(stop))
    await asyncio.sleep(0.2)
    stop.set()
    await work
    assert await state(context, one) == "queued"


class Endless:
    """Tasks that take as long as it is told; counts those that are under way."""

    def __init__(self):
        self.under_way = 0
        self.end = asyncio.Event()

    async def perform(self, context, files, task):
        self.under_way += 1
        await self.end.wait()
        self.under_way -= 1
        return Outcome()


@pytest.mark.parametrize("places", [2, 3])
async def test_tasks_that_last_leave_a_place_for_the_others(context, files, counting, places):
    """However many slow imports there are, of whomever: an export of somebody else goes on."""
    slow = Endless()
    kinds = {"slow": slow, COUNT: counting}
    slow_ones = [replace(job(context.clock(), client=f"client-{at}"), kind="slow") for at in range(4)]
    for one in slow_ones:
        await context.store.jobs.add(one, (b"{}",))
    pace = Pace(tasks=places, poll=0.02, look=0.1)
    runner = Runner(context, files, kinds, pace=pace, lasting=frozenset({"slow"}))
    stop = asyncio.Event()
    work = asyncio.create_task(runner.run(stop))

    async def are_begun():
        return slow.under_way == places - 1

    await until(are_begun)
    other = await added(context, tasks=1)
    await until_state(context, "done", other)
    assert slow.under_way == places - 1
    slow.end.set()
    await until_state(context, "done", *slow_ones)
    stop.set()
    await work


async def test_who_has_one_place_takes_whatever_comes(context, files):
    slow = Endless()
    slow.end.set()
    one = replace(job(context.clock()), kind="slow")
    await context.store.jobs.add(one, (b"{}",))
    runner = Runner(
        context, files, {"slow": slow}, pace=Pace(tasks=1, poll=0.02), lasting=frozenset({"slow"})
    )
    assert (await runner.finish(one.locality, one.id)).state == "done"


def test_imports_are_what_lasts():
    assert IMPORT in LASTING


async def test_nobody_waits_for_a_job_that_is_not_there(runner):
    with pytest.raises(LookupError):
        await runner.finish("default", "00" * 16)


async def test_a_runner_goes_on_when_it_cannot_look_for_work(context, files, counting, told, monkeypatch):
    """Whatever was wrong when it looked, what it works at is not lost, and it looks again."""
    monkeypatch.setattr(running, "_AGAIN", 0.01)
    one = await added(context, tasks=2)
    jobs = context.store.jobs
    faults = [ZeroDivisionError(), OSError()]
    original = jobs.claim

    async def claim(*given):
        if faults:
            raise faults.pop()
        return await original(*given)

    jobs.claim = claim
    runner = Runner(
        context, files, {COUNT: counting}, pace=QUICK, report=lambda *happened: told.append(happened)
    )
    assert (await runner.finish(one.locality, one.id)).state == "done"
    assert [event for event, task, _ in told if task is None] == [running.JOBS_UNREACHABLE] * 2


async def test_an_outcome_waits_for_a_store_that_is_away_for_a_moment(context, files, counting, told):
    """What was done is not done again because the database was away when it was to be told."""
    from service.fhir.problems import Unavailable

    one = await added(context, tasks=1)
    jobs = context.store.jobs
    away = [Unavailable("store-unavailable", "Away.")] * 2
    original = jobs.complete

    async def complete(task, outcome: Outcome):
        if task.number and away:
            raise away.pop()
        return await original(task, outcome)

    jobs.complete = complete
    runner = Runner(
        context, files, {COUNT: counting}, pace=QUICK, report=lambda *happened: told.append(happened)
    )
    assert (await runner.finish(one.locality, one.id)).state == "done"
    assert counting.performed == [(1, 1)]
    assert running.JOBS_UNREACHABLE in [event for event, _, _ in told]
