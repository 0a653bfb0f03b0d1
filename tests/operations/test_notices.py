"""What an agency is shown of its notices, and who may see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.fhir.parameters import read as read_inputs
from service.fhir.problems import Forbidden, Gone, Malformed, Missing
from service.fhir.search.asked import Setting
from service.fhir.stamping import instant
from service.interactions.context import Act
from service.interactions.delete import delete
from service.operations.notices import OPERATION
from service.operations.operation import Call
from service.storage.store import AuditEntry, Change, Notice, Unit
from tests.conftest import BASE_URL
from tests.interactions.builders import body
from tests.operations.coordination import organization, put, slugs


@pytest.fixture
async def school(context, act):
    """Somebody who acts for the school."""
    await put(context, act, organization("school"), organization("trust"))
    return Act(Caller("school's system", "school", act.caller.locality), "request-9")


@pytest.fixture
def tell(context, act):
    async def telling(*ids, agency="school", event="coordination-began", about="Communication"):
        for id_ in ids:
            message = {"resourceType": about, "id": f"c-{id_}", "status": "completed"}
            change = Change(about, message["id"], "POST", None, None, message)
            notice = Notice(id_, agency, event, (about, message["id"]))
            entry = AuditEntry("epr", "camhs", "hand-over", "request-1")
            await context.store.commit(act.caller.locality, Unit((change,), entry, notices=(notice,)))

    return telling


@pytest.fixture
def shown(context):
    async def showing(by, id_="school", **pairs):
        inputs = read_inputs(OPERATION.inputs, [(name, str(value)) for name, value in pairs.items()], None)
        answer = await OPERATION.perform(context, by, Call("Organization", id_, inputs))
        assert answer.status == 200
        return body(answer)["parameter"]

    return showing


def ids(parameters):
    *notices, more = parameters
    assert more["name"] == "more"
    return [each["part"][0]["valueId"] for each in notices], more["valueBoolean"]


async def test_a_notice_says_what_happened_when_and_where_to_read_of_it(context, school, tell, shown):
    await tell("n1")
    [waiting] = await context.store.notices(school.caller.locality, "school", 1)
    [notice, more] = await shown(school)
    assert notice == {
        "name": "notice",
        "part": [
            {"name": "id", "valueId": "n1"},
            {
                "name": "event",
                "valueCoding": {
                    "system": "https://thrive-fhir.example/CodeSystem/notice-event",
                    "code": "coordination-began",
                },
            },
            {"name": "at", "valueInstant": instant(waiting.at)},
            {"name": "about", "valueReference": {"reference": "Communication/c-n1/_history/1"}},
        ],
    }
    assert more == {"name": "more", "valueBoolean": False}


async def test_nothing_waits(school, shown):
    assert await shown(school) == [{"name": "more", "valueBoolean": False}]


async def test_a_page_at_a_time(context, school, tell, shown):
    names = [f"n{number:02}" for number in range(12)]
    await tell(*names)
    assert ids(await shown(school)) == (names[:10], True)  # the tests' page
    assert ids(await shown(school, _count=12)) == (names, False)
    assert ids(await shown(school, _count=11)) == (names[:11], True)
    assert ids(await shown(school, _count=5, after="n04")) == (names[5:10], True)
    assert ids(await shown(school, _count=1000, after="n04")) == (names[5:], False)
    assert ids(await shown(school, after="never")) == ([], False)


async def test_no_page_is_longer_than_the_limit(school, tell, shown):
    await tell(*(f"n{number:02}" for number in range(52)))
    found, more = ids(await shown(school, _count=1000))
    assert (len(found), more) == (50, True)


async def test_another_agencys_are_not_shown(context, act, school, tell, shown):
    await tell("n1")
    with pytest.raises(Forbidden) as refusal:
        await shown(act)
    assert slugs(refusal.value) == ["notices-of-another-agency"]
    administrator = Act(Caller("desk", "camhs", act.caller.locality, administrator=True), "request-9")
    assert ids(await shown(administrator)) == (["n1"], False)


async def test_there_must_be_an_agency(context, act, school, shown):
    nobody = Act(Caller("epr", "never", act.caller.locality), "request-9")
    with pytest.raises(Missing):
        await shown(nobody, "never")
    await delete(context, act, "Organization", "school")
    with pytest.raises(Gone):
        await shown(school)


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [({"_count": 0}, "notices-count"), ({"_count": -1}, "notices-count"), ({"after": "a b"}, "notice-id")],
)
async def test_what_cannot_be_asked(school, shown, pairs, slug):
    with pytest.raises(Malformed) as refusal:
        await shown(school, **pairs)
    assert slugs(refusal.value) == [slug]


SCOPES = {
    # What the token is for, and whether it learns that the glass was broken.
    "system/Organization.r system/Communication.r": False,
    "system/Organization.r system/Communication.r system/Consent.s": False,
    "system/Organization.r system/Communication.r system/Consent.cud": False,
    "system/Organization.r system/Communication.r system/Consent.r?status=active": False,
    "system/Organization.r system/Communication.r system/Consent.rs": True,
    "system/Organization.read system/Communication.read system/Consent.read": True,
    "system/*.r": True,
}


@pytest.mark.parametrize(("text", "learns"), SCOPES.items())
async def test_who_may_not_read_consents_does_not_learn_that_the_glass_was_broken(
    registry, school, tell, shown, text, learns
):
    """Neither by a notice nor by whether more follow, nor by a page that is shorter."""
    asks = replace(
        school, caller=replace(school.caller, scopes=read_scopes(Setting(registry, BASE_URL, now=1), text))
    )
    await tell("n1")
    await tell(*(f"n2-{number:02}" for number in range(7)), event="glass-broken", about="Consent")
    assert ids(await shown(asks, _count=1)) == (["n1"], learns)
    await tell("n3", "n4")
    hidden = [f"n2-{number:02}" for number in range(7)] if learns else []
    assert ids(await shown(asks)) == (["n1", *hidden, "n3", "n4"], False)
    assert ids(await shown(asks, _count=2)) == ((["n1", *hidden, "n3"])[:2], True)
    assert ids(await shown(asks, after="n1", _count=1)) == (([*hidden, "n3"])[:1], True)
    assert ids(await shown(asks, after="n3")) == (["n4"], False)
