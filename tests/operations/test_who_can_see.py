"""Who may see a record, as the governance lead reads it: each agency, each permission, each refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Forbidden, Malformed, Missing
from service.fhir.search.sight import Sight
from service.interactions.context import Act
from service.operations import who_can_see
from service.operations.operation import Call
from tests.agreement import imagined
from tests.interactions.builders import body
from tests.interactions.clinic import refer
from tests.operations.coordination import care_plan, care_team, everybody, put
from tests.operations.rated_agency import told

ASH = {"resourceType": "Patient", "id": "ash", "birthDate": "2008-02-03"}  # sixteen since 3 February 2024


def permit(id_: str, performer: str, **provision):
    said = {"type": "permit", "actor": [imagined.recipient(organization="charity")], **provision}
    return imagined.consent(id_, "ash", refer(performer), "active", said, "patient-privacy")


@pytest.fixture
async def there(context, act):
    await put(context, act, *everybody(), ASH, care_team(), care_plan())


@pytest.fixture
def of(act):
    def acting(agency: str, **more) -> Act:
        return Act(Caller("their-system", agency, act.caller.locality, **more), "request-7")

    return acting


async def ask(context, act, id_: str = "ash", **given):
    inputs = read_inputs(who_can_see.OPERATION.inputs, list(given.items()), None)
    eyes = context.seen_by(act, Sight(act.caller.agency))
    answer = await who_can_see.who_can_see(eyes, act, Call("Patient", id_, inputs))
    assert answer.status == 200
    return told(body(answer))


def agencies(answer):
    return {
        each["who"]["reference"].partition("/")[2]: (each["sees"], each.get("ground"), each["wrote"])
        for each in answer["agency"]
    }


async def test_each_agency_with_its_ground_and_what_it_wrote(there, context, act, of):
    await put(context, of("school"), imagined.mood("m", "ash", 3, refer("Organization/school")))
    found = agencies(await ask(context, act))
    assert found["trust"] == (True, "plan", 0)
    assert found["charity"] == (True, "team", 0)
    assert found["school"] == (False, None, 1)
    assert found["camhs"][:2] == (True, "author")
    assert found["camhs"][2] >= 5  # ash, their relative, team, plan and goal


async def test_what_permits_and_what_denies_with_source_period_and_limits(there, context, act):
    await put(
        context,
        act,
        permit(
            "yes",
            "Patient/ash",
            period={"start": "2023-11-01", "end": "2023-11-30"},
            **{"class": [{"system": imagined.RESOURCE_TYPES, "code": "Goal"}]},
            securityLabel=[{"system": imagined.CONFIDENTIALITY, "code": "R"}],
            purpose=[{"system": imagined.PURPOSES, "code": "HRESCH"}],
        ),
        permit("no", "RelatedPerson/aunt", type="deny", actor=[imagined.recipient(sector="school")]),
    )
    answer = await ask(context, act)
    yes = next(
        each
        for each in answer["access"]
        if each["source"] == refer("Consent/yes") and each["purpose"]["code"] == "HRESCH"
    )
    assert yes["who"] == refer("Organization/charity")
    assert (yes["by"], yes["holds"], yes["type"], yes["label"]["code"]) == ("young-person", True, "Goal", "R")
    # Days are those of the United Kingdom; the last one is in it whole.
    assert yes["period"] == {"start": "2023-11-01T00:00:00.000Z", "end": "2023-11-30T23:59:59.999Z"}
    [no] = answer["denial"]
    assert no["sector"]["code"] == "school"
    assert (no["by"], no["holds"]) == ("parent", True)
    assert "period" not in no


@pytest.mark.parametrize(
    ("at", "counts"), [("2023-11-15", True), ("2024-02-02T23:59:59Z", True), ("2024-02-03T00:00:00Z", False)]
)
async def test_what_parents_decided_ends_at_sixteen(there, context, act, at, counts):
    await put(
        context,
        act,
        permit("by-aunt", "RelatedPerson/aunt", actor=[imagined.recipient(organization="school")]),
    )
    answer = await ask(context, act, at=at)
    [by_parent] = [each for each in answer["access"] if each["by"] == "parent"]
    assert by_parent["holds"] == counts
    assert agencies(answer)["school"][:2] == ((True, "consent") if counts else (False, None))
    assert answer["decides-alone-from"] == "2024-02-03"


async def test_a_refusal_shows_in_what_it_comes_to(there, context, act):
    await put(context, act, permit("no", "Patient/ash", type="deny"))
    found = agencies(await ask(context, act))
    assert found["charity"][:2] == (False, None)
    assert found["trust"][:2] == (True, "plan")


async def test_a_sector_is_that_of_the_organisation(there, context, act):
    await put(
        context,
        act,
        imagined.agency("school", "school"),
        permit("schools", "Patient/ash", actor=[imagined.recipient(sector="school")]),
    )
    await put(
        context,
        replace(act, caller=replace(act.caller, agency="school")),
        imagined.mood("m", "ash", 3, refer("Organization/school")),
    )
    assert agencies(await ask(context, act))["school"][:2] == (True, "consent")


async def test_withheld_places_are_told_of(there, context, act):
    answer = await ask(context, act)
    assert answer["restricted"] is False
    restricted = {**ASH, "meta": {"security": [{"system": imagined.CONFIDENTIALITY, "code": "R"}]}}
    await put(context, act, restricted)
    answer = await ask(context, act)
    assert answer["restricted"] is True
    withheld = {each["who"]["reference"]: each["places-withheld"] for each in answer["agency"]}
    assert withheld["Organization/charity"] is True
    assert withheld["Organization/camhs"] is False


async def test_who_may_ask(there, context, act, of):
    for allowed in (of("trust"), act, of("police", governance=True), of("police", administrator=True)):
        assert (await ask(context, allowed))["about"] == refer("Patient/ash")
    with pytest.raises(Forbidden) as refused:
        await ask(context, of("charity"))
    assert [issue.slug for issue in refused.value.issues] == ["who-can-see-not-allowed"]
    for asked in (ask(context, of("police")), ask(context, act, "never-was")):
        with pytest.raises(Missing) as missing:
            await asked
        assert [issue.slug for issue in missing.value.issues] == ["resource-missing"]


@pytest.mark.parametrize(
    ("performer", "narrowed", "allowed"),
    [
        ("Patient/ash", {}, False),
        ("Patient/ash", {"class": [{"system": imagined.RESOURCE_TYPES, "code": "Goal"}]}, True),
        ("RelatedPerson/aunt", {}, True),  # the young person is of age by now
    ],
    ids=["everything", "goals", "a parent's, and of age"],
)
async def test_who_made_the_patient_is_not_told_while_it_is_denied_the_record(
    context, act, performer, narrowed, allowed
):
    of_age = {**ASH, "birthDate": "2005-02-03"}
    await put(context, act, *everybody(), of_age)
    actor = [imagined.recipient(organization="camhs")]
    await put(context, act, permit("no", performer, type="deny", actor=actor, **narrowed))
    if allowed:
        assert (await ask(context, act))["about"] == refer("Patient/ash")
        return
    with pytest.raises(Forbidden) as refused:
        await ask(context, act)
    assert [issue.slug for issue in refused.value.issues] == ["who-can-see-not-allowed"]
    assert (await ask(context, replace(act, caller=replace(act.caller, governance=True))))["denial"]


async def test_who_coordinates_is_not_told_where_places_are_withheld(there, context, act, of):
    restricted = {**ASH, "meta": {"security": [{"system": imagined.CONFIDENTIALITY, "code": "R"}]}}
    await put(context, act, restricted)
    with pytest.raises(Forbidden) as refused:
        await ask(context, of("trust"))
    assert [issue.slug for issue in refused.value.issues] == ["who-can-see-not-allowed"]
    label = {"system": imagined.CONFIDENTIALITY, "code": "R"}
    await put(
        context,
        act,
        permit(
            "named", "Patient/ash", actor=[imagined.recipient(organization="trust")], securityLabel=[label]
        ),
    )
    assert (await ask(context, of("trust")))["restricted"] is True


async def test_a_time_that_is_none(there, context, act):
    with pytest.raises(Malformed):
        await ask(context, act, at="yesterday")


async def test_what_it_shows_is_noted_for_the_audit(there, context, act):
    eyes = context.seen_by(act, Sight(act.caller.agency))
    inputs = read_inputs(who_can_see.OPERATION.inputs, [], None)
    await who_can_see.who_can_see(eyes, act, Call("Patient", "ash", inputs))
    assert set(eyes.seen.children) == {"ash"}
