from __future__ import annotations

import base64

import pytest

from service.fhir import codec
from service.interactions.create import create
from service.interactions.read import read
from service.interactions.search import search
from tests.conftest import BASE_URL
from tests.interactions.builders import (
    NUMBERS,
    body,
    entries,
    entry,
    goal,
    ids,
    patient,
    score,
    statuses,
    urn,
)
from tests.interactions.transactions import location_id, put, refused, run, subject_of


async def test_verbs_are_carried_out_in_their_order_and_answered_in_the_clients(context, act):
    await put(context, act, "old")
    await put(context, act, "kept")
    answer = await run(
        context,
        act,
        entry("GET", "Patient/kept"),
        entry("GET", "Patient?_count=50"),
        entry("PUT", "Patient/kept", patient(id="kept", active=True)),
        entry("POST", "Patient", patient("2")),
        entry("DELETE", "Patient/old"),
        entry("PUT", "Patient/fresh", patient("3", id="fresh")),
        entry("HEAD", "Patient/kept"),
    )
    assert body(answer)["type"] == "transaction-response"
    expected = ["200 OK", "200 OK", "200 OK", "201 Created", "204 No Content", "201 Created", "200 OK"]
    assert statuses(answer) == expected
    kept, found, updated, created, deleted, fresh, head = entries(answer)
    assert kept["resource"]["active"] is True
    new = location_id(answer, 3)
    assert sorted(one["resource"]["id"] for one in found["resource"]["entry"]) == sorted(
        ["kept", "fresh", new]
    )
    assert updated["response"]["location"] == "Patient/kept/_history/2"
    assert updated["response"]["etag"] == 'W/"2"'
    assert created["response"]["location"] == f"Patient/{new}/_history/1"
    assert deleted["response"]["etag"] == 'W/"2"'
    assert fresh["response"]["etag"] == 'W/"1"'
    assert "resource" not in head
    stored = await context.store.read(act.caller.locality, "Patient", "kept")
    assert (
        body(await read(context, act, "Patient", "kept"))["meta"]["lastUpdated"]
        == (updated["response"]["lastModified"])
    )
    assert stored.version == 2
    assert not any("resource" in one for one in (updated, created, deleted, fresh))


async def test_representation_adds_the_resources(context, act):
    given = entry("POST", "Patient", patient(), urn(1))
    (one,) = entries(await run(context, act, given, representation=True))
    assert one["fullUrl"] == f"{BASE_URL}/Patient/{one['resource']['id']}"
    assert one["resource"]["identifier"] == patient()["identifier"]


async def test_an_empty_transaction_is_none_the_worse(context, act):
    assert body(await run(context, act)) == {"resourceType": "Bundle", "type": "transaction-response"}


async def test_references_are_filled_in_wherever_they_stand(context, act):
    link = {"url": "https://thrive-fhir.example/x", "valueReference": {"reference": urn(1)}}
    answer = await run(
        context,
        act,
        entry(
            "POST",
            "Observation",
            score(
                urn(1),
                extension=[link],
                focus=[{"reference": urn(3)}, {"reference": f"{urn(3)}/_history/9"}],
                contained=[{"resourceType": "Provenance", "id": "c", "target": [{"reference": urn(1)}],
                            "recorded": "2026-11-22T00:00:00Z", "agent": [{"who": {"reference": "Patient/x"}}]}],
                derivedFrom=[{"reference": "#c"}],
                text={"status": "generated",
                      "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{urn(1)}">p</a></div>'},
            ),
            urn(2),
        ),
        entry("POST", "Patient", patient(link=[{"other": {"reference": urn(4)}, "type": "seealso"}]), urn(1)),
        entry("POST", "Goal", goal(urn(1)), urn(3)),
        entry("PUT", "Patient/p4", patient("4", id="p4"), urn(4)),
        entry("POST", "Goal", goal("Patient/elsewhere", identifier=[{"value": urn(1)}]), urn(5)),
    )  # fmt: skip
    p, g = location_id(answer, 1), location_id(answer, 2)
    made = body(await read(context, act, "Observation", location_id(answer, 0)))
    assert made["subject"]["reference"] == f"Patient/{p}"
    assert made["extension"][0]["valueReference"]["reference"] == f"Patient/{p}"
    assert [one["reference"] for one in made["focus"]] == [f"Goal/{g}", f"Goal/{g}/_history/1"]
    assert made["contained"][0]["target"] == [{"reference": f"Patient/{p}"}]
    assert made["derivedFrom"] == [{"reference": "#c"}]
    assert f'href="Patient/{p}"' in made["text"]["div"]
    assert body(await read(context, act, "Patient", p))["link"][0]["other"]["reference"] == "Patient/p4"
    assert await subject_of(context, act, answer, 2) == f"Patient/{p}"
    other = body(await read(context, act, "Goal", location_id(answer, 4)))
    assert other["subject"]["reference"] == "Patient/elsewhere"
    assert other["identifier"] == [{"value": urn(1)}], "an identifier's value is no link"
    assert ids(await search(context, act, "Observation", [("subject", f"Patient/{p}")])) == [made["id"]]


@pytest.mark.parametrize(
    ("patient_url", "goal_url", "reference"),
    [
        ("https://elsewhere.example/fhir/Patient/23", urn(2), "https://elsewhere.example/fhir/Patient/23"),
        (
            "https://elsewhere.example/fhir/Patient/23",
            "https://elsewhere.example/fhir/Goal/24",
            "Patient/23",
        ),
        (f"{BASE_URL}/Patient/23", None, "Patient/23"),
        (f"{BASE_URL}/Patient/23", urn(2), f"{BASE_URL}/Patient/23"),
        ("urn:oid:1.2.3", urn(2), "urn:oid:1.2.3"),
    ],
)
async def test_other_full_urls(context, act, patient_url, goal_url, reference):
    answer = await run(
        context,
        act,
        entry("POST", "Goal", goal(reference), goal_url),
        entry("POST", "Patient", patient(), patient_url),
    )
    assert await subject_of(context, act, answer, 0) == f"Patient/{location_id(answer, 1)}"


async def test_circles_are_no_trouble(context, act):
    one = patient("1", link=[{"other": {"reference": urn(2)}, "type": "seealso"}])
    two = patient("2", link=[{"other": {"reference": urn(1)}, "type": "seealso"}])
    answer = await run(
        context, act, entry("POST", "Patient", one, urn(1)), entry("POST", "Patient", two, urn(2))
    )
    for index, other in [(0, 1), (1, 0)]:
        made = body(await read(context, act, "Patient", location_id(answer, index)))
        assert made["link"][0]["other"]["reference"] == f"Patient/{location_id(answer, other)}"


class TestPatches:
    @pytest.mark.parametrize("kind", ["path", "json"])
    async def test_refer_to_what_the_transaction_makes(self, context, act, kind):
        made = await create(context, act, "Goal", goal("Patient/old"))
        if kind == "json":
            operations = codec.encode([{"op": "replace", "path": "/subject/reference", "value": urn(1)}])
            data = base64.b64encode(operations).decode()
            change = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": data}
        else:
            part = [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "Goal.subject"},
                {"name": "value", "valueReference": {"reference": urn(1)}},
            ]
            change = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part}]}
        answer = await run(
            context,
            act,
            entry("PATCH", f"Goal/{made.stored.id}", change, ifMatch='W/"1"'),
            entry("POST", "Patient", patient(), urn(1)),
        )
        patched = body(await read(context, act, "Goal", made.stored.id))
        assert patched["subject"]["reference"] == f"Patient/{location_id(answer, 1)}"
        assert entries(answer)[0]["response"]["etag"] == 'W/"2"'

    @pytest.mark.parametrize(
        "binary",
        [
            {"contentType": "text/plain", "data": "W10="},
            {"contentType": "application/json-patch+json"},
            {"contentType": "application/json-patch+json", "data": "*"},
            {"contentType": "application/json-patch+json", "data": base64.b64encode(b"{}").decode()},
            {"contentType": "application/json-patch+json", "data": base64.b64encode(b'[],"x":1').decode()},
            {"contentType": "application/json-patch+json", "data": base64.b64encode(b"[").decode()},
        ],
    )
    async def test_that_cannot_be_read(self, context, act, binary):
        await put(context, act, "p1")
        given = entry("PATCH", "Patient/p1", {"resourceType": "Binary", **binary})
        status, _ = await refused(context, act, given)
        assert status == 400


async def test_the_same_transaction_again_changes_nothing(context, act):
    def given():
        return [
            entry("PUT", "Patient/p1", patient(id="p1"), f"{BASE_URL}/Patient/p1"),
            entry("PUT", "Goal/g1", goal("Patient/p1", id="g1"), f"{BASE_URL}/Goal/g1"),
        ]

    first = await run(context, act, *given())
    second = await run(context, act, *given())
    assert statuses(first) == ["201 Created", "201 Created"]
    assert statuses(second) == ["200 OK", "200 OK"]
    assert [one["response"]["etag"] for one in entries(second)] == ['W/"1"', 'W/"1"']


async def test_a_version_that_is_referred_to_is_made(context, act):
    await put(context, act, "p1")
    answer = await run(
        context,
        act,
        entry("PUT", "Patient/p1", patient(id="p1"), urn(1)),
        entry("POST", "Goal", goal(f"{urn(1)}/_history/1")),
    )
    assert entries(answer)[0]["response"]["etag"] == 'W/"2"'
    assert await subject_of(context, act, answer, 1) == "Patient/p1/_history/2"


async def test_gets_see_what_the_transaction_did_and_conditions_hold_for_them(context, act):
    await put(context, act, "p1")
    await put(context, act, "p2", "2")
    answer = await run(
        context,
        act,
        entry("GET", "Patient/p2", ifNoneMatch='W/"1"'),
        entry("GET", "Patient/p2", ifModifiedSince="2100-01-01T00:00:00Z"),
        entry("GET", "Patient/p1/_history"),
        entry("GET", "Patient/p1/_history/1"),
        entry("GET", "Patient/_history?_count=1"),
        entry("PUT", "Patient/p1", patient(id="p1", active=True)),
        entry("GET", "Patient/fresh"),
        entry("PUT", "Patient/fresh", patient("3", id="fresh")),
    )
    assert statuses(answer)[:2] == ["304 Not Modified", "304 Not Modified"]
    assert "resource" not in entries(answer)[0]
    assert entries(answer)[2]["resource"]["total"] == 2
    assert entries(answer)[3]["resource"]["meta"]["versionId"] == "1"
    assert len(entries(answer)[4]["resource"]["entry"]) == 1
    assert entries(answer)[6]["resource"]["id"] == "fresh"
    status, issues = await refused(context, act, entry("DELETE", "Patient/p1"), entry("GET", "Patient/p1"))
    assert (status, issues) == (410, [("resource-deleted", "Bundle.entry[1].request.url")])


async def test_the_story_of_a_session(context, act):
    """Young person, goals, scores and answers in one transaction, referring to each other."""
    given = [
        entry("POST", "Patient", patient("42"), urn(0)),
        entry("POST", "Encounter", {"resourceType": "Encounter", "status": "finished",
              "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
              "subject": {"reference": urn(0)}}, urn(1)),
        *(entry("POST", "Goal", goal(urn(0)), urn(10 + number)) for number in range(3)),
        *(entry("POST", "Observation", score(urn(0), encounter={"reference": urn(1)},
                focus=[{"reference": urn(10 + number % 3)}], valueInteger=number), urn(20 + number))
          for number in range(6)),
        entry("POST", "CarePlan", {"resourceType": "CarePlan", "status": "active", "intent": "plan",
              "subject": {"reference": urn(0)}, "goal": [{"reference": urn(10 + number)} for number in range(3)]},
              urn(30)),
    ]  # fmt: skip
    answer = await run(context, act, *given)
    assert set(statuses(answer)) == {"201 Created"}
    who = location_id(answer, 0)
    found = await search(context, act, "Observation", [("subject", f"Patient/{who}")])
    assert len(ids(found)) == 6
    plan = body(await read(context, act, "CarePlan", location_id(answer, 11)))
    assert [one["reference"] for one in plan["goal"]] == [
        f"Goal/{location_id(answer, 2 + n)}" for n in range(3)
    ]
    numbers = body(await read(context, act, "Patient", who))["identifier"]
    assert numbers == [{"system": NUMBERS, "value": "42"}]
