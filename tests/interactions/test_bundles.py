from __future__ import annotations

import pytest

from service.fhir import codec
from service.fhir.problems import Issue, Missing
from service.interactions.bundles import (
    Link,
    answer_entry,
    bundle,
    include_entry,
    listed_entry,
    match_entry,
    outcome_entry,
    refusal_entry,
    status_line,
    version_entry,
)
from service.interactions.context import Answer
from service.storage.store import Stored

BASE = "http://x/fhir"
BODY = b'{"resourceType":"Patient","id":"p1"}'
STORED = Stored("Patient", "p1", 2, 1_700_000_000_123, "PUT", BODY, 1)
DELETED = Stored("Patient", "p1", 3, 1_700_000_000_123, "DELETE", b"", 1)
STATE = {"etag": 'W/"2"', "lastModified": "2023-11-14T22:13:20.123Z"}
WARNING = Issue("warning", "informational", "odd", "Odd.")


@pytest.mark.parametrize(
    ("entries", "options", "made"),
    [
        ([], {}, {}),
        ([], {"total": 0}, {"total": 0}),
        ([b'{"a":1}', b'{"b":2}'], {}, {"entry": [{"a": 1}, {"b": 2}]}),
        (
            [b"{}"],
            {"total": 7, "links": [Link("self", 'http://x/?"')]},
            {"total": 7, "link": [{"relation": "self", "url": 'http://x/?"'}], "entry": [{}]},
        ),
    ],
)
def test_bundles(entries, options, made):
    document = bundle("searchset", entries, **options)
    assert codec.decode(document) == {"resourceType": "Bundle", "type": "searchset", **made}


def test_bodies_are_joined_as_they_are():
    assert BODY in match_entry(BASE, STORED)
    assert codec.decode(match_entry(BASE, STORED)) == {
        "fullUrl": "http://x/fhir/Patient/p1",
        "resource": {"resourceType": "Patient", "id": "p1"},
        "search": {"mode": "match"},
    }
    beside = codec.decode(include_entry(BASE, STORED))
    assert beside == {**codec.decode(match_entry(BASE, STORED)), "search": {"mode": "include"}}
    assert codec.decode(outcome_entry([WARNING]))["search"] == {"mode": "outcome"}


@pytest.mark.parametrize(
    ("method", "version", "request_url", "status"),
    [
        ("POST", 1, "Patient", "201 Created"),
        ("PUT", 1, "Patient/p1", "201 Created"),
        ("PUT", 2, "Patient/p1", "200 OK"),
        ("PATCH", 2, "Patient/p1", "200 OK"),
        ("DELETE", 2, "Patient/p1", "204 No Content"),
    ],
)
def test_versions(method, version, request_url, status):
    body = b"" if method == "DELETE" else BODY
    made = codec.decode(version_entry(BASE, Stored("Patient", "p1", version, 0, method, body, 1)))
    assert made["request"] == {"method": method, "url": request_url}
    assert made["response"]["status"] == status
    assert made["response"]["etag"] == f'W/"{version}"'
    assert ("resource" in made) is (method != "DELETE")


@pytest.mark.parametrize(
    ("answer", "representation", "made"),
    [
        (
            Answer(201, STORED, "Patient/p1/_history/2"),
            False,
            {"response": {"status": "201 Created", "location": "Patient/p1/_history/2", **STATE}},
        ),
        (
            Answer(200, STORED),
            True,
            {
                "fullUrl": "http://x/fhir/Patient/p1",
                "resource": {"resourceType": "Patient", "id": "p1"},
                "response": {"status": "200 OK", **STATE},
            },
        ),
        (Answer(304, STORED), True, {"response": {"status": "304 Not Modified", **STATE}}),
        (
            Answer(204, DELETED),
            True,
            {"response": {"status": "204 No Content", **STATE, "etag": 'W/"3"'}},
        ),
        (Answer(204), True, {"response": {"status": "204 No Content"}}),
        (Answer(200, document=b'{"a":1}'), False, {"resource": {"a": 1}, "response": {"status": "200 OK"}}),
    ],
)
def test_answers(answer, representation, made):
    assert codec.decode(answer_entry(BASE, answer, representation=representation)) == made


def test_warnings_and_refusals_have_an_outcome():
    warned = codec.decode(answer_entry(BASE, Answer(200, STORED, issues=(WARNING,)), representation=False))
    assert warned["response"]["outcome"]["issue"][0]["severity"] == "warning"
    refused = codec.decode(refusal_entry(Missing("resource-missing", "Not here.")))
    assert refused["response"]["status"] == "404 Not Found"
    assert refused["response"]["outcome"]["issue"][0]["code"] == "not-found"


@pytest.mark.parametrize("status", [200, 201, 204, 304, 400, 404, 405, 409, 410, 412, 413, 422, 503])
def test_every_status_has_a_phrase(status):
    assert status_line(status).startswith(b"%d " % status)


def test_an_entry_of_a_list_says_why_it_is_there():
    why = [{"url": "http://x/why", "valueString": "because"}]
    entry = codec.decode(listed_entry(BASE, STORED, why))
    assert entry["fullUrl"] == "http://x/fhir/Patient/p1"
    assert entry["resource"] == codec.decode(BODY)
    assert entry["search"] == {"extension": why, "mode": "match"}
