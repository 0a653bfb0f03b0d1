"""Small resources and Bundles of invented people, and what to look at in an answer."""

from __future__ import annotations

from typing import Any

from service.fhir import codec
from service.interactions.context import Answer

NUMBERS = "https://thrive-fhir.example/number"


def patient(number: str = "1", **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": NUMBERS, "value": number}], **more}


def score(subject: str = "Patient/p1", **more: Any) -> dict[str, Any]:
    """A score by a code of nobody's guide: what goal scores must have is not what these tests are about."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "https://elsewhere.example/codes", "code": "mood"}]},
        "subject": {"reference": subject},
        **more,
    }


def goal(subject: str = "Patient/p1", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "description": {"text": "invented goal"},
        "subject": {"reference": subject},
        **more,
    }


def criteria(number: str = "1") -> str:
    """The criteria that mean the patient of that number, as they stand in a query."""
    return f"identifier={NUMBERS}|{number}"


def bundle(*entries: dict[str, Any], type_: str = "transaction") -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Bundle", "type": type_}
    if entries:
        made["entry"] = list(entries)
    return made


def entry(
    method: str, url: str, resource: dict[str, Any] | None = None, full_url: str | None = None, **request: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if full_url is not None:
        made["fullUrl"] = full_url
    if resource is not None:
        made["resource"] = resource
    made["request"] = {"method": method, "url": url, **request}
    return made


def urn(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def body(answer: Answer) -> dict[str, Any]:
    """The resource or document that an answer shows."""
    if answer.document is not None:
        return codec.decode(answer.document)
    assert answer.stored is not None
    return codec.decode(answer.stored.body)


def entries(answer: Answer) -> list[dict[str, Any]]:
    return body(answer).get("entry", [])


def statuses(answer: Answer) -> list[str]:
    return [one["response"]["status"] for one in entries(answer)]


def ids(answer: Answer) -> list[str]:
    return [one["resource"]["id"] for one in entries(answer)]
