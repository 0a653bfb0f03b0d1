"""A young person with what belongs to them, written through the real interactions, and what the rules said."""

from __future__ import annotations

from typing import Any

import pytest

from service.fhir.problems import Problem
from service.interactions.context import Answer
from service.interactions.create import create
from service.interactions.transaction import bundle as carry_out
from service.interactions.update import update
from tests.interactions.builders import bundle, statuses

OURS = "https://thrive-fhir.example"
SNOMED = "http://snomed.info/sct"
SLOT_CODES = {1: "1034351000000101", 2: "1034361000000103", 3: "1034371000000105"}

Json = dict[str, Any]


def extension(name: str, **value: Any) -> Json:
    return {"url": f"{OURS}/StructureDefinition/{name}", **value}


def refer(text: str) -> Json:
    return {"reference": text}


def child(id_: str) -> Json:
    return {"resourceType": "Patient", "id": id_}


def goal(
    id_: str = "g1", whose: str = "ash", slot: int | None = 1, status: str = "active", **more: Any
) -> Json:
    made = {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": status,
        "description": {"text": "invented goal"},
        "subject": refer(f"Patient/{whose}"),
        **more,
    }
    return made if slot is None else {**made, "extension": [extension("goal-slot", valuePositiveInt=slot)]}


def score(id_: str = "s1", of: str = "g1", whose: str = "ash", slot: int = 1, **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": SNOMED, "code": SLOT_CODES[slot]}]},
        "subject": refer(f"Patient/{whose}"),
        "focus": [refer(f"Goal/{of}")],
        "effectiveDateTime": "2026-03-10",
        **more,
    }


def session(id_: str = "r1", of: str = "g1", whose: str = "ash", slot: int = 1, **more: Any) -> Json:
    asked = {"linkId": f"goal-{slot}.goal", "answer": [{"valueReference": refer(f"Goal/{of}")}]}
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "questionnaire": f"{OURS}/Questionnaire/gbo-session",
        "status": "completed",
        "subject": refer(f"Patient/{whose}"),
        "authored": "2026-03-10T16:00:00Z",
        "item": [{"linkId": f"goal-{slot}", "item": [asked]}],
        **more,
    }


def answers(id_: str = "c1", scale: str = "0-9", **more: Any) -> Json:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "questionnaire": f"{OURS}/Questionnaire/collaborate-{scale}",
        "status": "completed",
        "item": [{"linkId": "listen", "answer": [{"valueInteger": 3}]}],
        **more,
    }


def collaborate_score(id_: str = "cs1", of: str = "c1", scale: str = "0-9", **more: Any) -> Json:
    system = f"{OURS}/CodeSystem/collaborate"
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": system, "code": "collaborate-mean"}]},
        "method": {"coding": [{"system": system, "code": f"scale-{scale}"}]},
        "derivedFrom": [refer(f"QuestionnaireResponse/{of}")],
        **more,
    }


def grouping(id_: str, start: str, end: str | None = None, whose: str = "ash", **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": f"{OURS}/CodeSystem/observable", "code": "needs-based-grouping"}]},
        "subject": refer(f"Patient/{whose}"),
        "effectivePeriod": {"start": start} | ({} if end is None else {"end": end}),
        **more,
    }


def plan(id_: str = "p1", coordinator: str = "fern", start: str = "2026-03-10", **more: Any) -> Json:
    return {
        "resourceType": "CarePlan",
        "id": id_,
        "status": "active",
        "intent": "plan",
        "subject": refer("Patient/ash"),
        "period": {"start": start},
        "extension": [extension("plan-coordinator", valueReference=refer(f"Practitioner/{coordinator}"))],
        **more,
    }


async def put(context, act, resource: Json):
    return await update(context, act, resource["resourceType"], resource["id"], resource)


async def given(context, act, *resources: Json) -> None:
    for resource in resources:
        await put(context, act, resource)


async def post(context, act, resource: Json):
    return await create(context, act, resource["resourceType"], resource)


def entry_of(resource: Json) -> Json:
    return {
        "resource": resource,
        "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
    }


async def together(context, act, *resources: Json, type_: str = "transaction"):
    return await carry_out(context, act, bundle(*map(entry_of, resources), type_=type_))


def codes(answer: Answer) -> list[str]:
    """The HTTP status of each entry of a response Bundle, without its phrase."""
    return [status.partition(" ")[0] for status in statuses(answer)]


async def refusal(awaited) -> list[tuple[str, str | None]]:
    """Slug and place of everything for which the act was refused; it must be 422."""
    with pytest.raises(Problem) as refused:
        await awaited
    assert refused.value.status == 422
    return [(issue.slug, issue.expression) for issue in refused.value.issues]
