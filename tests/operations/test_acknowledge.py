"""Saying that one has notices."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Forbidden, Malformed, Missing, TooLarge
from service.fhir.search.asked import Setting
from service.interactions.context import Act
from service.operations.acknowledge import OPERATION
from service.operations.operation import Call
from tests.conftest import BASE_URL
from tests.interactions.builders import body
from tests.operations.coordination import slugs
from tests.operations.test_notices import school, tell  # noqa: F401 - fixtures: pytest finds them by being here


@pytest.fixture
def acknowledged(context):
    async def acknowledging(by, *ids, of="school"):
        given = {
            "resourceType": "Parameters",
            "parameter": [{"name": "notice", "valueId": id_} for id_ in ids],
        }
        inputs = read_inputs(OPERATION.inputs, (), given)
        answer = await OPERATION.perform(context, by, Call("Organization", of, inputs))
        assert answer.status == 200
        return [each["valueId"] for each in body(answer).get("parameter", [])]

    return acknowledging


async def waiting(context, by):
    return [each.id for each in await context.store.notices(by.caller.locality, "school", 100)]


async def test_what_is_acknowledged_is_shown_no_more(context, school, tell, acknowledged):  # noqa: F811 - the fixtures above
    await tell("n1", "n2", "n3")
    assert await acknowledged(school, "n3", "n1", "never", "n1") == ["n3", "n1"]
    assert await waiting(context, school) == ["n2"]
    assert await acknowledged(school, "n1") == []


async def test_of_many_who_acknowledge_one_is_the_first(school, tell, acknowledged):  # noqa: F811 - the fixtures above
    await tell("n1", "n2")
    done = await asyncio.gather(*(acknowledged(school, *some) for some in [("n1", "n2"), ("n2", "n1")] * 5))
    assert sorted(id_ for each in done for id_ in each) == ["n1", "n2"]


async def test_nobody_does_so_for_another_agency(context, act, school, tell, acknowledged):  # noqa: F811 - the fixtures above
    await tell("n1")
    with pytest.raises(Forbidden):
        await acknowledged(act, "n1")
    trust = Act(Caller("their system", "trust", act.caller.locality), "request-9")
    assert await acknowledged(trust, "n1", of="trust") == []
    assert await waiting(context, school) == ["n1"]


async def test_an_administrator_may(act, school, tell, acknowledged):  # noqa: F811 - the fixtures above
    await tell("n1")
    desk = Act(Caller("desk", "camhs", act.caller.locality, administrator=True), "request-9")
    assert await acknowledged(desk, "n1") == ["n1"]
    with pytest.raises(Missing):
        await acknowledged(desk, "n1", of="never")


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        ("system/Organization.r system/Communication.u", False),
        ("system/Organization.r system/Communication.ru system/Consent.r?status=active", False),
        ("system/Organization.r system/Communication.u system/Consent.r", True),
    ],
)
async def test_what_the_token_does_not_show_is_as_if_it_were_not_there(
    scopes,
    may,
    context,
    registry,
    school,  # noqa: F811 - the fixtures above
    tell,  # noqa: F811 - the fixtures above
    acknowledged,
):
    read = read_scopes(Setting(registry, BASE_URL, now=1), scopes)
    asks = replace(school, caller=replace(school.caller, scopes=read))
    await tell("n1", event="glass-broken", about="Consent")
    assert await acknowledged(asks, "n1", "never") == (["n1"] if may else [])
    assert await waiting(context, school) == ([] if may else ["n1"])


async def test_bounds(school, acknowledged):  # noqa: F811 - the fixtures above
    with pytest.raises(Malformed) as refusal:
        await acknowledged(school, "n1", "not an id")
    assert slugs(refusal.value) == ["notice-id"]
    assert await acknowledged(school, *(f"n{number}" for number in range(50))) == []
    with pytest.raises(TooLarge) as refusal:
        await acknowledged(school, *(f"n{number}" for number in range(51)))
    assert slugs(refusal.value) == ["notices-too-many"]
    with pytest.raises(Malformed):
        await acknowledged(school)
