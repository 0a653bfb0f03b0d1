"""The figures of $progress as rows: one a series, one a national pair, or one a rating.

Source: docs/operations/progress.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from service.operations.progress_figures import PARITY, POINTS, Asked, Figures, GoalProgress
from service.operations.showing import written
from service.operations.tables import Cell, csv
from service.outcomes.attainment import Attainment
from service.outcomes.changes import Change
from service.outcomes.days import text_of_day
from service.outcomes.progress import Progress, Voice
from service.outcomes.references import Target
from service.outcomes.series import LEVEL, SCORE, Point, Series
from service.outcomes.slot_pairs import SlotPair

Row = dict[str, Cell]
_View = tuple[str, Target | None, str]  # rater, person, kind

_CHANGE: Final = ("baseline", "baseline_date", "latest", "latest_date", "change")

SERIES_COLUMNS: Final = (
    *("goal", "slot", "status", "rater", "rated_by", "kind", "ratings", "not_rated"),
    *_CHANGE,
    *("days_since_last", "on", "each_slot"),
    # What the rater's scores say of all their goals together: the same in each of the rater's rows.
    *("goals_rated_twice", "total_change", "mean_change", "mean_of_goals", "each_slot_of_all"),
    # The same for levels of attainment: the summary T-scores.
    *("baseline_t", "latest_t", "change_t"),
)
PAIR_COLUMNS: Final = (
    *("code_system", "code", "slot", "goals", "ratings"),
    *_CHANGE,
    *("each_slot", "each_slot_of_all", "cautions"),
)
POINT_COLUMNS: Final = (
    *("goal", "slot", "rater", "rated_by", "kind", "date", "value", "code_system", "code"),
    *("observation", "response", "encounter"),
)


def table(asked: Asked, found: Figures) -> bytes:
    """The rows as comma-separated values under a line with their columns."""
    if asked.rows == POINTS:
        return csv(POINT_COLUMNS, _points(found))
    if asked.mode == PARITY:
        return csv(PAIR_COLUMNS, _pairs(found))
    on = text_of_day(asked.today)
    said: dict[_View, Row] = {(*_view(each), SCORE): _spoken(each) for each in found.voices}
    said |= {(*_view(each), LEVEL): _summed(each) for each in found.attainment}
    return csv(
        SERIES_COLUMNS,
        (
            _series(each, progress, on) | said.get((*_view(progress.series), progress.series.kind), {})
            for each in found.goals
            for progress in each.progress
        ),
    )


def _view(held: Series | Voice | Attainment) -> tuple[str, Target | None]:
    return held.rater, held.rated_by


def _series(goal: GoalProgress, progress: Progress, on: str) -> Row:
    series = progress.series
    return {
        "goal": goal.goal.id,
        "slot": goal.goal.slot,
        "status": goal.goal.status,
        "rater": series.rater,
        "rated_by": written(series.rated_by),
        "kind": series.kind,
        "ratings": progress.number,
        "not_rated": len(series.missed),
        **_changed(progress.baseline, progress.latest, progress.change),
        "days_since_last": progress.days_since,
        "on": on,
        "each_slot": progress.each_slot,
    }


def _spoken(voice: Voice) -> Row:
    return {
        "goals_rated_twice": voice.mean.goals,
        "total_change": voice.mean.total if voice.mean.goals else None,
        "mean_change": voice.mean.mean,
        "mean_of_goals": voice.mean.verdict,
        "each_slot_of_all": voice.slots.verdict,
    }


def _summed(summary: Attainment) -> Row:
    return {"baseline_t": summary.baseline, "latest_t": summary.latest, "change_t": summary.change}


def _pairs(found: Figures) -> Iterator[Row]:
    for pair in found.pairs:
        yield {
            "code_system": pair.code[0],
            "code": pair.code[1],
            "slot": pair.slot,
            "goals": " ".join(id_ for _, id_ in pair.goals),
            "ratings": len(pair.points),
            **_changed(pair.points[0], pair.points[-1], pair.change),
            "each_slot": pair.verdict,
            "each_slot_of_all": None if found.national is None else found.national.verdict,
            "cautions": " ".join(_cautioned(pair, found)),
        }


def _cautioned(pair: SlotPair, found: Figures) -> Iterator[str]:
    """The cautions that the pair's code is named in, each once."""
    yield from dict.fromkeys(caution.code for caution in found.cautions if pair.code in caution.codes)


def _points(found: Figures) -> Iterator[Row]:
    for each in found.goals:
        for progress in each.progress:
            series = progress.series
            for point in sorted((*series.points, *series.missed), key=lambda point: point.order):
                yield _point(each, point)


def _point(goal: GoalProgress, point: Point) -> Row:
    return {
        "goal": goal.goal.id,
        "slot": goal.goal.slot,
        "rater": point.rater,
        "rated_by": written(point.rated_by),
        "kind": point.kind,
        "date": point.when,
        "value": point.value,
        "code_system": point.code[0],
        "code": point.code[1],
        "observation": point.observation,
        "response": written(point.response),
        "encounter": written(point.encounter),
    }


def _changed(baseline: Point | None, latest: Point | None, change: Change | None) -> Row:
    return {
        "baseline": None if baseline is None else baseline.value,
        "baseline_date": None if baseline is None else baseline.when,
        "latest": None if latest is None else latest.value,
        "latest_date": None if latest is None else latest.when,
        "change": None if change is None else change.value,
    }
