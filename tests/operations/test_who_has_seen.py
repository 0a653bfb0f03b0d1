"""Who is told by whom a young person's record was seen, and what they are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access import needs
from service.access.scopes import read_scopes
from service.access.seeing import sight
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Forbidden, Malformed, Missing
from service.interactions.searching import setting_of
from service.operations.operation import Call
from service.operations.who_has_seen import OPERATION
from service.outcomes.grants import Ground
from service.storage import audit
from tests.agreement import imagined
from tests.interactions.builders import body
from tests.interactions.clinic import refer
from tests.operations.coordination import care_plan, care_team, everybody, put, slugs
from tests.storage.audits import BEGUN
from tests.storage.audits import entry as made

PATIENT = {"resourceType": "Patient", "id": "a"}
ASH = {"resourceType": "Patient", "id": "ash"}


@pytest.fixture
async def seen(context, act, clock):
    """A Patient of camhs, seen twice by it and once by a school, and asked for in vain by a charity."""
    await put(context, act, PATIENT)
    clock.now = BEGUN
    here = act.caller.locality
    await context.store.audit.keep(
        [
            made(0, locality=here),
            made(1, locality=here),
            made(
                2,
                locality=here,
                agency="school",
                client="school's system",
                children=(("a", 5),),
                person="Practitioner/p",
            ),
            made(3, locality=here, agency="charity", status=404, children=(("a", 0),)),
            made(4, locality=here, agency="school", children=(("b", 5),)),
        ]
    )


@pytest.fixture
def ask(context, act):
    async def asked(by=act, *, whole=True, id_="a", **pairs):
        seen_by = context
        if not whole:
            eyes = sight(context.registry, by.caller, needs.of("read", "Patient"))
            seen_by = context.seen_by(by, eyes)
        inputs = read_inputs(OPERATION.inputs, list(pairs.items()), None)
        answer = await OPERATION.perform(seen_by, by, Call("Patient", id_, inputs))
        assert answer.status == 200
        return [
            {
                part["name"]: next(value for name, value in part.items() if name != "name")
                for part in each["part"]
            }
            for each in body(answer).get("parameter", ())
        ]

    return asked


def reads(told) -> list[dict]:
    """What there is beside the making of the Patient."""
    return [each for each in told if each["action"] == "R"]


@pytest.fixture
def governance(act):
    return replace(act, caller=replace(act.caller, agency="board", governance=True))


async def test_each_agency_is_told_with_ground_times_and_days(seen, ask, governance):
    school, camhs = reads(await ask(governance))
    assert school == {
        "agency": {"reference": "Organization/school"},
        "client": "school's system",
        "user": {"reference": "Practitioner/p"},
        "ground": "consent",
        "action": "R",
        "times": 1,
        "first": "2023-11-14T22:13:20.002Z",
        "last": "2023-11-14T22:13:20.002Z",
    }
    assert (camhs["agency"], camhs["ground"], camhs["times"]) == (
        {"reference": "Organization/camhs"},
        "team",
        2,
    )
    assert (camhs["first"], camhs["last"]) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.001Z")
    assert "user" not in camhs


async def test_who_asked_in_vain_has_seen_nothing(seen, ask, governance):
    assert all(each["agency"] != {"reference": "Organization/charity"} for each in await ask(governance))


async def test_what_is_told_can_be_of_one_agency_or_of_a_time(seen, ask, governance):
    assert [each["agency"]["reference"] for each in reads(await ask(governance, agency="school"))] == [
        "Organization/school"
    ]
    assert await ask(governance, agency="nobody") == []
    assert len(reads(await ask(governance, start="2023-11-14", end="2023-11-14"))) == 2
    assert reads(await ask(governance, start="2023-11-15")) == []
    assert reads(await ask(governance, end="2023-11-13")) == []
    with pytest.raises(Malformed) as refused:
        await ask(governance, start="2023-13-01")
    assert slugs(refused.value) == ["who-has-seen-date"]


async def test_the_agency_that_made_the_patient_is_told(seen, ask, act):
    assert len(reads(await ask(act, whole=False))) == 2


async def test_who_coordinates_is_told_and_who_may_only_see_is_not(context, act):
    """The ground is the store's; here it is what the store says."""
    from service.operations.who_has_seen import require_trusted

    await put(context, act, PATIENT)
    stored = await context.store.read(act.caller.locality, "Patient", "a")
    other = replace(act, caller=replace(act.caller, agency="school"))
    coordinated = stored._replace(ground=Ground.PLAN)
    await require_trusted(context, other, coordinated)
    refusable = [stored._replace(ground=each) for each in (Ground.TEAM, Ground.CONSENT, Ground.EMERGENCY)]
    for patient in (*refusable, coordinated._replace(withheld=True)):
        with pytest.raises(Forbidden) as refused:
            await require_trusted(context, other, patient)
        assert slugs(refused.value) == ["who-has-seen-not-allowed"]


async def test_who_coordinates_is_not_told_where_places_are_withheld(context, act, ask):
    restricted = {"security": [{"system": imagined.CONFIDENTIALITY, "code": "R"}]}
    await put(context, act, *everybody(), {**ASH, "meta": restricted}, care_team(), care_plan())
    trust = replace(act, caller=replace(act.caller, agency="trust"))
    with pytest.raises(Forbidden) as refused:
        await ask(trust, whole=False, id_="ash")
    assert slugs(refused.value) == ["who-has-seen-not-allowed"]
    await put(context, act, {**ASH, "meta": {"security": [{**restricted["security"][0], "code": "N"}]}})
    assert await ask(trust, whole=False, id_="ash")


async def test_who_made_the_patient_is_not_told_while_it_is_denied_the_record(context, act, ask):
    await put(context, act, ASH)
    said = {"type": "deny", "actor": [imagined.recipient(organization="camhs")]}
    denial = imagined.consent("no", "ash", refer("Patient/ash"), "active", said, "patient-privacy")
    await put(context, act, denial)
    with pytest.raises(Forbidden) as refused:
        await ask(act, whole=False, id_="ash")
    assert slugs(refused.value) == ["who-has-seen-not-allowed"]
    await put(context, act, {**denial, "status": "inactive"})
    assert await ask(act, whole=False, id_="ash")


async def test_who_may_not_see_the_patient_is_told_that_there_is_none(seen, ask, act):
    stranger = replace(act, caller=replace(act.caller, agency="charity"))
    for id_ in ("a", "z"):
        with pytest.raises(Missing) as refused:
            await ask(stranger, whole=False, id_=id_)
        assert slugs(refused.value) == ["resource-missing"]


async def test_who_governs_is_told_of_those_whom_their_agency_may_not_see(seen, ask, governance, elsewhere):
    assert len(reads(await ask(governance, whole=False))) == 2
    with pytest.raises(Missing):
        await ask(governance, whole=False, id_="z")
    there = replace(elsewhere, caller=replace(elsewhere.caller, governance=True))
    with pytest.raises(Missing):
        await ask(there, whole=False)


async def test_it_takes_a_token_that_is_not_narrowed(seen, ask, governance, context):
    def with_scopes(text):
        scopes = read_scopes(setting_of(context), text)
        return replace(governance, caller=replace(governance.caller, scopes=scopes))

    assert len(reads(await ask(with_scopes("system/Patient.r system/AuditEvent.s"), whole=False))) == 2
    with pytest.raises(Forbidden) as refused:
        await ask(with_scopes("system/Patient.r?_id=a system/AuditEvent.s"), whole=False)
    assert slugs(refused.value) == ["scope-too-narrow"]


async def test_the_making_of_the_record_is_told_too(seen, ask, governance):
    [creation] = [each for each in await ask(governance) if each["action"] == "C"]
    assert (creation["ground"], creation["agency"]) == ("author", {"reference": "Organization/camhs"})
    assert audit.ACTIONS[audit.CREATED] == "C"
