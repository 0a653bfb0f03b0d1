"""Closing: young people whose help ends soon, and of whom nothing can be compared yet.

Help ends on the day that an episode or a plan under way gives as the end of its period. What
was scored once, and by nobody again, says nothing about change: the second score is to be
asked for while there still is a session for it. A pair is of one goal or one measure, by one
rater, on two days; 0 is a score.

Source: domain facts sections 1 (score a goal at both points), 3.3 (paired scores) and 7
(completeness: closing soon with no second score); docs/operations/worklist.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.outcomes.days import LONG_AGO, NEVER, days_of_period
from service.outcomes.goals import ACTIVE
from service.outcomes.reasons import Reason, placed
from service.outcomes.recognition import Resource
from service.outcomes.references import Target
from service.outcomes.series import Point, series_of
from service.outcomes.unrated_goals import is_rated

# What is under way or only paused. Source: https://hl7.org/fhir/R4/valueset-episode-of-care-status.html,
# https://hl7.org/fhir/R4/valueset-request-status.html, https://hl7.org/fhir/R4/valueset-goal-status.html
UNDER_WAY: Final[Mapping[str, frozenset[str]]] = {
    "EpisodeOfCare": frozenset({"active", "onhold"}),
    "CarePlan": frozenset({"active", "on-hold"}),
}
OPEN_GOAL: Final = frozenset({ACTIVE, "on-hold"})

_PAIR: Final = 2
"""Units: days. Two scores of one day show no change."""


@dataclass(frozen=True, slots=True)
class Scored:
    """That something was scored: `what` is a measure or goal, `rater` whoever rated, `day` when.

    Units: `day` as Python's date ordinal.
    """

    what: Target
    rater: tuple[str, Target | None]
    day: int


@dataclass(frozen=True, slots=True)
class Help:
    """The help of one young person: episodes and plans whose end is near, all that is under way, open goals."""

    ending: tuple[tuple[Target, int], ...]
    since: int
    goals: tuple[Resource, ...]


def end_of(resource: Resource, on: int, days: int) -> int | None:
    """The day on which an episode or plan under way is to end, if that is at most so many days ahead.

    One that is over and was not closed is included: whoever closes it should have asked first.
    """
    if resource.get("status") not in UNDER_WAY.get(resource.get("resourceType", ""), ()):
        return None
    last = days_of_period(resource.get("period")).last
    return None if last == NEVER or last > on + days else last


def begun(resources: Iterable[Resource]) -> int:
    """The first day of the episodes among the resources that are under way, without one of the plans.

    Long ago where none says it.
    """
    under_way = [each for each in resources if each.get("status") in UNDER_WAY.get(each["resourceType"], ())]
    episodes = [each for each in under_way if each["resourceType"] == "EpisodeOfCare"]
    return min((days_of_period(each.get("period")).first for each in episodes or under_way), default=LONG_AGO)


def scored_goals(points: Iterable[Point]) -> list[Scored]:
    """The ratings of goals that have a value, each once."""
    return [
        Scored(series.goal, (series.rater, series.rated_by), point.day)
        for series in series_of(points)
        for point in series.points
    ]


def without_second_score(help_: Help, scored: Sequence[Scored], on: int) -> tuple[Reason, ...]:
    """Why a young person whose help ends soon has no second score; empty where nothing lacks one.

    Open goals count whenever they were scored, everything else since the help began.
    """
    if not help_.ending:
        return ()
    end = min(day for _, day in help_.ending)
    about = tuple(target for target, _ in help_.ending)
    open_goals = {("Goal", goal["id"]) for goal in help_.goals if _is_open(goal)}
    counted = [each for each in scored if each.day >= help_.since or each.what in open_goals]
    paired = _paired(counted)
    when = f"Help is to end on {placed(end, on)}"
    if not counted:
        text = f"{when}; no goal and no other measure was scored."
        return (Reason("closing-not-scored", text, end, on - end, about),)
    if not paired:
        text = f"{when}; nothing was scored twice by the same rater."
        return (Reason("closing-scored-once", text, end, on - end, about),)
    lacking = tuple(sorted(open_goals - paired))
    if not lacking:
        return ()
    text = f"{when}; {len(lacking)} of {len(open_goals)} open goals were not scored twice by the same rater."
    return (Reason("closing-goal-scored-once", text, end, on - end, (*about, *lacking)),)


def _is_open(goal: Resource) -> bool:
    return goal.get("lifecycleStatus") in OPEN_GOAL and is_rated(goal)


def _paired(scored: Iterable[Scored]) -> set[Target]:
    """What was scored by one rater on two days."""
    days: dict[tuple[Target, tuple[str, Target | None]], set[int]] = {}
    for each in scored:
        days.setdefault((each.what, each.rater), set()).add(each.day)
    return {what for (what, _), found in days.items() if len(found) >= _PAIR}
