"""Invented young people, goals and forms, as resources and as facts, for the tables of the rules."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from service.outcomes.references import Target

OURS = "https://thrive-fhir.example"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"

ASH: Target = ("Patient", "ash")
BRAMBLE: Target = ("Patient", "bramble")


def locate(text: str) -> Target | None:
    """As the service does: type and id, or nothing for what is no address."""
    type_, slash, id_ = text.partition("/")
    return (type_, id_) if slash else None


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def refer(target: Target) -> dict[str, Any]:
    return {"reference": "/".join(target)}


def about(target: Target) -> dict[str, Any]:
    return {"subject": refer(target)}


def extension(name: str, **value: Any) -> dict[str, Any]:
    return {"url": f"{OURS}/StructureDefinition/{name}", **value}


def told(issues: list[Any]) -> list[tuple[str, str, str]]:
    """Severity, slug and place of each issue; all are of rules of the clinic."""
    assert all(issue.code == "business-rule" for issue in issues)
    return [(issue.severity, issue.slug, issue.expression) for issue in issues]


# The codes of a young person's own scores, by slot, and of everybody else's.
GOAL_TOOL = {1: "1638531000000102", 2: "1638541000000106", 3: "1638551000000109"}
PROGRESS_CHART = {1: "1034351000000101", 2: "1034361000000103", 3: "1034371000000105"}
GENERIC = "959951000000108"
LEVELS = {2: "LA34479-8", 1: "LA34480-6", 0: "LA34481-4", -1: "LA34483-0", -2: "LA34484-8"}

MUM: Target = ("RelatedPerson", "mum")
DAD: Target = ("RelatedPerson", "dad")
ROWAN: Target = ("Practitioner", "rowan")  # a clinician
SAGE: Target = ("PractitionerRole", "sage")  # another


def own(slot: int, codes: dict[int, str] = GOAL_TOOL) -> dict[str, Any]:
    return concept(SNOMED, codes[slot])


def rated_by(who: str) -> dict[str, Any]:
    return concept(f"{OURS}/CodeSystem/goal-score", f"{who}-rated-goal-score")


def rating(
    id_: str, goal: str, value: Any, when: str, code: dict[str, Any], by: Target = ASH, **more: Any
) -> dict[str, Any]:
    """An Observation that rates a goal; `value` is a number as text, or None where nobody was asked."""
    said: dict[str, Any] = {"dataAbsentReason": {"coding": [{"code": "not-asked"}]}}
    if value is not None:
        said = {"valueQuantity": {"value": Decimal(value)}}
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        **about(ASH),
        "code": code,
        "focus": [refer(("Goal", goal))],
        "effectiveDateTime": when,
        "performer": [refer(by)],
        **said,
        **more,
    }


def level(
    id_: str, goal: str, value: int, when: str, code: str, by: Target = ASH, **more: Any
) -> dict[str, Any]:
    """An Observation of a goal's level of attainment, -2 to 2, by a code of LOINC."""
    told = {"valueCodeableConcept": concept(LOINC, LEVELS[value])}
    return {**rating(id_, goal, None, when, concept(LOINC, code), by, **more), **told}
