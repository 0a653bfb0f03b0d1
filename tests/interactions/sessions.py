"""Sessions' forms as clients send them, valid by every profile, and the Observations that came of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from service.fhir import codec
from service.fhir.search.expressions import Everything, Query
from service.outcomes.series import read_points

OURS = "https://thrive-fhir.example"
ASH = {"reference": "Patient/ash"}
PARENT = {"reference": "RelatedPerson/fern"}
CLINICIAN = {"reference": "PractitionerRole/moss"}

Json = dict[str, Any]


def session(
    scores: dict[int, Any] | None = None,
    levels: dict[int, int] | None = None,
    *,
    by: Json = ASH,
    status: str = "completed",
    goals: dict[int, str] | None = None,
    **more: Any,
) -> Json:
    """A session's form with the scores and levels by slot; the goal in slot 2 is g2."""
    said: list[tuple[int, str, Json]] = [
        (slot, "score", {"valueDecimal": v}) for slot, v in (scores or {}).items()
    ]
    said += [(slot, "level", {"valueInteger": value}) for slot, value in (levels or {}).items()]
    names = {slot: f"Goal/g{slot}" for slot in (1, 2, 3)} | (goals or {})
    items = [
        {
            "linkId": f"goal-{slot}",
            "item": [
                {
                    "linkId": f"goal-{slot}.goal",
                    "answer": [{"valueReference": {"reference": names[slot]}}],
                },
                {"linkId": f"goal-{slot}.{kind}", "answer": [answer]},
            ],
        }
        for slot, kind, answer in sorted(said, key=lambda each: each[0])
    ]
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{OURS}/Questionnaire/gbo-session",
        "status": status,
        "subject": ASH,
        "encounter": {"reference": "Encounter/e1"},
        "authored": "2026-03-10T16:00:00Z",
        "author": by,
        "source": by,
        "item": items,
        **more,
    }


def collaborate(*given: int | None, scale: str = "0-9", by: Json = ASH, **more: Any) -> Json:
    """A CollaboRATE form with its three items, None for one not answered."""
    links = ("understand", "listen", "include")
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": f"{OURS}/Questionnaire/collaborate-{scale}",
        "status": "completed",
        "subject": ASH,
        "encounter": {"reference": "Encounter/e1"},
        "authored": "2026-03-10T17:00:00Z",
        "source": by,
        "item": [
            {"linkId": link, "answer": [{"valueInteger": value}]}
            for link, value in zip(links, given, strict=True)
            if value is not None
        ],
        **more,
    }


def own_score(
    response: str, value: Any = Decimal(7), *, slot: int = 1, id_: str | None = None, **more: Any
) -> Json:
    """A score as a client writes it itself, in the older set of codes."""
    codes = {1: "1034351000000101", 2: "1034361000000103", 3: "1034371000000105"}
    made = {
        "resourceType": "Observation",
        "status": "final",
        "category": [
            {
                "coding": [
                    {
                        "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                        "code": "survey",
                    }
                ]
            }
        ],
        "code": {"coding": [{"system": "http://snomed.info/sct", "code": codes[slot]}]},
        "subject": ASH,
        "focus": [{"reference": f"Goal/g{slot}"}],
        "encounter": {"reference": "Encounter/e1"},
        "effectiveDateTime": "2026-03-10",
        "performer": [ASH],
        "valueQuantity": {
            "value": value,
            "unit": "score",
            "system": "http://unitsofmeasure.org",
            "code": "{ScoreOf}",
        },
        "derivedFrom": [{"reference": response}],
        **more,
    }
    return made if id_ is None else {**made, "id": id_}


async def all_of(context: Any, act: Any, type_: str = "Observation") -> list[Json]:
    """Every current resource of a type, by id."""
    found = await context.store.search(act.caller.locality, Query(type_, Everything(), 5000))
    return sorted((codec.decode(one.body) for one in found.items), key=lambda one: one["id"])


def locate(text: str) -> tuple[str, str] | None:
    type_, slash, id_ = text.partition("/")
    return (type_, id_) if slash else None


async def counted(context: Any, act: Any) -> list[tuple[str, str, Any]]:
    """Goal, rater and value of every rating that counts, as those who count read them."""
    points = [point for one in await all_of(context, act) for point in read_points(one, locate)]
    return sorted((point.goal[1], point.rater, point.value) for point in points)


async def shown(context: Any, act: Any) -> list[tuple[str, Any]]:
    """Status and value of each Observation, by value."""
    return sorted(
        ((one["status"], one.get("valueQuantity", {}).get("value")) for one in await all_of(context, act)),
        key=str,
    )
