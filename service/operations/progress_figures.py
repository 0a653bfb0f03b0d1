"""The figures of $progress: what was rated, put together as it was asked for.

Source: docs/operations/progress.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from service.operations.rated import Rated
from service.outcomes.attainment import Attainment, attainment, weight_of
from service.outcomes.changes import Tally, tally
from service.outcomes.days import Days
from service.outcomes.goals import Goal, read_goal
from service.outcomes.progress import Progress, Voice, voices, within
from service.outcomes.references import Locate, Target
from service.outcomes.series import YOUNG_PERSON, Series, series_of
from service.outcomes.slot_pairs import Caution, SlotPair, cautions, slot_pairs

Json = dict[str, Any]

CLINICAL: Final = "clinical"
PARITY: Final = "nhse-parity"
MODES: Final = (CLINICAL, PARITY)

SERIES: Final = "series"
POINTS: Final = "points"
ROWS: Final = (SERIES, POINTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """What progress is asked for, of the Goal or Patient that it is `about`.

    Units: `today`, to which days are counted, is a date ordinal.
    """

    about: Target
    days: Days
    raters: frozenset[str]
    mode: str
    rows: str
    today: int


@dataclass(frozen=True, slots=True)
class GoalProgress:
    """A goal, and how far it has come by each of its raters."""

    goal: Goal
    progress: tuple[Progress, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What progress comes to.

    `voices` are what each rater says of all goals together, by the clinical rules; none in the
    mode nhse-parity. `pairs` are the national ones, of that mode alone, and `national` is what they
    come to, None in the other mode. `cautions` are of both. `attainment` is the summary of the
    levels of all goals, of the clinical mode and of a young person alone.
    """

    goals: tuple[GoalProgress, ...]
    voices: tuple[Voice, ...]
    pairs: tuple[SlotPair, ...]
    national: Tally | None
    cautions: tuple[Caution, ...]
    attainment: tuple[Attainment, ...] = ()


def figures(rated: Rated, asked: Asked, locate: Locate) -> Figures:
    """The figures of what was rated, goals in the order of their slots, then of when they began, then of their ids."""
    everyone = within(series_of(rated.points), asked.days)
    shown = tuple(each for each in everyone if each.rater in asked.raters)
    # National figures hold whatever goes by their codes, whoever gave it, for the young person's own.
    own = everyone if YOUNG_PERSON in asked.raters else ()
    goals = _goals(rated.goals, shown, asked.today, locate)
    if asked.mode != PARITY:
        summaries = _attainment(rated.goals, everyone, asked) if asked.about[0] == "Patient" else ()
        return Figures(goals, voices(shown), (), None, cautions(own), summaries)
    pairs = slot_pairs(own)
    national = tally(pair.verdict for pair in pairs) if YOUNG_PERSON in asked.raters else None
    return Figures(goals, (), pairs, national, cautions(own))


def _attainment(goals: Mapping[str, Json], series: Iterable[Series], asked: Asked) -> tuple[Attainment, ...]:
    """The summaries of those raters that are asked for; all are looked at, because a goal's baseline may be another's."""
    weights: dict[Target, Decimal] = {("Goal", id_): weight_of(goal) for id_, goal in goals.items()}
    return tuple(each for each in attainment(series, weights) if each.rater in asked.raters)


def _goals(
    goals: Mapping[str, Json], series: Iterable[Series], today: int, locate: Locate
) -> tuple[GoalProgress, ...]:
    found: dict[str, list[Progress]] = {id_: [] for id_ in goals}
    for each in series:
        found[each.goal[1]].append(Progress(each, today))
    read = sorted((read_goal(goal, locate) for goal in goals.values()), key=_place)
    return tuple(GoalProgress(goal, tuple(found[goal.id])) for goal in read)


def _place(goal: Goal) -> tuple[bool, int, int, str]:
    """Goals without a slot stand last, and within a slot those that do not say when they began stand first."""
    return goal.slot is None, goal.slot or 0, 0 if goal.started is None else goal.started.first, goal.id
