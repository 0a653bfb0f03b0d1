"""Every interaction over HTTP: status, headers and body.

Source: https://hl7.org/fhir/R4/http.html
"""

import gzip
import json

import pytest

from service.rest.conditions import http_date
from tests.conftest import BASE_URL
from tests.rest.asking import patient, refused

JSON = {"content-type": "application/fhir+json"}


async def created(client, **elements):
    response = await client.post("/fhir/Patient", json=patient(**elements))
    assert response.status_code == 201, response.text
    return response.json()


async def test_create_answers_with_the_resource_and_where_it_is(client):
    response = await client.post("/fhir/Patient", json=patient(), headers=JSON)
    assert response.status_code == 201
    body = response.json()
    assert body["meta"]["versionId"] == "1"
    assert response.headers["location"] == f"{BASE_URL}/Patient/{body['id']}/_history/1"
    assert response.headers["etag"] == 'W/"1"'
    assert response.headers["content-type"] == "application/fhir+json; charset=utf-8"
    assert response.headers["last-modified"].endswith(" GMT")
    assert (await client.get(f"/fhir/Patient/{body['id']}")).content == response.content


async def test_the_bytes_that_were_stored_come_back(client):
    score = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "«größer» 😀"},
        "valueQuantity": {"value": "@"},
    }
    text = json.dumps(score, ensure_ascii=False).replace('"@"', "7.10")
    response = await client.post("/fhir/Observation", content=text.encode(), headers=JSON)
    assert response.status_code == 201, response.text
    assert '"value":7.10}' in response.text
    read = await client.get(f"/fhir/Observation/{response.json()['id']}")
    assert read.content == response.content


async def test_read_in_the_form_that_is_asked_for(client):
    id_ = (await created(client))["id"]
    for accept, media in (
        ("application/json", "application/json; charset=utf-8"),
        ("text/json", "text/json; charset=utf-8"),
        ("*/*", "application/fhir+json; charset=utf-8"),
    ):
        response = await client.get(f"/fhir/Patient/{id_}", headers={"accept": accept})
        assert response.headers["content-type"] == media
    pretty = await client.get(
        f"/fhir/Patient/{id_}?_pretty=true&_format=json", headers={"accept": "application/xml"}
    )
    assert pretty.status_code == 200
    assert '\n  "id"' in pretty.text
    assert pretty.json()["id"] == id_


async def test_head_answers_as_get_without_a_body(client):
    id_ = (await created(client))["id"]
    for path in (f"/fhir/Patient/{id_}", "/fhir/metadata", "/fhir/Patient", "/health/live", "/openapi.json"):
        get = await client.get(path)
        head = await client.head(path)
        assert head.status_code == get.status_code == 200
        assert head.content == b""
        assert head.headers["content-length"] == get.headers["content-length"]
        assert head.headers["content-type"] == get.headers["content-type"]


async def test_conditional_read(client):
    body = await created(client)
    path = f"/fhir/Patient/{body['id']}"
    for tag in ('W/"1"', '"1"', 'W/"7", W/"1"', "*"):
        response = await client.get(path, headers={"if-none-match": tag})
        assert response.status_code == 304
        assert response.content == b""
        assert response.headers["etag"] == 'W/"1"'
        assert "content-type" not in response.headers
    assert (await client.get(path, headers={"if-none-match": 'W/"2"'})).status_code == 200
    refused(await client.get(path, headers={"if-none-match": "1"}), 400, "etag-malformed")
    modified = (await client.get(path)).headers["last-modified"]
    assert (await client.get(path, headers={"if-modified-since": modified})).status_code == 304
    earlier = http_date(0).decode()
    assert (await client.get(path, headers={"if-modified-since": earlier})).status_code == 200
    assert (await client.get(path, headers={"if-modified-since": "soon"})).status_code == 200
    version = await client.get(f"{path}/_history/1", headers={"if-none-match": 'W/"1"'})
    assert version.status_code == 304


async def test_update_under_a_version(client):
    body = await created(client)
    path = f"/fhir/Patient/{body['id']}"
    body["gender"] = "female"
    refused(await client.put(path, json=body, headers={"if-match": 'W/"9"'}), 412, "version-mismatch")
    response = await client.put(path, json=body, headers={"if-match": 'W/"1"'})
    assert response.status_code == 200
    assert response.headers["etag"] == 'W/"2"'
    assert response.json()["gender"] == "female"
    assert (await client.get(f"{path}/_history/1")).json()["gender"] == "other"
    for value in ("1", "*", 'W/"1", W/"2"'):
        refused(await client.put(path, json=body, headers={"if-match": value}), 400, "etag-malformed")
    refused(await client.put(path, json=body, headers={"if-none-match": "*"}), 400, "if-none-match-on-update")
    assert (await client.get(path)).headers["etag"] == 'W/"2"'


async def test_update_as_create(client):
    response = await client.put("/fhir/Patient/chosen", json=patient(id="chosen"))
    assert response.status_code == 201
    assert response.headers["location"] == f"{BASE_URL}/Patient/chosen/_history/1"


@pytest.mark.parametrize(
    ("prefer", "body_is"),
    [
        ("return=minimal", None),
        ("return=representation", "Patient"),
        ("return=OperationOutcome", "OperationOutcome"),
        ("handling=lenient", "Patient"),
    ],
)
async def test_the_body_is_what_the_client_prefers(client, prefer, body_is):
    headers = {"prefer": prefer}
    id_ = (await created(client))["id"]
    changed = patient(id=id_, gender="female")
    patch = [{"op": "replace", "path": "/gender", "value": "male"}]
    responses = [
        await client.post("/fhir/Patient", json=patient(), headers=headers),
        await client.put(f"/fhir/Patient/{id_}", json=changed, headers=headers),
        await client.patch(
            f"/fhir/Patient/{id_}",
            content=json.dumps(patch),
            headers={**headers, "content-type": "application/json-patch+json"},
        ),
    ]
    for response in responses:
        assert response.status_code in {200, 201}, response.text
        assert "etag" in response.headers
        assert "location" in response.headers
        if body_is is None:
            assert response.content == b""
            assert "content-type" not in response.headers
        else:
            assert response.json()["resourceType"] == body_is
        if prefer.startswith("return"):
            assert response.headers["preference-applied"] == prefer
        else:
            assert "preference-applied" not in response.headers


async def test_prefer_may_come_in_several_headers(client):
    headers = [
        ("prefer", "handling=strict"),
        ("prefer", "return=minimal"),
        ("content-type", "application/json"),
    ]
    response = await client.post("/fhir/Patient", content=json.dumps(patient()), headers=headers)
    assert response.content == b""


async def test_fhirpath_patch(client):
    id_ = (await created(client))["id"]
    replace = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.gender"},
        {"name": "value", "valueCode": "female"},
    ]
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": replace}]}
    response = await client.patch(f"/fhir/Patient/{id_}", json=patch)
    assert response.status_code == 200, response.text
    assert response.json()["gender"] == "female"


async def test_delete_and_what_is_left(client):
    id_ = (await created(client))["id"]
    path = f"/fhir/Patient/{id_}"
    response = await client.delete(path)
    assert response.status_code == 204
    assert response.content == b""
    assert "content-length" not in response.headers
    assert response.headers["etag"] == 'W/"2"'
    refused(await client.get(path), 410, "resource-deleted")
    assert (await client.delete(path)).status_code == 204
    assert (await client.delete("/fhir/Patient/never-there")).status_code == 204
    said = await client.delete(path, headers={"prefer": "return=OperationOutcome"})
    assert (said.status_code, said.json()["resourceType"]) == (200, "OperationOutcome")
    history = (await client.get(f"{path}/_history")).json()
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "POST"]


async def test_conditional_create_update_patch_and_delete(client):
    who = {"system": "urn:example:n", "value": "1 2&3"}
    query = "identifier=urn:example:n%7C1%202%263"
    first = await client.post(
        "/fhir/Patient", json=patient(identifier=[who]), headers={"if-none-exist": query}
    )
    again = await client.post(
        "/fhir/Patient", json=patient(identifier=[who]), headers={"if-none-exist": query}
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    update = await client.put(
        f"/fhir/Patient?{query}&_format=json", json=patient(identifier=[who], gender="male")
    )
    assert (update.status_code, update.json()["gender"]) == (200, "male")
    patched = await client.patch(
        f"/fhir/Patient?{query}",
        content='[{"op":"remove","path":"/gender"}]',
        headers={"content-type": "application/json-patch+json"},
    )
    assert patched.status_code == 200
    assert "gender" not in patched.json()
    assert (await client.delete(f"/fhir/Patient?{query}")).status_code == 204
    refused(await client.get(f"/fhir/Patient/{first.json()['id']}"), 410)


async def test_a_conditional_interaction_without_criteria_touches_nothing(client):
    id_ = (await created(client))["id"]
    for method, body in (("PUT", patient()), ("PATCH", {"resourceType": "Parameters"}), ("DELETE", None)):
        for query in ("", "?", "?_format=json"):
            refused(await client.request(method, f"/fhir/Patient{query}", json=body), 400)
    assert (await client.get(f"/fhir/Patient/{id_}")).headers["etag"] == 'W/"1"'


async def test_search_by_get_and_by_post(client):
    ids = {(await created(client))["id"] for _ in range(3)}
    joined = ",".join(sorted(ids))
    by_get = await client.get(f"/fhir/Patient?_id={joined}")
    by_form = await client.post("/fhir/Patient/_search", data={"_id": joined})
    by_both = await client.post(
        "/fhir/Patient/_search?_count=10", data={"_id": joined, "_format": "text/json"}
    )
    by_query = await client.post(f"/fhir/Patient/_search?_id={joined}")
    for response in (by_get, by_form, by_both, by_query):
        assert response.status_code == 200, response.text
        assert {entry["resource"]["id"] for entry in response.json()["entry"]} == ids
    assert by_both.headers["content-type"].startswith("text/json")


async def test_unknown_parameters_are_refused_unless_lenience_is_preferred(client):
    refused(await client.get("/fhir/Patient?colour=red"), 400)
    response = await client.get(
        "/fhir/Patient?colour=red", headers={"prefer": "respond-async, handling=lenient"}
    )
    assert response.status_code == 200


async def test_histories(client):
    id_ = (await created(client))["id"]
    for path in ("/fhir/_history", "/fhir/Patient/_history", f"/fhir/Patient/{id_}/_history"):
        bundle = (await client.get(f"{path}?_count=5&_format=json")).json()
        assert bundle["type"] == "history"
        assert len(bundle["entry"]) == 1


async def test_a_transaction_and_a_batch(client):
    entry = {"resource": patient(), "request": {"method": "POST", "url": "Patient"}}
    for type_ in ("transaction", "batch"):
        bundle = {"resourceType": "Bundle", "type": type_, "entry": [entry]}
        response = await client.post("/fhir", json=bundle)
        assert response.status_code == 200
        answer = response.json()
        assert answer["type"] == f"{type_}-response"
        assert answer["entry"][0]["response"]["status"].startswith("201")
        assert "resource" not in answer["entry"][0]
        whole = await client.post("/fhir/", json=bundle, headers={"prefer": "return=representation"})
        assert whole.json()["entry"][0]["resource"]["resourceType"] == "Patient"


async def test_provenance_in_the_header(client):
    provenance = {
        "resourceType": "Provenance",
        "recorded": "2026-01-02T03:04:05Z",
        "agent": [{"who": {"display": "somebody"}}],
    }
    response = await client.post(
        "/fhir/Patient", json=patient(), headers={"x-provenance": json.dumps(provenance)}
    )
    assert response.status_code == 201, response.text
    found = (await client.get("/fhir/Provenance/_history")).json()["entry"][0]["resource"]
    assert found["target"][0]["reference"].startswith(f"Patient/{response.json()['id']}")
    refused(await client.post("/fhir/Patient", json=patient(), headers={"x-provenance": "{"}), 400)


async def test_gzip_in_and_out(client):
    body = gzip.compress(json.dumps(patient(id="long", address=[{"line": ["x" * 2000]}])).encode())
    headers = {**JSON, "content-encoding": "gzip"}
    assert (await client.put("/fhir/Patient/long", content=body, headers=headers)).status_code == 201
    packed = await client.get("/fhir/Patient/long", headers={"accept-encoding": "br, gzip"})
    plain = await client.get("/fhir/Patient/long", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 1000
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    small = await client.get("/health/live", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in small.headers


async def test_request_ids(client):
    given = await client.get("/fhir/metadata", headers={"x-request-id": "req-42_A.b:c"})
    assert given.headers["x-request-id"] == "req-42_A.b:c"
    for insane in ("two words", "x" * 65, "", "ünï".encode(), "a\tb", "<script>"):
        made = await client.get("/fhir/Patient/none", headers={"x-request-id": insane})
        assert made.headers["x-request-id"].startswith("made-")


async def test_no_answer_is_kept_on_the_way_or_guessed_at(client):
    for path in ("/fhir/metadata", "/fhir/Patient", "/fhir/Nothing", "/health/live", "/nothing"):
        headers = (await client.get(path)).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_reads_show_the_elements_that_are_asked_for(client):
    id_ = (await created(client, name=[{"family": "Madeup"}]))["id"]
    for path in (f"/fhir/Patient/{id_}", f"/fhir/Patient/{id_}/_history/1"):
        whole = await client.get(path)
        some = await client.get(f"{path}?_elements=birthDate&_format=json")
        assert set(some.json()) == {"resourceType", "id", "meta", "birthDate"}
        assert some.json()["meta"]["tag"][0]["code"] == "SUBSETTED"
        assert some.headers["etag"] == whole.headers["etag"]
        head = await client.head(f"{path}?_elements=birthDate")
        assert head.headers["content-length"] == some.headers["content-length"]
        assert (await client.get(f"{path}?_summary=false")).content == whole.content
        refused(await client.get(f"{path}?_elements=colour"), 400, "search-element-unknown")
        held = {"if-none-match": whole.headers["etag"]}
        assert (await client.get(f"{path}?_summary=true", headers=held)).status_code == 304


async def test_searches_show_the_elements_that_are_asked_for(client):
    id_ = (await created(client, name=[{"family": "Madeup"}]))["id"]
    found = await client.post("/fhir/Patient/_search?_elements=gender", data={"_id": id_})
    (entry,) = found.json()["entry"]
    assert set(entry["resource"]) == {"resourceType", "id", "meta", "gender"}
