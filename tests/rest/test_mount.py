"""What a client can do wrong, and that it costs nothing but a sentence.

Source: https://hl7.org/fhir/R4/http.html#Status-Codes, design.md section 3
"""

import gzip
import json

from tests.rest.asking import patient, refused
from tests.rest.conftest import BODY_BYTES, JSON_DEPTH

FHIR = "application/fhir+json"
FORM = "application/x-www-form-urlencoded"
JSON_PATCH = "application/json-patch+json"
WHOLE = json.dumps(patient())


def nested(levels):
    return '{"resourceType":"Patient","extension":[' * 1 + "[" * levels + "]" * levels + "]}"


def transaction(*entries):
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": list(entries)})


def post(resource, full_url=None):
    entry = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
    return {"fullUrl": full_url, **entry} if full_url else entry


GOAL = {
    "resourceType": "Goal",
    "lifecycleStatus": "active",
    "description": {"text": "x"},
    "subject": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"},
}

# status, method, path, body, headers beyond Content-Type: application/fhir+json
REFUSALS = {
    "malformed JSON": (400, "POST", "/fhir/Patient", '{"resourceType":"Patient",', {}),
    "no body": (400, "POST", "/fhir/Patient", "", {}),
    "an array": (400, "POST", "/fhir/Patient", "[]", {}),
    "not UTF-8": (400, "POST", "/fhir/Patient", b'{"resourceType":"Patient","id":"\xff"}', {}),
    "a key twice": (
        400,
        "POST",
        "/fhir/Patient",
        '{"resourceType":"Patient","gender":"male","gender":"other"}',
        {},
    ),
    "not finite": (400, "POST", "/fhir/Patient", '{"resourceType":"Patient","multipleBirthInteger":NaN}', {}),
    "too deep": (400, "POST", "/fhir/Patient", nested(JSON_DEPTH), {}),
    "far too deep": (400, "POST", "/fhir/Patient", nested(40_000), {}),
    "another type": (400, "POST", "/fhir/Patient", json.dumps(GOAL), {}),
    "no type": (400, "POST", "/fhir/Patient", "{}", {}),
    "wrong id": (400, "PUT", "/fhir/Patient/one", json.dumps(patient(id="two")), {}),
    "no id": (400, "PUT", "/fhir/Patient/one", WHOLE, {}),
    "an id that is none": (400, "PUT", "/fhir/Patient/a_b", json.dumps(patient(id="a_b")), {}),
    "an ETag that is none": (
        400,
        "PUT",
        "/fhir/Patient/one",
        json.dumps(patient(id="one")),
        {"if-match": "1"},
    ),
    "query not UTF-8": (400, "GET", "/fhir/Patient?_id=%ff", None, {}),
    "an unknown parameter": (400, "GET", "/fhir/Patient?colour=red", None, {}),
    "broken gzip": (400, "POST", "/fhir/Patient", WHOLE, {"content-encoding": "gzip"}),
    "a bundle of another kind": (400, "POST", "/fhir", '{"resourceType":"Bundle","type":"collection"}', {}),
    "a patch that is no array": (400, "PATCH", "/fhir/Patient/known", "{}", {"content-type": JSON_PATCH}),
    "a patch beside its array": (
        400,
        "PATCH",
        "/fhir/Patient/known",
        '[],"x":1',
        {"content-type": JSON_PATCH},
    ),
    "unknown type": (404, "POST", "/fhir/Starship", WHOLE, {}),
    "a type of FHIR's that is not held": (404, "GET", "/fhir/Medication/1", None, {}),
    "unknown id": (404, "GET", "/fhir/Patient/nobody", None, {}),
    "an id that no resource has": (404, "GET", "/fhir/Patient/a_b", None, {}),
    "an id with a NUL": (404, "GET", "/fhir/Patient/a%00b", None, {}),
    "an unknown version": (404, "GET", "/fhir/Patient/known/_history/9", None, {}),
    "a version that is no number": (404, "GET", "/fhir/Patient/known/_history/x", None, {}),
    "an unknown operation": (404, "POST", "/fhir/Patient/$fly", WHOLE, {}),
    "a path too far": (404, "GET", "/fhir/Patient/known/Goal/1", None, {}),
    "no page": (404, "GET", "/fhirPatient/known", None, {}),
    "nothing": (404, "GET", "/nothing", None, {}),
    "POST to an instance": (405, "POST", "/fhir/Patient/known", WHOLE, {}),
    "DELETE of everything": (405, "DELETE", "/fhir", None, {}),
    "a method of nobody": (405, "BREW", "/fhir/Patient", None, {}),
    "a type that is read only": (405, "POST", "/fhir/AuditEvent", '{"resourceType":"AuditEvent"}', {}),
    "POST to health": (405, "POST", "/health/live", "{}", {}),
    "XML wanted": (406, "GET", "/fhir/Patient/known", None, {"accept": "application/fhir+xml"}),
    "XML wanted of a create": (406, "POST", "/fhir/Patient", WHOLE, {"accept": "application/fhir+xml"}),
    "XML wanted by parameter": (406, "POST", "/fhir/Patient?_format=xml", WHOLE, {}),
    "a stale version": (
        412,
        "PUT",
        "/fhir/Patient/known",
        json.dumps(patient(id="known")),
        {"if-match": 'W/"7"'},
    ),
    "several match": (412, "POST", "/fhir/Patient", WHOLE, {"if-none-exist": "_lastUpdated=gt2000"}),
    "too large": (413, "POST", "/fhir/Patient", WHOLE + " " * BODY_BYTES, {}),
    "too large once unpacked": (
        413,
        "POST",
        "/fhir/Patient",
        gzip.compress((WHOLE + " " * BODY_BYTES).encode()),
        {"content-encoding": "gzip"},
    ),
    "too many entries": (413, "POST", "/fhir", transaction(*[post(patient())] * 51), {}),
    "XML": (415, "POST", "/fhir/Patient", "<Patient/>", {"content-type": "application/fhir+xml"}),
    "a form": (415, "POST", "/fhir/Patient", "gender=male", {"content-type": FORM}),
    "a patch to create": (415, "POST", "/fhir/Patient", "[]", {"content-type": JSON_PATCH}),
    "no Content-Type": (415, "POST", "/fhir/Patient", WHOLE, {"content-type": ""}),
    "another charset": (415, "POST", "/fhir/Patient", WHOLE, {"content-type": f"{FHIR}; charset=utf-16"}),
    "another FHIR": (415, "POST", "/fhir/Patient", WHOLE, {"content-type": f"{FHIR}; fhirVersion=5.0"}),
    "another packing": (415, "POST", "/fhir/Patient", WHOLE, {"content-encoding": "br"}),
    "JSON to search by": (415, "POST", "/fhir/Patient/_search", "{}", {}),
    "merge patch": (
        415,
        "PATCH",
        "/fhir/Patient/known",
        "{}",
        {"content-type": "application/merge-patch+json"},
    ),
    "wrong types": (422, "POST", "/fhir/Patient", '{"resourceType":"Patient","active":"yes","name":"x"}', {}),
    "an unknown element": (422, "POST", "/fhir/Patient", '{"resourceType":"Patient","colour":"red"}', {}),
    "a code that is none": (422, "POST", "/fhir/Patient", '{"resourceType":"Patient","gender":"purple"}', {}),
}


async def test_each_gets_its_status_and_leaves_no_trace(client, subtests):
    await client.put("/fhir/Patient/known", json=patient(id="known"))
    await client.put("/fhir/Patient/other", json=patient(id="other"))
    before = (await client.get("/fhir/_history")).json()["entry"]
    for case, (status, method, path, body, headers) in REFUSALS.items():
        with subtests.test(case):
            sent = {"content-type": FHIR, **headers} if body is not None else headers
            given = {name: value for name, value in sent.items() if value}
            response = await client.request(method, path, content=body, headers=given)
            issue = refused(response, status)
            assert issue["severity"] in {"error", "fatal"}
            assert (await client.get("/fhir/_history")).json()["entry"] == before


async def test_a_broken_reference_refuses_the_whole_transaction(client):
    body = transaction(post(patient(), "urn:uuid:11111111-1111-4111-8111-111111111111"), post(GOAL))
    response = await client.post("/fhir", content=body, headers={"content-type": FHIR})
    assert response.status_code in {400, 404, 409, 412, 422}
    refused(response, response.status_code)
    assert "entry" not in (await client.get("/fhir/_history")).json()


async def test_all_faults_are_told_at_once_each_with_its_place(client):
    body = {"resourceType": "Patient", "gender": "purple", "birthDate": "soon", "colour": "red"}
    response = await client.post("/fhir/Patient", json=body)
    refused(response, 422)
    places = {place for issue in response.json()["issue"] for place in issue.get("expression", [])}
    assert {"Patient.gender", "Patient.birthDate", "Patient.colour"} <= places


async def test_405_says_what_is_allowed(client):
    for path in ("/fhir/Patient/known", "/fhir/Patient", "/fhir/metadata", "/fhir", "/health/live"):
        response = await client.request("BREW", path)
        refused(response, 405)
        allowed = [method.strip() for method in response.headers["allow"].split(",")]
        assert allowed
        for method in allowed:
            assert (await client.request(method, path)).status_code != 405


async def test_a_refused_patch_says_which_patches_are_read(client):
    response = await client.patch("/fhir/Patient/known", content="x", headers={"content-type": "text/plain"})
    refused(response, 415)
    assert response.headers["accept-patch"] == "application/json-patch+json, application/fhir+json"
    elsewhere = await client.post("/fhir/Patient", content="x", headers={"content-type": "text/plain"})
    assert "accept-patch" not in elsewhere.headers


async def test_a_prefix_of_a_type_is_another_type(client):
    """Litestar's mounts match by prefix: a mount at /fhir/Measure would get MeasureReport's requests."""
    report = await client.post("/fhir/MeasureReport", json={"resourceType": "MeasureReport"})
    assert "MeasureReport.status" in json.dumps(report.json())
    refused(await client.get("/fhir/Patients"), 404, "type-not-served")
    refused(await client.get("/fhir/Questionnaire/Response"), 404, "resource-missing")


async def test_a_bad_host_header_is_refused_in_the_same_words(client):
    refused(await client.get("/fhir/metadata", headers={"host": "a b/c"}), 400)
