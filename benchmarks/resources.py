"""Resources of realistic shape and size for the load: a session's score, response, goal and young person.

All people, texts and numbers are invented. Each template holds two marks of fixed width: SERIAL, which
makes every stored resource its own, and for updates the place of the id.

Source: https://hl7.org/fhir/R4/observation.html, goal.html, questionnaireresponse.html, patient.html;
SNOMED CT UK codes of goal scores and {ScoreOf} as in UK Core's score example.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from random import Random

Json = dict[str, Any]

SNOMED = "http://snomed.info/sct"
# Goal Progress Chart - Child/Young Person, slot 1.
GOAL_SCORE = "1034351000000101"
# Care coordinator (occupation).
CARE_COORDINATOR = "768820003"
OURS = "https://thrive-fhir.example"
SYSTEM = "https://benchmarks.example"
SERIAL = "serial-000000000000"
SERIAL_BYTES = SERIAL.encode()

_GOALS = (
    "I want to get through the school gate in the morning without going back home first",
    "I want to sleep in my own room the whole night at least five nights a week",
    "I want to tell somebody before it boils over instead of breaking my things",
    "I want to eat lunch with the others and stay until the bell has rung",
    "I want to go back to football training and not leave before the end of it",
)
_NOTES = (
    "We talked about which mornings had gone well and what was different about them.",
    "This week was harder, the step that we had planned turned out to be too big.",
    "I tried the breathing on the bus twice and it worked one of the two times.",
    "It was good to see on the chart that it had moved at all since the summer.",
)
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Circle:
    """What a young person's resources point at, as literal references."""

    patient: str
    practitioner: str
    organization: str
    encounter: str
    goal: str


def encode(resource: Json) -> bytes:
    """Return the resource as compact JSON with all digits of its decimals."""
    return _encoder.encode(resource)


def organization() -> Json:
    """Return the agency of all."""
    return {
        "resourceType": "Organization",
        "identifier": [{"system": f"{SYSTEM}/organization", "value": SERIAL}],
        "active": True,
        "name": "Loadtest Agency for Invented People",
    }


def practitioner() -> Json:
    """Return the one who takes the scores."""
    return {
        "resourceType": "Practitioner",
        "identifier": [{"system": f"{SYSTEM}/practitioner", "value": SERIAL}],
        "active": True,
        "name": [{"family": "Loadtest", "given": ["Practitioner"], "prefix": ["Mx"]}],
    }


def patient(random: Random, organization_reference: str | None) -> Json:
    """Return a young person of about 0.8 kB."""
    resource: Json = {
        "resourceType": "Patient",
        "meta": {"source": f"{SYSTEM}/epr"},
        "identifier": [{"use": "usual", "system": f"{SYSTEM}/patient", "value": SERIAL}],
        "active": True,
        "name": [
            {"use": "official", "family": "Loadtest", "given": ["Young", "Person"]},
            {"use": "nickname", "given": [f"Numberling-{random.randrange(1000):03d}"]},
        ],
        # 07700 900000 to 900999 are kept free for drama; nobody has them.
        "telecom": [
            {
                "system": "phone",
                "value": f"07700 900{random.randrange(1000):03d}",
                "use": "mobile",
                "rank": 1,
            },
            {
                "system": "email",
                "value": f"person{random.randrange(10000)}@benchmarks.example",
                "use": "home",
            },
        ],
        "gender": random.choice(("female", "male", "other", "unknown")),
        "birthDate": f"{random.randrange(2008, 2018)}-{random.randrange(1, 13):02d}-{random.randrange(1, 29):02d}",
        "address": [
            {
                "use": "home",
                "line": [f"{random.randrange(1, 200)} Loadtest Lane"],
                "city": "Benchmark-on-Sea",
                "postalCode": "ZZ99 3CZ",
                "period": {"start": "2021-09-01"},
            }
        ],
        "communication": [
            {
                "language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "en-GB"}]},
                "preferred": True,
            }
        ],
    }
    if organization_reference:
        resource["managingOrganization"] = {"reference": organization_reference}
    return resource


def care_team(circle: Circle, reader_agency: str) -> Json:
    """Return the people around a young person: who coordinates, and an agency that reads along."""
    since = {"start": "2025-01-01"}
    coordinator = {"coding": [{"system": SNOMED, "code": CARE_COORDINATOR}]}
    return {
        "resourceType": "CareTeam",
        "identifier": [{"system": f"{SYSTEM}/team", "value": SERIAL}],
        "status": "active",
        "subject": {"reference": circle.patient},
        "period": since,
        "participant": [
            {
                "role": [coordinator],
                "member": {"reference": circle.practitioner},
                "onBehalfOf": {"reference": circle.organization},
                "period": since,
            },
            {
                "role": [{"text": "School"}],
                "member": {"reference": f"Organization/{reader_agency}"},
                "period": since,
            },
        ],
    }


def encounter(circle: Circle) -> Json:
    """Return the session that all scores belong to."""
    return {
        "resourceType": "Encounter",
        "identifier": [{"system": f"{SYSTEM}/encounter", "value": SERIAL}],
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "subject": {"reference": circle.patient},
        "participant": [{"individual": {"reference": circle.practitioner}}],
        "period": {"start": "2026-10-05T15:00:00+01:00", "end": "2026-10-05T15:50:00+01:00"},
        "serviceProvider": {"reference": circle.organization},
    }


def goal(random: Random, circle: Circle, slot: int | None = None) -> Json:
    """Return a goal of about 1 kB in a young person's words, in a slot or written down beside those."""
    start = f"2025-{random.randrange(1, 10):02d}-{random.randrange(1, 29):02d}"
    extensions: list[Json] = [
        {
            "url": f"{OURS}/StructureDefinition/goal-agency",
            "valueReference": {"reference": circle.organization},
        }
    ]
    if slot is not None:
        extensions.append({"url": f"{OURS}/StructureDefinition/goal-slot", "valuePositiveInt": slot})
    measured: Json = {"coding": [{"system": f"{OURS}/CodeSystem/goal-score", "code": "goal-score"}]}
    return {
        "resourceType": "Goal",
        "extension": extensions,
        "identifier": [{"system": f"{SYSTEM}/goal", "value": SERIAL}],
        "lifecycleStatus": "active",
        "achievementStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/goal-achievement",
                    "code": random.choice(("in-progress", "improving", "no-change")),
                }
            ]
        },
        "category": [{"text": "Goal-based outcome"}],
        "description": {"text": random.choice(_GOALS)},
        "subject": {"reference": circle.patient},
        "startDate": start,
        "target": [
            {
                "measure": {**(measured if slot is not None else {}), "text": "Goal score from 0 to 10"},
                "detailQuantity": {
                    "value": Decimal(random.randrange(60, 100)).scaleb(-1),
                    "unit": "{ScoreOf}",
                    "system": "http://unitsofmeasure.org",
                    "code": "{ScoreOf}",
                },
                "dueDate": "2026-12-18",
            }
        ],
        "statusDate": start,
        "expressedBy": {"reference": circle.patient},
        "note": [{"time": f"{start}T16:05:00Z", "text": random.choice(_NOTES)}],
    }


def score(random: Random, circle: Circle, response: str | None = None) -> Json:
    """Return a score of about 1 kB of the goal in slot 1."""
    day = f"2026-{random.randrange(1, 12):02d}-{random.randrange(1, 29):02d}"
    resource: Json = {
        "resourceType": "Observation",
        "meta": {"source": f"{SYSTEM}/epr"},
        "identifier": [{"system": f"{SYSTEM}/score", "value": SERIAL}],
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "survey",
                        "display": "Survey",
                    }
                ]
            }
        ],
        "code": {
            "coding": [{"system": SNOMED, "code": GOAL_SCORE}],
            "text": "Goal progress chart, child or young person",
        },
        "subject": {"reference": circle.patient},
        "focus": [{"reference": circle.goal}],
        "encounter": {"reference": circle.encounter},
        "effectiveDateTime": f"{day}T{random.randrange(9, 17):02d}:{random.randrange(60):02d}:00Z",
        "issued": f"{day}T17:30:00.000Z",
        "performer": [{"reference": circle.patient}],
        "valueQuantity": {
            "value": Decimal(random.randrange(1000)).scaleb(-2),
            "unit": "{ScoreOf}",
            "system": "http://unitsofmeasure.org",
            "code": "{ScoreOf}",
        },
        "note": [{"text": random.choice(_NOTES)}],
    }
    if response:
        resource["derivedFrom"] = [{"reference": response}]
    return resource


def response(random: Random, circle: Circle) -> Json:
    """Return a session's answers, 1.5 to 4 kB: scores, three ratings, and what was talked about."""
    scores = [
        {
            "linkId": f"goals.{slot}",
            "text": f"Goal {slot}",
            "item": [
                {
                    "linkId": f"goals.{slot}.score",
                    "text": "Where is it today",
                    "answer": [{"valueDecimal": Decimal(random.randrange(1000)).scaleb(-2)}],
                },
                *_remark(random, f"goals.{slot}.remark"),
            ],
        }
        for slot in range(1, random.randrange(2, 5))
    ]
    ratings = [
        {"linkId": f"session.{number}", "answer": [{"valueInteger": random.randrange(10)}]}
        for number in range(1, 4)
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "meta": {"source": f"{SYSTEM}/epr"},
        "identifier": {"system": f"{SYSTEM}/response", "value": SERIAL},
        "questionnaire": f"{SYSTEM}/Questionnaire/session",
        "status": "completed",
        "subject": {"reference": circle.patient},
        "encounter": {"reference": circle.encounter},
        "authored": f"2026-{random.randrange(1, 12):02d}-{random.randrange(1, 29):02d}T15:48:00Z",
        "author": {"reference": circle.practitioner},
        "source": {"reference": circle.patient},
        "item": [
            {"linkId": "goals", "text": "Goals", "item": scores},
            {"linkId": "session", "text": "This session", "item": ratings},
            {
                "linkId": "next",
                "text": "Until next time",
                "item": [
                    {"linkId": "next.date", "answer": [{"valueDate": "2026-11-30"}]},
                    {"linkId": "next.planned", "answer": [{"valueBoolean": True}]},
                    *_remark(random, "next.remark"),
                ],
            },
        ],
    }


def _remark(random: Random, link_id: str) -> list[Json]:
    texts = random.sample(_NOTES, random.randrange(1, 3))
    return [{"linkId": link_id, "text": "In your own words", "answer": [{"valueString": " ".join(texts)}]}]


def session(random: Random, circle: Circle) -> Json:
    """Return the transaction of one session: a response and four scores that derive from it."""
    name = "urn:uuid:00000000-0000-4000-8000-000000000000"
    resources = [response(random, circle)]
    resources += [score(random, circle, name) for _ in range(4)]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": f"{name[:-1]}{number}",
                "resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"]},
            }
            for number, resource in enumerate(resources)
        ],
    }
