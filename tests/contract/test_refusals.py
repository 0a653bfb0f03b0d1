"""Whatever a client gets wrong has its own status and an OperationOutcome; nothing is stored, nothing breaks.

Against a real server in processes of its own, on both databases.
"""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from service.storage.open import migrate
from tests.rest.serving import serving

FHIR = {"Content-Type": "application/fhir+json"}
PATIENT = {"resourceType": "Patient", "id": "here", "active": True}
LARGEST = 20_000  # bytes, set for this server


def bundle(*entries):
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": list(entries)})


def posted(resource):
    return {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


NEW = {"resourceType": "Patient", "active": True}
BROKEN = {
    "resourceType": "Goal",
    "lifecycleStatus": "active",
    "description": {"text": "to have a friend"},
    "subject": {"reference": "urn:uuid:00000000-0000-4000-8000-000000000001"},
}

# what is wrong: method, path, headers, body, status, slug
REFUSALS = {
    "malformed JSON": ("POST", "Patient", FHIR, '{"resourceType": "Patient",', 400, "json-malformed"),
    "not UTF-8": ("POST", "Patient", FHIR, b'{"resourceType": "\xff"}', 400, "json-not-utf8"),
    "a duplicate key": ("POST", "Patient", FHIR, '{"resourceType": "Patient", "active": true, "active": false}', 400, "json-duplicate-key"),
    "not a number": ("POST", "Patient", FHIR, '{"resourceType": "Patient", "multipleBirthInteger": NaN}', 400, "json-number-not-finite"),
    "nested too deep": ("POST", "Patient", FHIR, '{"resourceType":"Patient","extension":' + "[" * 200 + "]" * 200 + "}", 400, "json-too-deep"),
    "no body": ("POST", "Patient", FHIR, "", 400, "body-missing"),
    "another type than the URL's": ("POST", "Goal", FHIR, json.dumps(NEW), 400, "type-mismatch"),
    "another id than the URL's": ("PUT", "Patient/there", FHIR, json.dumps(PATIENT), 400, "id-mismatch"),
    "an id that is none": ("PUT", "Patient/a_b", FHIR, json.dumps(PATIENT | {"id": "a_b"}), 400, "id-malformed"),
    "an unknown search parameter": ("GET", "Patient?colour=red", {}, None, 400, "search-parameter-unknown"),
    "a page link that was changed": ("GET", "Patient?_page=AAAA", {}, None, 400, "page-link-invalid"),
    "an entity tag that is none": ("PUT", "Patient/here", FHIR | {"If-Match": "3"}, json.dumps(PATIENT), 400, "etag-malformed"),
    "a broken reference in a transaction": ("POST", "", FHIR, bundle(posted(NEW), posted(BROKEN)), 400, "reference-broken"),
    "one resource twice in a transaction": (
        "POST", "", FHIR,
        bundle(*[{"resource": PATIENT, "request": {"method": "PUT", "url": "Patient/here"}}] * 2), 400, "transaction-overlap",
    ),
    "an unknown type": ("POST", "Spaceship", FHIR, json.dumps(NEW), 404, "type-not-served"),
    "an id never used": ("GET", "Patient/never", {}, None, 404, "resource-missing"),
    "a version never there": ("GET", "Patient/here/_history/9", {}, None, 404, "version-missing"),
    "a wrong method": ("POST", "Patient/here", FHIR, json.dumps(PATIENT), 405, "interaction-not-offered"),
    "an interaction not offered": ("POST", "StructureDefinition", FHIR, "{}", 405, "interaction-not-offered"),
    "a format that is not offered": ("GET", "Patient/here", {"Accept": "application/fhir+xml"}, None, 406, "format-not-offered"),
    "an id in use under other criteria": ("PUT", "Patient?identifier=urn:x|1", FHIR, json.dumps(PATIENT), 409, "id-taken"),
    "a deleted resource": ("GET", "Patient/gone", {}, None, 410, "resource-deleted"),
    "a stale version": ("PUT", "Patient/here", FHIR | {"If-Match": 'W/"7"'}, json.dumps(PATIENT), 412, "version-mismatch"),
    "criteria that several fulfil": ("POST", "Patient", FHIR | {"If-None-Exist": "active=true"}, json.dumps(NEW), 412, "criteria-ambiguous"),
    "a body too large": ("POST", "Patient", FHIR, json.dumps(NEW | {"language": "x" * LARGEST}), 413, "body-too-large"),
    "a body too large once unpacked": (
        "POST", "Patient", FHIR | {"Content-Encoding": "gzip"},
        gzip.compress(json.dumps(NEW | {"language": "x" * LARGEST}).encode()), 413, "body-too-large",
    ),
    "XML": ("POST", "Patient", {"Content-Type": "application/fhir+xml"}, "<Patient/>", 415, "content-type-not-read"),
    "no media type": ("POST", "Patient", {}, json.dumps(NEW), 415, "content-type-missing"),
    "a wrong type of value": ("POST", "Patient", FHIR, json.dumps(NEW | {"active": "yes"}), 422, "value-kind"),
    "an unknown element": ("POST", "Patient", FHIR, json.dumps(NEW | {"colour": "red"}), 422, "element-unknown"),
    "a character that no text holds": ("POST", "Patient", FHIR, json.dumps(NEW | {"language": "a\x00"}), 422, "value-malformed"),
    "a wrong code in a transaction": ("POST", "", FHIR, bundle(posted(NEW), posted(NEW | {"gender": "purple"})), 422, "code-not-in-value-set"),
    "a patch that tests in vain": (
        "PATCH", "Patient/here", {"Content-Type": "application/json-patch+json"},
        '[{"op": "test", "path": "/active", "value": false}, {"op": "remove", "path": "/active"}]', 422, "patch-test-failed",
    ),
}  # fmt: skip


@pytest.mark.slow
def test_every_refusal(tmp_path, database_url, subtests):
    migrate(database_url)
    with (
        serving(tmp_path, database_url, "--sandbox", "--workers", "1", BODY_BYTES=str(LARGEST)) as server,
        httpx.Client(base_url=f"{server.url}/fhir/", timeout=30) as client,
    ):
        assert client.put("Patient/here", json=PATIENT, headers=FHIR).status_code == 201
        assert client.put("Patient/gone", json=PATIENT | {"id": "gone"}, headers=FHIR).status_code == 201
        assert client.delete("Patient/gone").status_code == 204
        before = client.get("_history?_count=1").json()["entry"]
        for wrong, (method, path, headers, body, status, slug) in REFUSALS.items():
            with subtests.test(wrong):
                url = path or str(client.base_url).rstrip("/")
                answer = client.request(method, url, headers=headers, content=body)
                assert answer.status_code == status, answer.text
                outcome = answer.json()
                assert outcome["resourceType"] == "OperationOutcome"
                assert slug in [issue["details"]["coding"][0]["code"] for issue in outcome["issue"]], (
                    answer.text
                )
        assert client.get("_history?_count=1").json()["entry"] == before, "something was stored"
