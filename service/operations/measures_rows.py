"""The figures of $measures as rows: one a measure in a view, or one a score.

Source: docs/operations/measures.md
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from service.operations.measures_answer import SCORE, T_SCORE, moved, outcome, t_score
from service.operations.measures_figures import Asked, Figures, Told
from service.operations.progress_figures import POINTS
from service.operations.showing import written
from service.operations.tables import Cell, csv
from service.outcomes.measure_changes import MeasureChange, Scored

Row = dict[str, Cell]

SERIES_COLUMNS: Final = (
    *("measure", "name", "rater", "rated_by", "referral", "direction", "scale", "at_least", "ratings"),
    *("baseline", "baseline_t", "baseline_date", "latest", "latest_t", "latest_date", "change"),
    *("verdict", "cautions"),
    # Of the mode nhse-parity: what all of the rater's measures come to in the referral, and if that is counted.
    *("view", "counted", "reasons"),
)
POINT_COLUMNS: Final = (
    *("measure", "rater", "rated_by", "referral", "date", "value", "t_score", "age"),
    *("code_system", "code", "observation", "encounter"),
)


def table(asked: Asked, found: Figures) -> bytes:
    """The rows as comma-separated values under a line with their columns."""
    if asked.rows == POINTS:
        return csv(
            POINT_COLUMNS, (_point(change, each) for change in found.changes for each in change.scored)
        )
    return csv(SERIES_COLUMNS, _series(found))


def _series(found: Figures) -> Iterator[Row]:
    referrals = {told.referral.id: told for told in found.referrals}
    for change in found.changes:
        row = _change(change)
        if change.referral is not None:
            row |= _referral(change, referrals[change.referral.id])
        yield row


def _change(change: MeasureChange) -> Row:
    return {
        "measure": change.measure.code,
        "name": change.measure.name,
        "rater": change.rater,
        "rated_by": written(change.rated_by),
        "referral": None if change.referral is None else change.referral.id,
        "direction": change.direction,
        "scale": T_SCORE if change.of_t_scores else SCORE,
        "at_least": change.threshold,
        "ratings": len(change.scored),
        **_end("baseline", change.first),
        **_end("latest", change.last),
        "change": moved(change),
        "verdict": change.verdict,
        "cautions": " ".join(change.cautions),
    }


def _end(name: str, scored: Scored | None) -> Row:
    if scored is None:
        return {}
    return {
        name: scored.taking.value,
        f"{name}_t": t_score(scored),
        f"{name}_date": scored.taking.when,
    }


def _referral(change: MeasureChange, told: Told) -> Row:
    views = {view.rater: outcome(view) for view in told.views}
    return {
        "view": None if change.measure.national is None else views[change.rater],
        "counted": not told.reasons,
        "reasons": " ".join(told.reasons),
    }


def _point(change: MeasureChange, scored: Scored) -> Row:
    taking = scored.taking
    return {
        "measure": change.measure.code,
        "rater": change.rater,
        "rated_by": written(taking.rated_by),
        "referral": None if change.referral is None else change.referral.id,
        "date": taking.when,
        "value": taking.value,
        "t_score": t_score(scored),
        "age": None if scored.norm is None else scored.age,
        "code_system": taking.code[0],
        "code": taking.code[1],
        "observation": taking.observation,
        "encounter": written(taking.encounter),
    }
