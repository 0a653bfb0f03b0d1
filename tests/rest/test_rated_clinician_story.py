"""A clinician asks by every route for CollaboRATE answers about encounters of their own, and gets none.

Source: docs/scopes.md, domain facts section 4
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.interactions.context import Context
from service.interactions.searching import setting_of
from service.storage.store import AuditEntry, Change, Unit
from tests.interactions.builders import bundle, entry
from tests.operations.rated_agency import encounter, organization, refer, response, score
from tests.rest.asking import client_of
from tests.rest.test_scopes_story import Known

FHIR = {"content-type": "application/fhir+json"}
ROWAN = ("Practitioner", "rowan")
OWN, OTHERS = "their-own", "of-another"


def about(child: str, resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "subject": refer(f"Patient/{child}")}


RECORD = [
    organization("camhs"),
    {"resourceType": "Patient", "id": "kim", "birthDate": "2011-02-03"},
    *({"resourceType": "Practitioner", "id": id_} for id_ in ("rowan", "sol")),
    about("kim", encounter(OWN, "camhs", "Practitioner/rowan")),
    about("kim", encounter(OTHERS, "camhs", "Practitioner/sol")),
    *(response(id_) for id_ in (OWN, OTHERS)),
    *(score(id_, derivedFrom=[refer(f"QuestionnaireResponse/{id_}-answers")]) for id_ in (OWN, OTHERS)),
]
HIDDEN = (f"{OWN}-answers", f"{OWN}-score")

# What is asked, and whether the ones of others must be told by it, so that nobody passes by being told nothing.
ASKED = {
    "read of the answers": (f"QuestionnaireResponse/{OWN}-answers", 404),
    "read of the score": (f"Observation/{OWN}-score", 404),
    "a version": (f"Observation/{OWN}-score/_history/1", 404),
    "history": (f"QuestionnaireResponse/{OWN}-answers/_history", 404),
    "extract": (f"QuestionnaireResponse/{OWN}-answers/$extract", 404),
    "validate": (f"QuestionnaireResponse/{OWN}-answers/$validate", 404),
    "search": ("QuestionnaireResponse", 200),
    "search of scores": ("Observation?code=collaborate-mean", 200),
    "search by encounter": (f"Observation?encounter=Encounter/{OWN}", 200),
    "search by id": (f"Observation?_id={OWN}-score,{OTHERS}-score", 200),
    "history of the type": ("Observation/_history", 200),
    "history of everything": ("_history", 200),
    "everything of the type": ("?_type=Observation,QuestionnaireResponse", 200),
    "compartment": ("Patient/kim/Observation", 200),
    "whole compartment": ("Patient/kim/*", 200),
    "record": ("Patient/kim/$everything", 200),
    "latest": ("Observation/$lastn?patient=kim&code=collaborate-mean", 200),
    "included": ("Encounter?_revinclude=Observation:encounter&_revinclude=QuestionnaireResponse:encounter", 200),
    "included by what came of it": ("Observation?_include=Observation:derived-from", 200),
}  # fmt: skip
COUNTED = {
    "answers": ("QuestionnaireResponse?_summary=count", 1),
    "scores": ("Observation?_count=0&subject=Patient/kim", 1),
    "encounters with scores": ("Encounter?_has:Observation:encounter:code=collaborate-mean&_summary=count", 1),
    "scores by their answers": ("Observation?derived-from:QuestionnaireResponse.status=completed&_summary=count", 1),
    "answers without scores": ("QuestionnaireResponse?_has:Observation:derived-from:status=final&_summary=count", 1),
    "young people": ("Patient?_has:QuestionnaireResponse:subject:encounter=Encounter/their-own&_summary=count", 0),
}  # fmt: skip


@pytest.fixture
async def rated(context: Context) -> Context:
    changes = [Change(each["resourceType"], each["id"], "PUT", None, None, each) for each in RECORD]
    unit = Unit(tuple(changes), AuditEntry("epr", "camhs", "update", "request"))
    await context.store.commit("default", unit)
    return context


def client_as(make_app, context: Context, user: tuple[str, str] | None, scopes: str, **told: Any):
    read = read_scopes(setting_of(context), scopes, user=user)
    return client_of(make_app(Known(Caller("app", "camhs", user=user, scopes=read, **told))))


@pytest.mark.parametrize("scopes", ["user/*.cruds", "system/*.cruds"])
async def test_no_route_shows_a_clinician_what_rates_them(rated, make_app, subtests, scopes):
    async with client_as(make_app, rated, ROWAN, scopes) as client:
        for name, (path, status) in ASKED.items():
            with subtests.test(name):
                answer = await client.get(f"/fhir/{path}" if path[0] != "?" else f"/fhir{path}")
                assert answer.status_code == status, answer.text
                if status == 200:
                    assert OTHERS in answer.text or "encounter=" in path
                    entries = answer.json().get("entry", ())
                    assert not [one for one in entries if one["resource"]["id"] in HIDDEN]
        for name, (path, count) in COUNTED.items():
            with subtests.test(name):
                answer = await client.get(f"/fhir/{path}")
                assert (answer.status_code, answer.json().get("total")) == (200, count), answer.text


async def test_entry_of_a_batch_shows_none_either(rated, make_app):
    async with client_as(make_app, rated, ROWAN, "user/*.rs") as client:
        asked = [entry("GET", path.lstrip("/")) for path, status in ASKED.values() if "$" not in path]
        answer = await client.post("/fhir", json=bundle(*asked, type_="batch"), headers=FHIR)
        assert answer.status_code == 200
        shown = json.dumps(answer.json()["entry"])
        assert f'"id": "{OTHERS}-score"' in shown
        assert not [id_ for id_ in HIDDEN if f'"id": "{id_}"' in shown]


async def test_change_and_condition_tell_nothing_either(rated, make_app):
    async with client_as(make_app, rated, ROWAN, "user/*.cruds", chooses_ids=True) as client:
        path = f"/fhir/Observation/{OWN}-score"
        never = await client.delete("/fhir/Observation/never-there")
        patch = [{"op": "test", "path": "/status", "value": "final"}]
        answers = [
            await client.delete(path),
            await client.patch(path, json=patch, headers={"content-type": "application/json-patch+json"}),
        ]
        assert [answer.status_code for answer in answers] == [never.status_code, 404]
        met = await client.delete(f"/fhir/Observation?_id={OWN}-score")
        assert met.status_code == 204
        assert (await rated.store.read("default", "Observation", f"{OWN}-score")).version == 1


async def test_what_the_token_does_not_show_still_tells_whose_encounter_it_was(rated, make_app):
    role = {"resourceType": "PractitionerRole", "id": "rowans", "practitioner": refer("Practitioner/rowan")}
    met = about("kim", encounter("in-a-role", "camhs", "PractitionerRole/rowans"))
    changes = [
        Change(each["resourceType"], each["id"], "PUT", None, None, each)
        for each in (role, met, score("in-a-role"))
    ]
    await rated.store.commit("default", Unit(tuple(changes), AuditEntry("epr", "camhs", "update", "request")))
    async with client_as(make_app, rated, ROWAN, "user/Observation.rs") as client:
        answer = await client.get("/fhir/Observation")
        assert [one["resource"]["id"] for one in answer.json()["entry"]] == [f"{OTHERS}-score"]
        assert (await client.get("/fhir/Observation/in-a-role-score")).status_code == 404


async def test_others_are_shown_it(rated, make_app):
    for user, scopes in (
        (("Practitioner", "sol"), "user/*.rs"),
        (None, "system/*.rs"),
        (("Patient", "kim"), "user/*.rs"),
    ):
        async with client_as(make_app, rated, user, scopes) as client:
            answer = await client.get(f"/fhir/Observation/{OWN}-score")
            assert answer.status_code == 200, answer.text
