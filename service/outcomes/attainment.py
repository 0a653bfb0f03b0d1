"""Goal attainment scaling: the summary T-score of a young person's goals, as each rater sees them.

Each goal is at one of five levels, -2 to +2, where 0 is what was expected, and so success.
The levels of several goals come together in one number, T: 50 where all is as expected,
whatever the number and weights of the goals. Raters stay side by side: nobody's levels are
averaged with another's.

    T = 50 + 10 sum(w x) / sqrt((1 - rho) sum(w w) + rho sum(w) sum(w))     rho = 0.3

Source: domain facts section 2.4
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from service.outcomes.recognition import OURS, Resource
from service.outcomes.references import Target
from service.outcomes.series import BASELINE_LEVEL, LEVEL, Point, Series

WEIGHT_EXTENSION: Final = f"{OURS}/StructureDefinition/goal-weight"
# A goal counts once where nothing is said, and never more than a hundred times: StructureDefinition goal-weight.
WEIGHT_UNSAID: Final = Decimal(1)
WEIGHT_MOST: Final = Decimal(100)

# The correlation between goals that the summary assumes: domain facts section 2.4.
RHO: Final = Decimal("0.3")
_MIDDLE: Final = Decimal(50)
_SPREAD: Final = Decimal(10)
_HUNDREDTH: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Scaled:
    """One goal as one rater sees it: its weight, where it was at the baseline, and where it is at the latest.

    `baseline` is None where there is none, `latest` where nothing was rated since.
    """

    goal: Target
    weight: Decimal
    baseline: Point | None
    latest: Point | None


@dataclass(frozen=True, slots=True)
class Attainment:
    """What goal attainment scaling says of one rater's goals.

    `rater` and `rated_by` are those of the series. `goals` are those that the scores stand on,
    `left_out` those that were rated and are not among them. Units: `baseline` and `latest` are
    T-scores, `change` the points between them, each with two decimal places; None where there is
    none. `baseline_raters` are the raters' codes of the baselines, in the order of the alphabet.
    """

    rater: str
    rated_by: Target | None
    goals: tuple[Scaled, ...]
    left_out: tuple[Scaled, ...]
    baseline: Decimal | None
    latest: Decimal | None
    baseline_raters: tuple[str, ...]

    @property
    def change(self) -> Decimal | None:
        """From the baseline's T to the latest, both as they are shown."""
        return None if self.baseline is None or self.latest is None else self.latest - self.baseline


def t_score(levels: Iterable[tuple[Decimal, Decimal]]) -> Decimal | None:
    """T of weights and levels (-2 to +2), to two decimal places; None without a goal of positive weight.

    Source: domain facts section 2.4
    """
    given = tuple(levels)
    weights = sum((weight for weight, _ in given), Decimal(0))
    if weights <= 0:
        return None
    squares = sum((weight * weight for weight, _ in given), Decimal(0))
    reached = sum((weight * level for weight, level in given), Decimal(0))
    spread = ((1 - RHO) * squares + RHO * weights * weights).sqrt()
    return (_MIDDLE + _SPREAD * reached / spread).quantize(_HUNDREDTH, ROUND_HALF_UP)


def weight_of(goal: Resource) -> Decimal:
    """How much a Goal counts in the summary: its extension goal-weight, or 1. With 0 it does not count."""
    for extension in goal.get("extension", ()):
        if extension.get("url") == WEIGHT_EXTENSION and "valueDecimal" in extension:
            weight = Decimal(extension["valueDecimal"])
            return weight if 0 <= weight <= WEIGHT_MOST else WEIGHT_UNSAID
    return WEIGHT_UNSAID


def attainment(series: Iterable[Series], weights: Mapping[Target, Decimal]) -> tuple[Attainment, ...]:
    """What goal attainment scaling says, one for each rater's view, in the order of the series.

    `series` are those of one young person; those of scores from 0 to 10 are passed over. A goal that
    has no weight in `weights` counts once. The baseline of a goal is the rater's own, by its code
    (112296-9); else the goal's first by that code, whoever rated it, because a goal has one; else the
    rater's first rating, where there is a later one. The two T-scores stand on the same goals: those
    with both. Where there is none with both, the latest (or else the baseline) stands alone.
    """
    leveled = [each for each in series if each.kind == LEVEL and each.points]
    first = _baselines(leveled)
    views: dict[tuple[str, Target | None], list[Scaled]] = {}
    for each in leveled:
        weight = weights.get(each.goal, WEIGHT_UNSAID)
        views.setdefault((each.rater, each.rated_by), []).append(_scaled(each, weight, first.get(each.goal)))
    return tuple(_summary(rater, rated_by, goals) for (rater, rated_by), goals in views.items())


def _baselines(series: Iterable[Series]) -> dict[Target, Point]:
    """The first rating of each goal that says that it is the baseline."""
    found: dict[Target, Point] = {}
    for point in (point for each in series for point in _coded(each)):
        known = found.get(point.goal)
        if known is None or point.order < known.order:
            found[point.goal] = point
    return found


def _coded(series: Series) -> Iterator[Point]:
    return (point for point in series.points if point.code == BASELINE_LEVEL)


def _scaled(series: Series, weight: Decimal, first: Point | None) -> Scaled:
    """The goal in the rater's view; `first` is the goal's baseline by whoever rated it."""
    baseline = next(_coded(series), first)
    if baseline is None and len(series.points) > 1:
        baseline = series.points[0]
    since = [
        point
        for point in series.points
        if point is not baseline
        and point.code != BASELINE_LEVEL
        and (baseline is None or point.order > baseline.order)
    ]
    return Scaled(series.goal, weight, baseline, since[-1] if since else None)


def _summary(rater: str, rated_by: Target | None, goals: list[Scaled]) -> Attainment:
    counted = [goal for goal in goals if goal.weight > 0]
    chosen = (
        [goal for goal in counted if goal.baseline is not None and goal.latest is not None]
        or [goal for goal in counted if goal.latest is not None]
        or [goal for goal in counted if goal.baseline is not None]
    )
    baselines = [goal.baseline for goal in chosen if goal.baseline is not None]
    return Attainment(
        rater=rater,
        rated_by=rated_by,
        goals=tuple(chosen),
        left_out=tuple(goal for goal in goals if goal not in chosen),
        baseline=_t((goal.weight, goal.baseline) for goal in chosen),
        latest=_t((goal.weight, goal.latest) for goal in chosen),
        baseline_raters=tuple(sorted({point.rater for point in baselines})),
    )


def _t(levels: Iterable[tuple[Decimal, Point | None]]) -> Decimal | None:
    return t_score(
        (weight, point.value) for weight, point in levels if point is not None and point.value is not None
    )
