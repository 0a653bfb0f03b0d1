from __future__ import annotations

import asyncio

import pytest

from service.fhir.problems import Gone, Invalid, Malformed, Missing, Precondition
from service.interactions.delete import delete
from service.interactions.history import history
from service.interactions.patch import JsonPatch, PathPatch, conditional_patch, patch
from service.interactions.update import update
from tests.interactions.builders import body, criteria, entries, patient


def replacing(path, value):
    return JsonPatch([{"op": "add", "path": path, "value": value}])


def replacing_by_path(path, **value):
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": path},
        {"name": "value", **value},
    ]
    return PathPatch({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]})


ACTIVE = replacing("/active", value=True)


@pytest.fixture
async def stored(context, act):
    return (await update(context, act, "Patient", "p1", patient(id="p1", active=False))).stored


@pytest.mark.parametrize("change", [ACTIVE, replacing_by_path("Patient.active", valueBoolean=True)])
async def test_patches(context, act, stored, change):
    answer = await patch(context, act, "Patient", "p1", change)
    assert (answer.status, answer.stored.version, answer.stored.method) == (200, 2, "PATCH")
    assert answer.location == "Patient/p1/_history/2"
    assert body(answer)["active"] is True
    assert body(answer)["identifier"] == body(answer)["identifier"]


async def test_a_patch_that_changes_nothing_makes_no_version(context, act, stored):
    answer = await patch(context, act, "Patient", "p1", replacing("/active", value=False))
    assert (answer.status, answer.stored) == (200, stored)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (replacing("/id", "p2"), Invalid),
        (replacing("/resourceType", "Goal"), Invalid),
        (JsonPatch([{"op": "remove", "path": "/resourceType"}]), Invalid),
        (JsonPatch([{"op": "remove", "path": "/id"}]), Invalid),
        (replacing("/gender", "none"), Invalid),
        (replacing("/colour", "red"), Invalid),
        (JsonPatch([{"op": "remove", "path": "/nothing"}]), Invalid),
        (JsonPatch([{"op": "test", "path": "/active", "value": True}]), Invalid),
        (JsonPatch([{"op": "nonsense", "path": "/active"}]), Malformed),
        (PathPatch({"resourceType": "Parameters", "parameter": [{"name": "nonsense"}]}), Malformed),
    ],
)
async def test_patches_that_are_refused(context, act, stored, change, problem):
    with pytest.raises(problem):
        await patch(context, act, "Patient", "p1", change)
    assert len(entries(await history(context, act, "Patient", "p1", []))) == 1


async def test_version_and_time_stay_the_servers(context, act, stored):
    change = JsonPatch([*ACTIVE.operations, {"op": "replace", "path": "/meta/versionId", "value": "99"}])
    answer = await patch(context, act, "Patient", "p1", change)
    assert body(answer)["meta"]["versionId"] == "2"


async def test_nothing_to_patch(context, act, stored):
    with pytest.raises(Missing):
        await patch(context, act, "Patient", "never", ACTIVE)
    await delete(context, act, "Patient", "p1")
    with pytest.raises(Gone):
        await patch(context, act, "Patient", "p1", ACTIVE)


async def test_if_match(context, act, stored):
    with pytest.raises(Precondition):
        await patch(context, act, "Patient", "p1", ACTIVE, if_match=2)
    assert (await patch(context, act, "Patient", "p1", ACTIVE, if_match=1)).stored.version == 2


async def test_conditional_patch(context, act, stored):
    with pytest.raises(Missing) as refusal:
        await conditional_patch(context, act, "Patient", criteria("2"), ACTIVE)
    assert refusal.value.issues[0].slug == "criteria-unmatched"
    answer = await conditional_patch(context, act, "Patient", criteria("1"), ACTIVE)
    assert (answer.status, answer.stored.id) == (200, "p1")
    await update(context, act, "Patient", "p2", patient(id="p2"))
    with pytest.raises(Precondition):
        await conditional_patch(context, act, "Patient", criteria("1"), ACTIVE)


async def test_parallel_patches_lose_nothing(context, act, stored):
    additions = [
        JsonPatch([{"op": "add", "path": "/identifier/-", "value": {"value": f"n{number}"}}])
        for number in range(15)
    ]
    answers = await asyncio.gather(*(patch(context, act, "Patient", "p1", one) for one in additions))
    assert {answer.stored.version for answer in answers} == set(range(2, 17))
    last = max(answers, key=lambda answer: answer.stored.version)
    assert len(body(last)["identifier"]) == 16
