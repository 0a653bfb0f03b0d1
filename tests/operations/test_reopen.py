"""Reopening an episode of care after a re-referral, by what the clinic asks of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.fhir.problems import Conflict, Forbidden, Gone, Invalid, Malformed, Missing, Precondition
from service.fhir.search.sight import Sight
from service.interactions.context import Act
from service.interactions.delete import delete
from service.operations.reopen import OPERATION
from tests.interactions.clinic import refer
from tests.operations.coordination import (
    CHARITY,
    FERN,
    MOSS,
    SCHOOL,
    TODAY,
    TRUST,
    ask,
    care_plan,
    care_team,
    everybody,
    extensions,
    named,
    put,
    slugs,
    stored,
)

OVER = {"start": "2023-03-01", "end": "2023-09-20"}


def episode(id_="e1", **more):
    return {
        "resourceType": "EpisodeOfCare",
        "id": id_,
        "status": "finished",
        "patient": refer("Patient/ash"),
        "managingOrganization": refer(TRUST),
        "referralRequest": [refer("ServiceRequest/first")],
        "period": OVER,
        **more,
    }


def referral(id_="again", whose="ash", **more):
    return {
        "resourceType": "ServiceRequest",
        "id": id_,
        "status": "active",
        "intent": "order",
        "subject": refer(f"Patient/{whose}"),
        **more,
    }


@pytest.fixture
def enforced(context):
    return replace(context, references=True)


@pytest.fixture
async def there(enforced, act):
    ended = care_plan(status="completed", period={"start": "2023-03-01", "end": "2023-09-20"})
    team = care_team(status="inactive", period=OVER)
    team["participant"][0]["period"] = OVER
    birch = {"resourceType": "Patient", "id": "birch"}
    await put(enforced, act, *everybody(), birch, referral("first"), referral(), team, ended, episode())


@pytest.fixture
def reopened(enforced, act, there):
    async def reopening(id_="e1", by=act, referral="ServiceRequest/again", **values):
        return await ask(enforced, by, OPERATION, id_, referral=refer(referral), **values)

    return reopening


@pytest.fixture
def trust(act):
    """Somebody of the agency whose episode it is."""
    return Act(Caller("their system", "trust", act.caller.locality), "request-9")


async def test_the_episode_is_active_again(enforced, act, reopened):
    answer = await reopened()
    [again] = named(answer, "episode")
    again.pop("meta")
    assert again == episode(
        status="active",
        statusHistory=[
            {"status": "finished", "period": {"start": "2023-09-20", "end": TODAY}},
            {"status": "active", "period": {"start": TODAY}},
        ],
        referralRequest=[refer("ServiceRequest/first"), refer("ServiceRequest/again")],
        period={"start": "2023-03-01"},
    )
    assert await stored(enforced, act, "EpisodeOfCare", "e1") == again


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (
            [{"status": "active", "period": OVER}],
            [
                {"status": "active", "period": OVER},
                {"status": "finished", "period": {"start": "2023-09-20", "end": "2023-11-01"}},
            ],
        ),
        (
            [{"status": "active", "period": OVER}, {"status": "finished", "period": {"start": "2023-09-21"}}],
            [
                {"status": "active", "period": OVER},
                {"status": "finished", "period": {"end": "2023-11-01", "start": "2023-09-21"}},
            ],
        ),
        (
            [{"status": "finished", "period": {"start": "2023-09-21", "end": "2023-10-01"}}],
            [{"status": "finished", "period": {"start": "2023-09-21", "end": "2023-10-01"}}],
        ),
    ],
)
async def test_its_history_goes_on(enforced, act, there, reopened, history, expected):
    await put(enforced, act, episode(statusHistory=history))
    [again] = named(await reopened(date="2023-11-01"), "episode")
    assert again["statusHistory"] == [*expected, {"status": "active", "period": {"start": "2023-11-01"}}]


async def test_it_ends_and_is_reopened_again(enforced, act, there, reopened):
    [again] = named(await reopened(date="2023-10-01"), "episode")
    await put(enforced, act, referral("third"))
    ended = {**again, "status": "finished", "period": {"start": "2023-03-01", "end": "2023-10-20"}}
    await put(enforced, act, ended)
    [third] = named(await reopened(referral="ServiceRequest/third"), "episode")
    assert [(one["status"], one["period"]) for one in third["statusHistory"]] == [
        ("finished", {"start": "2023-09-20", "end": "2023-10-01"}),
        ("active", {"start": "2023-10-01"}),
        ("finished", {"start": "2023-10-20", "end": TODAY}),
        ("active", {"start": TODAY}),
    ]
    assert len(third["referralRequest"]) == 3


async def test_an_episode_of_which_little_is_said(enforced, act, there, reopened):
    bare = episode("bare", status="cancelled")
    del bare["period"], bare["referralRequest"]
    await put(enforced, act, bare)
    [again] = named(await reopened("bare"), "episode")
    assert "period" not in again
    assert again["statusHistory"][0] == {"status": "cancelled", "period": {"end": TODAY}}
    assert again["referralRequest"] == [refer("ServiceRequest/again")]


@pytest.mark.parametrize(
    ("written", "values", "slug"),
    [
        (referral(whose="birch"), {}, "reopen-referral-of-another-child"),
        (referral(status="revoked"), {}, "reopen-referral-status"),
        (referral(status="draft"), {}, "reopen-referral-status"),
        (referral(status="entered-in-error"), {}, "reopen-referral-status"),
        (referral(), {"referral": "ServiceRequest/first"}, "reopen-referral-not-new"),
        (referral(), {"date": "2023-11-15"}, "reopen-in-future"),
        (referral(), {"date": "2023-09-19"}, "reopen-before-end"),
        (episode(period={"start": "2023-10-01"}), {"date": "2023-09-30"}, "reopen-before-end"),
        (episode(period={"end": "2023-10"}), {"date": "2023-09-30"}, "reopen-before-end"),
        (referral(), {"referral": "ServiceRequest/never"}, "reopen-reference-missing"),
        (
            referral(),
            {"plan": refer("CarePlan/never"), "reviewDate": "2024-01-10"},
            "reopen-reference-missing",
        ),
        (care_plan(), {"plan": refer("CarePlan/p1"), "reviewDate": "2024-01-10"}, "reopen-plan-not-over"),
        (
            {
                "resourceType": "CarePlan",
                "id": "diet",
                "status": "completed",
                "intent": "plan",
                "subject": refer("Patient/ash"),
            },
            {"plan": refer("CarePlan/diet"), "reviewDate": "2024-01-10"},
            "reopen-plan-not-over",
        ),
        (
            care_plan(
                "other",
                status="revoked",
                period=OVER,
                subject=refer("Patient/birch"),
                goal=[refer("Goal/g9")],
            ),
            {"plan": refer("CarePlan/other"), "reviewDate": "2024-01-10"},
            "reopen-plan-of-another-child",
        ),
        (referral(), {"plan": refer("CarePlan/p1"), "reviewDate": "2023-11-13"}, "plan-review-before-start"),
    ],
)
async def test_what_is_not_reopened(context, act, there, reopened, written, values, slug):
    await put(context, act, written)
    before = await stored(context, act, "EpisodeOfCare", "e1")
    with pytest.raises(Invalid) as refusal:
        await reopened(**values)
    assert slug in slugs(refusal.value)
    assert await stored(context, act, "EpisodeOfCare", "e1") == before


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (referral(status="completed"), {}),
        (referral(status="on-hold"), {}),
        (referral(), {"date": "2023-09-20"}),
        (referral(), {"date": TODAY}),
        (episode(period={"end": "2023-10"}), {"date": "2023-10-01"}),
    ],
)
async def test_what_just_is(context, act, there, reopened, written, values):
    await put(context, act, written)
    await reopened(**values)


@pytest.mark.parametrize("status", ["planned", "waitlist", "active", "onhold", "entered-in-error"])
async def test_only_what_ended_is_reopened(enforced, act, there, reopened, status):
    await put(enforced, act, episode(status=status))
    with pytest.raises(Conflict) as refusal:
        await reopened()
    assert slugs(refusal.value) == ["reopen-episode-open"]


async def test_it_is_reopened_once(reopened):
    await reopened()
    with pytest.raises(Conflict):
        await reopened()


async def test_there_must_be_an_episode(enforced, act, there, reopened):
    with pytest.raises(Missing):
        await reopened("never")
    await delete(enforced, act, "EpisodeOfCare", "e1")
    with pytest.raises(Gone):
        await reopened()


async def test_if_match_guards_the_episode(enforced, act, there, reopened):
    await put(enforced, act, episode(careManager=refer(FERN)))
    with pytest.raises(Precondition):
        await reopened(if_match=1)
    await reopened(if_match=2)


@pytest.mark.parametrize(
    ("values", "slug"),
    [
        ({"referral": "Goal/g1"}, "operation-reference"),
        ({"plan": refer("Goal/g1"), "reviewDate": "2024-01-10"}, "operation-reference"),
        ({"plan": refer("CarePlan/p1")}, "operation-parameter-missing"),
        ({"reviewDate": "2024-01-10"}, "reopen-without-plan"),
        ({"coordinator": refer(MOSS)}, "reopen-without-plan"),
        ({"agency": refer(SCHOOL)}, "reopen-without-plan"),
        ({"date": "2023"}, "operation-day"),
        (
            {"plan": refer("CarePlan/p1"), "reviewDate": "2024-01-10", "agency": refer(FERN)},
            "operation-reference",
        ),
    ],
)
async def test_what_cannot_be_read(reopened, values, slug):
    with pytest.raises(Malformed) as refusal:
        await reopened(**values)
    assert slugs(refusal.value) == [slug]


async def test_a_plan_is_taken_up_again_with_its_team(enforced, act, reopened):
    answer = await reopened(plan=refer("CarePlan/p1"), reviewDate="2024-01-10")
    [new], [team] = named(answer, "plan"), named(answer, "care-team")
    assert (new["status"], new["period"], new["basedOn"]) == (
        "active",
        {"start": TODAY},
        [refer("CarePlan/p1")],
    )
    assert "replaces" not in new
    assert extensions(new) == extensions(care_plan()) | {"plan-review-date": "2024-01-10"}
    assert new["goal"] == [refer("Goal/g1")]
    assert (team["status"], team["period"]) == ("active", {"start": "2023-03-01"})
    coordinators = [each for each in team["participant"] if each["role"][0].get("coding")]
    assert [(each["member"], each["period"]) for each in coordinators] == [
        (refer(FERN), OVER), (refer(FERN), {"start": TODAY}),
    ]  # fmt: skip
    earlier = await stored(enforced, act, "CarePlan", "p1")
    assert earlier["status"] == "completed"


async def test_another_may_coordinate_the_plan_that_is_taken_up(reopened):
    answer = await reopened(
        plan=refer("CarePlan/p1"), reviewDate="2024-01-10", coordinator=refer(MOSS), agency=refer(SCHOOL)
    )
    [new] = named(answer, "plan")
    assert extensions(new)["plan-coordinator"] == refer(MOSS)
    assert extensions(new)["plan-coordinating-agency"] == refer(SCHOOL)


async def test_the_plan_is_held_to_the_rules(enforced, act, there, reopened):
    held = care_plan("held", coordinator=MOSS, agency=SCHOOL, careTeam=[refer("CareTeam/team")])
    await put(enforced, act, held)
    with pytest.raises(Invalid) as refusal:
        await reopened(plan=refer("CarePlan/p1"), reviewDate="2024-01-10")
    assert slugs(refusal.value) == ["plan-coordinator-overlap"]


def hints(answer):
    return [
        issue["details"]["text"]
        for outcome in named(answer, "outcome")
        for issue in outcome["issue"]
        if issue["details"]["coding"][0]["code"] == "reopen-plan-could-be-taken-up"
    ]


async def test_the_agency_is_told_which_plan_could_be_taken_up(enforced, act, there, reopened, trust):
    await put(
        enforced,
        act,
        care_plan("older", status="revoked", period={"start": "2023-01-01", "end": "2023-02-01"}),
    )
    [hint] = hints(await reopened(by=trust))
    assert "CarePlan/p1" in hint


@pytest.mark.parametrize(
    ("who", "written"),
    [
        ("another agency", []),
        ("the agency", [care_plan("runs")]),
        ("the agency", [care_plan(agency=SCHOOL, status="completed", period=OVER)]),
        ("the agency", [episode(managingOrganization=None)]),
    ],
)
async def test_who_is_not_told(enforced, act, there, reopened, trust, who, written):
    for resource in written:
        await put(enforced, act, {name: value for name, value in resource.items() if value is not None})
    answer = await reopened(by=trust if who == "the agency" else act)
    assert hints(answer) == []


async def test_a_plan_of_which_a_part_is_withheld_is_not_taken_up(enforced, act, there):
    """The new one would say that its agency is masked; and nobody finds out by naming one which it was."""
    charity = Act(Caller("their system", "charity", act.caller.locality), "request-9")
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    ash = {"resourceType": "Patient", "id": "ash", "meta": {"security": [restricted]}}
    await put(enforced, act, ash, care_team("around", agency=CHARITY))
    await put(enforced, charity, episode("e2", managingOrganization=refer(CHARITY)))
    told = set()
    for named_too in ({}, {"coordinator": refer(FERN), "agency": refer(TRUST)}, {"agency": refer(CHARITY)}):
        values = {"referral": refer("ServiceRequest/again"), "plan": refer("CarePlan/p1")}
        more = {"reviewDate": "2024-01-31", **named_too}
        with pytest.raises(Forbidden) as refused:
            await ask(enforced.seen_by(charity, Sight("charity")), charity, OPERATION, "e2", **values, **more)
        told.add(tuple(slugs(refused.value)))
    assert told == {("withheld-unchanged",)}


async def test_an_agency_that_cannot_work_with_the_plan_is_said_to_need_a_permission(
    enforced, act, there, reopened
):
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    await put(enforced, act, {"resourceType": "Patient", "id": "ash", "meta": {"security": [restricted]}})
    answer = await reopened(plan=refer("CarePlan/p1"), reviewDate="2024-01-31")
    [outcome] = named(answer, "outcome")
    assert "coordinator-permission-wanted" in str(outcome)
