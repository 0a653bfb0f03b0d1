"""Emergencies: an agency that is not around a young person opens their record for some hours, and says why.

What is opened is what the circle around the young person sees; a refusal by the young person or
a parent is not overridden, and what is labelled stays closed.

Source: ADR 0022; https://terminology.hl7.org/CodeSystem-v3-ActReason.html (ETREAT);
https://hl7.org/fhir/R4/security.html (break the glass), docs/operations/break-glass.md
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from service.outcomes.consents import BREAK_GLASS, PRIVACY, RECIPIENT
from service.outcomes.grants import Effect, Row
from service.outcomes.purposes import EMERGENCY, SYSTEM
from service.outcomes.recognition import OURS, Coding

REASON: Final = f"{OURS}/StructureDefinition/break-glass-reason"
REASONS: Final = f"{OURS}/CodeSystem/break-glass-reason"
DISPLAYS: Final = {
    "risk-to-life": "Risk to life",
    "safeguarding": "Safeguarding",
    "urgent-care": "Urgent care",
}
"""Why the glass may be broken, by code of the CodeSystem break-glass-reason."""

NOTICE: Final = "glass-broken"
"""The event of the notice to the agency that coordinates."""

_DISCLOSURE: Final[Coding] = ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "IDSCL")
_POLICY: Final = f"{OURS}/policy/sharing-around-a-young-person"

Json = dict[str, Any]


def opening(id_: str, child: str, agency: str, why: tuple[str, str], times: tuple[str, str]) -> Json:
    """The Consent that opens the record of Patient/`child` to Organization/`agency`.

    `why` is a code of `DISPLAYS` and what was said of it; `times` are the instants from and to which.
    """
    code, text = why
    start, end = times
    organization = {"reference": f"Organization/{agency}"}
    reason = {**_concept((REASONS, code), DISPLAYS[code]), "text": text}
    return {
        "resourceType": "Consent",
        "id": id_,
        "meta": {"tag": [_coding(BREAK_GLASS)]},
        "extension": [{"url": REASON, "valueCodeableConcept": reason}],
        "status": "active",
        "scope": _concept(PRIVACY),
        "category": [_concept(_DISCLOSURE)],
        "patient": {"reference": f"Patient/{child}"},
        "dateTime": start,
        "performer": [organization],
        "organization": [organization],
        "policy": [{"uri": _POLICY}],
        "provision": {
            "type": "permit",
            "period": {"start": start, "end": end},
            "actor": [{"role": _concept(RECIPIENT), "reference": organization}],
            "purpose": [_coding((SYSTEM, EMERGENCY))],
        },
    }


def to_be_told(rows: Iterable[Row], author: str, breaking: str, now: int) -> tuple[str, ...]:
    """The ids of the agencies that are told: those that coordinate now, else the one that keeps the Patient.

    Whoever breaks the glass is not told of it. Units: `now` in milliseconds since 1970.
    """
    coordinating = {row.party for row in rows if row.effect == Effect.PLAN and row.low <= now < row.high}
    return tuple(sorted((coordinating or {author}) - {breaking, ""}))


def _coding(coding: Coding, display: str | None = None) -> Json:
    system, code = coding
    return {"system": system, "code": code, **({} if display is None else {"display": display})}


def _concept(coding: Coding, display: str | None = None) -> Json:
    return {"coding": [_coding(coding, display)]}
