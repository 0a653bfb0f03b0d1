"""Shared decisions: what there was to choose between, who preferred what, and what was chosen.

The texts are invented. They have draws of their own, so that the rest of a record does not hang on them.

Source: Questionnaire shared-decision; domain facts section 5 (a choice made together) and 6.6 (DAPB4070)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox import care, codes
from service.sandbox.draws import Draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sandbox.agencies import Area
    from service.sandbox.codes import Resource
    from service.sandbox.course import Course, Session
    from service.sandbox.dates import Calendar
    from service.sandbox.people import YoungPerson
    from service.sandbox.plans import Plan
    from service.sandbox.stories import Help, Story

DECIDED = "decided-together"
_SHARE = 0.4  # of those with a plan, or whose help was advice
_CARER_SHARE = 0.6
_AGREE_SHARE = 0.75
_OUTCOMES = ((0.8, DECIDED), (0.14, "later"), (0.06, "not-agreed"))
_MINUTE = 35
_LOOK_AGAIN_DAYS = 42

_FORM = codes.ours("Questionnaire", "shared-decision")
_RATERS = codes.ours("CodeSystem", "rater")
_OUTCOME_CODES = codes.ours("CodeSystem", "decision-outcome")
_PLACES = codes.ours("CodeSystem", "care-place")
_FORMS = codes.ours("CodeSystem", "care-form")
_DISPLAYS = {
    "young-person": "Young person",
    "parent-or-carer": "Parent or carer",
    "clinician": "Clinician",
    DECIDED: "Decided together",
    "later": "To be decided later",
    "not-agreed": "Not agreed",
    "clinic": "Clinic",
    "home": "Home",
    "school": "School or college",
    "community": "In the community",
    "online": "Online",
    "one-to-one": "One to one",
    "family": "With the family",
    "parents": "With parents or carers",
    "group": "In a group",
    "self-help": "Self-help",
    "medicine": "Medicine",
    "waiting": "Wait and look again",
}


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to go: what it is, what speaks for it and against it, where and in which form; `service` offers it."""

    what: str
    pro: str
    contra: str
    place: str
    form: str
    service: str | None = None


_WAIT = _Way(
    "Wait, and look again in six weeks",
    "Nothing to fit in for now",
    "It may not get better by itself",
    "home",
    "waiting",
)
_QUESTIONS: dict[str, tuple[str, tuple[_Way, ...]]] = {
    "advice": (
        "What to try first",
        (
            _Way("The making group after school", "No waiting, and it is near", "New people", "community", "group", "kite-club-making-group"),
            _Way("The drop-in on Fridays", "Can just turn up", "Not the same person each time", "community", "one-to-one", "lighthouse-drop-in"),
            _Way("The course in the app", "At any hour, alone", "Easy to put off", "online", "self-help"),
            _WAIT,
        ),
    ),
    "help": (
        "How we work on the goals",
        (
            _Way("Talking, every week or two", "The same person each time", "Misses a lesson", "clinic", "one-to-one"),
            _Way("Sessions at school", "No travelling", "Others may see", "school", "one-to-one"),
            _Way("Sessions with the family", "Everybody pulls the same way", "Harder to find a time", "clinic", "family"),
            _WAIT,
        ),
    ),
    "more-help": (
        "What to add to the talking",
        (
            _Way("Medicine beside it", "Has helped others with sleep", "Needs checks, and may upset the stomach", "clinic", "medicine"),
            _Way("Two sessions a week for a time", "Quicker", "Tiring", "clinic", "one-to-one"),
            _Way("A course for parents", "Home gets calmer", "Nothing for the young person itself", "community", "parents"),
        ),
    ),
}  # fmt: skip
_MATTERS = (
    "Not to miss any more lessons", "That it is the same person each time", "To sleep through",
    "That nobody at school knows", "Something to do, not only to talk", "To be asked before others are told",
)  # fmt: skip


def decisions(
    story: Story, person: YoungPerson, course: Course, made: Sequence[Plan], place: tuple[Area, Calendar]
) -> list[Resource]:
    """The decision of some whose plan was agreed, or who were given advice: one response to the form."""
    area, calendar = place
    draws = Draws("decision", person.key)
    if not draws.happens(_SHARE) or not course.kept:
        return []
    session = made[0].agreed if made else course.kept[-1]
    if not made and story.help != "advice":
        return []
    question, ways = _QUESTIONS[_kind(story.help)]
    outcome = draws.weighted(_OUTCOMES)
    options = draws.some(ways, draws.between(2, 3))
    items: list[Resource] = [
        _answered("decision", {"valueString": question}),
        _took_part(draws, outcome),
        _answered("matters", {"valueString": draws.pick(_MATTERS)}),
        *_options(draws, options, outcome, area),
        _answered("outcome", {"valueCoding": _coding(_OUTCOME_CODES, outcome)}),
    ]
    if outcome == DECIDED:
        items.append(_answered("place", {"valueCoding": _coding(_PLACES, options[0].place)}))
        items.append(_answered("form", {"valueCoding": _coding(_FORMS, options[0].form)}))
    items.append(_answered("look-again", {"valueDate": calendar.text(session.day + _LOOK_AGAIN_DAYS)}))
    return [_response(person, course, made, session, calendar) | {"item": items}]


def _kind(help_: Help) -> str:
    return "more-help" if help_ == "risk-support" else help_


def _response(
    person: YoungPerson, course: Course, made: Sequence[Plan], session: Session, calendar: Calendar
) -> Resource:
    id_ = f"{person.key}-decision-1"
    plan = [codes.reference("CarePlan", f"{person.key}-plan-{made[0].number}")] if made else []
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "meta": {"profile": [codes.profile("shared-decision")]},
        "identifier": {"system": f"{codes.OURS}/Id/response", "value": id_},
        **({"basedOn": plan} if plan else {}),
        "questionnaire": _FORM,
        "status": "completed",
        "subject": person.reference,
        "encounter": care.encounter_reference(person, session),
        "authored": calendar.instant(session.day, session.minute + _MINUTE),
        "author": course.spells[session.spell - 1].clinician.reference,
    }


def _took_part(draws: Draws, outcome: str) -> Resource:
    """The young person and who works with them always; who disagrees took part, too."""
    with_carer = draws.happens(_CARER_SHARE) or outcome == "not-agreed"
    who = ["young-person", *(["parent-or-carer"] if with_carer else []), "clinician"]
    return _answered("took-part", *({"valueCoding": _coding(_RATERS, each)} for each in who))


def _options(draws: Draws, options: Sequence[_Way], outcome: str, area: Area) -> list[Resource]:
    """The ways that were talked about; the first is the one that is chosen, and the young person's own."""
    agree = draws.happens(_AGREE_SHARE) and outcome != "not-agreed"
    found = []
    for number, way in enumerate(options):
        prefer = ["young-person"] if number == 0 else []
        if number == (0 if agree else 1):
            prefer.append("parent-or-carer")
        parts = [
            _answered("option.what", {"valueString": way.what}),
            _answered("option.for", {"valueString": way.pro}),
            _answered("option.against", {"valueString": way.contra}),
        ]
        if way.service is not None:
            service = codes.reference("HealthcareService", f"area-{area.index + 1}-{way.service}")
            parts.append(_answered("option.service", {"valueReference": service}))
        if prefer:
            answers = ({"valueCoding": _coding(_RATERS, each)} for each in prefer)
            parts.append(_answered("option.preferred-by", *answers))
        if outcome == DECIDED:
            parts.append(_answered("option.chosen", {"valueBoolean": number == 0}))
        found.append({"linkId": "option", "item": parts})
    return found


def _answered(link_id: str, *answers: Resource) -> Resource:
    return {"linkId": link_id, "answer": list(answers)}


def _coding(system: str, code: str) -> Resource:
    return codes.coding(system, code, _DISPLAYS[code])
