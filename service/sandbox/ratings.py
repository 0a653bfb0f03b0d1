"""Goal ratings as they come in: one form per session and rater, and the scores taken from it.

A rating moves from its baseline with the goal's trend and some noise, stays on the scale of
0 to 10 and is sometimes given in halves. 0 is a score; a missed session has none.

Source: domain facts sections 1 (0 to 10, first rating by the third contact) and 2 (SNOMED slot
codes, LOINC of goal attainment scaling), 6.3 (focus, derivedFrom), trap 18 (amended and
entered-in-error answers take their observations with them).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from math import floor
from typing import TYPE_CHECKING

from service.sandbox import care, codes, goals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sandbox.codes import Rater, Resource
    from service.sandbox.course import Course, Session
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.goals import Arc
    from service.sandbox.people import YoungPerson
    from service.sandbox.stories import Story

_QUESTIONNAIRE = codes.ours("Questionnaire", "gbo-session")
_RATED_SHARE = 0.9
_OTHERS_RATE_EVERY = 3
# Minutes into the session at which goals are rated.
_MINUTE = 5
_SUFFIX: dict[Rater, str] = {"young-person": "y", "carer": "c", "clinician": "k"}
# Scores in halves keep their decimal, as a form with a half-point slider sends them.
_HALVES = tuple(Decimal(halves * 5).scaleb(-1) for halves in range(2 * codes.GOAL_SCALE_TOP + 1))

_FLAT_DRIFT = 0.4
_WORSE_DRIFT = -2.5
_IMPROVING_DRIFT = (3.0, 6.5)
_DIP_DRIFT = 3.5
_DIP_DEPTH = 2.0
_NOISE = 0.7


@dataclass(frozen=True, slots=True)
class Rating:
    """One goal rated once: 0 to 10, or -2 to +2 where the goal has attainment levels."""

    arc: Arc
    session: Session
    rater: Rater
    value: int | Decimal
    is_first: bool


@dataclass(frozen=True, slots=True)
class Form:
    """What one rater filled in at one session; `status` is that of the response."""

    number: int
    session: Session
    rater: Rater
    ratings: tuple[Rating, ...]
    status: str = "completed"


def ratings(draws: Draws, arcs: Sequence[Arc], course: Course) -> list[Rating]:
    """Every rating of every goal."""
    found: list[Rating] = []
    for arc in arcs:
        kept = [session for session in course.kept if session.phase == arc.phase]
        for rater in arc.raters:
            found.extend(_series(draws, arc, rater, kept))
    return found


def _series(draws: Draws, arc: Arc, rater: Rater, kept: Sequence[Session]) -> list[Rating]:
    """One rater's ratings of one goal, at the contacts at which it was rated."""
    length = max(arc.last - arc.first, 1)
    drift = _drift(draws, arc)
    # Somebody beside the owner sees the same road from elsewhere.
    lean = 0.0 if rater == arc.owner else draws.wobble()
    found: list[Rating] = []
    for place in range(arc.first, arc.last + 1):
        is_due = rater == arc.owner or (place - arc.first) % _OTHERS_RATE_EVERY == 0
        is_given = draws.happens(_RATED_SHARE)
        if place != arc.first and not (is_due and is_given):
            continue
        progress = (place - arc.first) / length
        noise = 0.0 if place == arc.first else draws.wobble() * _NOISE
        dip = -_DIP_DEPTH * 4 * progress * (1 - progress) if arc.trend == "dip" else 0.0
        level = arc.baseline + lean + drift * progress + dip + noise
        value = _on_scale(arc, level) if arc.attainment is None else _attained(level - arc.baseline)
        found.append(Rating(arc, kept[place], rater, value, is_first=not found))
    return found


def _drift(draws: Draws, arc: Arc) -> float:
    """How many points the goal moves over its time."""
    low, high = _IMPROVING_DRIFT
    rise = low + (high - low) * draws.unit()
    match arc.trend:
        case "improving":
            return rise
        case "dip":
            return _DIP_DRIFT
        case "worse":
            return _WORSE_DRIFT
        case _:
            return _FLAT_DRIFT


def _on_scale(arc: Arc, level: float) -> int | Decimal:
    """The level as it is written down: whole, or to one decimal where this goal is rated in halves."""
    bounded = min(max(level, 0.0), float(codes.GOAL_SCALE_TOP))
    if arc.in_halves:
        return _HALVES[int(2 * bounded + 0.5)]
    return int(bounded + 0.5)


def _attained(change: float) -> int:
    """The attainment level: -1 to begin with, and one level for each two points of movement."""
    return min(max(floor(change / 2 + 0.5) - 1, -2), 2)


def forms(draws: Draws, story: Story, found: Sequence[Rating]) -> list[Form]:
    """The ratings gathered to one form per session and rater, with what was corrected later.

    A corrected form is `amended`; a retracted one was given in twice by mistake, and its double
    is `entered-in-error`.
    """
    together: dict[tuple[int, Rater], list[Rating]] = {}
    for rating in found:
        together.setdefault((rating.session.number, rating.rater), []).append(rating)
    filled = [
        Form(number, given[0].session, rater, tuple(given))
        for number, ((_, rater), given) in enumerate(sorted(together.items()), 1)
    ]
    if not filled:
        return filled
    place, error = int(draws.unit() * len(filled)), draws.pick(filled)
    if story.corrected:
        filled[place] = replace(filled[place], status="amended")
    if story.retracted:
        filled.append(replace(error, number=len(filled) + 1, status="entered-in-error"))
    return filled


def resources(
    person: YoungPerson, course: Course, filled: Sequence[Form], calendar: Calendar
) -> list[Resource]:
    """Each form's QuestionnaireResponse, followed by the Observations taken from it."""
    found: list[Resource] = []
    for form in filled:
        spell = course.spells[form.session.spell - 1]
        when = calendar.instant(form.session.day, form.session.minute + _MINUTE)
        by = goals.rater_reference(person, course, form.rater, form.session)
        shared = {
            "subject": person.reference,
            "encounter": care.encounter_reference(person, form.session),
        }
        response_id = f"{person.key}-goals-{form.number:02d}"
        found.append(
            _response(person, form, response_id, {**shared, "authored": when, "author": by, "source": by})
        )
        observed = {
            "status": _OBSERVED[form.status],
            "category": codes.SURVEY,
            **shared,
            "effectiveDateTime": when,
            "performer": [by],
            "derivedFrom": [codes.reference("QuestionnaireResponse", response_id)],
        }
        for rating in form.ratings:
            id_ = f"{goals.goal_id(person, rating.arc)}-{_SUFFIX[form.rater]}{form.number:02d}"
            body = _attainment(rating) if rating.arc.attainment else _score(rating, spell.agency.code_set)
            focus = [codes.reference("Goal", goals.goal_id(person, rating.arc))]
            found.append({"resourceType": "Observation", "id": id_, **body, **observed, "focus": focus})
    return found


_OBSERVED = {"completed": "final", "amended": "amended", "entered-in-error": "entered-in-error"}


def _response(person: YoungPerson, form: Form, id_: str, shared: Resource) -> Resource:
    return {
        "resourceType": "QuestionnaireResponse",
        "id": id_,
        "meta": {"profile": [codes.profile("gbo-session")]},
        "identifier": {"system": f"{codes.OURS}/Id/response", "value": id_},
        "questionnaire": _QUESTIONNAIRE,
        "status": form.status,
        **shared,
        "item": [_answers(person, rating) for rating in sorted(form.ratings, key=_slot)],
    }


def _slot(rating: Rating) -> int:
    return rating.arc.slot


def _answers(person: YoungPerson, rating: Rating) -> Resource:
    """The group of one slot: which goal was in it, and its score or attainment level."""
    group = f"goal-{rating.arc.slot}"
    goal = codes.reference("Goal", goals.goal_id(person, rating.arc))
    kind = "score" if rating.arc.attainment is None else "level"
    value = "valueDecimal" if rating.arc.attainment is None else "valueInteger"
    return {
        "linkId": group,
        "item": [
            {"linkId": f"{group}.goal", "answer": [{"valueReference": goal}]},
            {"linkId": f"{group}.{kind}", "answer": [{value: rating.value}]},
        ],
    }


def _score(rating: Rating, code_set: codes.CodeSet) -> Resource:
    return {
        "meta": {"profile": [codes.profile("gbo-score")]},
        "code": codes.goal_score(rating.rater, code_set, rating.arc.slot),
        "valueQuantity": codes.score(rating.value),
    }


def _attainment(rating: Rating) -> Resource:
    return {
        "meta": {"profile": [codes.profile("gas-score")]},
        "code": codes.GAS_BASELINE if rating.is_first else codes.GAS_FOLLOW_UP[rating.rater],
        "valueCodeableConcept": {"coding": [codes.GAS_LEVELS[int(rating.value)]]},
    }
