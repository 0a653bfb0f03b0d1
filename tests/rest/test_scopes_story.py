"""What a token's scopes leave of what the agency may do, by every way of asking.

Source: docs/scopes.md
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.interactions.searching import setting_of
from tests.interactions.builders import bundle, entry
from tests.rest.asking import client_of, refused

KIM = "https://thrive-fhir.example/number|1"
AGENCY = Caller("epr", "camhs", chooses_ids=True)
FHIR = {"content-type": "application/fhir+json"}


@dataclass
class Known:
    """A gate that knows who comes."""

    caller: Caller

    async def admit(self, fields) -> Caller:
        del fields
        return self.caller


def tagged(resource, *codes):
    return resource | {
        "meta": {"tag": [{"system": "https://elsewhere.example", "code": code} for code in codes]}
    }


def observation(id_, *codes, child="kim", **more):
    made = {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": "https://elsewhere.example/codes", "code": "mood"}]},
        "subject": {"reference": f"Patient/{child}"},
        **more,
    }
    return tagged(made, *codes) if codes else made


def patient(id_, **more):
    number = {"system": "https://thrive-fhir.example/number", "value": "1" if id_ == "kim" else "2"}
    return {"resourceType": "Patient", "id": id_, "identifier": [number], **more}


RECORD = [
    patient("kim"),
    patient("sam"),
    tagged({"resourceType": "Flag", "id": "flag", "status": "active", "code": {"text": "x"}, "subject": {"reference": "Patient/kim"}}, "a"),
    observation("first", "a"),
    observation("second", "b"),
    observation("sams", "a", child="sam"),
]  # fmt: skip


@pytest.fixture
def asking(context, make_app) -> Callable:
    """A client whose token has these scopes, and who is known to be somebody."""

    @asynccontextmanager
    async def asking_(scopes, **told):
        patient_, user = told.get("patient"), told.get("user")
        read = (
            None if scopes is None else read_scopes(setting_of(context), scopes, patient=patient_, user=user)
        )
        async with client_of(make_app(Known(replace(AGENCY, scopes=read, **told)))) as client:
            yield client

    return asking_


@pytest.fixture
async def ask(asking):
    async with asking(None) as client:
        for resource in RECORD:
            path = f"/fhir/{resource['resourceType']}/{resource['id']}"
            answer = await client.put(path, json=resource, headers=FHIR)
            assert answer.status_code == 201, answer.text
    return asking


async def found(client, path):
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return {
        f"{one['resource']['resourceType']}/{one['resource']['id']}"
        for one in answer.json().get("entry", ())
        if one["resource"]["resourceType"] != "OperationOutcome"
    }


async def test_narrowed_token_sees_what_fits_by_every_way(ask):
    async with ask("system/Observation.rs?_tag=a") as client:
        assert await found(client, "/fhir/Observation") == {"Observation/first", "Observation/sams"}
        assert await found(client, "/fhir/Observation?_id=second") == set()
        assert (await client.get("/fhir/Observation?_summary=count")).json()["total"] == 2
        assert await found(client, "/fhir/Observation?_tag=b") == set()
        assert await found(client, "/fhir/Patient/kim/Observation") == {"Observation/first"}
        assert await found(client, "/fhir/Observation/_history") == {
            "Observation/first",
            "Observation/sams",
        }
        assert (await client.get("/fhir/Observation/first")).status_code == 200
        for path in ("Observation/second", "Observation/second/_history"):
            refused(await client.get(f"/fhir/{path}"), 404, "resource-missing")
        refused(await client.get("/fhir/Observation/second/_history/1"), 404, "version-missing")
        # There are no other types for this token: not beside, nor in chains, nor in the other direction.
        assert await found(client, "/fhir/Observation?_include=Observation:subject") == {
            "Observation/first",
            "Observation/sams",
        }
        assert await found(client, f"/fhir/Observation?subject:Patient.identifier={KIM}") == set()
        for path in (
            "Patient/kim",
            "Patient",
            "Patient/kim/Flag",
            "Patient/_history",
            "Patient/kim/$everything",
        ):
            refused(await client.get(f"/fhir/{path}"), 403, "insufficient-scope")


async def test_refusal_says_which_scope_it_takes(ask):
    async with ask("system/Observation.rs") as client:
        answer = await client.delete("/fhir/Flag/flag")
        refused(answer, 403, "insufficient-scope")
        assert (
            answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="system/Flag.d"'
        )


async def test_search_of_everything_shows_the_types_that_may_be_searched(ask):
    async with ask("system/Observation.s?_tag=a system/Flag.rs system/Patient.r") as client:
        here = {"Observation/first", "Observation/sams", "Flag/flag"}
        assert await found(client, "/fhir?_tag=a") == here
        assert await found(client, "/fhir/_history") == here
        assert await found(client, "/fhir/Patient/kim/*") == {"Observation/first", "Flag/flag"}
        assert await found(client, "/fhir?_type=Flag") == {"Flag/flag"}
        refused(await client.get("/fhir?_type=Flag,Patient"), 403, "insufficient-scope")
        refused(await client.get("/fhir/Patient/kim/*?_type=Patient"), 403, "insufficient-scope")
        posted = await client.post("/fhir/_search", data={"_type": "Goal"})
        refused(posted, 403, "insufficient-scope")
        assert await found(client, "/fhir/Flag?_include=Flag:patient") == {"Flag/flag", "Patient/kim"}


async def test_what_is_written_must_fit_before_and_after(ask):
    async with ask("system/Observation.cu?_tag=a system/Observation.r system/Patient.r") as client:
        created = await client.post("/fhir/Observation", json=observation("x", "a"), headers=FHIR)
        assert created.status_code == 201, created.text
        wrong = await client.post("/fhir/Observation", json=observation("x", "b"), headers=FHIR)
        refused(wrong, 403, "insufficient-scope")
        changed = await client.put(
            "/fhir/Observation/first", json=observation("first", "a", "c"), headers=FHIR
        )
        assert changed.status_code == 200, changed.text
        out = await client.put("/fhir/Observation/first", json=observation("first", "c"), headers=FHIR)
        refused(out, 403, "insufficient-scope")
        # What does not fit beforehand is not there to be changed, nor may its id be taken.
        taken = await client.put("/fhir/Observation/second", json=observation("second", "a"), headers=FHIR)
        assert taken.status_code in {404, 409}, taken.text
        assert (await client.get("/fhir/Observation/second")).json()["meta"]["versionId"] == "1"


async def test_who_may_write_and_not_read_is_shown_nothing_of_what_is_stored(ask):
    async with ask("system/Observation.write") as client:
        headers = FHIR | {"prefer": "return=representation"}
        created = await client.post("/fhir/Observation", json=observation("x"), headers=headers)
        assert (created.status_code, created.content) == (201, b"")
        changed = await client.put("/fhir/Observation/first", json=observation("first", "c"), headers=headers)
        assert (changed.status_code, changed.content) == (200, b"")
        patch = [{"op": "replace", "path": "/status", "value": "amended"}]
        patched = await client.patch(
            "/fhir/Observation/first",
            json=patch,
            headers={"content-type": "application/json-patch+json", "prefer": "return=representation"},
        )
        assert (patched.status_code, patched.content) == (200, b"")
        refused(await client.get("/fhir/Observation/first"), 403, "insufficient-scope")
        told = FHIR | {"prefer": "return=OperationOutcome"}
        answer = await client.post("/fhir/Observation", json=observation("x"), headers=told)
        assert (answer.status_code, answer.json()["resourceType"]) == (201, "OperationOutcome")


async def test_provenance_beside_a_change_takes_its_own_scope(ask):
    attested = {
        "resourceType": "Provenance",
        "recorded": "2026-11-27T09:00:00Z",
        "agent": [{"who": {"reference": "Patient/kim"}}],
    }
    headers = FHIR | {"x-provenance": json.dumps(attested)}
    for scopes, status in (("system/Observation.c", 403), ("system/Observation.c system/Provenance.c", 201)):
        async with ask(scopes) as client:
            answer = await client.post("/fhir/Observation", json=observation("x"), headers=headers)
            assert answer.status_code == status, answer.text


async def test_condition_of_a_change_takes_the_scope_of_searching(ask):
    async with ask("system/Observation.cud") as client:
        conditional = FHIR | {"if-none-exist": "_tag=a"}
        for answer in (
            await client.post("/fhir/Observation", json=observation("x"), headers=conditional),
            await client.put("/fhir/Observation?_tag=a", json=observation("first"), headers=FHIR),
            await client.delete("/fhir/Observation?_tag=a"),
        ):
            refused(answer, 403, "insufficient-scope")
            assert 's"' in answer.headers["www-authenticate"]
    async with ask("system/Observation.cuds?_tag=b system/Patient.r") as client:
        met = await client.post(
            "/fhir/Observation", json=observation("x", "b"), headers=FHIR | {"if-none-exist": "_id=first"}
        )
        assert met.status_code == 201, met.text  # `first` is hidden, so nothing was met
        again = await client.post(
            "/fhir/Observation", json=observation("x", "b"), headers=FHIR | {"if-none-exist": "_id=second"}
        )
        assert again.status_code == 200, again.text


async def test_entries_are_looked_at_with_their_own_scopes(ask):
    async with ask("system/Observation.r?_tag=a system/Observation.s?_tag=b system/Flag.r") as client:
        answer = await client.post(
            "/fhir",
            json=bundle(
                entry("GET", "Observation/first"),
                entry("GET", "Observation/second"),
                entry("GET", "Observation?_count=10"),
                entry("GET", "Patient/kim"),
                type_="batch",
            ),
            headers=FHIR,
        )
        statuses = [one["response"]["status"][:3] for one in answer.json()["entry"]]
        assert statuses == ["200", "404", "200", "403"]
        [match] = answer.json()["entry"][2]["resource"]["entry"]
        assert match["resource"]["id"] == "second"


async def test_token_of_a_young_person_is_about_them_alone(ask):
    async with ask("patient/*.cruds", patient="sam") as client:
        assert await found(client, "/fhir/Observation") == {"Observation/sams"}
        assert await found(client, "/fhir/Patient") == {"Patient/sam"}
        assert await found(client, "/fhir?_lastUpdated=gt2000") == {"Observation/sams", "Patient/sam"}
        refused(await client.get("/fhir/Patient/kim"), 404, "resource-missing")
        refused(await client.get("/fhir/Flag/flag"), 404, "resource-missing")
        for theirs, status in ((observation("x", child="sam"), 201), (observation("y"), 403)):
            answer = await client.post("/fhir/Observation", json=theirs, headers=FHIR)
            assert answer.status_code == status, answer.text
        refused(
            await client.post(
                "/fhir/Organization", json={"resourceType": "Organization", "name": "x"}, headers=FHIR
            ),
            403,
            "insufficient-scope",
        )


SAM = {"reference": "Patient/sam"}
ABOUT_KIM = [
    observation("told-by-sam", performer=[SAM]),
    {
        "resourceType": "Communication",
        "id": "sent-to-sam",
        "status": "completed",
        "subject": {"reference": "Patient/kim"},
        "recipient": [SAM],
    },
    {
        "resourceType": "CareTeam",
        "id": "with-sam",
        "status": "active",
        "subject": {"reference": "Patient/kim"},
        "participant": [{"member": SAM}],
    },
    observation("about-nobody", performer=[SAM]),
    patient("kims-link", link=[{"other": SAM, "type": "seealso"}]),
]
del ABOUT_KIM[3]["subject"]


@pytest.fixture
async def siblings(ask, asking):
    """What is about Kim, or about nobody in particular, and has Sam in it."""
    async with asking(None) as client:
        for resource in ABOUT_KIM:
            path = f"/fhir/{resource['resourceType']}/{resource['id']}"
            answer = await client.put(path, json=resource, headers=FHIR)
            assert answer.status_code == 201, answer.text
    return ask


async def test_what_is_about_another_young_person_is_not_seen_in_ones_name(siblings):
    hidden = {f"{one['resourceType']}/{one['id']}" for one in ABOUT_KIM}
    async with siblings(None) as client:
        # To R4 they are in the compartment, and the agency finds them there.
        assert hidden - {"Patient/kims-link"} <= await found(client, "/fhir/Patient/sam/*")
    for told in (
        {"patient": "sam"},
        {"user": ("Patient", "sam")},
        {"user": ("RelatedPerson", "x"), "patient": "sam"},
    ):
        async with siblings("patient/*.cruds user/*.cruds", **told) as client:
            own = {"Observation/sams", "Patient/sam"}
            assert await found(client, "/fhir/Patient/sam/*") == own
            assert await found(client, "/fhir/Patient/sam/$everything") == own
            assert await found(client, "/fhir?_lastUpdated=gt2000") == own
            assert await found(client, "/fhir/_history") == own
            assert await found(client, "/fhir/Patient?_id=sam&_revinclude=*") == own
            assert await found(client, "/fhir/Observation?performer=Patient/sam") == set()
            assert await found(client, "/fhir/Patient?_has:Observation:performer:_id=told-by-sam") == set()
            assert (await client.get("/fhir/Observation?_summary=count")).json()["total"] == 1
            for one in hidden:
                refused(await client.get(f"/fhir/{one}"), 404, "resource-missing")
                refused(await client.get(f"/fhir/{one}/_history"), 404, "resource-missing")
                refused(await client.get(f"/fhir/{one}/_history/1"), 404, "version-missing")
                gone = await client.delete(f"/fhir/{one}")
                assert gone.status_code in {204, 404}, gone.text
    async with siblings(None) as client:
        for one in hidden:
            assert (await client.get(f"/fhir/{one}")).status_code == 200


@pytest.mark.parametrize("type_", ["batch", "transaction", None])
async def test_nothing_about_another_young_person_is_written_in_ones_name(siblings, type_):
    moved = observation("sams", "a", performer=[SAM])
    patch = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9zdWJqZWN0L3JlZmVyZW5jZSIsInZhbHVlIjoiUGF0aWVudC9raW0ifV0=",
    }  # [{"op":"replace","path":"/subject/reference","value":"Patient/kim"}]
    async with siblings("patient/*.cruds", patient="sam") as client:
        asked = [("POST", one["resourceType"], one) for one in ABOUT_KIM]
        asked += [("PUT", "Observation/sams", moved), ("PATCH", "Observation/sams", patch)]
        for method, path, resource in asked:
            if type_ is not None:
                given = bundle(entry(method, path, resource), type_=type_)
                answer = await client.post("/fhir", json=given, headers=FHIR)
                if type_ == "batch":
                    [one] = answer.json()["entry"]
                    assert one["response"]["status"] == "403 Forbidden", one
                    outcome = one["response"]["outcome"]
                    assert outcome["issue"][0]["details"]["coding"][0]["code"] == "insufficient-scope"
                    continue
            elif method == "PATCH":
                how = {"content-type": "application/json-patch+json"}
                change = [{"op": "replace", "path": "/subject/reference", "value": "Patient/kim"}]
                answer = await client.patch(f"/fhir/{path}", json=change, headers=how)
            else:
                answer = await client.request(method, f"/fhir/{path}", json=resource, headers=FHIR)
            refused(answer, 403, "insufficient-scope")
        own = observation("x", child="sam", performer=[SAM])
        answer = await client.post("/fhir/Observation", json=own, headers=FHIR)
        assert answer.status_code == 201, answer.text
        told = {
            "resourceType": "Provenance",
            "target": [SAM],
            "recorded": "2026-11-27T09:00:00Z",
            "agent": [{"who": SAM}],
        }
        answer = await client.post("/fhir/Provenance", json=told, headers=FHIR)
        assert answer.status_code == 201, answer.text
        assert (await client.get("/fhir/" + answer.headers["location"].split("/fhir/")[1])).status_code == 200
        both = told | {"target": [SAM, {"reference": "Patient/kim"}]}
        refused(await client.post("/fhir/Provenance", json=both, headers=FHIR), 403, "insufficient-scope")


async def test_versions_that_were_about_another_young_person_are_not_seen_in_ones_name(siblings):
    async with siblings(None) as client:
        corrected = observation("first", "a", child="sam")
        answer = await client.put("/fhir/Observation/first", json=corrected, headers=FHIR)
        assert answer.status_code == 200, answer.text
    async with siblings("patient/*.rs", patient="sam") as client:
        assert (await client.get("/fhir/Observation/first/_history/2")).status_code == 200
        refused(await client.get("/fhir/Observation/first/_history/1"), 404, "version-missing")
        history = (await client.get("/fhir/Observation/first/_history")).json()
        assert [one["resource"]["meta"]["versionId"] for one in history["entry"]] == ["2"]
        assert history["total"] == 1
        for path in ("Observation/_history", "_history"):
            entries = (await client.get(f"/fhir/{path}")).json()["entry"]
            assert [
                one["resource"]["meta"]["versionId"] for one in entries if one["fullUrl"].endswith("/first")
            ] == ["2"]
    async with siblings("patient/*.rs", patient="kim") as client:
        refused(await client.get("/fhir/Observation/first/_history/1"), 404, "version-missing")


async def test_another_scope_of_the_token_may_still_be_wider(siblings):
    async with siblings(
        "patient/*.rs system/CareTeam.rs system/Observation.rs?_tag=b", patient="sam"
    ) as client:
        assert await found(client, "/fhir?_lastUpdated=gt2000") == {
            *("CareTeam/with-sam", "Observation/sams", "Observation/second", "Patient/sam")
        }
        assert (await client.get("/fhir/Observation/second/_history/1")).status_code == 200


def goal_of(reference):
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "invented"},
        "subject": {"reference": reference},
    }


async def test_reference_by_criteria_takes_the_scope_of_searching_and_finds_what_a_search_would(ask):
    by_number = f"Patient?identifier={KIM}"
    nobody = "Patient?identifier=https://thrive-fhir.example/number|9"

    async def sent(client, *entries):
        return await client.post("/fhir", json=bundle(*entries), headers=FHIR)

    for scopes in ("system/Goal.crs", "system/Goal.crs system/Patient.r"):
        async with ask(scopes) as client:
            for reference in (by_number, nobody):  # alike: nothing is told of who is there
                answer = await sent(client, entry("POST", "Goal", goal_of(reference)))
                refused(answer, 403, "insufficient-scope")
                assert 'scope="system/Patient.s"' in answer.headers["www-authenticate"]
                [issue] = answer.json()["issue"]
                assert issue["expression"] == ["Bundle.entry[0].resource.subject.reference"]
    narrowed = "system/Goal.crs system/Patient.s?_id=sam system/Patient.r system/Patient.c"
    async with ask(narrowed) as client:
        answer = await sent(client, entry("POST", "Goal", goal_of(by_number)))
        refused(answer, 412, "reference-unmatched")
        # By address the agency refers to whom it sees; the scope for reading is none for looking for.
        answer = await sent(client, entry("POST", "Goal", goal_of("Patient/kim")))
        assert answer.status_code == 200, answer.text
    async with ask("system/Goal.crs system/Patient.s") as client:
        answer = await sent(client, entry("POST", "Goal", goal_of(by_number)))
        assert answer.status_code == 200, answer.text
        goals = (await client.get("/fhir/Goal")).json()["entry"]
        assert {one["resource"]["subject"]["reference"] for one in goals} == {"Patient/kim"}
    async with ask("patient/Goal.crs patient/Patient.rs", patient="sam") as client:
        answer = await sent(client, entry("POST", "Goal", goal_of(by_number)))
        refused(answer, 412, "reference-unmatched")
        answer = await sent(client, entry("POST", "Goal", goal_of(by_number.replace("|1", "|2"))))
        assert answer.status_code == 200, answer.text


async def test_reference_by_criteria_to_what_the_transaction_itself_brings_takes_it_too(ask):
    given = [
        entry(
            "POST",
            "Patient",
            patient("kim") | {"identifier": [{"system": "https://x.example", "value": "7"}]},
        ),
        entry("POST", "Goal", goal_of("Patient?identifier=https://x.example|7")),
    ]
    for scopes, status in (("system/*.c", 403), ("system/*.c system/Patient.s", 200)):
        async with ask(scopes) as client:
            answer = await client.post("/fhir", json=bundle(*given), headers=FHIR)
            assert answer.status_code == status, answer.text


async def test_notices_are_for_tokens_that_are_for_all_messages_and_in_nobodys_name(ask):
    async with ask(None, administrator=True) as client:
        made = {"resourceType": "Organization", "id": "camhs", "name": "CAMHS"}
        assert (await client.put("/fhir/Organization/camhs", json=made, headers=FHIR)).status_code == 201
    told = {"resourceType": "Parameters", "parameter": [{"name": "notice", "valueId": "n1"}]}
    shown, acknowledged = "/fhir/Organization/camhs/$notices", "/fhir/Organization/camhs/$acknowledge"
    both = "system/Organization.r system/Communication"
    for scopes, who, statuses in (
        ("system/Organization.rs", {}, (403, 403)),
        (f"{both}.r", {}, (200, 403)),
        (f"{both}.u", {}, (403, 200)),
        (f"{both}.ru", {}, (200, 200)),
        (f"{both}.ru?_tag=a", {}, (403, 403)),
        ("system/Organization.r?_id=camhs system/Communication.ru", {}, (403, 403)),
        ("patient/*.cruds", {"patient": "kim"}, (403, 403)),
        (f"{both}.ru patient/*.cruds", {"patient": "kim"}, (403, 403)),
        (f"{both}.ru", {"user": ("RelatedPerson", "x")}, (403, 403)),
        (f"{both}.ru", {"user": ("Practitioner", "x")}, (200, 200)),
    ):
        async with ask(scopes, **who) as client:
            asked = await client.get(shown)
            done = await client.post(acknowledged, json=told, headers=FHIR)
            assert (asked.status_code, done.status_code) == statuses, (scopes, who)
            for answer in (asked, done):
                if answer.status_code == 403:
                    slug = answer.json()["issue"][0]["details"]["coding"][0]["code"]
                    assert slug in {"insufficient-scope", "scope-too-narrow"}
