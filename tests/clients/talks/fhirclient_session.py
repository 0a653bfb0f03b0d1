"""fhirclient as a backend: finds the token endpoint in the CapabilityStatement, signs in with an assertion, works."""

import json
import sys

import requests
from fhirclient import client, server
from fhirclient.models.goal import Goal
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient

REFUSALS = (
    server.FHIRUnauthorizedException,
    server.FHIRPermissionDeniedException,
    server.FHIRNotFoundException,
    requests.HTTPError,  # what is none of its own comes from the library underneath
)


def refusal(asked):
    """The name of the client's exception, and our slug where the answer has one."""
    try:
        asked()
    except REFUSALS as fault:
        body = fault.response.json()
        slug = body["issue"][0]["details"]["coding"][0]["code"] if "issue" in body else body["error"]
        return [type(fault).__name__, slug]
    return []


def signed_in(given, assertion, scope):
    settings = {
        "app_id": given["client_id"],
        "api_base": given["base_url"],
        "scope": scope,
        "jwt_token": assertion,
    }
    smart = client.FHIRClient(settings=settings)
    ready_before = smart.prepare()
    smart.authorize()
    return smart, [ready_before, smart.ready]


def working(smart, given):
    patient = given["shared"].partition("/")[2]
    scores = Observation.where({"patient": patient, "_count": "10"})
    new = Patient({"name": [{"family": "Clienttest", "given": ["Young"]}], "birthDate": "2011-02-03"})
    made = new.create(smart.server)
    again = Patient.read(made["id"], smart.server)
    again.active = True
    updated = again.update(smart.server)
    again.delete(smart.server)
    return {
        "patient": Patient.read(patient, smart.server).id,
        "goals": [
            f"Goal/{one.id}" for one in Goal.where({"patient": patient}).perform_resources(smart.server)
        ],
        "scores": sorted(f"Observation/{one.id}" for one in scores.perform_resources_iter(smart.server)),
        "versions": [made["meta"]["versionId"], updated["meta"]["versionId"]],
        "gone": refusal_status(lambda: Patient.read(made["id"], smart.server)),
        "hidden": refusal(lambda: Patient.read(given["hidden"].partition("/")[2], smart.server)),
    }


def refusal_status(asked):
    try:
        asked()
    except requests.HTTPError as fault:
        return fault.response.status_code
    return None


def main(given):
    smart, ready = signed_in(given, given["assertions"][0], "system/*.cruds")
    narrow, _ = signed_in(given, given["assertions"][1], "system/Patient.read")
    default_scope = client.FHIRClient(
        settings={
            "app_id": given["client_id"],
            "api_base": given["base_url"],
            "jwt_token": given["assertions"][2],
        }
    )
    default_scope.prepare()
    bearer = client.FHIRClient(
        state={
            "app_id": given["client_id"],
            "server": {
                "base_uri": f"{given['base_url']}/",
                "auth_type": "oauth2",
                "auth": {"access_token": given["token"]},
            },
        }
    )
    stranger = client.FHIRClient(settings={"app_id": "stranger", "api_base": given["base_url"]})
    patient = given["shared"].partition("/")[2]
    found = {
        "ready": ready,
        **working(smart, given),
        "narrow": Patient.read(patient, narrow.server).id,
        "beyond": refusal(lambda: Goal.where({"patient": patient}).perform_resources(narrow.server)),
        "replayed": refusal(lambda: signed_in(given, given["assertions"][0], "system/*.cruds")),
        "default scope": refusal_status(default_scope.authorize),
        "bearer": Patient.read(patient, bearer.server).id,
        "stranger": refusal(lambda: Patient.read(patient, stranger.server)),
    }
    json.dump(found, sys.stdout)


main(json.load(sys.stdin))
