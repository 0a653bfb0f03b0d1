"""Responses: filled-in forms, and the goals that are rated in a session's.

Source: domain facts sections 1 (rating sheet) and 6.5; Questionnaire gbo-session
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from service.outcomes.days import Days, days_of
from service.outcomes.ratings import Rating
from service.outcomes.recognition import Resource, is_goal_session
from service.outcomes.references import Locate, Target, child, target
from service.outcomes.statuses import IN_ERROR

# goal-2.goal asks which goal is in slot 2.
_GOAL_QUESTION: Final = re.compile(r"goal-([123])\.goal", re.ASCII)


@dataclass(frozen=True, slots=True)
class Response:
    """What the rules look at in a response: the ratings that a session's form holds; none of other forms."""

    ratings: tuple[Rating, ...]
    is_in_error: bool


def read_response(resource: Resource, locate: Locate) -> Response:
    """What the rules look at in a QuestionnaireResponse."""
    is_in_error = resource.get("status") == IN_ERROR
    if not is_goal_session(resource):
        return Response((), is_in_error)
    whose, days = child(resource, locate), days_of(resource.get("authored"))
    ratings: list[Rating] = []
    for item, place in items(resource, "QuestionnaireResponse"):
        ratings += _ratings(item, place, whose, days, locate)
    return Response(tuple(ratings), is_in_error)


def items(response: Resource, place: str) -> list[tuple[Resource, str]]:
    """Every item of a response, those within items and answers too, each with its place."""
    found: list[tuple[Resource, str]] = []
    _gather(response, place, found)
    return found


def _gather(holder: Resource, place: str, found: list[tuple[Resource, str]]) -> None:
    for index, item in enumerate(holder.get("item", ())):
        here = f"{place}.item[{index}]"
        found.append((item, here))
        if "item" in item:
            _gather(item, here, found)
        for number, answer in enumerate(item.get("answer", ())):
            if "item" in answer:
                _gather(answer, f"{here}.answer[{number}]", found)


def _ratings(
    item: Resource, place: str, whose: Target | None, days: Days | None, locate: Locate
) -> Iterator[Rating]:
    asked = _GOAL_QUESTION.fullmatch(item.get("linkId", ""))
    slot = None if asked is None else int(asked[1])
    for number, answer in enumerate(item.get("answer", ())):
        goal = target(answer.get("valueReference"), locate)
        if goal is not None and goal[0] == "Goal":
            here = f"{place}.answer[{number}].value"
            yield Rating(whose, goal, here, slot, here, days, "QuestionnaireResponse.authored")
