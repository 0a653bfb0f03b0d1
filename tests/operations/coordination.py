"""A young person with a THRIVE plan, its team and the agencies around, and what is asked of them."""

from __future__ import annotations

from typing import Any

from service.fhir.parameters import read as read_inputs
from service.interactions.update import update
from service.operations.operation import Call
from tests.interactions.builders import body
from tests.interactions.clinic import OURS, SNOMED, extension, refer

Json = dict[str, Any]

TODAY = "2023-11-14"  # by the tests' clock

TRUST, SCHOOL, CHARITY = ("Organization/trust", "Organization/school", "Organization/charity")
FERN, MOSS, HAZEL = ("Practitioner/fern", "Practitioner/moss", "PractitionerRole/hazel")


def organization(id_: str) -> Json:
    return {"resourceType": "Organization", "id": id_, "name": "an agency"}


def coding(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def care_plan(id_: str = "p1", coordinator: str = FERN, agency: str = TRUST, **more: Any) -> Json:
    """A plan that its profile allows."""
    return {
        "resourceType": "CarePlan",
        "id": id_,
        "extension": [
            extension("plan-coordinator", valueReference=refer(coordinator)),
            extension("plan-coordinating-agency", valueReference=refer(agency)),
            extension("plan-review-date", valueDate="2023-12-20"),
            extension(
                "plan-grouping",
                valueCodeableConcept=coding(f"{OURS}/CodeSystem/needs-based-grouping", "getting-help"),
            ),
            extension("plan-agreed-ending", valueString="when school is managed again"),
        ],
        "identifier": [{"system": f"{OURS}/Id/plan", "value": id_}],
        "status": "active",
        "intent": "plan",
        "category": [coding(SNOMED, "718347000")],
        "title": "THRIVE plan",
        "subject": refer("Patient/ash"),
        "period": {"start": "2023-09-01"},
        "created": "2023-09-01",
        "author": refer(coordinator),
        "careTeam": [refer("CareTeam/team")],
        "goal": [refer("Goal/g1")],
        "activity": [
            {
                "detail": {
                    "status": "in-progress",
                    "description": "the next step twice a week",
                    "performer": [refer("Patient/ash")],
                }
            }
        ],
        **more,
    }


def care_team(id_: str = "team", coordinator: str = FERN, agency: str = TRUST, **more: Any) -> Json:
    return {
        "resourceType": "CareTeam",
        "id": id_,
        "status": "active",
        "subject": refer("Patient/ash"),
        "participant": [
            {
                "role": [coding(SNOMED, "768820003")],
                "member": refer(coordinator),
                "onBehalfOf": refer(agency),
                "period": {"start": "2023-09-01"},
            },
            {"role": [{"text": "Young person"}], "member": refer("Patient/ash")},
            {"role": [{"text": "Agency involved"}], "member": refer(TRUST)},
            {"role": [{"text": "Agency involved"}], "member": refer(CHARITY)},
        ],
        "managingOrganization": [refer(agency)],
        **more,
    }


def goal(id_: str = "g1") -> Json:
    return {
        "resourceType": "Goal",
        "id": id_,
        "lifecycleStatus": "active",
        "description": {"text": "invented goal"},
        "subject": refer("Patient/ash"),
    }


def everybody() -> list[Json]:
    """Those to whom the plan refers, and those who may take it over."""
    return [
        {"resourceType": "Patient", "id": "ash"},
        *map(organization, ("trust", "school", "charity")),
        {"resourceType": "Practitioner", "id": "fern"},
        {"resourceType": "Practitioner", "id": "moss"},
        {
            "resourceType": "PractitionerRole",
            "id": "hazel",
            "practitioner": refer(MOSS),
            "organization": refer(SCHOOL),
        },
        {"resourceType": "RelatedPerson", "id": "aunt", "patient": refer("Patient/ash")},
        goal(),
    ]


async def put(context, act, *resources: Json) -> None:
    for resource in resources:
        await update(context, act, resource["resourceType"], resource["id"], resource)


async def stored(context, act, type_: str, id_: str) -> Json:
    """The resource as it is, without what the store set."""
    current = await context.store.read(act.caller.locality, type_, id_)
    from service.interactions.content import content

    found = content(current)
    found.pop("meta")
    return found


def given(**values: Any) -> Json:
    """Parameters: references by their address, days and other text as they are."""
    entries = []
    for name, value in values.items():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                entries.append({"name": name, "valueReference": each})
            else:
                element = "valueDate" if name in {"date", "reviewDate"} else "valueString"
                entries.append({"name": name, element: each})
    return {"resourceType": "Parameters", "parameter": entries}


async def ask(context, act, operation, id_: str, *, if_match: int | None = None, **values: Any) -> Json:
    """What an operation of a resource answers, asked by POST."""
    [type_] = operation.types
    inputs = read_inputs(operation.inputs, (), given(**values))
    answer = await operation.perform(context, act, Call(type_, id_, inputs, if_match=if_match))
    assert answer.status == 200
    return body(answer)


def named(parameters: Json, name: str) -> list[Json]:
    """The resources that an answer has by that name."""
    return [each["resource"] for each in parameters["parameter"] if each["name"] == name]


def extensions(plan: Json) -> Json:
    """What the extensions of a plan say, by the end of their addresses."""
    return {
        each["url"].rpartition("/")[2]: next(value for key, value in each.items() if key != "url")
        for each in plan["extension"]
    }


def slugs(problem) -> list[str]:
    return [issue.slug for issue in problem.issues]
