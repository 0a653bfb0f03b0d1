"""How jobs begin: of whom they are, for how long, and what the client is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.bulk import acting
from service.fhir import codec
from service.fhir.problems import Issue, TooMany
from service.interactions.searching import setting_of
from service.operations.beginning import WAIT, accepted, begin, job_of, require_room

SAID = Issue("information", "informational", "begun", "It has begun.")


def test_a_job_is_of_its_caller_and_kept_for_some_hours(context, act):
    context = replace(context, limits=replace(context.limits, job_hours=2))
    job = job_of(context, act, "count", b"{}", 5)
    assert (job.locality, job.client, job.agency) == (act.caller.locality, "epr", "camhs")
    assert acting.decode(job.caller, setting_of(context)) == act.caller
    assert (job.at, job.state, job.expires - job.created) == (5, "queued", 2 * 3_600_000)
    assert job_of(context, act, "count", b"{}", 5).id != job.id


def test_the_answer_says_where_the_job_is(context, act):
    job = job_of(context, act, "count", b"{}", 5)
    answer = accepted(context, job, SAID, headers=[(b"x", b"y")])
    assert answer.status == 202
    assert answer.headers == (
        (b"content-location", f"{context.base_url}/jobs/{job.id}".encode()),
        (b"x", b"y"),
    )
    assert [each["details"]["text"] for each in codec.decode(answer.document)["issue"]] == ["It has begun."]


async def test_there_is_room_until_so_many_are_open(context, act, elsewhere):
    context = replace(context, limits=replace(context.limits, client_jobs=2))
    for _ in range(2):
        await require_room(context, act)
        job = job_of(context, act, "count", b"{}", 5)
        await context.store.jobs.add(job, (b"",))
    with pytest.raises(TooMany) as caught:
        await require_room(context, act)
    assert (caught.value.issues[0].slug, caught.value.retry_after) == ("jobs-too-many", WAIT)
    await require_room(context, elsewhere)  # another locality's are not counted
    await context.store.jobs.cancel(job.locality, job.id)
    await require_room(context, act)


async def test_no_more_however_many_are_asked_for_at_once(context, act):
    """Of a client that had none, and of one that has some; what others have does not count."""
    few = replace(context, limits=replace(context.limits, client_jobs=3))
    others = replace(act, caller=replace(act.caller, client="other"))

    async def attempt(of):
        try:
            await begin(few, job_of(few, of, "export", b"{}", 7), (b"first",))
        except TooMany:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt(act) for _ in range(20)))) == 3
    [job, *_] = await few.store.jobs.listed(act.caller.locality, "epr")
    await few.store.jobs.cancel(act.caller.locality, job.id)
    found = await asyncio.gather(*(attempt(of) for _ in range(10) for of in (act, others)))
    assert sum(found[::2]) == 1
    assert sum(found[1::2]) == 3


async def test_without_a_bound_there_is_always_room(context, act):
    many = replace(context, limits=replace(context.limits, client_jobs=0))
    for _ in range(3):
        await require_room(many, act)
        await begin(many, job_of(many, act, "export", b"{}", 7), (b"first",))
