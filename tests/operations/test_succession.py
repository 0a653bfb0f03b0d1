"""What handing over and reopening have in common."""

from __future__ import annotations

import pytest

from service.fhir.parameters import Inputs
from service.fhir.problems import Invalid, Issue, Malformed
from service.interactions.content import content
from service.interactions.delete import delete
from service.operations.succession import (
    Written,
    admitted,
    coordinated_teams,
    day_given,
    moved_on,
    permission_wanted,
    require_coordinator,
    require_led_to,
    shown,
    teams_of,
)
from service.outcomes.successions import Succession
from tests.interactions.clinic import refer
from tests.operations.coordination import FERN, MOSS, SCHOOL, TRUST, care_plan, care_team, goal, put, slugs
from tests.outcomes.clinic import locate

NOW = Succession(refer(MOSS), refer(SCHOOL), "2023-11-14", "2024-01-10")


@pytest.mark.parametrize(
    ("given", "day"), [(None, None), ("2023-11-14", "2023-11-14"), ("2024-02-29", "2024-02-29")]
)
def test_days(given, day):
    assert day_given(Inputs({} if given is None else {"date": (given,)}), "date") == day


@pytest.mark.parametrize("given", ["2023-11", "2023", "2023-02-29", "2023-11-14T10:00:00Z", "today", ""])
def test_what_is_no_day(given):
    with pytest.raises(Malformed) as refusal:
        day_given(Inputs({"date": (given,)}), "date")
    assert slugs(refusal.value) == ["operation-day"]


def test_where_references_lead():
    assert require_led_to(refer("Goal/g1"), "goal", ("CarePlan", "Goal"), locate) == ("Goal", "g1")
    for elsewhere in (refer("Patient/p"), {"display": "a goal"}, refer("#g1")):
        with pytest.raises(Malformed) as refusal:
            require_led_to(elsewhere, "goal", ("CarePlan", "Goal"), locate)
        assert slugs(refusal.value) == ["operation-reference"]
        assert "CarePlan or Goal" in refusal.value.issues[0].text


def test_who_can_coordinate():
    for person in (FERN, "PractitionerRole/r", "RelatedPerson/aunt"):
        require_coordinator(refer(person), refer(TRUST), locate)
    for person, agency in (("Patient/ash", TRUST), (FERN, FERN), (TRUST, TRUST)):
        with pytest.raises(Malformed):
            require_coordinator(refer(person), refer(agency), locate)


async def test_the_teams_of_a_plan(context, act):
    await put(context, act, care_team("t1"), care_team("t2"))
    named = ["CareTeam/t2", "CareTeam/never", "CareTeam/t1", "CareTeam/t2", "Organization/t1"]
    plan = care_plan(careTeam=[*map(refer, named), {"display": "a team elsewhere"}])
    assert [team.id for team in await teams_of(context, act, plan, locate)] == ["t2", "t1"]
    assert await teams_of(context, act, {}, locate) == []


@pytest.fixture
def teams_there(context, act):
    async def putting(*teams):
        await put(context, act, *teams)
        return [await context.store.read(act.caller.locality, "CareTeam", team["id"]) for team in teams]

    return putting


PLAIN = {"resourceType": "CareTeam", "id": "plain", "status": "active"}


@pytest.mark.parametrize(
    ("teams", "revive", "changed"),
    [
        ([care_team("t1"), PLAIN, care_team("t2", status="suspended")], False, ["t1", "t2"]),
        ([PLAIN, PLAIN | {"id": "plain-2"}], False, ["plain"]),
        ([care_team("t1", status="inactive")], False, []),
        ([care_team("t1", status="inactive"), PLAIN], False, ["plain"]),
        ([care_team("t1", status="inactive"), PLAIN], True, ["t1"]),
        ([care_team("t1", status="entered-in-error"), PLAIN], True, ["plain"]),
        ([], True, []),
    ],
)
async def test_which_teams_change(teams_there, teams, revive, changed):
    stored = await teams_there(*teams)
    written = coordinated_teams(stored, NOW, locate, None, revive=revive)
    assert [each.resource["id"] for each in written] == changed
    for each in written:
        assert each.former == content(each.before)
        assert each.resource["participant"][-2]["member"] == refer(MOSS)
        if revive:
            assert each.resource["status"] == "active"


async def test_what_is_written_is_held_to_profiles(context, act, teams_there):
    [before] = await teams_there(care_team("t1"))
    former = content(before)
    changes, issues = admitted(context, [Written(goal()), Written({**former, "name": "us"}, before, former)])
    assert [(one.type, one.id, one.method, one.before) for one in changes] == [
        ("Goal", "g1", "POST", None), ("CareTeam", "t1", "PUT", before),
    ]  # fmt: skip
    assert changes[1].former == former
    assert issues == ()
    with pytest.raises(Invalid):
        admitted(context, [Written(goal() | {"lifecycleStatus": "lively"})])


async def test_whether_others_were_quicker(context, act, teams_there):
    [before] = await teams_there(care_team("t1"))
    assert not await moved_on(context, act, before)
    await put(context, act, care_team("t1", name="us"))
    assert await moved_on(context, act, before)


async def test_what_is_shown(teams_there):
    [team] = await teams_there(PLAIN)
    assert shown([("care-team", team)], ()) == {
        "resourceType": "Parameters",
        "parameter": [{"name": "care-team", "resource": content(team)}],
    }
    found = shown([], [Issue("warning", "business-rule", "goal-slot-taken", "x")])["parameter"]
    assert [(each["name"], each["resource"]["resourceType"]) for each in found] == [
        ("outcome", "OperationOutcome")
    ]


RESTRICTED = {
    "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]
}


@pytest.mark.parametrize(
    ("agency", "child", "wanted"),
    [("school", {"meta": RESTRICTED}, 1), ("camhs", {"meta": RESTRICTED}, 0), ("school", {}, 0)],
    ids=["for another agency", "for the agency that writes it", "not restricted"],
)
async def test_who_needs_a_permission_to_work_with_a_plan(context, act, agency, child, wanted):
    await put(context, act, {"resourceType": "Patient", "id": "ash", **child})
    plan = care_plan(agency=f"Organization/{agency}")
    assert len(await permission_wanted(context, act, plan, locate)) == wanted


async def test_of_nobody_who_is_here_none_is_wanted(context, act):
    assert await permission_wanted(context, act, care_plan(agency=SCHOOL), locate) == ()
    assert await permission_wanted(context, act, {"resourceType": "CarePlan"}, locate) == ()
    await put(context, act, {"resourceType": "Patient", "id": "ash", "meta": RESTRICTED})
    await delete(context, act, "Patient", "ash")
    assert await permission_wanted(context, act, care_plan(agency=SCHOOL), locate) == ()
