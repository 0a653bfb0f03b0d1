from __future__ import annotations

import pytest

from service.fhir.problems import Invalid, Malformed, Missing
from service.interactions.create import create
from service.interactions.delete import delete
from service.interactions.patch import JsonPatch, patch
from service.interactions.read import read
from service.interactions.search import search
from service.interactions.update import conditional_update, update
from tests.interactions.builders import body, criteria, entries, patient


def provenance(**more):
    return {
        "resourceType": "Provenance",
        "recorded": "2026-11-22T00:00:00Z",
        "agent": [{"who": {"reference": "Organization/o1"}}],
        **more,
    }


async def targets(context, act):
    found = entries(await search(context, act, "Provenance", []))
    return [[target["reference"] for target in one["resource"]["target"]] for one in found]


async def test_every_kind_of_change_is_attested(context, act):
    said = {"provenance": provenance()}
    created = await create(context, act, "Patient", patient("1"), **said)
    await update(context, act, "Patient", "p1", patient("2", id="p1"), **said)
    await conditional_update(context, act, "Patient", criteria("2"), patient("2", active=True), **said)
    await patch(context, act, "Patient", "p1", JsonPatch([{"op": "remove", "path": "/active"}]), **said)
    await delete(context, act, "Patient", "p1", **said)
    assert await targets(context, act) == [
        [f"Patient/{created.stored.id}/_history/1"],
        ["Patient/p1/_history/1"],
        ["Patient/p1/_history/2"],
        ["Patient/p1/_history/3"],
        ["Patient/p1/_history/4"],
    ]
    assert "target" not in said["provenance"]


async def test_it_comes_with_the_change_or_not_at_all(context, act):
    for wrong, problem in [
        (provenance(recorded="soon"), Invalid),
        (provenance(colour="red"), Invalid),
        ({"resourceType": "Patient"}, Malformed),
    ]:
        with pytest.raises(problem):
            await update(context, act, "Patient", "p1", patient(id="p1"), provenance=wrong)
    with pytest.raises(Missing):
        await read(context, act, "Patient", "p1")
    with pytest.raises(Invalid):
        await update(context, act, "Patient", "p1", patient(id="p1", colour="red"), provenance=provenance())
    assert await targets(context, act) == []


async def test_targets_of_the_client_are_replaced(context, act):
    said = provenance(target=[{"reference": "Patient/another"}], id="mine")
    await update(context, act, "Patient", "p1", patient(id="p1"), provenance=said)
    assert await targets(context, act) == [["Patient/p1/_history/1"]]


async def test_what_changes_nothing_is_not_attested(context, act):
    await update(context, act, "Patient", "p1", patient(id="p1"))
    again = await update(context, act, "Patient", "p1", patient(id="p1"), provenance=provenance())
    await create(context, act, "Patient", patient(), if_none_exist=criteria("1"), provenance=provenance())
    await delete(context, act, "Patient", "never", provenance=provenance())
    assert body(again)["meta"]["versionId"] == "1"
    assert await targets(context, act) == []
