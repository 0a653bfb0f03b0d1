"""The session form before it is answered: the open goals by slot, and where each stood last.

The last score stands beside the question and never in its answer: what is sent back is
what somebody said this time. It is the score of whoever is about to answer, as raters are never
mixed; where that is not known, the young person's own.

Source: domain facts section 1 (slots, ratings by young person, parent or carer, clinician); Questionnaire gbo-session
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from service.outcomes.goals import Goal, read_goal
from service.outcomes.recognition import GOAL_SCORES, Resource, codings
from service.outcomes.references import Locate, Target
from service.outcomes.series import CLINICIAN, LEVEL, PARENT_OR_CARER, SCORE, YOUNG_PERSON, Point, Series

Json = dict[str, Any]

SLOTS: Final = (1, 2, 3)
LEVELS_EXTENSION: Final = "http://hl7.org/fhir/us/pco/StructureDefinition/pco-goal-attainment-scaling"
# A goal that is rated from 0 to 10. Source: profile gbo-goal
_SCORED: Final = (GOAL_SCORES, "goal-score")

_RATER_OF: Final[Mapping[str, str]] = {
    "Patient": YOUNG_PERSON,
    "RelatedPerson": PARENT_OR_CARER,
    "Practitioner": CLINICIAN,
    "PractitionerRole": CLINICIAN,
}


def open_goals(goals: Iterable[Resource], locate: Locate) -> dict[int | None, list[Resource]]:
    """The goals under way by the slot that they hold, None for those that hold none."""
    found: dict[int | None, list[Resource]] = {}
    for resource in goals:
        goal: Goal = read_goal(resource, locate)
        if goal.is_active:
            found.setdefault(goal.slot, []).append(resource)
    return found


def prefilled(
    items: Sequence[Json],
    goals: Mapping[int | None, Sequence[Resource]],
    series: Sequence[Series],
    who: Target | None,
) -> list[Json]:
    """The items of the form for the goals; the groups of slots that no open goal holds are left out.

    `items` are the form's as they are without answers; `who` is about to answer, None where that is not known.
    """
    held = {f"goal-{slot}": (slot, goals[slot][0]) for slot in SLOTS if goals.get(slot)}
    empty = {f"goal-{slot}" for slot in SLOTS} - held.keys()
    made = []
    for item in items:
        link = item["linkId"]
        if link in held:
            slot, goal = held[link]
            made.append({**item, "item": _answered(item.get("item", ()), f"goal-{slot}", goal, series, who)})
        elif link not in empty:
            made.append(item)
    return made


def _answered(
    items: Iterable[Json], group: str, goal: Resource, series: Sequence[Series], who: Target | None
) -> list[Json]:
    """The questions of a slot: which goal, where it stood, and those by which this goal is rated."""
    is_levelled = any(each.get("url") == LEVELS_EXTENSION for each in goal.get("extension", ()))
    is_scored = not is_levelled or any(
        _SCORED in codings(target.get("measure")) for target in goal.get("target", ())
    )
    score = _last(goal, SCORE, series, who) if is_scored else None
    level = _last(goal, LEVEL, series, who) if is_levelled else None
    last = max(
        (each for each in (score, level) if each is not None), key=lambda each: each.order, default=None
    )
    given: dict[str, Json | None] = {
        f"{group}.goal": {"valueReference": _reference(goal)},
        f"{group}.last-score": None if score is None else {"valueDecimal": score.value},
        f"{group}.last-level": None if level is None else {"valueInteger": int(level.value or 0)},
        f"{group}.last-date": None if last is None else {"valueDateTime": last.when},
    }
    asked = {f"{group}.score": is_scored, f"{group}.level": is_levelled}
    made = []
    for item in items:
        link = item["linkId"]
        if link in given:
            answer = given[link]
            made += [] if answer is None else [{"linkId": link, "answer": [answer]}]
        elif asked.get(link, True):
            made.append(item)
    return made


def _reference(goal: Resource) -> Json:
    """The goal with its own words, by which whoever fills in the form knows it."""
    words = goal.get("description", {}).get("text")
    return {"reference": f"Goal/{goal['id']}", **({} if words is None else {"display": words})}


def _last(goal: Resource, kind: str, series: Sequence[Series], who: Target | None) -> Point | None:
    rater = YOUNG_PERSON if who is None else _RATER_OF.get(who[0])
    person = None if rater == CLINICIAN else who
    for one in series:
        is_theirs = one.rater == rater and (person is None or one.rated_by in {None, person})
        if one.goal == ("Goal", goal["id"]) and one.kind == kind and is_theirs and one.points:
            return one.points[-1]
    return None
