"""A young person, whom they met, and what they scored: resources that the service admits."""

from __future__ import annotations

from typing import Any

from service.fhir.codec import FHIR_JSON
from service.fhir.parameters import read as read_inputs
from service.operations.operation import Call, Operation
from tests.outcomes.clinic import OURS, SNOMED, concept, extension

Json = dict[str, Any]

CATEGORY = concept("http://terminology.hl7.org/CodeSystem/observation-category", "survey")


def refer(text: str) -> Json:
    return {"reference": text}


def patient(id_: str = "ash", **more: Any) -> Json:
    return {"resourceType": "Patient", "id": id_, "gender": "female", "birthDate": "2012-03-10", **more}


def score(id_: str, code: str, when: str, value: Any, **more: Any) -> Json:
    """A score of Ash's, given by Ash, at the contact that is named, if one is."""
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "category": [CATEGORY],
        "code": concept(SNOMED, code),
        "subject": refer("Patient/ash"),
        "effectiveDateTime": when,
        "performer": [refer("Patient/ash")],
        "valueQuantity": {
            "value": value,
            "unit": "score",
            "system": "http://unitsofmeasure.org",
            "code": "{ScoreOf}",
        },
        **more,
    }


def grouping(id_: str, code: str, start: str, end: str | None = None, **more: Any) -> Json:
    """A grouping of Ash's, chosen by Ash and a clinician."""
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": concept(f"{OURS}/CodeSystem/observable", "needs-based-grouping"),
        "subject": refer("Patient/ash"),
        "effectivePeriod": {"start": start} if end is None else {"start": start, "end": end},
        "performer": [refer("Patient/ash"), {**refer("Practitioner/hazel"), "display": "Hazel"}],
        "valueCodeableConcept": concept(f"{OURS}/CodeSystem/needs-based-grouping", code),
        **more,
    }


def referral(id_: str = "r", received: str = "2026-01-05", **more: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": id_,
        "status": "completed",
        "intent": "order",
        "subject": refer("Patient/ash"),
        "authoredOn": received,
        **more,
    }


def episode(id_: str = "e", *referrals: str, end: str | None = "2026-05-30", **more: Any) -> Json:
    return {
        "resourceType": "EpisodeOfCare",
        "id": id_,
        "status": "active" if end is None else "finished",
        "patient": refer("Patient/ash"),
        "referralRequest": [refer(f"ServiceRequest/{each}") for each in referrals],
        "period": {"start": "2026-01-05", **({} if end is None else {"end": end})},
        **more,
    }


def contact(id_: str, when: str, how: str = "01", of: str = "r", **more: Any) -> Json:
    """A session that was attended."""

    def coded(name: str, code: str) -> Json:
        system = f"{OURS}/CodeSystem/mhsds-{name}"
        return extension(name, valueCoding={"system": system, "code": code})

    return {
        "resourceType": "Encounter",
        "id": id_,
        "extension": [coded("attendance-status", "5"), coded("consultation-mechanism", how)],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": refer("Patient/ash"),
        "basedOn": [refer(f"ServiceRequest/{of}")],
        "period": {"start": when, "end": when},
        **more,
    }


def call(operation: Operation, *pairs: tuple[str, str], id_: str = "ash", wanted: str = FHIR_JSON) -> Call:
    return Call("Patient", id_, read_inputs(operation.inputs, pairs, None), wanted=wanted)


def parts(holder: Json, name: str) -> list[Json]:
    """What each part of that name says: its value, or its own parts."""
    found = []
    for each in holder.get("parameter", holder.get("part", ())):
        if each["name"] == name:
            values = [value for key, value in each.items() if key.startswith("value")]
            found.append(values[0] if values else each)
    return found


def part(holder: Json, name: str) -> Any:
    """What the one part of that name says; None where there is none."""
    found = parts(holder, name)
    assert len(found) < 2, name
    return found[0] if found else None
