"""Breaking the glass: what opens, what stays closed, what it leaves behind, and what it tells to nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Forbidden, Malformed, Missing
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import Query, Token
from service.fhir.search.sight import Sight
from service.interactions.content import content
from service.interactions.context import Act, Emergencies
from service.interactions.delete import delete
from service.operations import break_glass
from service.operations.operation import Call
from service.outcomes.consents import BREAK_GLASS
from service.outcomes.grants import Ground
from tests.conftest import BASE_URL
from tests.interactions.builders import body
from tests.interactions.clinic import refer
from tests.operations.coordination import care_plan, care_team, everybody, put

HOUR = 3_600_000
NUMBERS = "https://thrive-fhir.example/number"
BORN = "2011-02-03"
ASH = {
    "resourceType": "Patient",
    "id": "ash",
    "identifier": [{"system": NUMBERS, "value": "77"}],
    "birthDate": BORN,
}
WHY = {"reason": "safeguarding", "text": "not seen at home for two days"}
WHO = {"identifier": {"system": NUMBERS, "value": "77"}, "birthDate": BORN}
TYPES = {
    "identifier": "valueIdentifier",
    "birthDate": "valueDate",
    "reason": "valueCode",
    "hours": "valuePositiveInt",
}


@pytest.fixture
async def there(context, act):
    """Ash, whose plan the trust coordinates, all written by the agency camhs."""
    await put(context, act, *everybody(), ASH, care_team(), care_plan())


@pytest.fixture
def allowed(context, act):
    return replace(context, emergencies=Emergencies(frozenset({act.caller.locality}), 4))


@pytest.fixture
def by(act):
    """An act of an agency, which is around nobody unless the test says so."""

    def acting(agency: str = "police") -> Act:
        return Act(Caller("their-system", agency, act.caller.locality), "request-7")

    return acting


def seen(context, act):
    return context.seen_by(act, Sight(act.caller.agency))


async def ask(context, act, id_: str = "", **given):
    parts = [{"name": name, TYPES.get(name, "valueString"): value} for name, value in given.items()]
    inputs = read_inputs(break_glass.OPERATION.inputs, (), {"resourceType": "Parameters", "parameter": parts})
    answer = await break_glass.break_glass(seen(context, act), act, Call("Patient", id_, inputs))
    assert answer.status == 200
    return {
        part["name"]: next(value for name, value in part.items() if name != "name")
        for part in body(answer)["parameter"]
    }


async def sees(context, act, type_: str, id_: str) -> int | None:
    """The ground on which it is seen."""
    stored = await seen(context, act).store.read(act.caller.locality, type_, id_)
    return None if stored is None else stored.ground


async def test_the_record_opens_for_some_hours_and_closes_again(there, allowed, act, by, clock):
    police = by()
    assert await sees(allowed, police, "Patient", "ash") is None
    answer = await ask(allowed, police, **WHO, **WHY)
    assert answer["about"] == refer("Patient/ash")
    for type_, id_ in (("Patient", "ash"), ("Goal", "g1"), ("CarePlan", "p1"), ("CareTeam", "team")):
        assert await sees(allowed, police, type_, id_) == Ground.EMERGENCY
    assert await sees(allowed, by("neighbours"), "Patient", "ash") is None
    clock.now += 4 * HOUR - 1000
    assert await sees(allowed, police, "Goal", "g1") == Ground.EMERGENCY
    clock.now += 1000
    assert await sees(allowed, police, "Goal", "g1") is None


@pytest.mark.parametrize(("hours", "open_for"), [(1, 1), (4, 4)])
async def test_fewer_hours_can_be_asked_for(there, allowed, by, clock, hours, open_for):
    await ask(allowed, by(), **WHO, **WHY, hours=hours)
    clock.now += open_for * HOUR - 1000
    assert await sees(allowed, by(), "Patient", "ash") == Ground.EMERGENCY
    clock.now += 1000
    assert await sees(allowed, by(), "Patient", "ash") is None


async def test_a_whole_day_opens_too(there, context, act, by, clock):
    """What A's rule takes as the longest emergency is what the setting allows at most."""
    longest = replace(context, emergencies=Emergencies(frozenset({act.caller.locality}), 24))
    await ask(longest, by(), **WHO, **WHY)
    clock.now += 24 * HOUR - 1000
    assert await sees(longest, by(), "Patient", "ash") == Ground.EMERGENCY


async def test_the_consent_says_who_why_and_until_when(there, allowed, act, by):
    consent = (await ask(allowed, by(), "ash", **WHY))["consent"]
    assert consent["patient"] == refer("Patient/ash")
    assert consent["provision"]["actor"][0]["reference"] == refer("Organization/police")
    assert consent["provision"]["purpose"][0]["code"] == "ETREAT"
    [reason] = consent["extension"]
    assert reason["valueCodeableConcept"]["coding"][0]["code"] == "safeguarding"
    assert reason["valueCodeableConcept"]["text"] == "not seen at home for two days"
    listed = await allowed.store.search(
        act.caller.locality, Query("Consent", Token("_tag", *BREAK_GLASS), 10)
    )
    assert [content(each)["id"] for each in listed.items] == [consent["id"]]
    assert listed.items[0].author == "police"


@pytest.mark.parametrize(
    ("status", "told_of_it"), [("active", ["trust"]), ("revoked", ["camhs"])], ids=["coordinated", "not"]
)
async def test_who_coordinates_is_told_else_who_keeps_the_patient(
    there, allowed, act, by, status, told_of_it
):
    ended = {} if status == "active" else {"period": {"start": "2023-09-01", "end": "2023-10-01"}}
    await put(allowed, act, care_plan(status=status, **ended))
    consent = (await ask(allowed, by(), **WHO, **WHY))["consent"]
    for agency in ("trust", "camhs", "police", "school"):
        waiting = await allowed.store.notices(act.caller.locality, agency, 10)
        found = [(each.event, each.about) for each in waiting]
        expected = [("glass-broken", ("Consent", consent["id"]))] if agency in told_of_it else []
        assert found == expected, agency


async def test_what_it_shows_is_noted_for_the_audit(there, allowed, by):
    police = by()
    eyes = seen(allowed, police)
    parts = [{"name": name, TYPES.get(name, "valueString"): value} for name, value in (WHO | WHY).items()]
    inputs = read_inputs(break_glass.OPERATION.inputs, (), {"resourceType": "Parameters", "parameter": parts})
    await break_glass.break_glass(eyes, police, Call("Patient", "", inputs))
    assert eyes.seen.children == {"ash": Ground.EMERGENCY}


async def refused(awaited, problem) -> tuple[str, str]:
    with pytest.raises(problem) as found:
        await awaited
    [issue] = found.value.issues
    return issue.slug, issue.text


@pytest.mark.parametrize("elsewhere", [frozenset(), frozenset({"another"})])
async def test_where_it_is_not_allowed_nothing_is_said_of_anybody(there, context, by, elsewhere):
    closed = replace(context, emergencies=Emergencies(elsewhere, 4))
    nobody = WHO | {"birthDate": "2001-01-01"}
    said = [await refused(ask(closed, by(), **who, **WHY), Forbidden) for who in (WHO, nobody)]
    assert said[0] == said[1]
    assert said[0][0] == "break-glass-not-allowed"


async def test_whatever_does_not_match_or_stays_closed_is_answered_alike(there, allowed, act, by):
    await put(
        allowed,
        act,
        {**ASH, "id": "twin-1", "identifier": [{"system": NUMBERS, "value": "78"}]},
        {**ASH, "id": "twin-2", "identifier": [{"system": NUMBERS, "value": "78"}]},
        {**ASH, "id": "gone", "identifier": [{"system": NUMBERS, "value": "79"}]},
        {
            **ASH,
            "id": "hidden",
            "identifier": [{"system": NUMBERS, "value": "80"}],
            "meta": {"security": [_confidential("V")]},
        },
        {**ASH, "id": "refuses", "identifier": [{"system": NUMBERS, "value": "81"}]},
        _refusal("refuses"),
    )
    await delete(allowed, act, "Patient", "gone")

    def who(number: str, born: str = BORN):
        return {"identifier": {"system": NUMBERS, "value": number}, "birthDate": born}

    asked = [
        ask(allowed, by(), **who("99"), **WHY),
        ask(allowed, by(), **who("77", "2011-02-04"), **WHY),
        *(ask(allowed, by(), **who(number), **WHY) for number in ("78", "79", "80", "81")),
        *(ask(allowed, by(), id_, **WHY) for id_ in ("never-was", "gone", "hidden", "refuses")),
    ]
    said = {await refused(each, Missing) for each in asked}
    assert [slug for slug, _ in said] == ["break-glass-no-match"]
    consents = await allowed.store.search(
        act.caller.locality, Query("Consent", Token("_tag", *BREAK_GLASS), 10)
    )
    assert consents.items == ()


async def test_a_restricted_young_person_opens_without_where_they_are(there, allowed, act, by):
    await put(
        allowed, act, {**ASH, "meta": {"security": [_confidential("R")]}, "address": [{"city": "Nowhere"}]}
    )
    await ask(allowed, by(), **WHO, **WHY)
    stored = await seen(allowed, by()).store.read(act.caller.locality, "Patient", "ash")
    assert stored.withheld
    assert b"Nowhere" not in stored.body


def _confidential(code: str):
    return {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": code}


def _refusal(child: str):
    return {
        "resourceType": "Consent",
        "id": "refusal",
        "status": "active",
        "scope": {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}
            ]
        },
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": refer(f"Patient/{child}"),
        "performer": [refer(f"Patient/{child}")],
        "policy": [{"uri": "https://elsewhere.example/policy"}],
        "provision": {"type": "deny"},
    }


@pytest.mark.parametrize(
    ("given", "slug"),
    [
        ({**WHO, **WHY, "reason": "curiosity"}, "operation-parameter-value"),
        ({**WHO, **WHY, "text": "urgent"}, "break-glass-text"),
        ({**WHO, **WHY, "text": " " * 40}, "break-glass-text"),
        ({**WHO, **WHY, "text": "x" * 1001}, "break-glass-text"),
        ({**WHO, **WHY, "hours": 5}, "break-glass-hours"),
        (WHY, "break-glass-who"),
        ({**WHY, "birthDate": BORN}, "break-glass-who"),
        ({**WHY, "identifier": WHO["identifier"]}, "break-glass-who"),
        ({**WHY, "identifier": {"value": "77"}, "birthDate": BORN}, "break-glass-who"),
        ({**WHO, "reason": "safeguarding"}, "operation-parameter-missing"),
        ({**WHO, "text": "not seen at home"}, "operation-parameter-missing"),
    ],
)
async def test_calls_that_say_too_little(there, allowed, by, given, slug):
    found, text = await refused(ask(allowed, by(), **given), Malformed)
    assert found == slug
    assert "77" not in text


async def test_who_is_meant_is_said_once(there, allowed, by):
    slug, _ = await refused(ask(allowed, by(), "ash", **WHO, **WHY), Malformed)
    assert slug == "operation-parameter-choice"


async def test_a_token_for_one_young_person_is_refused_whoever_is_asked_about(there, allowed, act, registry):
    setting = Setting(registry, BASE_URL, now=1)
    scopes = read_scopes(setting, "system/Consent.c?patient=Patient/p system/Patient.rs?_id=p")
    locality = act.caller.locality
    narrowed = Act(Caller("their-system", "police", locality, scopes=scopes), "request-7")
    theirs = Act(Caller("their-system", "police", locality, patient="ash"), "request-7")
    for caller in (narrowed, theirs):
        said = {
            await refused(ask(allowed, caller, **who, **WHY), Forbidden)
            for who in (WHO, WHO | {"birthDate": "2001-01-01"})
        }
        assert [slug for slug, _ in said] == ["scope-too-narrow"]
