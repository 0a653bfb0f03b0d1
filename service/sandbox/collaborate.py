"""CollaboRATE answers and the score of the complete ones, each agency on its own scale.

Source: domain facts section 4 (three items; 0 to 9 or 0 to 4, never mixed; a missing item puts
the encounter out of the calculation; answered within 48 hours). The wording is not ours to ship.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from service.sandbox import care, codes

if TYPE_CHECKING:
    from service.sandbox.codes import Resource
    from service.sandbox.course import Course, Session
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.people import YoungPerson

_ASKED_SHARE = 0.5
_MISSING_ITEM_SHARE = 0.07
# Distance from the top of the scale, as a share of it: most answers sit at or near the top.
_FALLS = ((0.60, 0.0), (0.24, 0.12), (0.10, 0.3), (0.04, 0.6), (0.02, 1.0))
_ALL_TOP_SHARE = 0.3

_DAY_MINUTES = 24 * 60
_EVENING = (18 * 60, _DAY_MINUTES - 5)

QUESTIONNAIRES = {
    9: codes.ours("Questionnaire", "collaborate-0-9"),
    4: codes.ours("Questionnaire", "collaborate-0-4"),
}


@dataclass(frozen=True, slots=True)
class Answers:
    """One response after one session; `items` holds None where nothing was ticked.

    `minute` counts from midnight of the session's day and may lie on the next.
    """

    session: Session
    scale: int
    items: tuple[int | None, ...]
    minute: int


def answers(draws: Draws, course: Course) -> list[Answers]:
    """The responses that came in, for agencies that use CollaboRATE."""
    found = []
    for session in course.kept:
        scale = course.spells[session.spell - 1].agency.scale
        if scale is None or not draws.happens(_ASKED_SHARE):
            continue
        found.append(Answers(session, scale, _items(draws, scale), _minute(draws, session)))
    return found


def _items(draws: Draws, scale: int) -> tuple[int | None, ...]:
    if draws.happens(_ALL_TOP_SHARE):
        return (scale,) * len(codes.COLLABORATE_ITEMS)
    items: list[int | None] = [
        scale - int(draws.weighted(_FALLS) * scale + 0.5) for _ in codes.COLLABORATE_ITEMS
    ]
    if draws.happens(_MISSING_ITEM_SHARE):
        items[draws.between(0, len(items) - 1)] = None
    return tuple(items)


def _minute(draws: Draws, session: Session) -> int:
    """When it was answered: on the way out, that evening or the next evening, up to five to midnight."""
    chance = draws.unit()
    evening = draws.between(*_EVENING)
    if chance < 0.7:
        return session.minute + session.length + 5
    return evening if chance < 0.9 else _DAY_MINUTES + min(evening, session.minute + 12 * 60)


def resources(person: YoungPerson, found: list[Answers], calendar: Calendar) -> list[Resource]:
    """Each QuestionnaireResponse, followed by its score where all three items were answered."""
    by = person.reference if person.answers_alone else person.carers[0].reference
    made: list[Resource] = []
    for answer in found:
        id_ = f"{person.key}-collaborate-{answer.session.number:02d}"
        when = calendar.instant(answer.session.day, answer.minute)
        encounter = care.encounter_reference(person, answer.session)
        made.append(
            {
                "resourceType": "QuestionnaireResponse",
                "id": id_,
                "meta": {"profile": [codes.profile("collaborate-response")]},
                "identifier": {"system": f"{codes.OURS}/Id/response", "value": id_},
                "questionnaire": QUESTIONNAIRES[answer.scale],
                "status": "completed",
                "subject": person.reference,
                "encounter": encounter,
                "authored": when,
                "author": by,
                "source": by,
                "item": [
                    {"linkId": link, "answer": [{"valueInteger": value}]}
                    for link, value in zip(codes.COLLABORATE_ITEMS, answer.items, strict=True)
                    if value is not None
                ],
            }
        )
        complete = [value for value in answer.items if value is not None]
        if len(complete) == len(answer.items):
            made.append(_score(person, answer, complete, {"effectiveDateTime": when, "performer": [by]}))
    return made


def _score(person: YoungPerson, answer: Answers, items: list[int], when_and_who: Resource) -> Resource:
    response = f"{person.key}-collaborate-{answer.session.number:02d}"
    components: list[Resource] = [
        {"code": codes.COLLABORATE_COMPONENTS[link], "valueInteger": value}
        for link, value in zip(codes.COLLABORATE_ITEMS, items, strict=True)
    ]
    all_top = all(value == answer.scale for value in items)
    components.append({"code": codes.COLLABORATE_ALL_TOP, "valueBoolean": all_top})
    return {
        "resourceType": "Observation",
        "id": f"{response}-score",
        "meta": {"profile": [codes.profile("collaborate-score")]},
        "status": "final",
        "category": codes.SURVEY,
        "code": codes.COLLABORATE_SCORE,
        "subject": person.reference,
        "encounter": care.encounter_reference(person, answer.session),
        **when_and_who,
        "valueQuantity": codes.score(_MEANS[sum(items)]),
        "method": codes.COLLABORATE_SCALES[answer.scale],
        "derivedFrom": [codes.reference("QuestionnaireResponse", response)],
        "component": components,
    }


# Means of three to two decimals, by their sum: three nines at most.
_MEANS = tuple((Decimal(total) / 3).quantize(Decimal("0.01")) for total in range(3 * 9 + 1))
