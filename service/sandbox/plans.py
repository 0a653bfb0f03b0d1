"""THRIVE plans and the team around the young person: one coordinating person, one agency, at a time.

A CarePlan has no coordinator and no review date of its own: the person stands in the CareTeam
(SNOMED CT role 768820003) and, with the agency and the review date, in extensions of ours.
A handover ends one plan the day before the next begins.

Source: domain facts section 5 (THRIVE plan, coordinator), section 6.3 (traps of CarePlan),
section 9, trap 15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox import care, codes, goals, groupings, wording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sandbox.codes import Resource
    from service.sandbox.course import Course, Session, Spell
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.goals import Arc
    from service.sandbox.groupings import Grouping
    from service.sandbox.people import YoungPerson
    from service.sandbox.stories import Story

RISK = "getting-risk-support"
_ADVICE_PLAN_SHARE = 0.15
_HELP_PLAN_SHARE = 0.85
# A review about once a term; some come late or are forgotten.
_REVIEW_EVERY_DAYS = 84
_HELD_SHARE = 0.85
_MINUTE = 40

_REVIEW = codes.ours("Questionnaire", "thrive-plan-review")


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan of one spell: `start` to `end` (both days included), None while it runs.

    `reviews` are the sessions in which it was looked at again; `due` is the next day for that.
    """

    number: int
    spell: Spell
    start: int
    end: int | None
    handed_over: bool
    agreed: Session
    reviews: tuple[Session, ...]
    due: int


def plans(draws: Draws, story: Story, course: Course) -> tuple[Plan, ...]:
    """The plans of a course: one for each spell, where a plan is made at all."""
    if not _has_plan(draws, story):
        return ()
    found: list[Plan] = []
    for spell in course.spells:
        kept = [session for session in course.kept if session.spell == spell.number]
        if not kept or spell.start is None:
            continue
        takes_over = bool(found) and found[-1].handed_over
        agreed = kept[0] if takes_over else kept[min(1, len(kept) - 1)]
        handed_over = any(
            other.number == spell.number + 1 and other.phase == spell.phase for other in course.spells
        )
        reviews = () if story.unreviewed else _reviews(draws, agreed.day, kept)
        due = (reviews[-1].day if reviews else agreed.day) + _REVIEW_EVERY_DAYS
        start = spell.start if takes_over else agreed.day
        found.append(Plan(len(found) + 1, spell, start, spell.end, handed_over, agreed, reviews, due))
    return tuple(found)


def _has_plan(draws: Draws, story: Story) -> bool:
    chance = draws.unit()
    match story.help:
        case "declined":
            return False
        case "advice":
            return chance < _ADVICE_PLAN_SHARE
        case "help":
            return story.handover or story.reopened or chance < _HELP_PLAN_SHARE
        case _:
            return True


def _reviews(draws: Draws, agreed: int, kept: Sequence[Session]) -> tuple[Session, ...]:
    """The sessions in which the plan was reviewed: the first after each due day, if it was thought of."""
    found: list[Session] = []
    due = agreed + _REVIEW_EVERY_DAYS
    for session in kept:
        if session.day < due:
            continue
        if draws.happens(_HELD_SHARE):
            found.append(session)
        due = session.day + _REVIEW_EVERY_DAYS
    return tuple(found)


def team(person: YoungPerson, course: Course, made: Sequence[Plan], calendar: Calendar) -> list[Resource]:
    """The CareTeam around the plans: each coordinator for their time, the family, the agencies."""
    if not made:
        return []
    participants: list[Resource] = [
        {
            "role": [codes.COORDINATOR_ROLE],
            "member": plan.spell.clinician.reference,
            "onBehalfOf": plan.spell.agency.reference,
            "period": _period(plan.start, plan.end, calendar),
        }
        for plan in made
    ]
    participants.append({"role": [{"text": "Young person"}], "member": person.reference})
    participants.extend({"role": [{"text": "Carer"}], "member": carer.reference} for carer in person.carers)
    agencies = dict.fromkeys(spell.agency.id for spell in course.spells) | dict.fromkeys([person.school.id])
    participants.extend(
        {"role": [{"text": "Agency involved"}], "member": codes.reference("Organization", agency)}
        for agency in agencies
    )
    last = made[-1]
    return [
        {
            "resourceType": "CareTeam",
            "id": f"{person.key}-team",
            "meta": {"profile": [codes.profile("thrive-care-team")]},
            "status": "active" if last.end is None else "inactive",
            "name": "The people around the plan",
            "subject": person.reference,
            "period": _period(made[0].start, last.end, calendar),
            "participant": participants,
            "managingOrganization": [last.spell.agency.reference],
        }
    ]


def _period(start: int, end: int | None, calendar: Calendar) -> Resource:
    if end is None:
        return {"start": calendar.text(start)}
    return {"start": calendar.text(start), "end": calendar.text(end)}


def resources(
    draws: Draws,
    person: YoungPerson,
    made: Sequence[Plan],
    found: tuple[Sequence[Arc], Sequence[Grouping]],
    calendar: Calendar,
) -> list[Resource]:
    """A CarePlan for each plan, then the responses of its reviews; `found` are goals and groupings."""
    arcs, grouped = found
    result: list[Resource] = []
    for plan in made:
        result.append(_care_plan(draws, person, plan, (arcs, grouped), calendar))
        for number, session in enumerate(plan.reviews, 1):
            grouping = next(held for held in reversed(grouped) if held.start <= session.day)
            result.append(_review(person, plan, number, (session, grouping), calendar))
    return result


def _care_plan(
    draws: Draws,
    person: YoungPerson,
    plan: Plan,
    found: tuple[Sequence[Arc], Sequence[Grouping]],
    calendar: Calendar,
) -> Resource:
    arcs, grouped = found
    last_day = calendar.anchor if plan.end is None else plan.end
    its_goals = _goals_of(plan, arcs, last_day)
    its_groupings = [
        held for held in grouped if held.start <= last_day and (held.end is None or held.end >= plan.start)
    ]
    present = its_groupings[-1]
    extensions = _extensions(draws, plan, present, calendar)
    if any(held.code == RISK for held in its_groupings):
        extensions.append(_risk_support(draws, calendar.text(plan.agreed.day)))
    care_plan: Resource = {
        "resourceType": "CarePlan",
        "id": f"{person.key}-plan-{plan.number}",
        "meta": {"profile": [codes.profile("thrive-plan")]},
        "extension": extensions,
        "status": _status(plan),
        "intent": "plan",
        "category": codes.MENTAL_HEALTH_PLAN,
        "title": "THRIVE plan",
        "subject": person.reference,
        "encounter": care.encounter_reference(person, plan.agreed),
        "period": _period(plan.start, plan.end, calendar),
        "created": calendar.text(plan.start),
        "author": plan.spell.clinician.reference,
        "careTeam": [codes.reference("CareTeam", f"{person.key}-team")],
        "supportingInfo": [groupings.reference(person, held) for held in its_groupings],
        "activity": _activities(draws, person, plan),
    }
    if its_goals:
        care_plan["goal"] = [codes.reference("Goal", goals.goal_id(person, arc)) for arc in its_goals]
    if plan.number > 1:
        earlier = codes.reference("CarePlan", f"{person.key}-plan-{plan.number - 1}")
        care_plan["replaces" if plan.spell.phase == 1 else "basedOn"] = [earlier]
    return care_plan


def _goals_of(plan: Plan, arcs: Sequence[Arc], last_day: int) -> list[Arc]:
    """The goals that were worked at while the plan ran; where all were over when it was taken over, the last one."""
    begun = [arc for arc in arcs if arc.phase == plan.spell.phase and arc.started <= last_day]
    return [arc for arc in begun if arc.ended is None or arc.ended > plan.start] or begun[-1:]


def _status(plan: Plan) -> str:
    """A plan that another agency took over was ended before its time, hence revoked."""
    if plan.end is None:
        return "active"
    return "revoked" if plan.handed_over else "completed"


def _extensions(draws: Draws, plan: Plan, present: Grouping, calendar: Calendar) -> list[Resource]:
    return [
        {"url": codes.profile("plan-coordinator"), "valueReference": plan.spell.clinician.reference},
        {"url": codes.profile("plan-coordinating-agency"), "valueReference": plan.spell.agency.reference},
        {"url": codes.profile("plan-review-date"), "valueDate": calendar.text(plan.due)},
        {"url": codes.profile("plan-grouping"), "valueCodeableConcept": codes.GROUPINGS[present.code]},
        {"url": codes.profile("plan-agreed-ending"), "valueString": draws.pick(wording.ENDINGS)},
    ]


def _risk_support(draws: Draws, agreed: str) -> Resource:
    """The risk-support section: what is known to help, and who is called; wanted for Getting Risk Support."""
    parts: list[Resource] = [
        {"url": part, "valueString": draws.pick(texts)} for part, texts in wording.RISK_SUPPORT.items()
    ]
    return {
        "url": codes.profile("plan-risk-support"),
        "extension": [*parts, {"url": "agreed", "valueDate": agreed}],
    }


def _activities(draws: Draws, person: YoungPerson, plan: Plan) -> list[Resource]:
    """Who does what: the young person, a carer, the school and the coordinating agency."""
    performers = {
        "young-person": person.reference,
        "carer": person.carers[0].reference,
        "school": person.school.reference,
        "agency": plan.spell.agency.reference,
    }
    status = "in-progress" if plan.end is None else "completed"
    return [
        {
            "detail": {
                "status": "stopped" if plan.handed_over and who == "agency" else status,
                "description": draws.pick(wording.TASKS[who]),
                "performer": [performer],
            }
        }
        for who, performer in performers.items()
    ]


def _review(
    person: YoungPerson, plan: Plan, number: int, held: tuple[Session, Grouping], calendar: Calendar
) -> Resource:
    session, grouping = held
    id_ = f"{person.key}-plan-{plan.number}-review-{number}"
    by = plan.spell.clinician.reference
    code = codes.GROUPINGS[grouping.code]["coding"][0]
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "meta": {"profile": [codes.profile("thrive-plan-review")]},
        "identifier": {"system": f"{codes.OURS}/Id/response", "value": id_},
        "basedOn": [codes.reference("CarePlan", f"{person.key}-plan-{plan.number}")],
        "questionnaire": _REVIEW,
        "status": "completed",
        "subject": person.reference,
        "encounter": care.encounter_reference(person, session),
        "authored": calendar.instant(session.day, session.minute + _MINUTE),
        "author": by,
        "source": by,
        "item": [
            {"linkId": "grouping", "answer": [{"valueCoding": code}]},
            {"linkId": "goals-still-right", "answer": [{"valueBoolean": True}]},
            {"linkId": "coordinator-still-right", "answer": [{"valueBoolean": not plan.handed_over}]},
            {"linkId": "ending-talked-about", "answer": [{"valueBoolean": number > 1}]},
            {
                "linkId": "next-review",
                "answer": [{"valueDate": calendar.text(session.day + _REVIEW_EVERY_DAYS)}],
            },
        ],
    }
