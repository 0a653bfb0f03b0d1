"""$validate tells of the store what the write itself would be told, to who may write it, and nobody more.

Source: ADR 0022, docs/operations/validate.md
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.needs import NOTHING
from service.access.scopes import read_scopes
from service.fhir.parameters import Inputs
from service.fhir.validation.validator import Validator
from service.interactions import searching
from service.interactions.looking import looking
from service.operations.operation import Call
from service.operations.validate import OPERATION
from tests.interactions.builders import body
from tests.interactions.clinic import goal
from tests.interactions.test_rulings_as_seen import UNSEEN
from tests.outcomes.sharing_cases import labelled


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


@pytest.fixture
def context(context):
    return replace(context, references=True)


async def asked(desk, resource, mode="create"):
    """The issues of what the desk is told of the write."""
    call = Call(resource["resourceType"], "", Inputs({"resource": (resource,), "mode": (mode,)}))
    context = desk.seen if desk.act.caller.scopes is None else looking(desk.seen, desk.act, NOTHING)
    answer = await OPERATION.perform(context, desk.act, call)
    return [(each["details"]["coding"][0]["code"], each.get("expression")) for each in body(answer)["issue"]]


@pytest.mark.parametrize("mode", ["create", "update"])
@pytest.mark.parametrize(("what", "there", "written"), UNSEEN, ids=[row[0] for row in UNSEEN])
async def test_of_a_young_person_whom_one_does_not_see_nothing_is_told(
    school, admin, mode, what, there, written
):
    for id_ in ("camhs", "school"):
        await admin.put({"resourceType": "Organization", "id": id_, "name": id_})
    for id_ in ("fern", "moss"):
        await admin.put({"resourceType": "Practitioner", "id": id_})
    for resource in ({"resourceType": "Patient", "id": "ash"}, *there):
        await admin.put(resource)
    hidden = await asked(school, written("ash"), mode)
    assert "reference-missing" in {slug for slug, _ in hidden}
    assert hidden == await asked(school, written("nobody"), mode), what


async def with_token(desk, scopes):
    setting = await searching.setting(desk.seen, desk.act, [])
    caller = replace(desk.act.caller, scopes=read_scopes(setting, scopes))
    return replace(desk, act=replace(desk.act, caller=caller))


@pytest.mark.parametrize(
    ("scopes", "slugs"),
    [
        ("system/Goal.c", {"goal-slot-taken"}),
        ("system/Goal.c?patient=Patient/ash", {"goal-slot-taken"}),
        ("system/Goal.c?patient=Patient/birch", {"insufficient-scope"}),
        ("system/Goal.rs", {"insufficient-scope"}),
        ("system/Patient.cruds", {"insufficient-scope"}),
    ],
)
async def test_it_takes_the_scopes_of_the_write(school, scopes, slugs):
    for resource in ({"resourceType": "Patient", "id": "ash"}, goal()):
        await school.put(resource)
    token = await with_token(school, scopes)
    assert {slug for slug, _ in await asked(token, goal("g2"))} == slugs


async def test_an_update_under_an_id_that_one_may_not_choose_is_told_as_the_update_is(school, admin):
    await school.put({"resourceType": "Patient", "id": "ash"})
    await admin.put(goal("hidden", slot=2) | labelled("V"))
    other = replace(school, act=replace(school.act, caller=replace(school.act.caller, chooses_ids=False)))
    for id_ in ("hidden", "free"):
        assert await asked(other, goal(id_, slot=3), "update") == [("resource-missing", None)]
    assert {slug for slug, _ in await asked(school, goal("free", slot=3), "update")} == {"ok"}
    assert {slug for slug, _ in await asked(school, goal("hidden", slot=3), "update")} == {"id-taken"}


async def test_a_deletion_takes_its_scope(school):
    await school.put({"resourceType": "Patient", "id": "ash"})
    await school.put(goal())
    for scopes, slug in (("system/Goal.r", "insufficient-scope"), ("system/Goal.rd", "ok")):
        token = await with_token(school, scopes)
        call = Call("Goal", "g1", Inputs({"mode": ("delete",)}))
        answer = await OPERATION.perform(looking(token.seen, token.act, NOTHING), token.act, call)
        assert [each["details"]["coding"][0]["code"] for each in body(answer)["issue"]] == [slug]
