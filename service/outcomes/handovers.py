"""Handovers: another person, or another agency, coordinates a young person's THRIVE plan from a day on.

The plan ends on the day on which its successor begins. Both agencies are told.

Source: domain facts section 5 (one named individual and one agency at a time), section 9, trap 15;
https://hl7.org/fhir/R4/communication.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from service.fhir.problems import Issue
from service.outcomes.days import days_of
from service.outcomes.plans import Plan
from service.outcomes.recognition import OURS, Resource
from service.outcomes.references import Locate, Target, target
from service.outcomes.successions import Succession, without_generated

EVENTS: Final = f"{OURS}/CodeSystem/notice-event"
BEGAN, ENDED, CHANGED = "coordination-began", "coordination-ended", "coordinator-changed"
_DISPLAYS: Final = {
    BEGAN: "Coordination of a plan began",
    ENDED: "Coordination of a plan ended",
    CHANGED: "Coordinator of a plan changed",
}
_NOTIFICATION: Final = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/communication-category",
            "code": "notification",
            "display": "Notification",
        }
    ]
}

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Word:
    """Who is told what of a handover: the agency as a Reference and where that leads, and the event's code."""

    agency: Json
    target: Target | None
    event: str


def may_be_handed_over(plan: Plan, now: Succession, today: int, locate: Locate) -> list[Issue]:
    """The issues of a handover that makes no sense for a running plan.

    Units: `today` as Python's date ordinal.
    """
    issues = []
    if now.ordinal > today:
        text = "A handover is recorded when it has come: its day is today or before."
        issues.append(Issue("error", "business-rule", "hand-over-in-future", text))
    if now.ordinal < plan.days.first:
        text = "The day of the handover is before the plan began."
        issues.append(
            Issue("error", "business-rule", "hand-over-before-start", text, "CarePlan.period.start")
        )
    if plan.coordinator == target(now.coordinator, locate) and plan.agency == target(now.agency, locate):
        text = "The plan is coordinated by this person and this agency already."
        issues.append(Issue("error", "business-rule", "hand-over-to-the-same", text))
    review = days_of(now.review)
    if review is None or review.last < now.ordinal:
        text = "The plan's day of review is before the handover, or it has none: say a reviewDate."
        issues.append(Issue("error", "business-rule", "hand-over-review-missing", text))
    return issues


def ended_plan(plan: Resource, now: Succession, reason: str | None, at: str) -> Json:
    """The plan as it stands once it is handed over; the reason, if one is given, stands in its notes, of the time `at`."""
    ended: Json = {
        **without_generated(plan),
        "status": "completed",
        "period": {**plan.get("period", {}), "end": now.day},
    }
    if reason is not None:
        ended["note"] = [*plan.get("note", ()), {"time": at, "text": reason}]
    return ended


def words(before: Json | None, after: Json, locate: Locate) -> list[Word]:
    """Who is told: the agency that coordinated before, and the one that does after; once where they are the same."""
    new = target(after, locate)
    old = target(before, locate)
    if before is None or old is None:
        return [Word(after, new, BEGAN)]
    if old == new:
        return [Word(after, new, CHANGED)]
    return [Word(before, old, ENDED), Word(after, new, BEGAN)]


def message(
    word: Word, id_: str, plans: tuple[Resource, Resource], sender: Json | None, reason: str | None, at: str
) -> Json:
    """The Communication that tells of the handover; `plans` are the ended one and its successor, `at` a dateTime.

    It has the plan's security labels, as it tells whose plan it is.
    """
    ended, new = plans
    labels = new.get("meta", {}).get("security")
    told: Json = {"resourceType": "Communication", "id": id_}
    if labels:
        told["meta"] = {"security": labels}
    told |= {
        "basedOn": [{"reference": f"CarePlan/{new['id']}"}],
        "status": "completed",
        "category": [_NOTIFICATION],
        "subject": new["subject"],
        "topic": {"coding": [{"system": EVENTS, "code": word.event, "display": _DISPLAYS[word.event]}]},
        "about": [{"reference": f"CarePlan/{ended['id']}"}, {"reference": f"CarePlan/{new['id']}"}],
        "sent": at,
        "recipient": [word.agency],
    }
    if sender is not None:
        told["sender"] = sender
    if reason is not None:
        told["reasonCode"] = [{"text": reason}]
    return told
