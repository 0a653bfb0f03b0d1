"""Every request leaves its entry in the audit, whatever becomes of it; what it says is what was asked."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace

import pytest

from service.access.callers import SANDBOX_CALLER, Caller
from service.access.rule import sharing_rule
from service.fhir.problems import Unauthorized, Unavailable
from service.interactions.noting import NOTHING_STORED
from service.operations.offered import OPERATIONS
from service.rest.application import system_routes
from service.rest.auditing import STRANGERS_QUERY, UNKNOWN, code, deed
from service.rest.routes import Table, Target
from service.storage.ledger import Asked
from service.storage.open import migrate, open_store
from service.storage.trail import BufferedTrail
from tests.conftest import BASE_URL
from tests.rest.asking import client_of


@pytest.fixture
async def store(database_url, registry, extractor, clock):
    """A store that knows whose data it holds."""
    migrate(database_url)
    rule = sharing_rule(registry, BASE_URL)
    opened = await open_store(database_url, registry, extractor, clock, rule=rule)
    yield opened
    await opened.close()


@pytest.fixture
def table(context):
    return Table(context.registry, system_routes(context), OPERATIONS)


DEEDS = {
    "GET /Goal/g": ("read", "Goal", "g", "", ""),
    "HEAD /Goal/g": ("read", "Goal", "g", "", ""),
    "GET /Goal/g?_elements=code": ("read", "Goal", "g", "", "Goal/g?_elements=code"),
    "GET /Goal/g/_history/2": ("vread", "Goal", "g", "2", ""),
    "GET /Goal/g/_history": ("history-instance", "Goal", "g", "", "Goal/g/_history"),
    "GET /Goal/_history?_since=x": ("history-type", "Goal", "", "", "Goal/_history?_since=x"),
    "GET /_history": ("history-system", "", "", "", "_history"),
    "GET /Goal": ("search-type", "Goal", "", "", "Goal"),
    "GET /Goal?patient=a%20b": ("search-type", "Goal", "", "", "Goal?patient=a%20b"),
    "POST /Goal/_search": ("search-type", "Goal", "", "", "Goal"),
    "GET /?_type=Goal": ("search-system", "", "", "", "?_type=Goal"),
    "POST /_search": ("search-system", "", "", "", ""),
    "GET /Patient/a/Goal?code=x": ("search-type", "Patient", "a", "", "Patient/a/Goal?code=x"),
    "GET /Patient/a/*": ("search-system", "Patient", "a", "", "Patient/a/*"),
    "POST /Goal": ("create", "Goal", "", "", ""),
    "PUT /Goal/g": ("update", "Goal", "g", "", ""),
    "PUT /Goal?identifier=x": ("update", "Goal", "", "", "Goal?identifier=x"),
    "PATCH /Goal/g": ("patch", "Goal", "g", "", ""),
    "DELETE /Goal/g": ("delete", "Goal", "g", "", ""),
    "DELETE /Goal?code=x": ("delete", "Goal", "", "", "Goal?code=x"),
    "POST /": ("batch", "", "", "", ""),
    "GET /Patient/a/$everything": ("$everything", "Patient", "a", "", "Patient/a/$everything"),
    "POST /Goal/$validate": ("$validate", "Goal", "", "", "Goal/$validate"),
    "GET /$export?_type=Goal": ("$export", "", "", "", "$export?_type=Goal"),
    "POST /Group/a/$export": ("$export", "Group", "a", "", "Group/a/$export"),
    # What is kept of a job is no resource, so that nothing refers to it.
    "GET /jobs/a": ("job-status", "", "", "", "jobs/a"),
    "DELETE /jobs/a": ("job-cancel", "", "", "", "jobs/a"),
    "GET /jobs/a/1-0.Goal.ndjson": ("job-download", "", "", "", "jobs/a/1-0.Goal.ndjson"),
    "OPTIONS /": ("capabilities", "", "", "", ""),
    "GET /Nothing/x": (UNKNOWN, "", "", "", ""),
    "TRACE /Goal": (UNKNOWN, "Goal", "", "", ""),
}


@pytest.mark.parametrize(("asked", "told"), DEEDS.items(), ids=DEEDS)
def test_a_request_is_told_as_what_it_asks_for(table, asked, told):
    method, _, address = asked.partition(" ")
    path, _, query = address.partition("?")
    done = deed(table.find(path), method, query.encode())
    assert (done.what, done.type, done.id, done.version) == told[:4]
    if told[0] != UNKNOWN:
        assert done.query == told[4]


def test_parameters_of_a_form_are_told_as_those_of_a_query(table):
    done = deed(table.find("/Goal/_search"), "POST", b"_count=3", (("patient", "a b"), ("code", "x")))
    assert done.query == "Goal?_count=3&patient=a+b&code=x"


def test_every_route_and_method_is_told_as_something(table):
    for route in table.routes:
        if not route.public:
            assert UNKNOWN not in {code(route, method) for method in route.methods}
    assert code(Target(table.find("/nowhere").route).route, "GET") == UNKNOWN


class Gatekeeper:
    """Lets in who says that they are somebody."""

    async def admit(self, fields):
        match fields.get(b"authorization", b""):
            case b"Bearer governance":
                return Caller("board's system", "board", governance=True)
            case b"Bearer sandbox":
                return SANDBOX_CALLER
            case b"Bearer school":
                return Caller("school's system", "school")
            case _:
                raise Unauthorized("token-missing", "Who are you?")


@pytest.fixture
async def audited(context, make_app):
    """A client of an app that audits, and a function that gives what was told of since it was last asked."""
    trail = BufferedTrail(context.store.audit.keep, flush_after=0.01)
    app = make_app(Gatekeeper(), replace(context, trail=trail))
    known = set()

    async def told():
        while trail._waiting:  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0.005)
        entries, _ = await context.store.audit.found("default", Asked(1000, rising=True))
        new = [entry.event for entry in entries if entry.serial not in known]
        known.update(entry.serial for entry in entries)
        return new

    async with client_of(app) as client:
        yield client, told
    await trail.close()


SANDBOX = {"Authorization": "Bearer sandbox"}
PATIENT = {"resourceType": "Patient", "id": "a"}


async def test_a_story_is_told_act_by_act(audited):
    client, told = audited
    made = await client.put("/fhir/Patient/a", json=PATIENT, headers=SANDBOX)
    assert made.status_code == 201
    await client.get("/fhir/Patient/a", headers=SANDBOX)
    await client.get("/fhir/Patient?name=x", headers=SANDBOX)
    await client.get("/fhir/Patient/a/_history", headers=SANDBOX)
    await client.get("/fhir/Patient/z", headers=SANDBOX)
    await client.get("/fhir/Patient/a/$everything", headers=SANDBOX)
    await client.delete("/fhir/Patient/a", headers=SANDBOX)
    events = await told()
    assert [(event.what, event.status, event.id) for event in events] == [
        ("update", 201, "a"),
        ("read", 200, "a"),
        ("search-type", 200, ""),
        ("history-instance", 200, "a"),
        ("read", 404, "z"),
        ("$everything", 200, "a"),
        ("delete", 204, "a"),
    ]
    assert [dict(event.children) for event in events] == [
        {"a": 2}, {"a": 7}, {}, {"a": 7}, {"z": 0}, {"a": 7}, {"a": 7},
    ]  # fmt: skip
    assert {event.agency for event in events} == {"sandbox"}
    assert events[2].query == "Patient?name=x"
    assert events[4].reason == "resource-missing"
    assert all(event.request for event in events)


async def test_what_is_counted_or_not_found_of_a_young_person_is_told_with_them(audited):
    client, told = audited
    assert (await client.put("/fhir/Patient/a", json=PATIENT, headers=SANDBOX)).status_code == 201
    await told()
    for path in (
        "Goal?patient=a&_summary=count",
        "Patient/a/Goal?_count=0",
        "Goal?patient=a",
        "Goal?patient=z",
    ):
        assert (await client.get(f"/fhir/{path}", headers=SANDBOX)).status_code == 200
    entries = [{"request": {"method": "GET", "url": "Patient/a/Goal?_summary=count"}}]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    assert (await client.post("/fhir", json=bundle, headers=SANDBOX)).status_code == 200
    assert [dict(event.children) for event in await told() if event.what == "search-type"] == [
        {"a": 7}, {"a": 7}, {"a": 7}, {"z": 0}, {"a": 7},
    ]  # fmt: skip


async def test_what_is_public_is_not_told_of(audited):
    client, told = audited
    assert (await client.get("/fhir/metadata")).status_code == 200
    assert await told() == []


async def test_who_is_not_let_in_is_told_of(audited):
    client, told = audited
    for path in ("/fhir/Patient/a", "/fhir/Patient?name=secret", "/fhir/nowhere"):
        assert (await client.get(path, headers={"Authorization": "Bearer wrong"})).status_code == 401
    events = await told()
    assert [(event.what, event.status, event.reason) for event in events] == [
        ("read", 401, "token-missing"),
        ("search-type", 401, "token-missing"),
        (UNKNOWN, 401, "token-missing"),
    ]
    assert {event.client for event in events} == {"anonymous"}
    assert events[1].query == "Patient?name=secret"
    await client.get("/fhir/Patient", params={"name": "x" * 3000})
    [event] = await told()
    assert len(event.query) == STRANGERS_QUERY + 1


async def test_a_batch_is_told_entry_by_entry_and_a_transaction_version_by_version(audited):
    client, told = audited
    entries = [
        {"request": {"method": "PUT", "url": "Patient/a"}, "resource": PATIENT},
        {"request": {"method": "GET", "url": "Patient/z"}},
        {"request": {"method": "GET", "url": "Patient?name=x"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    assert (await client.post("/fhir", json=bundle, headers=SANDBOX)).status_code == 200
    assert sorted((event.what, event.status) for event in await told()) == [
        ("batch", 200),
        ("read", 404),
        ("search-type", 200),
        ("update", 201),
    ]
    entries = [
        {"request": {"method": "POST", "url": "Patient"}, "resource": {"resourceType": "Patient"}},
        {"request": {"method": "GET", "url": "Patient/a"}},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert (await client.post("/fhir", json=bundle, headers=SANDBOX)).status_code == 200
    assert sorted((event.what, event.action) for event in await told()) == [("read", 2), ("transaction", 1)]
    bundle["entry"][0]["resource"] = {"resourceType": "Patient", "gender": "unheard-of"}
    assert (await client.post("/fhir", json=bundle, headers=SANDBOX)).status_code == 422
    assert [(event.what, event.status) for event in await told()] == [("batch", 422)]


SCHOOL = {"Authorization": "Bearer school"}
APART = ("id", "meta", "recorded")


def in_bundle(kind, *urls):
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"request": {"method": "DELETE", "url": url}} for url in urls],
    }


async def delete(client, way, url, headers):
    """Deletes by itself, in a batch or in a transaction; returns what the answer says of it."""
    if way == "alone":
        answer = await client.delete(f"/fhir/{url}", headers=headers)
        return str(answer.status_code)
    answer = await client.post("/fhir", json=in_bundle(way, url), headers=headers)
    return answer.json()["entry"][0]["response"]["status"].partition(" ")[0]


async def events_as_read(client, headers):
    """The deletions among the events that the caller may read, without what differs from act to act."""
    found = (await client.get("/fhir/AuditEvent?action=D&_sort=date", headers=headers)).json()
    return [
        re.sub(r"hidden|never|made-\d+", "it", json.dumps(entry["resource"] | dict.fromkeys(APART)))
        for entry in found.get("entry", ())
    ]


@pytest.mark.parametrize("way", ["alone", "batch", "transaction"])
@pytest.mark.parametrize("type_", ["Patient", "Goal"])
async def test_deleting_what_is_hidden_and_what_never_was_is_told_alike(audited, type_, way):
    """Neither the answer nor the event that its own agency reads tells them apart; the event says why it is 0."""
    client, told = audited
    resource = {"resourceType": type_, "id": "hidden"}
    if type_ == "Goal":
        assert (await client.put("/fhir/Patient/a", json=PATIENT, headers=SANDBOX)).status_code == 201
        resource |= {
            "subject": {"reference": "Patient/a"},
            "lifecycleStatus": "active",
            "description": {"text": "x"},
        }
    assert (await client.put(f"/fhir/{type_}/hidden", json=resource, headers=SANDBOX)).status_code == 201
    await told()
    for id_ in ("hidden", "never"):
        assert await delete(client, way, f"{type_}/{id_}", SCHOOL) == "204"
        events = [event for event in await told() if event.what == "delete"]
        assert [(event.status, event.reason, event.id) for event in events] == [(204, NOTHING_STORED, id_)]
        assert dict(events[0].children) == ({id_: 0} if type_ == "Patient" else {})
    assert (await client.get(f"/fhir/{type_}/hidden", headers=SANDBOX)).status_code == 200
    hidden, never = await events_as_read(client, SCHOOL)
    assert hidden == never
    assert '"outcome": "0", "outcomeDesc": "nothing-stored"' in hidden


async def test_what_a_transaction_leaves_as_it_was_is_told_entry_by_entry(audited):
    client, told = audited
    for type_ in ("Patient", "Location"):
        body = {"resourceType": type_, "id": "a"}
        assert (await client.put(f"/fhir/{type_}/a", json=body, headers=SANDBOX)).status_code == 201
    await told()
    bundle = in_bundle("transaction", "Goal/never", "Location/a")
    bundle["entry"].append({"request": {"method": "PUT", "url": "Patient/a"}, "resource": PATIENT})
    assert (await client.post("/fhir", json=bundle, headers=SANDBOX)).status_code == 200
    assert sorted((event.what, event.type, event.reason, event.children) for event in await told()) == [
        ("delete", "Goal", NOTHING_STORED, ()),
        ("transaction", "Location", "", ()),
        ("update", "Patient", NOTHING_STORED, (("a", 7),)),
    ]


async def test_parameters_of_a_form_are_kept(audited):
    client, told = audited
    await client.post("/fhir/Patient/_search", data={"name": "x y"}, headers=SANDBOX)
    [event] = await told()
    assert event.query == "Patient?name=x+y"


async def test_a_fault_of_ours_is_told_of(audited, monkeypatch):
    client, told = audited

    async def fail(*_args, **_more):
        raise ZeroDivisionError

    monkeypatch.setattr("service.interactions.read.read", fail)
    assert (await client.get("/fhir/Patient/a", headers=SANDBOX)).status_code == 500
    [event] = await told()
    assert (event.what, event.status, event.children) == ("read", 500, (("a", 0),))


async def test_reading_the_audit_is_audited(audited):
    client, told = audited
    await client.get("/fhir/Patient/z", headers=SANDBOX)
    await told()
    headers = {"Authorization": "Bearer governance"}
    found = (await client.get("/fhir/AuditEvent?outcome=4", headers=headers)).json()
    [entry] = found["entry"]
    one = await client.get(f"/fhir/AuditEvent/{entry['resource']['id']}", headers=headers)
    assert one.json() == entry["resource"]
    events = await told()
    assert [(event.what, event.type, event.agency) for event in events] == [
        ("search-type", "AuditEvent", "board"),
        ("read", "AuditEvent", "board"),
    ]


async def test_the_audit_cannot_be_written_by_anybody(audited):
    client, _ = audited
    event = {"resourceType": "AuditEvent"}
    for method, path in (("POST", ""), ("PUT", "/x"), ("DELETE", "/x"), ("PATCH", "/x")):
        answer = await client.request(method, f"/fhir/AuditEvent{path}", json=event, headers=SANDBOX)
        assert answer.status_code == 405


async def test_nothing_is_done_while_the_audit_cannot_be_kept(context, make_app):
    class Shut:
        """Keeps nothing, and says so."""

        def require(self):
            raise Unavailable("audit-unavailable", "Not now.")

        async def note(self, _):
            raise AssertionError

    async with client_of(make_app(Gatekeeper(), replace(context, trail=Shut()))) as client:
        for path in ("/fhir/Patient/a", "/fhir/Patient"):
            answer = await client.get(path, headers=SANDBOX)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert "audit-unavailable" in answer.text
        assert (await client.put("/fhir/Patient/a", json=PATIENT, headers=SANDBOX)).status_code == 503
        assert (await client.get("/fhir/metadata")).status_code == 200
    assert await context.store.read("default", "Patient", "a") is None
