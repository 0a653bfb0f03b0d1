"""Invented young people, goals and forms, as resources and as facts, for the tables of the rules."""

from __future__ import annotations

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
