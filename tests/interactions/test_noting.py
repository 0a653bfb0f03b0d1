"""What the audit is told of an act, and what not."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.fhir.problems import Forbidden, Unavailable
from service.fhir.search.sight import Seen, Sight
from service.interactions import noting
from service.interactions.noting import (
    MOST_CHILDREN,
    MOST_QUERY,
    NOTHING_STORED,
    Deed,
    author_of,
    cut,
    exported,
    note,
    note_token,
    operated,
)
from service.interactions.update import update
from service.outcomes.sharing import Ground
from service.storage import audit
from service.storage.registrations import Registration
from tests.conftest import TestClock


class Listening:
    """Hears what is told."""

    def __init__(self) -> None:
        self.events = []

    def require(self) -> None:
        """Lets everything begin."""

    async def note(self, event) -> None:
        self.events.append(event)


@pytest.fixture
def trail() -> Listening:
    return Listening()


@pytest.fixture
def told(bare, trail):
    return replace(bare, trail=trail, clock=TestClock(99), seen=Seen())


async def test_a_read_tells_who_what_when_and_of_whom(told, trail, act):
    caller = replace(act.caller, user=("Practitioner", "p"), purpose="ETREAT")
    told.seen.note("a", 3)
    await note(told, replace(act, caller=caller, address="192.0.2.7"), Deed("vread", "Goal", "g", "3"), 200)
    [event] = trail.events
    assert event == audit.Event(
        locality=caller.locality,
        what="vread",
        client="epr",
        agency="camhs",
        person="Practitioner/p",
        purpose="ETREAT",
        type="Goal",
        at=100,
        action=audit.READ,
        status=200,
        id="g",
        version=3,
        request="request-1",
        address="192.0.2.7",
        children=(("a", 3),),
    )


ACTIONS = {
    "create": audit.CREATED,
    "read": audit.READ,
    "vread": audit.READ,
    "history-instance": audit.READ,
    "update": audit.UPDATED,
    "patch": audit.UPDATED,
    "delete": audit.DELETED,
    "search-type": audit.EXECUTED,
    "history-type": audit.EXECUTED,
    "$progress": audit.EXECUTED,
}


@pytest.mark.parametrize(("what", "action"), ACTIONS.items(), ids=ACTIONS)
async def test_each_act_has_its_action(told, trail, act, what, action):
    await note(told, act, Deed(what), 200)
    assert trail.events[0].action == action


@pytest.mark.parametrize("what", ["create", "update", "patch", "delete", "transaction", "batch"])
async def test_what_stored_versions_is_told_of_by_them(told, trail, act, what):
    told.seen.stored = 1
    await note(told, act, Deed(what), 200)
    assert trail.events == []
    await note(told, act, Deed(what), 403)
    assert len(trail.events) == 1


@pytest.mark.parametrize("what", ["create", "update", "patch", "delete"])
async def test_a_change_that_stored_nothing_says_so(told, trail, act, what):
    await note(told, act, Deed(what), 200)
    assert [(event.status, event.reason) for event in trail.events] == [(200, NOTHING_STORED)]


@pytest.mark.parametrize("what", ["read", "search-type", "batch", "transaction", "$hand-over"])
async def test_nothing_else_says_so(told, trail, act, what):
    await note(told, act, Deed(what), 200)
    assert [event.reason for event in trail.events] == [""]


async def test_an_operation_that_stores_is_told_of_all_the_same(told, trail, act):
    told.seen.stored = 1
    await note(told, act, Deed("$hand-over"), 200)
    assert len(trail.events) == 1


async def test_a_refusal_tells_its_reason_and_shows_nobody(told, trail, act):
    told.seen.note("a", 3)
    await note(told, act, Deed("search-type", "Goal"), 403, Forbidden("not-you", "You may not."))
    [event] = trail.events
    assert (event.status, event.reason, event.children) == (403, "not-you", ())


async def test_who_asked_in_vain_for_a_record_is_told_with_whose_it_is(told, trail, act):
    await note(told, act, Deed("read", "Patient", "a"), 404)
    await note(told, act, Deed("read", "Patient", "no id at all"), 404)
    assert [(event.id, event.children) for event in trail.events] == [("a", (("a", 0),)), ("", ())]


ASKED = {
    "Goal?patient=a&_summary=count": Deed("search-type", "Goal", query="Goal?patient=a&_summary=count"),
    "Patient/a/Goal": Deed("search-type", "Patient", "a", query="Patient/a/Goal"),
    "Patient/a/_history": Deed("history-instance", "Patient", "a"),
    "DELETE Goal?patient=a": Deed("delete", "Goal", query="Goal?patient=a"),
}


@pytest.mark.parametrize("deed", ASKED.values(), ids=ASKED)
async def test_of_whom_something_was_asked_is_told_though_nothing_came(told, trail, act, context, deed):
    """Seen by the sandbox as the service itself; who is not there was asked for in vain."""
    told = replace(told, store=context.store)
    await note(told, act, deed, 200)
    await update(context, act, "Patient", "a", {"resourceType": "Patient", "id": "a"})
    await note(told, act, deed, 200)
    assert [event.children for event in trail.events] == [(("a", Ground.NONE),), (("a", Ground.SERVICE),)]


@pytest.mark.parametrize(
    ("agency", "ground"), [("camhs", Ground.AUTHOR), ("school", Ground.NONE)], ids=["author", "nobody"]
)
async def test_the_ground_is_that_of_the_agency_whatever_the_token_reads(trail, act, context, agency, ground):
    await update(context, act, "Patient", "a", {"resourceType": "Patient", "id": "a"})
    own = replace(act, caller=replace(act.caller, agency=agency))
    eyes = Sight(agency, readable=frozenset({"Goal"}))
    told = replace(context, trail=trail).seen_by(own, eyes)
    await note(told, own, Deed("search-type", "Goal", query="Goal?patient=a"), 200)
    assert trail.events[0].children == (("a", ground),)
    assert told.seen.children == {}


async def test_who_was_shown_is_not_looked_up_again(told, trail, act):
    told.seen.note("a", Ground.CONSENT)
    unread = replace(told, store=None)
    await note(unread, act, Deed("search-type", "Goal", query="Goal?patient=a"), 200)
    assert trail.events[0].children == (("a", Ground.CONSENT),)


async def test_what_a_server_can_do_is_asked_of_nobody(told, trail, act):
    await note(replace(told, store=None), act, Deed("capabilities", "Patient", "a"), 200)
    assert trail.events[0].children == ()


async def test_a_refusal_for_want_of_an_audit_is_not_kept(told, trail, act):
    await note(told, act, Deed("read"), 503, Unavailable("audit-unavailable", "Not now."))
    await note(told, act, Deed("read"), 503, Unavailable("store-unavailable", "Not now."))
    assert [event.reason for event in trail.events] == ["store-unavailable"]


QUERIES = {
    "Goal?patient=a&_page=x": "Goal?patient=a&_page=x",
    "Goal?access_token=s3cret&code=x": "Goal?access_token=…&code=x",
    "a?client_assertion=s3cret": "a?client_assertion=…",
    "a?acc%65ss_tok%65n=s3cret&b=c=d": "a?acc%65ss_tok%65n=…&b=c=d",
    "system/Patient.rs launch": "system/Patient.rs launch",
    "a?Password=s3cret&X-SECRET=s3cret&token=": "a?Password=…&X-SECRET=…&token=…",
    "a\x00b": "a\ufffdb",
    "x" * (MOST_QUERY + 1): "x" * MOST_QUERY + "…",
}


@pytest.mark.parametrize(
    ("query", "kept"), QUERIES.items(), ids=[str(number) for number, _ in enumerate(QUERIES)]
)
def test_a_query_is_kept_as_it_was_but_for_secrets(query, kept):
    assert cut(query) == kept


PIECES = (
    "token",
    "%74oken",
    "TO%4BEN",
    "secret",
    "=",
    "&",
    "?",
    "%00",
    "\x00",
    "%C3",
    "%A9",
    "a",
    "%2",
    "\u212a",
)


@settings(max_examples=200, derandomize=True)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_is_kept_as_it_is_has_no_secret_in_any_of_its_pairs(query):
    assert cut(query) == "&".join(map(noting._without_secret, query.split("&")))


@pytest.mark.parametrize("text", ["9", "token", "token=", "&", "=", "?", "%", "a=token"])
def test_no_query_takes_long(text):
    """Whoever asks need not be let in for it to be kept."""
    query = text * (2_000_000 // len(text))
    began = time.process_time()
    kept = cut(query)
    assert time.process_time() - began < 0.1
    assert len(kept) <= MOST_QUERY * 2


@pytest.mark.parametrize("version", ["", "x", "-1", "1" * 10, "٣"])
async def test_a_version_that_is_no_number_is_not_kept(told, trail, act, version):
    await note(told, act, Deed("vread", "Goal", "g", version), 404)
    assert trail.events[0].version == 0


async def test_a_sign_in_is_told_of(told, trail):
    await note_token(told, status=400, request_id="r", reason="invalid_client", address="192.0.2.7")
    [event] = trail.events
    assert (event.what, event.action, event.status, event.client) == ("token", audit.EXECUTED, 400, "")
    assert (event.reason, event.request, event.at) == ("invalid_client", "r", 100)


def test_what_was_done_to_a_client_says_to_whom_and_what_it_may():
    client = Registration(
        "epr",
        "north",
        "camhs",
        "The EPR of somebody",
        "system/*.rs system/Goal.cu",
        "{keys}",
        governance=True,
    )
    event = operated("client-add", client, 99)
    assert event == audit.Event(
        locality="north",
        what="client-add",
        client="",
        agency="",
        purpose="HSYSADMIN",
        at=99,
        query="client=epr&agency=camhs&scope=system/*.rs%20system/Goal.cu&governance=true&purpose=TREAT",
    )


def test_files_that_were_written_name_the_young_people_a_thousand_at_a_time():
    query = "Patient/$export?_type=Goal"
    [asked] = exported("north", query, 99)
    assert asked == audit.Event("north", "export-files", "", "", purpose="HSYSADMIN", at=99, query=query)
    children = tuple((f"yp-{number}", 7) for number in range(2 * MOST_CHILDREN + 1))
    events = exported("north", query, 99, children)
    assert [len(event.children) for event in events] == [MOST_CHILDREN, MOST_CHILDREN, 1]
    assert sum((event.children for event in events), ()) == children
    assert {event._replace(children=()) for event in events} == {asked}


def test_a_unit_says_who_stored_it(act):
    caller = replace(act.caller, user=("RelatedPerson", "m"))
    entry = author_of(replace(act, caller=caller, address="192.0.2.7"), "hand-over")
    assert (entry.client, entry.agency, entry.interaction, entry.request_id) == (
        "epr",
        "camhs",
        "hand-over",
        "request-1",
    )
    assert (entry.person, entry.purpose, entry.address) == ("RelatedPerson/m", "TREAT", "192.0.2.7")
