"""What an agency may write, with what it sees: on both databases, through the interactions themselves.

Who may see what is held by tests/outcomes/test_sharing.py and by the agreement of the store with it.

Source: ADR 0022, docs/sharing.md
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.access.scopes import read_scopes
from service.fhir.problems import Problem
from service.fhir.validation.validator import Validator
from service.interactions import searching
from service.interactions.create import create
from service.interactions.extracting import as_extracted
from service.interactions.standing import examine
from service.interactions.update import conditional_update
from service.outcomes.consents import BREAK_GLASS
from service.storage.registrations import Registration
from service.storage.store import AuditEntry, Change, Stale, Unit
from tests.interactions.builders import entry
from tests.interactions.seeing import desk, told
from tests.interactions.sessions import session
from tests.outcomes.clinic import extension
from tests.outcomes.sharing_cases import TO_ALL, consent, labelled, labels, to, to_sector, types

ASH = {"resourceType": "Patient", "id": "ash", "birthDate": "2011-03-04"}
BIRCH = {"resourceType": "Patient", "id": "birch", "birthDate": "2011-03-04"}


@pytest.fixture(scope="module")
def validator(registry):
    """R4 alone: profiles have tests of their own."""
    return Validator(registry)


@pytest.fixture
def context(context):
    return replace(context, references=True)


@pytest.fixture
async def camhs(context, act):
    """The agency that wrote the young person's record. It may choose ids, so that the tests can say them."""
    found = desk(context, act, "camhs", chooses_ids=True)
    for type_, id_ in (("Organization", "camhs"), ("Organization", "school"), ("Organization", "charity")):
        await desk(context, act, "service", administrator=True).put(
            {"resourceType": type_, "id": id_, "name": id_}
        )
    await found.put(ASH)
    return found


@pytest.fixture
def school(context, act, camhs):
    return desk(context, act, "school", chooses_ids=True)


@pytest.fixture
def charity(context, act, camhs):
    return desk(context, act, "charity")


@pytest.fixture
def admin(context, act, camhs):
    return desk(context, act, "service", administrator=True)


def about(who="ash"):
    return {"subject": {"reference": f"Patient/{who}"}}


def score(id_="s1", who="ash", **more):
    code = {"coding": [{"system": "https://elsewhere.example/codes", "code": "mood"}]}
    return {"resourceType": "Observation", "id": id_, "status": "final", "code": code, **about(who), **more}


def goal(id_="g1", who="ash", **more):
    said = {"lifecycleStatus": "active", "description": {"text": "invented goal"}}
    return {"resourceType": "Goal", "id": id_, **said, **about(who), **more}


def team(*agencies, id_="t1", who="ash", **more):
    members = [{"member": {"reference": f"Organization/{agency}"}} for agency in agencies]
    return {
        "resourceType": "CareTeam",
        "id": id_,
        "status": "active",
        "participant": members,
        **about(who),
        **more,
    }


def plan(agency, id_="p1", **more):
    said = {"status": "active", "intent": "plan", **about()}
    coordinates = extension(
        "plan-coordinating-agency", valueReference={"reference": f"Organization/{agency}"}
    )
    return {"resourceType": "CarePlan", "id": id_, "extension": [coordinates], **said, **more}


def form_of_a_session():
    made = session({1: 4}, id="r1")
    del made["encounter"]
    return made


def permitted(agency, id_="c1", type_="permit", **narrowed):
    made = consent(type_, to(("Organization", agency)), **narrowed)
    disclosure = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IDSCL"}]}
    policy = [{"uri": "https://elsewhere.example/policy"}]
    return {**made, "id": id_, "category": [disclosure], "policy": policy}


CLOSED_DOOR = (404, "resource-missing")
NOT_YOURS = (403, "not-the-author")


async def test_who_is_not_around_a_young_person_finds_nothing_and_writes_nothing(camhs, school):
    await camhs.put(goal())
    assert await school.sees("Patient", "ash") is None
    assert await school.sees("Goal", "g1") is None
    assert await told(school.post(score())) == (422, "reference-missing")
    assert await told(school.post(score(who="nobody"))) == (422, "reference-missing")
    assert await told(school.post(team("school"))) == (422, "reference-missing")
    assert await told(school.post(permitted("school"))) == (422, "reference-missing")
    assert await told(school.patched("Goal", "g1", {"op": "remove", "path": "/x"})) == CLOSED_DOOR
    assert await told(school.delete("Goal", "g1")) == (204, ""), "as with what never was"
    assert await camhs.sees("Goal", "g1") is not None


async def test_an_agency_corrects_its_own_scores_and_no_other_does(camhs, school):
    await camhs.put(team("camhs", "school"))
    await camhs.put(score())
    assert await told(school.put(score("s2"))) == (201, "")
    assert await told(school.put(score(status="amended"))) == NOT_YOURS
    assert (
        await told(
            school.patched("Observation", "s1", {"op": "replace", "path": "/status", "value": "amended"})
        )
        == NOT_YOURS
    )
    assert await told(school.delete("Observation", "s1")) == NOT_YOURS
    assert await told(school.put(score("s2", status="amended"))) == (200, "")
    assert await told(camhs.delete("Observation", "s2")) == NOT_YOURS
    assert await told(school.delete("Observation", "s2")) == (204, "")


async def test_the_coordinators_agency_keeps_goals_plans_teams_and_the_young_person(camhs, school, charity):
    await camhs.put(plan("school"))
    await camhs.put(team("camhs", "charity"))
    await camhs.put(goal())
    await camhs.put(score())
    assert await told(school.put(goal(lifecycleStatus="on-hold"))) == (200, "")
    assert await told(school.put(plan("school", title="with a title"))) == (200, "")
    assert await told(school.put(team("camhs", "charity", name="a team"))) == (200, "")
    assert await told(school.put({**ASH, "gender": "other"})) == (200, "")
    assert await told(school.put(score(status="amended"))) == NOT_YOURS
    for written in (goal(), plan("school"), team("charity"), ASH):
        assert await told(charity.put({**written, "language": "en"})) == NOT_YOURS


async def test_nobody_lets_himself_in_by_what_a_consent_shows_him(camhs, school):
    await camhs.put(permitted("school"))
    assert await school.sees("Patient", "ash") is not None
    assert await told(school.put(score("s2"))) == (201, "")
    for written in (team("school", id_="t2"), plan("school", id_="p2"), permitted("school", "c2")):
        assert await told(school.put(written)) == (403, "not-in-the-circle")


async def test_who_left_the_circle_cannot_let_himself_in_again_by_what_he_once_wrote(camhs, school):
    await camhs.put(team("camhs", "school"))
    mine = team("camhs", id_="t2")
    assert await told(school.put(mine)) == (201, "")
    await camhs.put(team("camhs"))
    assert await school.sees("CareTeam", "t2") is not None, "it wrote that"
    assert await told(school.put(team("camhs", "school", id_="t2"))) == (403, "not-in-the-circle")
    assert await told(school.delete("CareTeam", "t2")) == (403, "not-in-the-circle")


async def test_who_is_taken_out_at_the_same_moment_writes_nothing_any_more(camhs, school):
    """What lets an agency write who may see the record must still do so when that is stored."""
    await camhs.put(team("camhs", "school"))
    written = Change("CareTeam", "t2", "PUT", None, None, team("charity", id_="t2"))
    standing = await examine(school.seen, school.act, [written])
    assert standing.refusals == {}
    assert {(one.type, one.id) for one in standing.relied_on} == {("CareTeam", "t1")}
    await camhs.put(team("camhs"))
    locality = school.act.caller.locality
    unit = Unit((written,), AuditEntry("epr", "school", "update", "r"), relied_on=standing.relied_on)
    with pytest.raises(Stale):
        await school.context.store.commit(locality, unit)


async def test_a_task_is_changed_by_its_author_and_by_who_has_to_do_it(camhs, school, charity, admin):
    await camhs.put(team("camhs", "school", "charity"))
    role = {
        "resourceType": "PractitionerRole",
        "id": "fern",
        "organization": {"reference": "Organization/charity"},
    }
    await admin.put(role)
    whose = {"for": {"reference": "Patient/ash"}, "intent": "plan"}
    for id_, owner in (("k1", "Organization/school"), ("k2", "PractitionerRole/fern")):
        task = {
            "resourceType": "Task",
            "id": id_,
            "status": "requested",
            "owner": {"reference": owner},
            **whose,
        }
        await camhs.put(task)
        does, looks = (school, charity) if id_ == "k1" else (charity, school)
        assert await told(looks.put({**task, "status": "completed"})) == NOT_YOURS
        assert await told(does.put({**task, "status": "completed"})) == (200, "")


async def test_a_resource_moves_between_young_people_of_ones_own(camhs, school, admin):
    await admin.put(BIRCH)
    await admin.put(
        permitted("camhs")
        | {
            "id": "c9",
            "patient": {"reference": "Patient/birch"},
            "performer": [{"reference": "Patient/birch"}],
        }
    )
    await camhs.put(score())
    assert await camhs.sees("Patient", "birch") is not None
    assert await told(camhs.put(score(who="birch"))) == (403, "young-person-changed")
    await admin.put(team("camhs", id_="t9", who="birch"))
    assert await told(camhs.put(score(who="birch"))) == (200, "")


async def test_of_many_who_put_under_one_chosen_id_at_once_none_is_told_that_it_is_taken(camhs):
    for round_ in range(6):
        alone = [goal(f"race-{round_}", description={"text": str(number)}) for number in range(6)]
        together = [entry("PUT", f"Goal/race-{round_}", each) for each in alone]
        told_each = await asyncio.gather(
            *(told(camhs.put(each)) for each in alone), *(told(camhs.together(each)) for each in together)
        )
        assert set(told_each) <= {(200, ""), (201, "")}, round_


async def test_ids_are_chosen_by_those_who_may_and_existence_is_told_to_nobody_else(camhs, charity, school):
    await camhs.put(goal())
    await camhs.put(team("camhs", "charity", "school"))
    await camhs.put(goal("g2", **labelled("V")))
    assert await told(charity.put(goal("unused"))) == CLOSED_DOOR
    assert await told(charity.put(goal("g2"))) == CLOSED_DOOR
    unfit = {**goal("g2"), "lifecycleStatus": "unheard of"}
    assert await told(charity.put(unfit)) == CLOSED_DOOR
    assert await told(charity.put({**unfit, "id": "unused"})) == CLOSED_DOOR
    assert await told(charity.together(entry("PUT", "Goal/g2", goal("g2")))) == CLOSED_DOOR
    assert await told(charity.together(entry("PUT", "Goal/unused", goal("unused")))) == CLOSED_DOOR
    assert await told(school.put(goal("g2"))) == (409, "id-taken")
    assert await told(school.together(entry("PUT", "Goal/g2", goal("g2")))) == (409, "id-taken")
    assert await told(school.put(goal("unused"))) == (201, "")
    assert (await camhs.sees("Goal", "g2"))["meta"]["versionId"] == "1"


async def test_a_condition_means_what_the_caller_sees(camhs, charity):
    number = [{"system": "urn:numbers", "value": "1"}]
    await camhs.put(team("camhs", "charity"))
    await camhs.put(goal("g2", identifier=number, **labelled("V")))
    made = await charity.post(goal(identifier=number), if_none_exist="identifier=urn:numbers|1")
    assert made.status == 201
    mine = goal(identifier=number)
    del mine["id"]
    changed = await conditional_update(charity.seen, charity.act, "Goal", "identifier=urn:numbers|1", mine)
    assert (changed.status, changed.stored.id) == (200, made.stored.id)
    given = {**mine, "id": "g2"}
    other = conditional_update(charity.seen, charity.act, "Goal", "identifier=urn:numbers|2", given)
    assert await told(other) == CLOSED_DOOR


async def test_what_is_withheld_in_part_is_not_written_back(camhs, school):
    await camhs.put({**ASH, **labelled("R")})
    await camhs.put(plan("school"))
    await camhs.put(
        goal(extension=[extension("goal-agency", valueReference={"reference": "Organization/charity"})])
    )
    seen = await school.sees("Goal", "g1")
    assert "charity" not in str(seen)
    withheld = (403, "withheld-unchanged")
    assert await told(school.put(goal())) == withheld
    guess = {"op": "test", "path": "/extension/0/valueReference/reference", "value": "Organization/charity"}
    wrong = {**guess, "value": "Organization/other"}
    assert await told(school.patched("Goal", "g1", guess)) == withheld
    assert await told(school.patched("Goal", "g1", wrong)) == withheld
    assert await told(school.delete("Goal", "g1")) == withheld
    await camhs.put(permitted("school", **labels("R")))
    assert "charity" in str(await school.sees("Goal", "g1"))
    assert await told(school.put(goal())) == (200, "")


async def test_glass_is_not_broken_by_hand(camhs, admin):
    system, code = BREAK_GLASS
    tagged = {**permitted("camhs"), "meta": {"tag": [{"system": system, "code": code}]}}
    assert await told(camhs.put(tagged)) == (403, "break-glass-by-operation")
    assert await told(camhs.post(tagged)) == (403, "break-glass-by-operation")
    assert await told(admin.put(tagged)) == (201, "")
    await camhs.put(team("camhs"))
    assert await told(camhs.delete("Consent", "c1")) == (403, "break-glass-by-operation")


async def test_a_consent_names_care_teams_of_its_own_young_person(camhs, admin):
    await camhs.put(team("camhs"))
    await admin.put(BIRCH)
    await admin.put(team("camhs", id_="t9", who="birch"))
    named = permitted("x", type_="deny")
    named["provision"]["actor"] = [to(("CareTeam", "t9"))]
    assert await told(camhs.put(named)) == (422, "consent-team-of-another-child")
    named["provision"]["actor"] = [to(("CareTeam", "t1"))]
    assert await told(camhs.put(named)) == (201, "")


async def test_who_coordinates_is_told_to_who_sees_the_plan(camhs, school, admin):
    """The rule looks at everything; its words only at what the caller sees with nothing withheld."""
    await camhs.put(team("camhs", "school"))
    await admin.put(plan("charity", "p9"))
    mine = plan("camhs", "p2")
    with pytest.raises(Problem) as caught:
        await school.put(mine)
    assert (caught.value.status, caught.value.issues[0].slug) == (422, "plan-coordinator-overlap")
    assert "CarePlan/p9" in caught.value.issues[0].text
    await admin.put(plan("charity", "p9", **labelled("V")))
    with pytest.raises(Problem) as hidden:
        await school.put(mine)
    assert hidden.value.issues[0].slug == "plan-coordinator-overlap"
    assert "p9" not in hidden.value.issues[0].text
    await admin.put(plan("charity", "p9"))
    await camhs.put({**ASH, **labelled("R")})
    with pytest.raises(Problem) as withheld:
        await school.put(mine)
    assert "p9" not in withheld.value.issues[0].text


async def test_whom_a_plan_names_is_not_found_out_by_trying(camhs, school, admin):
    """Of a plan that is not seen whole any coordinator may be another, the same one too."""
    await camhs.put(team("camhs", "school"))
    await admin.put(plan("charity", "p9"))
    overlap = (422, "plan-coordinator-overlap")
    assert await told(school.put(plan("camhs", "p2"))) == overlap
    assert await told(school.put(plan("charity", "p2"))) == (201, "")
    assert await told(school.delete("CarePlan", "p2")) == (204, "")
    await camhs.put({**ASH, **labelled("R")})
    assert await told(school.put(plan("camhs", "p2"))) == overlap
    assert await told(school.put(plan("charity", "p2"))) == overlap


async def test_nobody_in_the_team_permits_himself_more(camhs, school, charity):
    await camhs.put(team("camhs", "school"))
    await camhs.put(goal(**labelled("R")))
    itself = (403, "grants-itself")
    for written in (
        permitted("school", **labels("R")),
        permitted("school"),
        {**permitted("school"), "performer": [{"reference": "RelatedPerson/mum"}]},
        permitted("school") | {"provision": {"type": "permit", "actor": [TO_ALL]}},
        permitted("school") | {"provision": {"type": "permit", "actor": [to(("CareTeam", "t1"))]}},
        team("school", id_="t2"),
        plan("school", "p2"),
    ):
        free = replace(school, context=replace(school.context, references=False))
        assert await told(free.put(written)) == itself
    assert await told(school.put(permitted("charity", **labels("R")))) == (403, "opens-labels")
    assert await told(school.put(permitted("charity"))) == (201, "")
    assert await school.sees("Goal", "g1") is None
    assert await charity.sees("Patient", "ash") is not None


async def test_nobody_lifts_what_is_denied_him(camhs, school):
    await camhs.put(team("camhs", "school"))
    denied = permitted("school", "c1", "deny", **types("Goal"))
    assert await told(school.put(denied)) == (201, "")
    assert await told(school.put({**denied, "status": "inactive"})) == (403, "grants-itself")
    assert await told(school.delete("Consent", "c1")) == (403, "grants-itself")


async def test_the_coordinator_from_whom_whereabouts_are_withheld_does_not_permit_himself_to_know(
    camhs, school
):
    await camhs.put({**ASH, **labelled("R")})
    await camhs.put(plan("school"))
    assert await told(school.put(permitted("school", **labels("R")))) == (403, "grants-itself")
    assert await told(school.put(permitted("charity", **labels("R")))) == (403, "opens-labels")


async def test_no_ground_lets_an_agency_permit_itself(camhs, school, charity, admin):
    """Neither that it made the record nor that it coordinates: who gains is not who writes."""
    await camhs.put(team("school"))
    await camhs.put(plan("school"))
    coordinates = replace(school, context=replace(school.context, references=False))
    for asking, agency in ((coordinates, "school"), (camhs, "camhs")):
        for actor in (to(("Organization", agency)), TO_ALL, to(("CareTeam", "t1"))):
            for more in ({}, labels("R", "V")):
                written = permitted(agency) | {"provision": {"type": "permit", "actor": [actor], **more}}
                assert await told(asking.put(written)) == (403, "grants-itself")
                post = entry("POST", "Consent", {**written, "id": "c9"})
                assert await told(asking.together(post)) == (403, "grants-itself")
    assert await told(camhs.put(permitted("charity", **labels("R")))) == (201, "")
    assert await told(charity.post(permitted("charity", **labels("R", "V")))) == (403, "not-in-the-circle")
    assert await told(admin.put(permitted("camhs", "c2"))) == (201, "")
    assert await told(admin.put(permitted("school", "c3", **types("Goal")))) == (201, "")


async def test_no_agency_widens_what_it_is_permitted(camhs, school, admin):
    """What names it among others, and is changed by who wrote it."""
    both = [to(("Organization", agency)) for agency in ("charity", "camhs")]
    wide = permitted("charity")
    narrow = wide | {"provision": {"type": "permit", "actor": both[:1]}}
    await camhs.put(narrow)
    wider = wide | {"provision": {"type": "permit", "actor": both}}
    assert await told(camhs.put(wider)) == (403, "grants-itself")
    actor = {"op": "add", "path": "/provision/actor/-", "value": both[1]}
    assert await told(camhs.patched("Consent", "c1", actor)) == (403, "grants-itself")
    assert await told(camhs.put({**narrow, "status": "inactive"})) == (200, "")


async def test_one_client_does_not_permit_what_gives_another_of_its_agency_more(context, camhs):
    other = Registration("camhs-2", camhs.act.caller.locality, "camhs", "another", "*", sectors=("health",))
    await context.store.registrations.add(other)
    written = permitted("camhs") | {"provision": {"type": "permit", "actor": [to_sector("health")]}}
    assert await told(camhs.put(written)) == (403, "grants-itself")
    written["provision"]["actor"] = [to_sector("charity")]
    assert await told(camhs.put(written)) == (201, "")


async def test_the_agency_that_made_the_record_does_not_get_past_a_denial(camhs, school, admin):
    """Parents deny it the goals: neither a permission, nor another date of birth, nor a label lifts that."""
    free = replace(camhs, context=replace(camhs.context, references=False))
    await camhs.put(team("camhs", "school"))
    await school.put(goal())
    assert await camhs.sees("Goal", "g1") is not None
    no = permitted("camhs", "c5", "deny", **types("Goal"))
    no |= {"performer": [{"reference": "RelatedPerson/mum"}]}
    assert await told(replace(free, act=admin.act).put(no)) == (201, "")
    assert await camhs.sees("Goal", "g1") is None
    assert await told(free.put(permitted("camhs"))) == (403, "grants-itself")
    denied, older = (403, "denied-unchanged"), {**ASH, "birthDate": "2005-01-01"}
    born = {"op": "replace", "path": "/birthDate", "value": "2005-01-01"}
    assert await told(camhs.put(older)) == denied
    assert await told(camhs.patched("Patient", "ash", born)) == denied
    assert await told(camhs.together(entry("PUT", "Patient/ash", older))) == denied
    assert await told(camhs.put({**ASH, **labelled("V")})) == denied
    assert await told(camhs.put({**ASH, "active": True, **labelled("N")})) == (200, "")
    assert await told(camhs.delete("Patient", "ash")) == (204, "")
    assert await told(camhs.put(ASH)) == denied, "what is put back is not held against what it was"
    assert await told(admin.put(older)) == (201, "")
    assert await camhs.sees("Goal", "g1") is not None, "the young person is of age"
    assert await told(camhs.put({**older, "birthDate": "2005-01-02"})) == (200, "")


async def test_who_made_the_record_clears_the_circle_while_nobody_coordinates(camhs, school):
    await camhs.put(plan("school"))
    await camhs.put(team("camhs", "school"))
    assert await told(school.put(team("school", id_="t2"))) == (201, "")
    ended = team("school", id_="t2", status="inactive")
    assert await told(camhs.put(ended)) == NOT_YOURS
    await camhs.delete("CarePlan", "p1")
    assert await told(camhs.put(ended)) == (200, "")
    await camhs.put(team("camhs"))
    assert await school.sees("Patient", "ash") is None


async def test_an_update_that_says_nothing_of_labels_leaves_them(camhs, school):
    await camhs.put(team("camhs", "school"))
    await camhs.put(goal(**labelled("R")))
    assert await told(camhs.put(goal(lifecycleStatus="on-hold"))) == (200, "")
    assert await school.sees("Goal", "g1") is None
    assert await told(camhs.together(entry("PUT", "Goal/g1", goal()))) == (200, "")
    assert await school.sees("Goal", "g1") is None
    assert await told(camhs.put(goal(**labelled("N")))) == (200, "")
    assert await school.sees("Goal", "g1") is not None


async def test_what_a_response_brings_is_written_by_who_may_write_the_response(camhs, school, admin):
    """Without a scope, or a right of its own: what is derived from the response follows it."""
    await camhs.put(team("camhs", "school"))
    await camhs.put(goal())
    form = form_of_a_session()
    setting = await searching.setting(camhs.seen, camhs.act, [])
    scopes = read_scopes(setting, "system/QuestionnaireResponse.cru system/Patient.r system/Goal.r")
    narrow = replace(camhs, act=replace(camhs.act, caller=replace(camhs.act.caller, scopes=scopes)))
    assert await told(narrow.put(form)) == (201, "")
    assert await told(school.put({**form, "status": "amended"})) == NOT_YOURS
    [made] = [one async for one in camhs.context.store.everything(camhs.act.caller.locality, ["Observation"])]
    assert (made.author, made.child) == ("camhs", "ash")
    assert await told(admin.delete("QuestionnaireResponse", "r1")) == (204, "")
    assert (await camhs.sees("Observation", made.id))["status"] == "entered-in-error"


async def test_extraction_shows_nothing_that_the_caller_does_not_see(camhs, school):
    await camhs.put(team("camhs", "school"))
    await camhs.put(goal())
    await camhs.put(form_of_a_session())
    [made] = [one async for one in camhs.context.store.everything(camhs.act.caller.locality, ["Observation"])]
    mine = await camhs.sees("Observation", made.id)
    assert await told(camhs.put({**mine, **labelled("V"), "note": [{"text": "for us alone"}]})) == (200, "")
    response = await school.sees("QuestionnaireResponse", "r1")
    assert "for us alone" in str(await as_extracted(camhs.seen, camhs.act, response))
    assert "for us alone" not in str(await as_extracted(school.seen, school.act, response))


async def test_agencies_are_kept_by_administrators(camhs, context, act, admin):
    mine = {"resourceType": "Organization", "id": "practice", "name": "A practice"}
    assert await told(camhs.put(mine)) == (201, "")
    assert await told(camhs.put({**mine, "name": "A surgery"})) == (200, "")
    kept = (403, "agency-kept-by-administrators")
    sector = {"type": [{"text": "hospital"}]}
    assert await told(camhs.put({**mine, **sector})) == kept
    assert await told(camhs.put({"resourceType": "Organization", "id": "camhs", "name": "Us"})) == kept
    locality = act.caller.locality
    client = Registration(f"{locality}-client", locality, "practice", "Practice system", "system/*.rs")
    assert await context.store.registrations.add(client)
    assert await told(camhs.put({**mine, "name": "Another"})) == kept
    assert await told(admin.put({**mine, **sector})) == (200, "")


async def test_who_left_claims_nothing_of_the_young_person_and_so_finds_nothing_out(camhs, school):
    """A refusal would tell which slots are taken; corrections of what one has stay open."""

    def held(id_, slot, **more):
        return goal(id_, extension=[extension("goal-slot", valuePositiveInt=slot)], **more)

    await camhs.put(team("camhs", "school"))
    assert await told(school.put(held("mine", 3, lifecycleStatus="on-hold"))) == (201, "")
    await camhs.put(held("theirs", 1))
    await camhs.put(team("camhs"))
    for slot in (1, 2):
        assert await told(school.put(held("mine", slot))) == (422, "reference-missing")
    ended = held("mine", 3, lifecycleStatus="cancelled", statusDate="2026-01-01")
    assert await told(school.put(ended)) == (200, "")


async def test_the_forms_of_the_service_are_written_by_administrators(camhs, admin):
    ours = {
        "resourceType": "Questionnaire",
        "id": "q1",
        "status": "active",
        "url": session({})["questionnaire"],
    }
    reserved = (403, "canonical-reserved")
    assert await told(camhs.put(ours)) == reserved
    assert await told(camhs.together(entry("POST", "Questionnaire", ours))) == reserved
    assert await told(admin.put(ours)) == (201, "")
    mine = {**ours, "id": "q2", "url": "https://camhs.example/Questionnaire/mood"}
    assert await told(camhs.put(mine)) == (201, "")
    assert await told(camhs.put({**ours, "id": "q2"})) == reserved


async def test_a_transaction_is_held_to_the_same(camhs, school, charity):
    await camhs.put(team("camhs", "school"))
    await camhs.put(score())
    both = (entry("PUT", "Observation/s1", score(status="amended")), entry("POST", "Observation", score("x")))
    assert await told(school.together(*both)) == NOT_YOURS
    new = (
        entry(
            "POST",
            "Patient",
            {"resourceType": "Patient"},
            full_url="urn:uuid:11111111-1111-4111-8111-111111111111",
        ),
        entry(
            "POST",
            "CareTeam",
            team("charity") | {"subject": {"reference": "urn:uuid:11111111-1111-4111-8111-111111111111"}},
        ),
    )
    assert await told(charity.together(*new)) == (200, ""), "who makes a record makes its circle"
    lets_himself_in = entry("POST", "CareTeam", team("charity"))
    assert await told(charity.together(lets_himself_in)) == (422, "reference-missing")


async def test_without_enforced_references_the_young_person_must_be_there_all_the_same(
    camhs, school, charity
):
    free = replace(charity, context=replace(charity.context, references=False))
    assert await told(free.post(score())) == (422, "reference-missing")
    assert await told(free.post(score(who="nobody"))) == (422, "reference-missing")
    assert await told(free.post(team("charity", who="nobody"))) == (422, "reference-missing")
    about_nobody = {key: value for key, value in score().items() if key != "subject"}
    mine = (await free.post(about_nobody)).stored.id
    for who in ("ash", "nobody"):
        assert await told(free.put(score(mine, who=who))) == (422, "reference-missing")
    await camhs.put(team("charity"))
    assert await told(free.post(score())) == (201, "")


async def test_what_is_written_fits_what_the_token_is_narrowed_to(camhs, registry, context, act):
    setting = await searching.setting(context, act, [])
    scopes = read_scopes(setting, "system/Goal.cu?lifecycle-status=active system/Patient.r")
    narrow = replace(camhs, act=replace(camhs.act, caller=replace(camhs.act.caller, scopes=scopes)))
    assert await told(narrow.put(goal())) == (201, "")
    refused = (403, "insufficient-scope")
    assert await told(narrow.put(goal(lifecycleStatus="on-hold"))) == refused
    assert await told(narrow.put(goal("g2", lifecycleStatus="on-hold"))) == refused
    assert await told(narrow.together(entry("POST", "Goal", goal(lifecycleStatus="on-hold")))) == refused


async def test_an_administrator_may_do_everything(camhs, admin, school):
    await camhs.put(goal(**labelled("V")))
    assert await told(admin.put(goal())) == (200, "")
    assert await told(admin.put(team("school"))) == (201, "")
    assert await told(admin.delete("Goal", "g1")) == (204, "")


async def test_a_refusal_names_nobody(camhs, school):
    await camhs.put(team("camhs", "school"))
    await camhs.put(goal())
    with pytest.raises(Problem) as caught:
        await school.put(goal(lifecycleStatus="on-hold"))
    [issue] = caught.value.issues
    assert "camhs" not in issue.text
    assert issue.expression == "Goal"
    assert "coordinates" in issue.text


async def test_the_plain_store_asks_nobody_for_permission(context, act, camhs):
    """What commands and the service itself do with a store that nobody looks into with eyes of their own."""
    assert (await create(context, act, "CareTeam", team("school"))).status == 201
