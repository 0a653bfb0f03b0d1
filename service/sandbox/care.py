"""Referrals, episodes, sessions as Encounters, and consent to sharing.

R4's Encounter has no "did not attend": a missed session is `cancelled`, and an extension of ours
says why in the words of the national dataset (AttendStatus) and how they met (ConsMechanismMH).

Source: UK Core ServiceRequest, EpisodeOfCare 2.2.0, Encounter 2.5.0, Consent 2.4.0; MHSDS v6
MHS101 and MHS201 (domain facts section 3.2); section 8 for consent as a preference to share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.sandbox import codes, wording
from service.sandbox.course import FACE_TO_FACE
from service.sandbox.people import CONSENTS_FROM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.sandbox.agencies import Agency
    from service.sandbox.codes import Resource
    from service.sandbox.course import Course, Session, Spell
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.people import YoungPerson

_AMBULATORY = codes.coding(f"{codes.HL7}/v3-ActCode", "AMB", "ambulatory")
_VIRTUAL = codes.coding(f"{codes.HL7}/v3-ActCode", "VR", "virtual")
_ATTENDANCE = codes.profile("attendance-status")
_ATTENDANCE_CODES = codes.ours("CodeSystem", "mhsds-attendance-status")
_MECHANISM = codes.profile("consultation-mechanism")
_MECHANISM_CODES = codes.ours("CodeSystem", "mhsds-consultation-mechanism")
_ATTENDANCE_EXTENSIONS = {
    code: {"url": _ATTENDANCE, "valueCoding": codes.coding(_ATTENDANCE_CODES, code)} for code in "234567"
}
_MECHANISM_EXTENSIONS = {
    code: {"url": _MECHANISM, "valueCoding": codes.coding(_MECHANISM_CODES, code)}
    for code in ("01", "02", "11")
}
_DISCHARGED: Resource = {
    "url": codes.OUTCOME_OF_ATTENDANCE,
    "valueCodeableConcept": codes.concept(
        codes.OUTCOME_CODES, "1", "Discharged from consultant's care (last attendance)"
    ),
}
_REFERRAL = {"text": "Referral for emotional wellbeing or mental health support"}

_PRIVACY = codes.concept(f"{codes.HL7}/consentscope", "patient-privacy", "Privacy Consent")
_DISCLOSURE = [codes.concept(f"{codes.HL7}/v3-ActCode", "IDSCL", "information disclosure")]
_POLICY = f"{codes.OURS}/policy/sharing-around-a-young-person"
_RECIPIENT = codes.concept(f"{codes.HL7}/v3-ParticipationType", "IRCP", "information recipient")
_CONSENT_SHARE = 0.9
_DENIES_SCHOOL_SHARE = 0.12


def referrals(draws: Draws, person: YoungPerson, course: Course, calendar: Calendar) -> list[Resource]:
    """One ServiceRequest for each spell."""
    return [_referral(draws, person, course, spell, calendar) for spell in course.spells]


def _referral(
    draws: Draws, person: YoungPerson, course: Course, spell: Spell, calendar: Calendar
) -> Resource:
    id_ = f"{person.key}-referral-{spell.number}"
    status = "active" if spell.end is None else "completed"
    return {
        "resourceType": "ServiceRequest",
        "id": id_,
        "identifier": [{"system": f"{codes.OURS}/Id/referral", "value": id_}],
        "status": "revoked" if spell.start is None and spell.end is not None else status,
        "intent": "order",
        "priority": "urgent" if draws.happens(0.06) else "routine",
        "code": _REFERRAL,
        "subject": person.reference,
        "authoredOn": calendar.text(spell.referred),
        "requester": _requester(draws, person, course, spell),
        "performer": [spell.agency.reference],
        "reasonCode": [{"text": draws.pick(wording.REASONS)}],
    }


def _requester(draws: Draws, person: YoungPerson, course: Course, spell: Spell) -> Resource:
    chance = draws.unit()
    if spell.number > 1:
        before = course.spells[spell.number - 2]
        return person.carers[0].reference if before.phase != spell.phase else before.clinician.reference
    if chance < 0.5:
        return person.practice.reference
    if chance < 0.75:
        return person.school.reference
    return person.reference if person.age >= CONSENTS_FROM and chance < 0.85 else person.carers[0].reference


def episodes(person: YoungPerson, course: Course, calendar: Calendar) -> list[Resource]:
    """One EpisodeOfCare for each episode, with its waits and its reopening in the history."""
    numbers = dict.fromkeys(spell.episode for spell in course.spells)
    return [
        _episode(
            person, [spell for spell in course.spells if spell.episode == number], course.expected, calendar
        )
        for number in numbers
    ]


def _episode(person: YoungPerson, spells: list[Spell], expected: int | None, calendar: Calendar) -> Resource:
    """The episode of the spells; while it goes on, the end of its period is the one that is `expected`."""
    first, last = spells[0], spells[-1]
    history = _history(spells, calendar)
    return {
        "resourceType": "EpisodeOfCare",
        "id": f"{person.key}-episode-{first.episode}",
        "status": history[-1]["status"],
        "statusHistory": history,
        "patient": person.reference,
        "managingOrganization": first.agency.reference,
        "period": _period(first.referred, expected if last.end is None else last.end, calendar),
        "referralRequest": [
            codes.reference("ServiceRequest", f"{person.key}-referral-{spell.number}") for spell in spells
        ],
        "careManager": last.clinician.reference,
    }


def _history(spells: list[Spell], calendar: Calendar) -> list[Resource]:
    """The states of an episode one after another, the present one last."""
    first = spells[0]
    if first.start is None:
        status = "waitlist" if first.end is None else "cancelled"
        return [{"status": status, "period": _period(first.referred, first.end, calendar)}]
    history = [{"status": "waitlist", "period": _period(first.referred, first.start - 1, calendar)}]
    for spell, following in zip(spells, [*spells[1:], None], strict=True):
        start = first.start if spell.start is None else spell.start
        history.append({"status": "active", "period": _period(start, spell.end, calendar)})
        if spell.end is not None:
            until = following.start - 1 if following is not None and following.start is not None else None
            history.append({"status": "finished", "period": _period(spell.end + 1, until, calendar)})
    return history


def _period(start: int, end: int | None, calendar: Calendar) -> Resource:
    if end is None:
        return {"start": calendar.text(start)}
    return {"start": calendar.text(start), "end": calendar.text(end)}


def encounter_reference(person: YoungPerson, session: Session) -> Resource:
    """A Reference to the session's Encounter."""
    return {"reference": f"Encounter/{person.key}-session-{session.number:02d}"}


def encounters(draws: Draws, person: YoungPerson, course: Course, calendar: Calendar) -> list[Resource]:
    """One Encounter for each appointment, kept or missed."""
    found = []
    last = course.kept[-1] if course.kept and course.closed is not None else None
    for session in course.sessions:
        spell = course.spells[session.spell - 1]
        encounter = _encounter(draws, person, spell, session, calendar)
        if session is last and spell.agency.sector == "nhs-trust":
            encounter["extension"].append(_DISCHARGED)
        found.append(encounter)
    return found


def _encounter(
    draws: Draws, person: YoungPerson, spell: Spell, session: Session, calendar: Calendar
) -> Resource:
    id_ = f"{person.key}-session-{session.number:02d}"
    participants: list[Resource] = [{"individual": spell.clinician.reference}]
    if draws.happens(0.2 if person.answers_alone else 0.9):
        participants.append({"individual": person.carers[0].reference})
    return {
        "resourceType": "Encounter",
        "id": id_,
        "extension": [_ATTENDANCE_EXTENSIONS[session.attendance], _MECHANISM_EXTENSIONS[session.mechanism]],
        "identifier": [{"system": f"{codes.OURS}/Id/care-contact", "value": id_}],
        "status": "finished" if session.kept else "cancelled",
        "class": _AMBULATORY if session.mechanism == FACE_TO_FACE else _VIRTUAL,
        "subject": person.reference,
        "episodeOfCare": [codes.reference("EpisodeOfCare", f"{person.key}-episode-{spell.episode}")],
        "basedOn": [codes.reference("ServiceRequest", f"{person.key}-referral-{spell.number}")],
        "participant": participants,
        "period": {
            "start": calendar.instant(session.day, session.minute),
            "end": calendar.instant(session.day, session.minute + session.length),
        },
        "serviceProvider": spell.agency.reference,
    }


def consents(draws: Draws, person: YoungPerson, course: Course, calendar: Calendar) -> list[Resource]:
    """The young person's or carer's wish about sharing, where it was asked: mostly yes, now and then not with school."""
    asked, refused = draws.happens(_CONSENT_SHARE), draws.happens(_DENIES_SCHOOL_SHARE)
    spell = course.spells[0]
    if not asked or spell.start is None:
        return []
    agencies = {other.agency.id: other.agency for other in course.spells}
    agencies[person.practice.id] = person.practice
    if not refused:
        agencies[person.school.id] = person.school
    by = person.reference if person.age >= CONSENTS_FROM else person.carers[0].reference
    start = calendar.text(spell.start)
    common: Resource = {
        "meta": {"profile": [codes.profile("thrive-consent")]},
        "status": "active",
        "scope": _PRIVACY,
        "category": _DISCLOSURE,
        "patient": person.reference,
        "dateTime": start,
        "performer": [by],
        "organization": [spell.agency.reference],
        "policy": [{"uri": _POLICY}],
    }
    said = {"sharing": _provision("permit", start, agencies.values())}
    if refused and person.school.id not in agencies:
        said["not-with-school"] = _provision("deny", start, [person.school])
    return [
        {"resourceType": "Consent", "id": f"{person.key}-{name}", **common, "provision": provision}
        for name, provision in said.items()
    ]


def _provision(type_: str, start: str, agencies: Iterable[Agency]) -> Resource:
    """What is permitted to agencies, or denied them, from that day on."""
    recipients = [{"role": _RECIPIENT, "reference": agency.reference} for agency in agencies]
    return {"type": type_, "period": {"start": start}, "actor": recipients}
