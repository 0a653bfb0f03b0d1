"""What work leaves beside the record: tasks, messages, flags, lists, provenance, a measure's report.

Source: R4 Task, Communication, Flag, List, Provenance, MeasureReport; domain facts section 5
(handover, signposting) and 9, trap 18 (corrections are traceable).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from service.sandbox import care, codes, goals
from service.sandbox.draws import Draws
from service.sandbox.plans import RISK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sandbox.agencies import Area
    from service.sandbox.codes import Resource
    from service.sandbox.course import Course
    from service.sandbox.dates import Calendar
    from service.sandbox.groupings import Grouping
    from service.sandbox.people import YoungPerson
    from service.sandbox.plans import Plan
    from service.sandbox.ratings import Form, Rating
    from service.sandbox.stories import Story

_TASK_SHARE = 0.15
_REMINDER_SHARE = 0.5
_REPORT_SHARE = 0.3
_OFFICE_MINUTE = 10 * 60
_CORRECTED_AFTER_DAYS = 1
_SIGNPOSTS = 3
_SIGNPOSTING = [codes.concept(codes.ours("CodeSystem", "request-kind"), "signposting", "Signposting")]
# They went; nobody knows yet; they did not want to.
_CAME_OF_IT = ((0.5, "completed"), (0.35, "active"), (0.15, "revoked"))

PAIRED = codes.ours("Measure", "paired-goal-scores")
_POPULATION = f"{codes.HL7}/measure-population"


def signposting(
    draws: Draws,
    story: Story,
    person: YoungPerson,
    course: Course,
    decided: Sequence[Resource],
    place: tuple[Area, Calendar],
) -> list[Resource]:
    """Where those with advice or a declined referral were pointed: a List, and a ServiceRequest for the first.

    `decided` are the shared decisions of the record.
    """
    area, calendar = place
    if story.help not in {"advice", "declined"} or not (course.kept or course.closed):
        return []
    day = course.kept[-1].day if course.kept else course.closed or course.referred
    by = course.spells[0].clinician.reference
    services = draws.some(area.signposts, draws.between(1, _SIGNPOSTS))
    list_: Resource = {
        "resourceType": "List",
        "id": f"{person.key}-signposts",
        "status": "current",
        "mode": "snapshot",
        "title": "Services we talked about",
        "subject": person.reference,
        "date": calendar.text(day),
        "source": by,
        "entry": [{"item": service} for service in services],
    }
    request: Resource = {
        "resourceType": "ServiceRequest",
        "id": f"{person.key}-signpost",
        "meta": {"profile": [codes.profile("thrive-signposting")]},
        "status": Draws("signposting", person.key).weighted(_CAME_OF_IT),
        "intent": "proposal",
        "category": _SIGNPOSTING,
        "code": {"text": "Signposting"},
        "subject": person.reference,
        "authoredOn": calendar.text(day),
        "requester": by,
        "performer": [services[0]],
    }
    if course.kept:
        request["encounter"] = care.encounter_reference(person, course.kept[-1])
    if decided:
        request["supportingInfo"] = [
            codes.reference("QuestionnaireResponse", decision["id"]) for decision in decided
        ]
    return [list_, request]


def work(draws: Draws, person: YoungPerson, course: Course, calendar: Calendar) -> list[Resource]:
    """A triage Task for some referrals, and a message after some missed sessions."""
    found: list[Resource] = []
    spell = course.spells[0]
    if draws.happens(_TASK_SHARE) and spell.start is not None:
        found.append(
            {
                "resourceType": "Task",
                "id": f"{person.key}-triage",
                "status": "completed",
                "intent": "order",
                "code": {"text": "Read the referral and decide who meets the young person first"},
                "focus": codes.reference("ServiceRequest", f"{person.key}-referral-1"),
                "for": person.reference,
                "authoredOn": calendar.text(course.referred),
                "lastModified": calendar.text(spell.start),
                "requester": spell.agency.reference,
                "owner": spell.clinician.reference,
            }
        )
    missed = [session for session in course.sessions if not session.kept]
    if missed and draws.happens(_REMINDER_SHARE):
        session = missed[0]
        found.append(
            {
                "resourceType": "Communication",
                "id": f"{person.key}-missed-{session.number:02d}",
                "status": "completed",
                "subject": person.reference,
                "encounter": care.encounter_reference(person, session),
                "sent": calendar.instant(session.day, session.minute + session.length),
                "recipient": [person.carers[0].reference],
                "sender": course.spells[session.spell - 1].clinician.reference,
                "payload": [{"contentString": "We missed you today. The next session is at the usual time."}],
            }
        )
    return found


def handovers(person: YoungPerson, made: Sequence[Plan], calendar: Calendar) -> list[Resource]:
    """For each plan that another agency took over: a Task, a notice to both agencies, Provenance."""
    found: list[Resource] = []
    for before, after in pairwise(made):
        if not before.handed_over:
            continue
        plan = codes.reference("CarePlan", f"{person.key}-plan-{after.number}")
        when = calendar.instant(after.start, _OFFICE_MINUTE)
        found.extend(
            (
                {
                    "resourceType": "Task",
                    "id": f"{person.key}-handover-{after.number}",
                    "status": "completed",
                    "intent": "order",
                    "code": {"text": "Take over coordination of the plan"},
                    "focus": plan,
                    "for": person.reference,
                    "authoredOn": calendar.text(before.end or before.start),
                    "lastModified": calendar.text(after.start),
                    "requester": before.spell.agency.reference,
                    "owner": after.spell.agency.reference,
                },
                {
                    "resourceType": "Communication",
                    "id": f"{person.key}-handover-{after.number}",
                    "status": "completed",
                    "subject": person.reference,
                    "about": [plan],
                    "sent": when,
                    "recipient": [before.spell.agency.reference, after.spell.agency.reference],
                    "sender": after.spell.clinician.reference,
                    "payload": [{"contentString": "Coordination of this plan has changed hands today."}],
                },
                _provenance(f"{person.key}-handover-{after.number}", [plan], when, after),
            )
        )
    return found


def _provenance(id_: str, targets: list[Resource], when: str, plan: Plan) -> Resource:
    return {
        "resourceType": "Provenance",
        "id": id_,
        "target": targets,
        "occurredDateTime": when,
        "recorded": when,
        "activity": _UPDATED,
        "agent": [{"who": plan.spell.clinician.reference, "onBehalfOf": plan.spell.agency.reference}],
    }


_UPDATED = codes.concept(f"{codes.HL7}/v3-DataOperation", "UPDATE", "revise")


def corrections(
    person: YoungPerson, course: Course, filled: Sequence[Form], calendar: Calendar
) -> list[Resource]:
    """Provenance of each form that was amended or retracted: who changed it, and when."""
    found: list[Resource] = []
    for form in filled:
        if form.status == "completed":
            continue
        when = calendar.instant(form.session.day + _CORRECTED_AFTER_DAYS, _OFFICE_MINUTE)
        spell = course.spells[form.session.spell - 1]
        found.append(
            {
                "resourceType": "Provenance",
                "id": f"{person.key}-goals-{form.number:02d}-{form.status}",
                "target": [codes.reference("QuestionnaireResponse", f"{person.key}-goals-{form.number:02d}")],
                "occurredDateTime": when,
                "recorded": when,
                "activity": _UPDATED,
                "agent": [{"who": spell.clinician.reference, "onBehalfOf": spell.agency.reference}],
            }
        )
    return found


def flags(
    person: YoungPerson, course: Course, grouped: Sequence[Grouping], calendar: Calendar
) -> list[Resource]:
    """A Flag for each time of Getting Risk Support: that there is a safety plan, and no more."""
    found: list[Resource] = []
    for grouping in grouped:
        if grouping.code != RISK:
            continue
        period = {"start": calendar.text(grouping.start)}
        if grouping.end is not None:
            period["end"] = calendar.text(grouping.end)
        found.append(
            {
                "resourceType": "Flag",
                "id": f"{person.key}-risk-{grouping.number}",
                "status": "active" if grouping.end is None else "inactive",
                "category": [codes.concept(f"{codes.HL7}/flag-category", "safety", "Safety")],
                "code": {"text": "A safety plan is in place; see the THRIVE plan"},
                "subject": person.reference,
                "period": period,
                "author": course.spells[grouping.decided.spell - 1].clinician.reference,
            }
        )
    return found


def reports(
    draws: Draws, person: YoungPerson, course: Course, found: Sequence[Rating], calendar: Calendar
) -> list[Resource]:
    """For some whose help has ended: how many goals have a first and a second score of their owner."""
    is_written = draws.happens(_REPORT_SHARE)
    if course.closed is None or not found or not is_written:
        return []
    counts: dict[int, int] = {}
    for rating in found:
        if rating.rater == rating.arc.owner:
            counts[rating.arc.number] = counts.get(rating.arc.number, 0) + 1
    rated, paired = len(counts), sum(count > 1 for count in counts.values())
    return [
        {
            "resourceType": "MeasureReport",
            "id": f"{person.key}-paired",
            "status": "complete",
            "type": "individual",
            "measure": PAIRED,
            "subject": person.reference,
            "date": calendar.text(course.closed),
            "reporter": course.spells[-1].agency.reference,
            "period": {"start": calendar.text(course.referred), "end": calendar.text(course.closed)},
            "group": [
                {
                    "population": [
                        {"code": codes.concept(_POPULATION, "denominator", "Denominator"), "count": rated},
                        {"code": codes.concept(_POPULATION, "numerator", "Numerator"), "count": paired},
                    ]
                }
            ],
            "evaluatedResource": [
                {"reference": f"Goal/{goals.goal_id(person, arc)}"}
                for arc in dict.fromkeys(rating.arc for rating in found)
            ],
        }
    ]
