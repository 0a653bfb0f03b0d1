"""Handing over the plan of a restricted young person: what the new agency needs is said, and it is what it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.fhir.problems import Forbidden
from service.fhir.search.sight import Sight
from service.interactions.context import Act
from service.interactions.update import update
from service.operations.hand_over import OPERATION
from service.outcomes.labels import CONFIDENTIALITY
from tests.agreement import imagined
from tests.interactions.clinic import refer
from tests.operations.coordination import (
    MOSS,
    SCHOOL,
    TRUST,
    ask,
    care_plan,
    care_team,
    everybody,
    named,
    put,
    slugs,
    stored,
)

WANTED = "coordinator-permission-wanted"
R = {"system": CONFIDENTIALITY, "code": "R"}


@pytest.fixture
def of(act):
    """An act of another agency."""

    def acting(agency):
        return Act(Caller("their system", agency, act.caller.locality), "request-9")

    return acting


@pytest.fixture
def eyes(context):
    """What an agency sees; references must lead somewhere, as in a service."""

    def seeing(act):
        return replace(context, references=True).seen_by(act, Sight(act.caller.agency))

    return seeing


def said(answer) -> list[str]:
    outcomes = named(answer, "outcome")
    return [issue["details"]["coding"][0]["code"] for outcome in outcomes for issue in outcome["issue"]]


def permit(*labels):
    provision = {
        "type": "permit",
        "actor": [imagined.recipient(organization="school")],
        **({"securityLabel": list(labels)} if labels else {}),
    }
    return imagined.consent("so", "ash", refer("Patient/ash"), "active", provision, "patient-privacy")


async def hand(eyes, act, agency=SCHOOL, coordinator=MOSS):
    more = {"coordinator": refer(coordinator), "agency": refer(agency)}
    return await ask(eyes(act), act, OPERATION, "p1", **more)


async def retitled(context, eyes, act, plan):
    """The slugs of what refuses an agency that changes the plan; none where it may."""
    changed = await stored(context, act, "CarePlan", plan["id"]) | {"title": "Our next steps"}
    try:
        await update(eyes(act), act, "CarePlan", plan["id"], changed)
    except Forbidden as refused:
        return slugs(refused)
    return []


async def test_what_the_new_agency_needs_is_said_and_is_what_it_needs(context, act, of, eyes):
    trust, school = of("trust"), of("school")
    await put(context, act, *everybody(), {"resourceType": "Patient", "id": "ash", "meta": {"security": [R]}})
    await put(context, trust, care_team(), care_plan())
    answer = await hand(eyes, trust)
    assert said(answer) == [WANTED]
    [plan] = named(answer, "plan")
    assert await retitled(context, eyes, school, plan) == ["withheld-unchanged"]
    await put(context, act, permit())
    assert await retitled(context, eyes, school, plan) == ["withheld-unchanged"]
    await put(context, act, permit(R))
    assert await retitled(context, eyes, school, plan) == []


async def test_it_says_the_same_whether_or_not_there_is_a_permission(context, act, of, eyes):
    """Who hands over may not know of it."""
    trust = of("trust")
    await put(context, act, *everybody(), {"resourceType": "Patient", "id": "ash", "meta": {"security": [R]}})
    await put(context, act, permit(R))
    await put(context, trust, care_team(), care_plan())
    assert said(await hand(eyes, trust)) == [WANTED]


async def test_nothing_is_said_where_nothing_is_withheld(context, act, of, eyes):
    trust = of("trust")
    await put(context, act, *everybody())
    await put(context, trust, care_team(), care_plan())
    answer = await hand(eyes, trust)
    assert said(answer) == []
    [plan] = named(answer, "plan")
    assert await retitled(context, eyes, of("school"), plan) == []


async def test_nothing_is_said_where_the_agency_stays(context, act, of, eyes):
    trust = of("trust")
    await put(context, act, *everybody(), {"resourceType": "Patient", "id": "ash", "meta": {"security": [R]}})
    await put(context, trust, care_team(), care_plan())
    answer = await hand(eyes, trust, agency=TRUST)
    assert said(answer) == []
    [plan] = named(answer, "plan")
    assert await retitled(context, eyes, trust, plan) == []


async def test_a_plan_with_labels_is_not_seen_without_a_permission(context, act, of, eyes):
    trust, school = of("trust"), of("school")
    await put(context, act, *everybody())
    await put(context, trust, care_team(), care_plan(meta={"security": [R]}))
    answer = await hand(eyes, trust)
    assert said(answer) == [WANTED]
    [plan] = named(answer, "plan")
    assert await eyes(school).store.read(school.caller.locality, "CarePlan", plan["id"]) is None
    await put(context, act, permit(R))
    assert await eyes(school).store.read(school.caller.locality, "CarePlan", plan["id"]) is not None
