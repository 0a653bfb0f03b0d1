"""Plans, teams, goals and scores for the worklists, as small as the lists can tell them apart."""

from __future__ import annotations

from typing import Any

from tests.interactions.clinic import SLOT_CODES, SNOMED, extension, refer

Json = dict[str, Any]

COORDINATOR = {"coding": [{"system": SNOMED, "code": "768820003"}]}
SURVEY = [
    {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "survey"}]}
]
SDQ = "718145004"


def child(id_: str = "ash") -> Json:
    return {"resourceType": "Patient", "id": id_}


def agency(id_: str = "trust") -> Json:
    return {"resourceType": "Organization", "id": id_, "name": "of nowhere"}


def person(id_: str = "fern", **more: Any) -> Json:
    return {"resourceType": "Practitioner", "id": id_, **more}


def role(id_: str = "fern-role", of: str = "fern", **more: Any) -> Json:
    return {
        "resourceType": "PractitionerRole",
        "id": id_,
        "practitioner": refer(f"Practitioner/{of}"),
        **more,
    }


def plan(
    id_: str = "p1",
    whose: str = "ash",
    review: str | None = "2026-10-14",
    coordinator: str = "Practitioner/fern",
    of: str = "trust",
    status: str = "active",
    **more: Any,
) -> Json:
    due = [] if review is None else [extension("plan-review-date", valueDate=review)]
    return {
        "resourceType": "CarePlan",
        "id": id_,
        "status": status,
        "intent": "plan",
        "subject": refer(f"Patient/{whose}"),
        "period": {"start": "2026-03-01"},
        "careTeam": [refer(f"CareTeam/{whose}-team")],
        "extension": [
            extension("plan-coordinator", valueReference=refer(coordinator)),
            extension("plan-coordinating-agency", valueReference=refer(f"Organization/{of}")),
            *due,
        ],
        **more,
    }


def team(whose: str = "ash", *coordinators: tuple[str, str, str | None], status: str = "active") -> Json:
    """The care team with its coordinators, each from a day and, perhaps, until one."""
    return {
        "resourceType": "CareTeam",
        "id": f"{whose}-team",
        "status": status,
        "subject": refer(f"Patient/{whose}"),
        "participant": [
            {
                "role": [COORDINATOR],
                "member": refer(who),
                "period": {"start": start} | ({} if end is None else {"end": end}),
            }
            for who, start, end in coordinators or [("Practitioner/fern", "2026-01-01", None)]
        ],
    }


def goal(
    id_: str = "g1",
    whose: str = "ash",
    started: str | None = "2026-03-01",
    status: str = "active",
    of: str = "trust",
    **more: Any,
) -> Json:
    return {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": status,
        "description": {"text": "invented goal"},
        "subject": refer(f"Patient/{whose}"),
        "extension": [
            extension("goal-slot", valuePositiveInt=1),
            extension("goal-agency", valueReference=refer(f"Organization/{of}")),
        ],
        **({} if started is None else {"startDate": started}),
        **more,
    }


def score(
    id_: str, of: str = "g1", when: str = "2026-10-01", value: int | None = 4, whose: str = "ash", **more: Any
) -> Json:
    said = (
        {"dataAbsentReason": {"text": "not asked"}}
        if value is None
        else {"valueQuantity": {"value": value, "unit": "score"}}
    )
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "category": SURVEY,
        "code": {"coding": [{"system": SNOMED, "code": SLOT_CODES[1]}]},
        "subject": refer(f"Patient/{whose}"),
        "performer": [refer(f"Patient/{whose}")],
        "focus": [refer(f"Goal/{of}")],
        "effectiveDateTime": when,
        **said,
        **more,
    }


def measure(id_: str, when: str, whose: str = "ash", **more: Any) -> Json:
    made = score(id_, "none", when, 4, whose)
    del made["focus"]
    return made | {"code": {"coding": [{"system": SNOMED, "code": SDQ}]}} | more


def episode(
    id_: str = "e1",
    whose: str = "ash",
    end: str | None = "2026-12-10",
    start: str = "2026-03-01",
    status: str = "active",
    of: str = "trust",
) -> Json:
    return {
        "resourceType": "EpisodeOfCare",
        "id": id_,
        "status": status,
        "patient": refer(f"Patient/{whose}"),
        "managingOrganization": refer(f"Organization/{of}"),
        "period": {"start": start} | ({} if end is None else {"end": end}),
    }
