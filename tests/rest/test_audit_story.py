"""The story of the audit: each search parameter of AuditEvent that is announced, asked of a real server.

Against a server of two workers, on both databases. Who sees what of the audit, and its pages, are in
`tests/interactions/test_audit_events.py`.

Source: docs/audit.md, https://hl7.org/fhir/R4/auditevent.html#search
"""

from __future__ import annotations

import pytest

from tests.rest.searching import shown
from tests.rest.serving import eventually

pytestmark = pytest.mark.slow

ACTS = {
    # An act by its request id: method, path and body of what was asked.
    "reads-kite": ("GET", "Patient/kite", None),
    "seeks-goals-of-moss": ("GET", "Goal?patient=moss", None),
    "finds-no-goal": ("GET", "Goal/none-such", None),
    "puts-a-place": ("PUT", "Location/audited", {"resourceType": "Location", "id": "audited"}),
    "takes-the-place-away": ("DELETE", "Location/audited", None),
}
EVERY = set(ACTS)
WRITES = {"puts-a-place", "takes-the-place-away"}
REST = "http://terminology.hl7.org/CodeSystem/audit-event-type|rest"
SIGN_IN = "http://dicom.nema.org/resources/ontology/DCM|110114"
INTERACTIONS = "http://hl7.org/fhir/restful-interaction"

ASKED = [
    # By which name and value, and which of the acts are found; in braces the id or time of one of them.
    ("_id", "{id}", {"reads-kite"}),
    ("_id", "0" * 32, set()),
    ("_lastUpdated", "{recorded}", {"reads-kite"}),
    ("_lastUpdated", "lt{recorded}", set()),
    ("action", "R", {"reads-kite", "finds-no-goal"}),
    ("action", "C,D", WRITES),
    ("action", "U", set()),
    ("agent", "Organization/sandbox", EVERY),
    ("agent", "Organization/elsewhere", set()),
    ("agent", "Practitioner/nobody", set()),
    ("altid", "sandbox", EVERY),
    ("altid", "another-client", set()),
    ("date", "ge{recorded}", EVERY),
    ("date", "gt{recorded}", EVERY - {"reads-kite"}),
    ("date", "1999", set()),
    ("entity", "Patient/moss", {"seeks-goals-of-moss"}),
    ("entity", "Location/audited", WRITES),
    ("entity", "Goal/none-such,Patient/kite", {"finds-no-goal", "reads-kite"}),
    ("outcome", "0", EVERY - {"finds-no-goal"}),
    ("outcome", "4", {"finds-no-goal"}),
    ("outcome", "8", set()),
    ("patient", "Patient/kite", {"reads-kite"}),
    ("patient", "moss,kite", {"reads-kite", "seeks-goals-of-moss"}),
    ("patient", "nobody", set()),
    ("subtype", f"{INTERACTIONS}|search-type", {"seeks-goals-of-moss"}),
    ("subtype", "create,delete", WRITES),
    ("subtype", "urn:ihe:event-type-code|ITI-71", set()),
    ("type", REST, EVERY),
    ("type", SIGN_IN, set()),
]


def of_acts(clinic, *pairs) -> dict[str, dict]:
    """The events of the acts that the search finds, by request id."""
    found = clinic.bundle("AuditEvent", ("_count", "500"), *pairs)
    assert not any(link["relation"] == "next" for link in found["link"])
    events = [entry["resource"] for entry in found.get("entry", [])]
    assert shown(found) == [event["id"] for event in events]
    by_request = {
        entity["what"]["identifier"]["value"]: event
        for event in events
        for entity in event["entity"]
        if entity.get("type", {}).get("code") == "XrequestId"
    }
    return {request: event for request, event in by_request.items() if request in ACTS}


@pytest.fixture(scope="module")
def events(clinic) -> dict[str, dict]:
    """The acts, done one after another; and their events once they are all written down."""
    for request, (method, path, body) in ACTS.items():
        headers = {"X-Request-Id": request}
        answer = clinic.http.request(method, path, json=body, headers=headers)
        assert answer.headers["X-Request-Id"] == request
        eventually(lambda request=request: request in of_acts(clinic), f"no event of {request}")
    return of_acts(clinic)


@pytest.mark.parametrize(
    ("name", "value", "expected"), ASKED, ids=[f"{name}={value}" for name, value, _ in ASKED]
)
def test_a_parameter_finds_the_acts_that_it_means(clinic, events, name, value, expected):
    first = events["reads-kite"]
    meant = value.format(id=first["id"], recorded=first["recorded"])
    assert set(of_acts(clinic, (name, meant))) == expected


def test_each_parameter_that_is_announced_is_asked_and_no_other(clinic):
    (announced,) = (
        [parameter["name"] for parameter in one["searchParam"]]
        for one in clinic.bundle("metadata")["rest"][0]["resource"]
        if one["type"] == "AuditEvent"
    )
    assert sorted(announced) == sorted({name for name, _, _ in ASKED})


def test_each_parameter_is_asked_for_something_and_for_nothing():
    """So that one that is taken in and not heeded shows."""
    for name in {name for name, _, _ in ASKED}:
        found = [expected for asked, _, expected in ASKED if asked == name]
        assert any(found), name
        assert any(one < EVERY for one in found), name
