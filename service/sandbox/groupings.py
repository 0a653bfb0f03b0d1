"""Needs-based groupings as dated periods, each with who decided it; never an order.

Source: domain facts section 5 (chosen together, reflects present need, changes over time).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox import care, codes

if TYPE_CHECKING:
    from service.sandbox.codes import Resource
    from service.sandbox.course import Course, Session
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.people import YoungPerson
    from service.sandbox.stories import Help

_FIRST: dict[Help, str] = {
    "advice": "getting-advice-signposting",
    "help": "getting-help",
    "more-help": "getting-more-help",
    "risk-support": "getting-risk-support",
}
# Where needs went from one grouping, when they were looked at again.
_NEXT: dict[str, tuple[str, ...]] = {
    "getting-advice-signposting": ("getting-help", "thriving"),
    "getting-help": ("getting-more-help", "getting-advice-signposting"),
    "getting-more-help": ("getting-help",),
    "getting-risk-support": ("getting-more-help", "getting-help"),
}
_AFTERWARDS = ("thriving", "getting-advice-signposting")
_CHANGE_SHARE = 0.3
_CHANGE_FROM_CONTACT = 5


@dataclass(frozen=True, slots=True)
class Grouping:
    """One grouping from `start` to `end` (both days included), decided in a session."""

    number: int
    code: str
    start: int
    end: int | None
    decided: Session

    def holds(self, day: int) -> bool:
        """Whether it is the grouping of that day."""
        return self.start <= day and (self.end is None or day <= self.end)


def groupings(draws: Draws, help_: Help, course: Course) -> tuple[Grouping, ...]:
    """The groupings of a course, one after another without overlap."""
    changes: list[tuple[str, Session]] = []
    ends: dict[int, int] = {}
    for phase in dict.fromkeys(spell.phase for spell in course.spells):
        kept = [session for session in course.kept if session.phase == phase]
        if not kept:
            continue
        changes.extend(_changes(draws, _FIRST[help_], kept))
        ended = [spell.end for spell in course.spells if spell.phase == phase][-1]
        if ended is not None:
            ends[len(changes) - 1] = ended
    last = len(changes) - 1
    return tuple(
        Grouping(
            number=place + 1,
            code=code,
            start=session.day,
            end=ends.get(place) if place == last or place in ends else changes[place + 1][1].day - 1,
            decided=session,
        )
        for place, (code, session) in enumerate(changes)
    )


def _changes(draws: Draws, first: str, kept: list[Session]) -> list[tuple[str, Session]]:
    """Codes with the sessions in which they were decided, for one phase of help."""
    changes = [(first, kept[0])]
    changed, afterwards = draws.happens(_CHANGE_SHARE), draws.happens(_CHANGE_SHARE)
    if changed and len(kept) > _CHANGE_FROM_CONTACT:
        session = kept[draws.between(_CHANGE_FROM_CONTACT - 1, len(kept) - 2)]
        changes.append((draws.pick(_NEXT[first]), session))
    if afterwards and len(kept) > 1 and kept[-1].day > changes[-1][1].day:
        code = draws.pick(_AFTERWARDS)
        if code != changes[-1][0]:
            changes.append((code, kept[-1]))
    return changes


def reference(person: YoungPerson, grouping: Grouping) -> Resource:
    """A Reference to the grouping's Observation."""
    return codes.reference("Observation", f"{person.key}-grouping-{grouping.number}")


def resources(
    person: YoungPerson, course: Course, found: tuple[Grouping, ...], calendar: Calendar
) -> list[Resource]:
    """One Observation for each grouping."""
    return [
        {
            "resourceType": "Observation",
            "id": f"{person.key}-grouping-{grouping.number}",
            "meta": {"profile": [codes.profile("needs-based-grouping")]},
            "status": "final",
            "category": codes.DECISION,
            "code": codes.GROUPING_DECISION,
            "subject": person.reference,
            "encounter": care.encounter_reference(person, grouping.decided),
            "effectivePeriod": {"start": calendar.text(grouping.start)}
            if grouping.end is None
            else {"start": calendar.text(grouping.start), "end": calendar.text(grouping.end)},
            "performer": [
                person.reference if person.answers_alone else person.carers[0].reference,
                course.spells[grouping.decided.spell - 1].clinician.reference,
            ],
            "valueCodeableConcept": codes.GROUPINGS[grouping.code],
        }
        for grouping in found
    ]
