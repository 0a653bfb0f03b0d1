"""The story: a young person's record is posted, read, corrected, found, deleted, and its history tells it all.

Against a real server in processes of its own, on both databases.
"""

from __future__ import annotations

import httpx
import pytest

from service.storage.open import migrate
from tests.rest.serving import serving

SCT = "http://snomed.info/sct"
GOAL_SLOTS = ("1638531000000102", "1638541000000106", "1638551000000109")
PATIENT, ENCOUNTER, RESPONSE, PLAN = (f"urn:uuid:00000000-0000-4000-8000-00000000000{n}" for n in range(4))
GOALS = tuple(f"urn:uuid:00000000-0000-4000-8000-00000000001{n}" for n in range(3))
SURVEY = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]
}


def entry(resource, full_url=None):
    posted = {"resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}
    return posted | ({"fullUrl": full_url} if full_url else {})


def goal(number: int):
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": f"Goal {number} in the young person's own words"},
        "subject": {"reference": PATIENT},
        "expressedBy": {"reference": PATIENT},
        "startDate": "2026-03-02",
    }


def score(slot: int, when: str, value):
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [SURVEY],
        "code": {"coding": [{"system": SCT, "code": GOAL_SLOTS[slot]}]},
        "subject": {"reference": PATIENT},
        "focus": [{"reference": GOALS[slot]}],
        "encounter": {"reference": ENCOUNTER},
        "effectiveDateTime": when,
        "performer": [{"reference": PATIENT}],
        "valueQuantity": {"value": value, "system": "http://unitsofmeasure.org", "code": "{ScoreOf}"},
    }


def record():
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9990000018"}],
        "name": [{"text": "Invented Person"}],
        "birthDate": "2012-05-01",
    }
    encounter = {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": PATIENT},
    }
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "https://thrive-fhir.example/Questionnaire/collaborate",
        "status": "completed",
        "subject": {"reference": PATIENT},
        "encounter": {"reference": ENCOUNTER},
        "authored": "2026-03-02T17:00:00Z",
        "item": [{"linkId": f"item-{n}", "answer": [{"valueInteger": 9}]} for n in (1, 2, 3)],
    }
    plan = {
        "resourceType": "CarePlan",
        "status": "active",
        "intent": "plan",
        "subject": {"reference": PATIENT},
        "goal": [{"reference": full_url} for full_url in GOALS],
    }
    first = [score(slot, "2026-03-02T16:00:00Z", slot) for slot in range(3)]  # 0 is a score
    later = [score(slot, "2026-03-16T16:00:00Z", slot + 3) for slot in range(3)]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry(plan, PLAN),  # refers forward to everything below
            *(entry(one) for one in first + later),
            entry(response, RESPONSE),
            entry(encounter, ENCOUNTER),
            *(entry(goal(number), full_url) for number, full_url in enumerate(GOALS, 1)),
            entry(patient, PATIENT),
        ],
    }


@pytest.fixture
def client(tmp_path, database_url):
    migrate(database_url)
    with (
        serving(tmp_path, database_url, "--sandbox") as server,
        httpx.Client(base_url=f"{server.url}/fhir/", timeout=30) as http,
    ):
        yield http


@pytest.mark.slow
def test_the_story(client: httpx.Client):
    posted = client.post(str(client.base_url).rstrip("/"), json=record())
    assert posted.status_code == 200
    responses = [one["response"] for one in posted.json()["entry"]]
    assert {one["status"] for one in responses} == {"201 Created"}
    locations = [one["location"].split("/_history/")[0] for one in responses]
    assert [location.split("/")[0] for location in locations] == [
        "CarePlan", *["Observation"] * 6, "QuestionnaireResponse", "Encounter", *["Goal"] * 3, "Patient",
    ]  # fmt: skip
    plan_url, patient_url, goal_urls, first_score = (
        locations[0],
        locations[-1],
        locations[-4:-1],
        locations[1],
    )

    # Everything is read back, and refers to what the server named.
    for location in locations:
        assert client.get(location).status_code == 200
    plan = client.get(plan_url).json()
    assert plan["subject"]["reference"] == patient_url
    assert [one["reference"] for one in plan["goal"]] == goal_urls
    zero = client.get(first_score)
    assert zero.json()["valueQuantity"]["value"] == 0
    assert zero.json()["focus"] == [{"reference": goal_urls[0]}]

    # A stale ETag is refused, the right one goes through.
    corrected = zero.json() | {"status": "corrected"}
    corrected["valueQuantity"]["value"] = 1
    assert client.put(first_score, json=corrected, headers={"If-Match": 'W/"2"'}).status_code == 412
    assert client.get(first_score).json()["valueQuantity"]["value"] == 0
    updated = client.put(first_score, json=corrected, headers={"If-Match": zero.headers["ETag"]})
    assert (updated.status_code, updated.headers["ETag"]) == (200, 'W/"2"')

    # Found by patient, by every page.
    found, url = [], f"Observation?patient={patient_url}&_count=4"
    while url:
        page = client.get(url).json()
        found += [one["resource"]["id"] for one in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert sorted(found) == sorted(location.split("/")[1] for location in locations[1:7])
    by_number = client.get(
        "Patient", params={"identifier": "https://fhir.nhs.uk/Id/nhs-number|9990000018"}
    ).json()
    assert [f"Patient/{one['resource']['id']}" for one in by_number["entry"]] == [patient_url]

    # Deleted is gone, not unknown.
    assert client.delete(first_score).status_code == 204
    gone = client.get(first_score)
    assert gone.status_code == 410
    assert gone.json()["resourceType"] == "OperationOutcome"
    assert client.get("Observation/never-there").status_code == 404
    left = client.get(f"Observation?patient={patient_url}&_count=20").json()
    assert len(left["entry"]) == 5

    # Its history tells it all.
    history = client.get(f"{first_score}/_history").json()
    told = [(one["request"]["method"], one["response"]["status"][:3]) for one in history["entry"]]
    assert told == [("DELETE", "204"), ("PUT", "200"), ("POST", "201")]
    assert [one["resource"]["valueQuantity"]["value"] for one in history["entry"][1:]] == [1, 0]
    assert client.get(f"{first_score}/_history/1").json() == zero.json()
