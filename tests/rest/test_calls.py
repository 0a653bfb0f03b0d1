"""Operations and compartments asked for by HTTP: what stands in the query, in a form and in a body."""

from __future__ import annotations

import pytest

from tests.rest.asking import patient, refused


def score(subject, day):
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "mood"},
        "subject": {"reference": f"Patient/{subject}"},
        "effectiveDateTime": day,
    }


@pytest.fixture
async def record(client):
    """Two young people, one with two scores and a goal."""
    for id_ in ("a", "b"):
        assert (await client.put(f"/fhir/Patient/{id_}", json=patient(id=id_))).status_code == 201
    for id_, resource in (
        ("1", score("a", "2026-01-01")),
        ("2", score("a", "2026-01-02")),
        ("3", score("b", "2026")),
    ):
        answer = await client.put(f"/fhir/Observation/{id_}", json=resource | {"id": id_})
        assert answer.status_code == 201, answer.text


def shown(response):
    assert response.status_code == 200, response.text
    bundle = response.json()
    assert bundle["type"] == "searchset"
    return {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", ())
        if entry["search"]["mode"] == "match"
    }


async def test_a_compartment_is_searched_by_get_and_by_a_form(client, record):
    assert shown(await client.get("/fhir/Patient/a/Observation")) == {"Observation/1", "Observation/2"}
    assert shown(await client.get("/fhir/Patient/a/Observation?date=2026-01-01")) == {"Observation/1"}
    form = {"date": "2026-01-02"}
    assert shown(await client.post("/fhir/Patient/a/Observation/_search", data=form)) == {"Observation/2"}
    both = await client.post("/fhir/Patient/a/Observation/_search?date=2026-01-01", data=form)
    assert shown(both) == set()


async def test_a_whole_compartment_is_searched(client, record):
    assert shown(await client.get("/fhir/Patient/a/*")) == {"Patient/a", "Observation/1", "Observation/2"}
    assert shown(await client.get("/fhir/Patient/a/*?_type=Patient")) == {"Patient/a"}
    assert shown(await client.post("/fhir/Patient/b/*/_search", data={"_id": "3"})) == {"Observation/3"}


async def test_nothing_is_in_the_compartment_of_nobody(client, record):
    assert shown(await client.get("/fhir/Patient/none/*")) == set()
    assert shown(await client.get("/fhir/Patient/none/Observation")) == set()
    refused(await client.get("/fhir/Patient/not_an_id/Observation"), 404, "resource-missing")


async def test_a_compartment_is_searched_and_nothing_else(client, record):
    response = await client.post("/fhir/Patient/a/Observation", json=score("a", "2026"))
    refused(response, 405, "interaction-not-offered")
    assert response.headers["allow"] == "GET, HEAD"
    response = await client.get("/fhir/Patient/a/Observation/_search")
    refused(response, 405, "interaction-not-offered")
    assert response.headers["allow"] == "POST"
    refused(await client.get("/fhir/Patient/a/Organization"), 404, "path-unknown")


async def test_the_whole_system_is_searched(client, record):
    assert shown(await client.get("/fhir?_type=Patient")) == {"Patient/a", "Patient/b"}
    assert shown(await client.get("/fhir/?_id=a,1")) == {"Patient/a", "Observation/1"}
    assert shown(await client.post("/fhir/_search", data={"_type": "Observation"})) == {
        f"Observation/{n}" for n in (1, 2, 3)
    }
    head = await client.head("/fhir?_type=Patient")
    assert (head.status_code, head.content) == (200, b"")


async def test_everything_and_its_pages_by_http(client, record):
    assert shown(await client.get("/fhir/Patient/a/$everything")) == {
        "Patient/a",
        "Observation/1",
        "Observation/2",
    }
    given = {"resourceType": "Parameters", "parameter": [{"name": "_count", "valueInteger": 2}]}
    first = await client.post("/fhir/Patient/a/$everything", json=given)
    assert shown(first) == {"Patient/a", "Observation/1"}
    [link] = [one["url"] for one in first.json()["link"] if one["relation"] == "next"]
    assert shown(await client.get(link)) == {"Observation/2"}
    refused(await client.get("/fhir/Patient/none/$everything"), 404, "resource-missing")
    refused(await client.get("/fhir/Patient/a/$everything?colour=red"), 400, "operation-parameter-unknown")


async def test_lastn_by_http(client, record):
    assert shown(await client.get("/fhir/Observation/$lastn?patient=a")) == {"Observation/2"}
    given = {
        "resourceType": "Parameters",
        "parameter": [{"name": "max", "valuePositiveInt": 2}, {"name": "patient", "valueString": "a"}],
    }
    assert shown(await client.post("/fhir/Observation/$lastn?code:missing=false", json=given)) == {
        "Observation/1",
        "Observation/2",
    }
    unknown = "/fhir/Observation/$lastn?patient=a&colour=red"
    refused(await client.get(unknown), 400, "search-parameter-unknown")
    assert shown(await client.get(unknown, headers={"prefer": "handling=lenient"})) == {"Observation/2"}


async def test_a_body_that_r4_does_not_allow_is_refused(client):
    broken = {
        "resourceType": "Parameters",
        "parameter": [{"name": "max", "valueInteger": 1, "colour": "red"}],
    }
    refused(await client.post("/fhir/Observation/$lastn", json=broken), 422, "element-unknown")


async def test_an_operation_that_changes_what_is_in_the_path_heeds_if_match(client, record):
    episode = {
        "resourceType": "EpisodeOfCare",
        "id": "e",
        "status": "finished",
        "patient": {"reference": "Patient/a"},
    }
    referral = {
        "resourceType": "ServiceRequest",
        "id": "r",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/a"},
    }
    for resource in (episode, referral):
        await client.put(f"/fhir/{resource['resourceType']}/{resource['id']}", json=resource)
    given = {"name": "referral", "valueReference": {"reference": "ServiceRequest/r"}}
    body = {"resourceType": "Parameters", "parameter": [given]}

    async def reopen(tag):
        return await client.post("/fhir/EpisodeOfCare/e/$reopen", json=body, headers={"If-Match": tag})

    refused(await reopen('W/"2"'), 412, "version-mismatch")
    refused(await reopen("*"), 400, "etag-malformed")
    assert (await reopen('W/"1"')).status_code == 200
    # Nothing is guarded where nothing is changed.
    found = await client.get("/fhir/Observation/$lastn?patient=a", headers={"If-Match": "*"})
    assert found.status_code == 200
