"""fhirpy with a bearer token: reads, pages, searches, writes, operations; and what it makes of refusals."""

import json
import sys
import uuid

from fhirpy import SyncFHIRClient
from fhirpy.base import exceptions

IDENTIFIERS = "https://clients.example/id"


def refusal(asked):
    """The name of the client's exception and the slugs that it holds."""
    try:
        asked()
    except (
        exceptions.AuthorizationError,
        exceptions.ForbiddenError,
        exceptions.ResourceNotFound,
        exceptions.OperationOutcome,
    ) as fault:
        outcome = fault.resource if hasattr(fault, "resource") else json.loads(str(fault))
        slugs = [issue["details"]["coding"][0]["code"] for issue in outcome["issue"]]
        return [type(fault).__name__, *slugs]
    return []


def reading(client, given):
    shared = given["shared"].partition("/")[2]
    scores = client.resources("Observation").search(patient=given["shared"])
    raw = client.resources("Goal").search(patient=shared).include("Goal", "subject").fetch_raw()
    return {
        "patient": client.get("Patient", shared)["id"],
        "scores": sorted(f"Observation/{one.id}" for one in scores.limit(10).fetch_all()),
        "total": scores.search(_total="accurate").limit(1).fetch_raw()["total"],
        "included": sorted(entry["resource"]["resourceType"] for entry in raw["entry"]),
        "subject": client.resources("Goal").search(patient=shared).first()["subject"].to_resource().id,
        "chained": len(client.resources("Goal").search(subject__Patient__family="Loadtest").fetch()),
        "progress": client.reference(*given["goal"].split("/")).execute("$progress", method="get")[
            "resourceType"
        ],
        "everything": sorted(
            {
                entry["resource"]["resourceType"]
                for entry in client.reference("Patient", shared).execute("$everything", method="get")["entry"]
            }
        ),
        "patients": sorted(one.id for one in client.resources("Patient").fetch_all()),
        "hidden": refusal(lambda: client.get("Patient", given["hidden"].partition("/")[2])),
        "nobody": refusal(lambda: client.get("Patient", "nobody")),
        "hidden scores": len(client.resources("Observation").search(patient=given["hidden"]).fetch()),
    }


def writing(client):
    value = f"client-{uuid.uuid1()}"
    patient = client.resource(
        "Patient",
        identifier=[{"system": IDENTIFIERS, "value": value}],
        name=[{"family": "Clienttest", "given": ["Young", "Person"]}],
        birthDate="2011-02-03",
    )
    valid = patient.is_valid()
    patient.save()
    first = patient["meta"]["versionId"]
    patient["active"] = True
    patient.save()
    found = client.resources("Patient").search(identifier=f"{IDENTIFIERS}|{value}").get()
    again, created = client.resources("Patient").search(identifier=f"{IDENTIFIERS}|{value}").update(found)
    versions = [first, patient["meta"]["versionId"], again["meta"]["versionId"]]
    patient.delete()
    return {
        "valid": valid,
        "versions": versions,
        "found": found.id == patient.id,
        "created": created,
        "gone": refusal(lambda: client.get("Patient", patient.id)),
    }


def main(given):
    client = SyncFHIRClient(given["base_url"], authorization=f"Bearer {given['token']}")
    narrow = SyncFHIRClient(given["base_url"], authorization=f"Bearer {given['narrow']}")
    stranger = SyncFHIRClient(given["base_url"])
    forged = SyncFHIRClient(given["base_url"], authorization="Bearer forged")
    patient = given["shared"].partition("/")[2]

    def of_another():
        found = client.resources("Observation").search(patient=given["shared"]).first()
        found["status"] = "entered-in-error"
        found.save()

    found = {
        **reading(client, given),
        "written": writing(client),
        "of another agency": refusal(of_another),
        "narrow": narrow.get("Patient", patient)["id"],
        "beyond": refusal(lambda: narrow.resources("Goal").fetch()),
        "without a token": refusal(lambda: stranger.get("Patient", patient)),
        "with a forged token": refusal(lambda: forged.get("Patient", patient)),
        "metadata": stranger.execute("metadata", method="get")["resourceType"],
    }
    json.dump(found, sys.stdout)


main(json.load(sys.stdin))
