"""The steps of exports: the same whenever they are planned, the first of them soon, none left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.bulk import export_steps
from service.bulk.export_look import look
from service.bulk.export_steps import FIRST, Step, plan, step, total
from tests.bulk.exports import COHORT, TYPES, job, request
from tests.storage.builders import LOCALITY


def test_steps_are_kept_whole():
    for one in (Step("slice", type="Goal", low=5, high=2**62), Step("plan", stage=3), Step("count")):
        assert step(one.encode()) == one
    assert step(FIRST) == Step("plan")


async def planned(around, asked, members=None, *, at=None) -> list[Step]:
    """All steps, in the order of their numbers, without those that plan."""
    one = await job(around, asked)
    looks = await look(around, one if at is None else replace(one, at=at))
    found = list(await plan(looks, members, Step("plan")))
    while found and found[-1].do == "plan":
        found += await plan(looks, members, found.pop())
    return found


async def test_the_first_slice_is_small_and_the_others_are_not(around, lives, small):
    for _ in range(30):
        await lives.step(4)
    found = await planned(around, request(*TYPES))
    # How much there is in all is counted behind what comes soon.
    assert [one.do for one in found].index("count") > export_steps.EARLY
    at = (await job(around, request("Patient"))).at
    looks = await look(around, await job(around, request(*TYPES)))

    def count(of: Step) -> int:
        return sum(1 for _ in looks.view.records(replace(of.slice(looks), at=at)))

    from tests.bulk.exports import in_thread

    sizes = [await in_thread(lambda of=of: count(of)) for of in found if of.do == "slice"]
    assert sizes[: export_steps.EARLY] == [export_steps.SOON] * export_steps.EARLY
    rest = sizes[export_steps.EARLY :]
    assert set(rest) <= set(range(export_steps.ROWS + 1))
    assert rest[0] == export_steps.ROWS
    assert sum(sizes) == await total(looks, None)


async def test_planning_is_the_same_whatever_is_written_meanwhile(around, lives, small):
    for _ in range(20):
        await lives.step(4)
    at = await around.store.exports.moment(LOCALITY)
    plans = []
    for _ in range(3):
        plans.append(await planned(around, request(*TYPES), at=at))
        for _ in range(8):
            await lives.step(4)
    assert plans[0] == plans[1] == plans[2]


async def test_nothing_is_planned_where_there_was_nothing(around, lives):
    at = await around.store.exports.moment(LOCALITY)
    await lives.step(4)
    assert await planned(around, request(*TYPES), at=at) == []


@pytest.mark.parametrize(
    ("more", "kinds", "amount"),
    [
        ({"level": "Patient"}, ["slice"], 25),
        ({"level": "Patient", "patients": ("p1", "p2", "p3")}, ["people"], 12),
        ({"level": "Patient", "patients": ("p1", "p2", "p3"), "since": 5}, ["slice"], 25),
        ({"level": "Patient", "organized_by": "Patient"}, ["blocks"], 7),
        ({"level": "Patient", "organized_by": "Patient", "since": 5}, ["blocks", "gone"], 32),
        ({"associated": ("LatestProvenanceResources",)}, ["slice"], 25),
    ],
)
async def test_how_it_is_done_follows_what_is_asked(cohort, small, more, kinds, amount):
    members = more.get("patients")
    asked = request(*COHORT, **more)
    found = await planned(cohort, asked, members)
    assert list(dict.fromkeys(one.do for one in found if one.do != "count")) == kinds
    assert await total(await look(cohort, await job(cohort, asked)), members) == amount
