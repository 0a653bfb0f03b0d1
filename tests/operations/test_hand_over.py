"""Handing a plan over, by what the clinic asks of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.fhir.problems import Conflict, Forbidden, Gone, Invalid, Malformed, Missing, Precondition
from service.fhir.search.sight import Sight
from service.fhir.stamping import instant
from service.interactions.context import Act
from service.interactions.delete import delete
from service.operations import hand_over
from service.operations.hand_over import OPERATION
from service.storage.checking import check
from service.storage.store import HistoryQuery
from tests.interactions.clinic import extension, refer
from tests.operations.coordination import (
    CHARITY,
    FERN,
    HAZEL,
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


@pytest.fixture
def enforced(context):
    """References must lead somewhere, as in a service."""
    return replace(context, references=True)


@pytest.fixture
async def there(enforced, act):
    await put(enforced, act, *everybody(), care_team(), care_plan())


@pytest.fixture
def handed(enforced, act, there):
    async def handing(id_="p1", coordinator=MOSS, agency=SCHOOL, by=act, **values):
        more = {"coordinator": refer(coordinator), "agency": refer(agency)}
        return await ask(enforced, by, OPERATION, id_, **more, **values)

    return handing


def act_of(act, agency, *, administrator=False):
    caller = Caller("their system", agency, act.caller.locality, administrator)
    return Act(caller, "request-9")


async def test_the_old_plan_ends_and_the_new_one_begins(enforced, act, handed):
    answer = await handed()
    [new], [ended] = named(answer, "plan"), named(answer, "former-plan")
    before = care_plan()
    assert (ended["status"], ended["period"]) == ("completed", {"start": "2023-09-01", "end": TODAY})
    assert {name: ended[name] for name in before if name not in {"status", "period"}} == {
        name: before[name] for name in before if name not in {"status", "period"}
    }
    assert new["id"] != "p1"
    assert (new["status"], new["period"], new["created"]) == ("active", {"start": TODAY}, TODAY)
    assert new["replaces"] == [refer("CarePlan/p1")]
    assert new["author"] == refer(MOSS)
    for name in ("goal", "careTeam", "activity", "category", "subject", "title", "intent"):
        assert new[name] == before[name]
    assert extensions(new) == extensions(before) | {
        "plan-coordinator": refer(MOSS),
        "plan-coordinating-agency": refer(SCHOOL),
    }
    assert "identifier" not in new
    assert await stored(enforced, act, "CarePlan", new["id"]) == {k: v for k, v in new.items() if k != "meta"}


async def test_the_team_has_its_new_coordinator(handed):
    [team] = named(await handed(), "care-team")
    before = care_team()["participant"]
    first, *rest, new, agency = team["participant"]
    assert first == before[0] | {"period": {"start": "2023-09-01", "end": TODAY}}
    assert rest == before[1:]
    assert (new["member"], new["onBehalfOf"], new["period"]) == (refer(MOSS), refer(SCHOOL), {"start": TODAY})
    assert new["role"][0]["coding"][0]["code"] == "768820003"
    assert agency == {"role": [{"text": "Agency involved"}], "member": refer(SCHOOL)}
    assert team["managingOrganization"] == [refer(SCHOOL)]


async def test_an_agency_that_is_in_the_team_does_not_come_twice(handed):
    [team] = named(await handed(coordinator=HAZEL, agency=CHARITY), "care-team")
    members = [each["member"] for each in team["participant"]]
    assert members.count(refer(CHARITY)) == 1
    # R4 lets nobody but a Practitioner act on behalf of an organisation.
    assert [each.get("onBehalfOf") for each in team["participant"] if each["member"] == refer(HAZEL)] == [
        None
    ]


async def test_both_agencies_are_told(enforced, act, handed, database_of):
    answer = await handed(reason="the school knows the family")
    [new], messages = named(answer, "plan"), named(answer, "communication")
    told = {one["recipient"][0]["reference"]: one for one in messages}
    assert set(told) == {TRUST, SCHOOL}
    for recipient, event in ((TRUST, "coordination-ended"), (SCHOOL, "coordination-began")):
        message = told[recipient]
        assert message["topic"]["coding"][0]["code"] == event
        assert message["about"] == [refer("CarePlan/p1"), refer(f"CarePlan/{new['id']}")]
        assert message["subject"] == refer("Patient/ash")
        assert message["reasonCode"] == [{"text": "the school knows the family"}]
        assert "sender" not in message  # the caller's agency is not on this server
        [waiting] = await enforced.store.notices(act.caller.locality, recipient.partition("/")[2], 10)
        assert (waiting.event, waiting.about) == (event, ("Communication", message["id"]))
    [ended] = named(answer, "former-plan")
    assert [note["text"] for note in ended["note"]] == ["the school knows the family"]
    assert ended["note"][0]["time"] == messages[0]["sent"]
    assert await enforced.store.notices(act.caller.locality, "charity", 10) == ()
    assert (await database_of(enforced)).faults == []


@pytest.fixture
def database_of(database, registry, extractor):
    async def checked(_context):
        return await check(database, registry, extractor)

    return checked


async def test_who_hands_over_is_named_where_the_agency_is_here(handed, act):
    messages = named(await handed(by=act_of(act, "trust")), "communication")
    assert [message["sender"] for message in messages] == [refer(TRUST)] * 2


async def test_within_one_agency_it_is_told_once(enforced, act, handed):
    answer = await handed(agency=TRUST)
    [message] = named(answer, "communication")
    assert message["topic"]["coding"][0]["code"] == "coordinator-changed"
    assert [each.event for each in await enforced.store.notices(act.caller.locality, "trust", 10)] == [
        "coordinator-changed"
    ]
    [team] = named(answer, "care-team")
    assert [each["member"] for each in team["participant"]].count(refer(TRUST)) == 1


async def test_all_of_it_is_one_unit(enforced, act, handed):
    answer = await handed()
    page = await enforced.store.history(act.caller.locality, HistoryQuery(None, None, 5))
    assert len({version.updated for version in page.items}) == 1
    assert sorted(version.type for version in page.items) == [
        "CarePlan", "CarePlan", "CareTeam", "Communication", "Communication",
    ]  # fmt: skip
    assert "outcome" not in [each["name"] for each in answer["parameter"]]


async def test_labels_go_over_to_what_is_new(enforced, act, there, handed):
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    await put(enforced, act, care_plan(meta={"security": [restricted]}))
    answer = await handed()
    for resource in (*named(answer, "plan"), *named(answer, "communication")):
        assert resource["meta"]["security"] == [restricted]


async def test_a_planned_end_goes_over_where_it_is_still_to_come(enforced, act, there, handed):
    await put(enforced, act, care_plan(period={"start": "2023-09-01", "end": "2024-03-01"}))
    answer = await handed()
    assert named(answer, "plan")[0]["period"] == {"start": TODAY, "end": "2024-03-01"}
    assert named(answer, "former-plan")[0]["period"] == {"start": "2023-09-01", "end": TODAY}


@pytest.mark.parametrize(
    ("planned", "day"), [("2023-10-01", TODAY), (TODAY, TODAY), ("2023-10", "2023-10-31")]
)
async def test_a_planned_end_that_has_come_does_not(enforced, act, there, handed, planned, day):
    await put(enforced, act, care_plan(period={"start": "2023-09-01", "end": planned}))
    answer = await handed(date=day)
    assert named(answer, "plan")[0]["period"] == {"start": day}
    assert named(answer, "former-plan")[0]["period"] == {"start": "2023-09-01", "end": day}


@pytest.mark.parametrize(("status", "kept"), [("generated", False), ("additional", True)])
async def test_only_a_narrative_that_says_more_stays_with_the_old_plan(enforced, act, handed, status, kept):
    words = '<div xmlns="http://www.w3.org/1999/xhtml">coordinated by Fern</div>'
    await put(enforced, act, care_plan(text={"status": status, "div": words}))
    answer = await handed()
    assert "text" not in named(answer, "plan")[0]
    assert ("text" in named(answer, "former-plan")[0]) is kept


async def test_a_plan_on_hold_is_followed_again(enforced, act, there, handed):
    await put(enforced, act, care_plan(status="on-hold"))
    assert named(await handed(), "plan")[0]["status"] == "active"


async def test_it_may_be_handed_on_the_same_day(enforced, act, handed):
    [second] = named(await handed(), "plan")
    answer = await handed(second["id"], coordinator=HAZEL, agency=CHARITY)
    [third], [team] = named(answer, "plan"), named(answer, "care-team")
    assert third["replaces"] == [refer(f"CarePlan/{second['id']}")]
    coordinators = [each for each in team["participant"] if each["role"][0].get("coding")]
    assert [(each["member"]["reference"], each["period"].get("end")) for each in coordinators] == [
        (FERN, TODAY), (MOSS, TODAY), (HAZEL, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "slug"),
    [
        ({"date": "2023-11-15"}, ["hand-over-in-future"]),
        ({"date": "2023-08-31"}, ["hand-over-before-start"]),
        ({"coordinator": FERN, "agency": TRUST}, ["hand-over-to-the-same"]),
        ({"reviewDate": "2023-11-13"}, ["hand-over-review-missing"]),
        (
            {"coordinator": FERN, "agency": TRUST, "date": "2023-11-15", "reviewDate": "2023-11-13"},
            ["hand-over-in-future", "hand-over-to-the-same", "hand-over-review-missing"],
        ),
        ({"coordinator": "Practitioner/nobody"}, ["reference-missing"] * 3),
        ({"agency": "Organization/nobody"}, ["reference-missing"] * 5),
    ],
)
async def test_what_is_no_handover(enforced, act, handed, values, slug):
    with pytest.raises(Invalid) as refusal:
        await handed(**values)
    assert slugs(refusal.value) == slug
    assert await stored(enforced, act, "CarePlan", "p1") == care_plan()
    assert await enforced.store.notices(act.caller.locality, "trust", 10) == ()


@pytest.mark.parametrize(
    "values",
    [{"date": TODAY}, {"date": "2023-09-01"}, {"reviewDate": TODAY}, {"coordinator": "RelatedPerson/aunt"}],
)
async def test_what_just_is_one(handed, values):
    await handed(**values)


async def test_a_day_of_review_that_has_passed_must_be_said_anew(enforced, act, there, handed):
    late = [each for each in care_plan()["extension"] if not each["url"].endswith("plan-review-date")]
    late.append(extension("plan-review-date", valueDate="2023-11-13"))
    await put(enforced, act, care_plan(extension=late))
    with pytest.raises(Invalid) as refusal:
        await handed()
    assert slugs(refusal.value) == ["hand-over-review-missing"]
    [new] = named(await handed(reviewDate="2024-01-15"), "plan")
    assert extensions(new)["plan-review-date"] == "2024-01-15"


@pytest.mark.parametrize(
    ("values", "slug"),
    [
        ({"date": "2023-11"}, "operation-day"),
        ({"date": "2023-02-30"}, "operation-day"),
        ({"date": "2023-11-14T10:00:00Z"}, "operation-day"),
        ({"reviewDate": "soon"}, "operation-day"),
        ({"coordinator": "Patient/ash"}, "operation-reference"),
        ({"coordinator": "https://elsewhere.example/fhir/Practitioner/x"}, "operation-reference"),
        ({"agency": "Practitioner/fern"}, "operation-reference"),
        ({"agency": "#trust"}, "operation-reference"),
    ],
)
async def test_what_cannot_be_read(handed, values, slug):
    with pytest.raises(Malformed) as refusal:
        await handed(**values)
    assert slugs(refusal.value) == [slug]


async def test_a_plan_is_handed_over_once(handed):
    [new] = named(await handed(), "plan")
    with pytest.raises(Conflict) as refusal:
        await handed()
    assert slugs(refusal.value) == ["hand-over-plan-ended"]
    # The test's agency is none of the two, and in no team.
    assert new["id"] not in refusal.value.issues[0].text
    assert "school" not in refusal.value.issues[0].text


@pytest.mark.parametrize(
    ("agency", "administrator", "knows"),
    [("school", False, True), ("charity", False, True), ("trust", False, True), ("camhs", False, False),
     ("camhs", True, True)],
)  # fmt: skip
async def test_who_may_know_is_told_who_took_over(act, handed, agency, administrator, knows):
    [new] = named(await handed(), "plan")
    with pytest.raises(Conflict) as refusal:
        await handed(by=act_of(act, agency, administrator=administrator))
    said = f"It is CarePlan/{new['id']}, coordinated by {MOSS}, for {SCHOOL}."
    assert (said in refusal.value.issues[0].text) is knows


@pytest.mark.parametrize("status", ["completed", "revoked", "draft", "entered-in-error", "unknown"])
async def test_a_plan_that_nobody_follows_is_not_handed_over(enforced, act, there, handed, status):
    await put(
        enforced, act, care_plan("p2", status=status, period={"start": "2023-09-01", "end": "2023-10-01"})
    )
    with pytest.raises(Conflict) as refusal:
        await handed("p2")
    assert slugs(refusal.value) == ["hand-over-plan-ended"]


async def test_only_thrive_plans_are_handed_over(enforced, act, there, handed):
    other = {
        "resourceType": "CarePlan",
        "id": "diet",
        "status": "active",
        "intent": "plan",
        "subject": refer("Patient/ash"),
    }
    await put(enforced, act, other)
    with pytest.raises(Invalid) as refusal:
        await handed("diet")
    assert slugs(refusal.value) == ["hand-over-no-thrive-plan"]


async def test_there_must_be_a_plan(enforced, act, there, handed):
    with pytest.raises(Missing):
        await handed("never")
    await delete(enforced, act, "CarePlan", "p1")
    with pytest.raises(Gone):
        await handed()


async def test_if_match_guards_the_plan(enforced, act, there, handed):
    await put(enforced, act, care_plan(title="Our plan"))
    with pytest.raises(Precondition):
        await handed(if_match=1)
    assert named(await handed(if_match=2), "plan")[0]["title"] == "Our plan"


@pytest.mark.parametrize("team", ["none here", "over", "in error"])
async def test_without_a_team_at_work_only_the_plan_changes(context, act, team):
    teams = {
        "none here": [],
        "over": [care_team(status="inactive")],
        "in error": [care_team(status="entered-in-error")],
    }
    await put(context, act, *teams[team], care_plan())
    answer = await ask(context, act, OPERATION, "p1", coordinator=refer(MOSS), agency=refer(SCHOOL))
    assert named(answer, "care-team") == []
    [outcome] = named(answer, "outcome")
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == "hand-over-without-team"


PLAIN = {"resourceType": "CareTeam", "id": "plain", "status": "active", "subject": refer("Patient/ash")}


async def test_a_team_without_coordinator_beside_one_with_stays_as_it_is(context, act):
    both = [refer("CareTeam/plain"), refer("CareTeam/team")]
    await put(context, act, PLAIN, care_team(), care_plan(careTeam=both))
    answer = await ask(context, act, OPERATION, "p1", coordinator=refer(MOSS), agency=refer(SCHOOL))
    assert [team["id"] for team in named(answer, "care-team")] == ["team"]


async def test_where_no_team_has_a_coordinator_the_first_gets_one(context, act):
    over = care_team("over", status="inactive")
    three = [refer("CareTeam/over"), refer("CareTeam/plain"), refer("CareTeam/never"), refer("#inside")]
    await put(context, act, PLAIN, over, care_plan(careTeam=three, contained=[PLAIN | {"id": "inside"}]))
    answer = await ask(context, act, OPERATION, "p1", coordinator=refer(MOSS), agency=refer(SCHOOL))
    [team] = named(answer, "care-team")
    assert [each["member"] for each in team["participant"]] == [refer(MOSS), refer(SCHOOL)]


async def test_who_coordinates_another_plan_is_still_in_the_way(enforced, act, there, handed):
    await put(enforced, act, care_plan("beside"))
    with pytest.raises(Invalid) as refusal:
        await handed()
    assert slugs(refusal.value) == ["plan-coordinator-overlap"]


async def test_today_is_the_day_in_the_united_kingdom(enforced, act, there, handed, clock):
    clock.now = 1_689_372_000_000  # 14 July 2023, 22:00 UTC: 23:00 in London
    team = care_team("summer")
    del team["participant"][0]
    summer = care_plan("summer", period={"start": "2023-07-01"}, careTeam=[refer("CareTeam/summer")])
    await delete(enforced, act, "CarePlan", "p1")
    await put(enforced, act, team | {"managingOrganization": [refer(CHARITY)]}, summer)
    clock.now = 1_689_375_600_001  # an hour later, it is tomorrow there and not yet in UTC
    [new] = named(await handed("summer"), "plan")
    assert new["period"]["start"] == "2023-07-15"
    assert instant(clock.now).startswith("2023-07-14")


def test_what_it_is_offered_as():
    assert OPERATION.guarded
    assert OPERATION.readable == frozenset()
    assert hand_over.OPERATION.definition.endswith("/hand-over")


async def test_only_the_agency_that_coordinates_hands_over(enforced, act, there):
    """Others around the young person see the plan, and do not decide who coordinates it."""
    more = {"coordinator": refer(MOSS), "agency": refer(SCHOOL)}
    for agency in ("charity", act.caller.agency):
        other = act_of(act, agency)
        with pytest.raises(Forbidden) as refused:
            await ask(enforced.seen_by(other, Sight(agency)), other, OPERATION, "p1", **more)
        assert slugs(refused.value) == ["hand-over-by-another-agency"]
    trust = act_of(act, "trust")
    answer = await ask(enforced.seen_by(trust, Sight("trust")), trust, OPERATION, "p1", **more)
    [new] = named(answer, "plan")
    assert extensions(new)["plan-coordinating-agency"] == refer(SCHOOL)


async def test_a_plan_that_is_not_seen_is_as_none(enforced, act, there):
    stranger = act_of(act, "stranger")
    more = {"coordinator": refer(MOSS), "agency": refer(SCHOOL)}
    for id_ in ("p1", "never-was"):
        with pytest.raises(Missing) as missing:
            await ask(enforced.seen_by(stranger, Sight("stranger")), stranger, OPERATION, id_, **more)
        assert slugs(missing.value) == ["resource-missing"]


async def test_a_plan_of_which_a_part_is_withheld_is_not_handed_over(enforced, act, there):
    """Whoever coordinates and did not write it does not see where a restricted young person is, and guesses nothing."""
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    await put(enforced, act, {"resourceType": "Patient", "id": "ash", "meta": {"security": [restricted]}})
    said = set()
    for agency in ("trust", "charity"):
        other = act_of(act, agency)
        for to in (SCHOOL, TRUST, CHARITY):
            more = {"coordinator": refer(FERN), "agency": refer(to)}
            with pytest.raises(Forbidden) as refused:
                await ask(enforced.seen_by(other, Sight(agency)), other, OPERATION, "p1", **more)
            said.add(tuple(slugs(refused.value)))
    assert said == {("withheld-unchanged",)}
