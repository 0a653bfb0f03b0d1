"""Statuses: which ones a record can never go back to.

Only those steps are refused that contradict what FHIR says a status means. Whatever the
status, a record can be marked as entered in error, and that is the end of it.

Source: https://hl7.org/fhir/R4/valueset-observation-status.html,
https://hl7.org/fhir/R4/valueset-questionnaire-answers-status.html,
https://hl7.org/fhir/R4/valueset-request-status.html, https://hl7.org/fhir/R4/valueset-goal-status.html,
https://hl7.org/fhir/R4/valueset-episode-of-care-status.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from service.fhir.problems import Issue

IN_ERROR: Final = "entered-in-error"

# The element that says it, by resource type.
STATUS_ELEMENT: Final[Mapping[str, str]] = {
    "Goal": "lifecycleStatus",
    "Observation": "status",
    "QuestionnaireResponse": "status",
    "CarePlan": "status",
    "EpisodeOfCare": "status",
}

_UNFINISHED: Final = frozenset({"registered", "preliminary"})
# final: complete, no further action. amended, corrected: changed after it had been final.
# completed, amended: marked as complete. completed, revoked: no further activity; draft: not yet ready for any.
NO_WAY_BACK: Final[Mapping[str, Mapping[str, frozenset[str]]]] = {
    "Goal": {},
    "Observation": {
        "final": _UNFINISHED,
        "amended": _UNFINISHED | {"final"},
        "corrected": _UNFINISHED | {"final"},
    },
    "QuestionnaireResponse": {
        "completed": frozenset({"in-progress", "stopped"}),
        "amended": frozenset({"in-progress", "stopped", "completed"}),
    },
    "CarePlan": {
        "completed": frozenset({"draft"}),
        "revoked": frozenset({"draft"}),
    },
    "EpisodeOfCare": {},
}


def makes_sense_after(type_: str, before: str | None, after: str | None) -> list[Issue]:
    """The issue of a record of this type whose status cannot follow the one before it."""
    if before is None or after is None or before == after:
        return []
    place = f"{type_}.{STATUS_ELEMENT[type_]}"
    if before == IN_ERROR:
        text = "What was entered in error stays so; make a new record instead."
        return [Issue("error", "business-rule", "status-after-error", text, place)]
    if after in NO_WAY_BACK[type_].get(before, ()):
        text = "A record does not go back to this status from the one that it has."
        return [Issue("error", "business-rule", "status-going-back", text, place)]
    return []
