"""$validate as a client asks for it: what it says, and that it stores nothing.

Source: https://hl7.org/fhir/R4/resource-operation-validate.html
"""

from __future__ import annotations

import copy

import pytest

from service.fhir import artefacts, codec
from service.storage.store import HistoryQuery
from tests.conftest import store
from tests.rest.asking import patient, refused
from tests.rest.conftest import client, context, log, make_app, validator

__all__ = ["client", "context", "log", "make_app", "store", "validator"]

OURS = "https://thrive-fhir.example/StructureDefinition"
SOUND = patient()
UNSOUND = patient(gender="purple", birthDate="tomorrow")
UNSOUND_SLUGS = {"code-not-in-value-set", "value-malformed"}


@pytest.fixture(scope="module")
def score():
    path = artefacts.shipped() / "examples" / "valid" / "example-gbo-score.json"
    return codec.decode(path.read_bytes())


def parameters(resource=None, **codes):
    given = [
        {"name": name, "valueCode" if name == "mode" else "valueUri": value} for name, value in codes.items()
    ]
    if resource is not None:
        given.append({"name": "resource", "resource": resource})
    return {"resourceType": "Parameters", "parameter": given}


async def asked(client, path, body=None, **query):
    """The issues of the outcome, which always comes with 200."""
    response = await client.post(f"/fhir/{path}", json=body, params=query)
    assert response.status_code == 200, response.text
    outcome = response.json()
    assert outcome["resourceType"] == "OperationOutcome"
    return outcome["issue"]


def slugs(issues):
    return {issue["details"]["coding"][0]["code"] for issue in issues}


async def put(client, **elements):
    response = await client.put("/fhir/Patient/p1", json=patient(id="p1", **elements))
    assert response.status_code in {200, 201}


@pytest.mark.parametrize("path", ["Patient/$validate", "Patient/p1/$validate", "$validate"])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_all_is_well_is_one_piece_of_information(client, path, wrapped):
    [issue] = await asked(client, path, parameters(SOUND) if wrapped else SOUND)
    assert (issue["severity"], issue["code"]) == ("information", "informational")


@pytest.mark.parametrize("path", ["Patient/$validate", "Patient/p1/$validate", "$validate"])
@pytest.mark.parametrize("wrapped", [False, True])
async def test_every_fault_comes_at_its_place(client, path, wrapped):
    issues = await asked(client, path, parameters(UNSOUND) if wrapped else UNSOUND)
    assert slugs(issues) == UNSOUND_SLUGS
    assert {issue["expression"][0] for issue in issues} == {"Patient.gender", "Patient.birthDate"}
    assert {issue["severity"] for issue in issues} == {"error"}


async def test_it_says_what_a_write_says(client):
    posted = await client.post("/fhir/Patient", json=UNSOUND)
    assert posted.status_code == 422
    assert posted.json()["issue"] == await asked(client, "Patient/$validate", UNSOUND, mode="create")


async def test_nothing_is_stored(client, context):
    for mode in ("create", "update"):
        await asked(client, "Patient/p9/$validate", patient(id="p9"), mode=mode)
        await asked(client, "$validate", bundle(entry(SOUND)), mode="create")
    assert (await context.store.history("default", HistoryQuery(None, None, 1))).items == ()


async def test_a_resource_of_another_type_is_what_is_wrong_with_it(client):
    assert slugs(await asked(client, "Goal/$validate", SOUND)) == {"type-mismatch"}


async def test_types_that_are_not_served_can_be_looked_at_but_not_created(client):
    condition = {"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}
    assert slugs(await asked(client, "$validate", condition)) <= {"ok"}
    assert slugs(await asked(client, "$validate", condition, mode="create")) == {"type-not-served"}
    definition = {"resourceType": "CodeSystem", "status": "draft", "content": "complete"}
    assert slugs(await asked(client, "CodeSystem/$validate", definition, mode="create")) == {
        "interaction-not-offered"
    }


# Modes


async def test_create_takes_any_id_since_the_server_makes_its_own(client):
    assert slugs(await asked(client, "Patient/$validate", patient(id="not_an_id"), mode="create")) == {"ok"}
    assert slugs(await asked(client, "Patient/$validate", patient(id="not_an_id"))) == {"value-malformed"}


@pytest.mark.parametrize(
    ("path", "resource", "expected"),
    [
        ("Patient/p1/$validate", patient(id="p1"), {"ok"}),
        ("Patient/$validate", patient(id="p1"), {"ok"}),
        ("Patient/new/$validate", patient(id="new"), {"ok"}),
        ("Patient/p1/$validate", patient(id="p2"), {"id-mismatch"}),
        ("Patient/p1/$validate", patient(), {"id-absent"}),
        ("Patient/p1/$validate", patient(id="p1", gender="purple"), {"code-not-in-value-set"}),
        ("Patient/$validate", patient(id="a" * 65), {"value-malformed"}),
    ],
)
async def test_update_is_about_one_resource(client, path, resource, expected):
    await put(client)
    assert slugs(await asked(client, path, parameters(resource, mode="update"))) == expected


async def test_delete_asks_whether_the_resource_can_go(client):
    await put(client)
    assert slugs(await asked(client, "Patient/p1/$validate", mode="delete")) == {"ok"}
    assert slugs(await asked(client, "Patient/p1/$validate", parameters(SOUND, mode="delete"))) == {"ok"}
    assert (await client.get("/fhir/Patient/p1")).status_code == 200


async def test_what_is_published_cannot_be_deleted(client, context):
    from service.interactions.publishing import publish

    await publish(context)
    path = "CodeSystem/needs-based-grouping/$validate"
    assert slugs(await asked(client, path, mode="delete")) == {"interaction-not-offered"}


async def test_a_stored_resource_is_held_to_a_profile(client):
    await put(client)
    query = {"profile": "http://hl7.org/fhir/StructureDefinition/Patient"}
    assert slugs(await asked(client, "Patient/p1/$validate", mode="profile", **query)) == {"ok"}
    by_get = await client.get("/fhir/Patient/p1/$validate", params=query)
    assert slugs(by_get.json()["issue"]) == {"ok"}
    goal = {"profile": f"{OURS}/thrive-goal"}
    found = await client.get("/fhir/Patient/p1/$validate", params=goal)
    assert found.status_code == 200
    assert slugs(found.json()["issue"]) == {"profile-type-mismatch"}


async def test_a_stored_resource_is_looked_at_where_none_is_sent(client):
    await put(client)
    assert slugs((await client.get("/fhir/Patient/p1/$validate")).json()["issue"]) == {"ok"}


@pytest.mark.parametrize(
    ("path", "body", "query", "status", "slug"),
    [
        ("Patient/$validate", SOUND, {"mode": "guess"}, 400, "operation-mode-unknown"),
        ("Patient/$validate", SOUND, {"mode": "update"}, 400, "operation-mode-place"),
        ("Patient/$validate", None, {"mode": "delete"}, 400, "operation-mode-place"),
        ("Patient/$validate", None, {"mode": "profile", "profile": "urn:x"}, 400, "operation-mode-place"),
        ("Patient/p1/$validate", SOUND, {"mode": "profile", "profile": "urn:x"}, 400, "operation-mode-place"),
        ("Patient/p1/$validate", None, {"mode": "profile"}, 400, "operation-parameter-missing"),
        ("Patient/$validate", None, {}, 400, "operation-parameter-missing"),
        ("$validate", None, {}, 400, "operation-parameter-missing"),
        ("Patient/$validate", SOUND, {"profile": "https://nowhere.example/p"}, 404, "profile-unknown"),
        ("Patient/$validate", SOUND, {"profil": "x"}, 400, "operation-parameter-unknown"),
        ("Patient/none/$validate", None, {}, 404, "resource-missing"),
        ("Patient/none/$validate", None, {"mode": "delete"}, 404, "resource-missing"),
        ("Patient/gone/$validate", None, {"mode": "delete"}, 410, "resource-deleted"),
        ("Patient/not_an_id/$validate", SOUND, {}, 404, "resource-missing"),
        ("Patient/$validate", {"no": "type"}, {}, 400, "operation-body"),
    ],
)
async def test_what_cannot_be_asked(client, path, body, query, status, slug):
    await client.put("/fhir/Patient/gone", json=patient(id="gone"))
    await client.delete("/fhir/Patient/gone")
    refused(await client.post(f"/fhir/{path}", json=body, params=query), status, slug)


async def test_a_body_that_cannot_be_read_is_no_finding(client):
    headers = {"content-type": "application/fhir+json"}
    refused(
        await client.post("/fhir/Patient/$validate", content=b"{", headers=headers), 400, "json-malformed"
    )
    refused(
        await client.post(
            "/fhir/Patient/$validate", content=b"<Patient/>", headers={"content-type": "text/xml"}
        ),
        415,
        "content-type-not-read",
    )


# Profiles


async def test_a_resource_is_held_to_the_profile_asked(client, score):
    bare = {key: value for key, value in score.items() if key != "meta"}
    asks = {"profile": f"{OURS}/gbo-score"}
    assert not any(
        issue["severity"] == "error" for issue in await asked(client, "Observation/$validate", bare, **asks)
    )
    broken = copy.deepcopy(bare)
    del broken["focus"]
    assert slugs(await asked(client, "Observation/$validate", parameters(broken, **asks))) == {
        "profile-element-missing"
    }
    versioned = {"profile": f"{OURS}/gbo-score|0.1.0"}
    assert slugs(await asked(client, "Observation/$validate", broken, **versioned)) == {
        "profile-element-missing"
    }


async def test_rules_that_need_the_store_are_asked_where_something_is_to_be_stored(client, score):
    """A score whose goal is of somebody else: sound in itself, and refused by a write."""
    path = artefacts.shipped() / "examples" / "valid" / "example-gbo-goal.json"
    goal = codec.decode(path.read_bytes().replace(b"example-young-person", b"somebody-else"))
    response = await client.put(f"/fhir/Goal/{goal['id']}", json=goal)
    assert response.status_code == 201, response.text
    general = await asked(client, "Observation/$validate", score)
    assert not any(issue["severity"] == "error" for issue in general)
    posted = await client.post("/fhir/Observation", json=score)
    assert posted.status_code == 422
    assert slugs(await asked(client, "Observation/$validate", score, mode="create")) == slugs(
        posted.json()["issue"]
    )


# Bundles


def entry(resource, method="POST"):
    url = resource["resourceType"] if method == "POST" else f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": method, "url": url}}


def bundle(*entries, type_="transaction"):
    return {"resourceType": "Bundle", "type": type_, "entry": list(entries)}


@pytest.mark.parametrize("path", ["$validate", "Bundle/$validate"])
@pytest.mark.parametrize("type_", ["transaction", "batch", "collection"])
async def test_a_bundle_is_looked_at_entry_by_entry(client, path, type_):
    given = bundle(entry(SOUND), entry(UNSOUND), type_=type_)
    if type_ == "collection":
        given["entry"] = [
            {"fullUrl": f"urn:uuid:0-{index}", "resource": each["resource"]}
            for index, each in enumerate(given["entry"])
        ]
    issues = await asked(client, path, given)
    assert slugs(issues) >= UNSOUND_SLUGS
    assert {"Bundle.entry[1].resource.gender", "Bundle.entry[1].resource.birthDate"} <= {
        issue["expression"][0] for issue in issues
    }


async def test_a_transaction_is_rehearsed(client):
    reference = {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "x"},
        "subject": {"reference": "urn:uuid:none"},
    }
    wrong = bundle(entry(UNSOUND), entry(reference))
    posted = await client.post("/fhir", json=wrong)
    assert posted.status_code == 422
    assert await asked(client, "$validate", wrong, mode="create") == posted.json()["issue"]
    assert slugs(await asked(client, "Bundle/$validate", bundle(entry(SOUND)), mode="create")) == {"ok"}


async def test_a_transaction_with_too_many_entries_is_told(client):
    wide = bundle(*(entry(SOUND) for _ in range(51)))
    assert slugs(await asked(client, "$validate", wide, mode="create")) == {"bundle-too-large"}


async def test_a_response_that_was_posted_already_is_told(client):
    response = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "https://thrive-fhir.example/Questionnaire/collaborate-0-9",
        "identifier": {"system": "urn:epr", "value": "1"},
        "status": "completed",
        "subject": {"reference": "Patient/ash"},
        "authored": "2026-03-10",
        "source": {"reference": "Patient/ash"},
        "item": [{"linkId": "listen", "answer": [{"valueInteger": 9}]}],
    }
    assert (await client.post("/fhir/QuestionnaireResponse", json=response)).status_code == 201
    assert "response-posted-already" not in slugs(
        await asked(client, "QuestionnaireResponse/$validate", response, mode="create")
    )
    response["item"][0]["answer"][0]["valueInteger"] = 8
    issues = await asked(client, "QuestionnaireResponse/$validate", response, mode="create")
    assert slugs(issues) == {"response-posted-already"}
