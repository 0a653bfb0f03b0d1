"""The figures of $progress as a Parameters resource.

Source: OperationDefinition progress; https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from service.fhir.parameters import Entry, parameters
from service.operations.progress_figures import PARITY, Asked, Figures, GoalProgress
from service.operations.showing import coding, period, reference
from service.outcomes.attainment import RHO, Attainment
from service.outcomes.changes import MEAN_THRESHOLD, SLOT_THRESHOLD, Change, Tally
from service.outcomes.days import text_of_day
from service.outcomes.progress import Progress, Voice
from service.outcomes.references import Target
from service.outcomes.series import YOUNG_PERSON, Point, Rater
from service.outcomes.slot_pairs import CODE_SET_SWITCHED, COUNTED_AS_OWN, SLOT_REUSED, Caution, SlotPair

Json = dict[str, Any]

MEAN_RULE: Final = "mean-of-goals"
SLOT_RULE: Final = "each-slot"

_SOURCES: Final = {
    MEAN_RULE: "Edbrooke-Childs et al. 2015, as CORC has it: the mean change of the goals rated twice is more "
    "than 2.45, strictly.",
    SLOT_RULE: "NHS England's CYP outcome metric: a goal changed by 3 or more, and none by as much the other way.",
}
_CAUTIONS: Final = {
    SLOT_REUSED: "Several goals were rated by one code. National figures pair ratings by code, and take "
    "these goals for one.",
    CODE_SET_SWITCHED: "The goal was rated by several codes. National figures pair ratings by code, and "
    "take the goal for several.",
    COUNTED_AS_OWN: "Somebody else rated the goal by a code that national figures count as the young "
    "person's own.",
}


def told(asked: Asked, found: Figures) -> Json:
    """The Parameters resource that tells of the figures: each goal, each rule, then national pairs and cautions."""
    return parameters(
        ("about", "valueReference", reference(asked.about)),
        ("mode", "valueCode", asked.mode),
        ("on", "valueDate", text_of_day(asked.today)),
        ("period", "valuePeriod", period(asked.days)),
        *(("goal", list(_goal(each, asked.mode))) for each in found.goals),
        *(entry for voice in found.voices for entry in _voice(voice)),
        *(("attainment", list(_attainment(each))) for each in found.attainment),
        *(("pair", list(_pair(pair))) for pair in found.pairs),
        *_national(found.national),
        *(("caution", list(_caution(caution))) for caution in found.cautions),
    )


def _goal(found: GoalProgress, mode: str) -> Iterator[Entry]:
    yield "goal", "valueReference", reference(("Goal", found.goal.id))
    yield "slot", "valuePositiveInt", found.goal.slot
    yield "status", "valueCode", found.goal.status
    for each in found.progress:
        yield "series", list(_series(each, mode))


def _series(progress: Progress, mode: str) -> Iterator[Entry]:
    series = progress.series
    yield from _rater(series.rater, series.rated_by)
    yield "kind", "valueCode", series.kind
    yield "ratings", "valueUnsignedInt", progress.number
    yield "not-rated", "valueUnsignedInt", len(series.missed)
    yield from _rating("baseline", progress.baseline)
    yield from _rating("latest", progress.latest)
    yield from _change(progress.change)
    yield "days-since-last", "valueInteger", progress.days_since
    # By the goal, and so not a verdict of the national figures.
    if mode != PARITY:
        yield SLOT_RULE, "valueCode", progress.each_slot
    for point in sorted((*series.points, *series.missed), key=lambda point: point.order):
        yield from _rating("rating", point)


def _rater(rater: Rater, person: Target | None) -> Iterator[Entry]:
    yield "rater", "valueCode", rater
    yield "rated-by", "valueReference", reference(person)


def _rating(name: str, point: Point | None) -> Iterator[Entry]:
    if point is None:
        return
    parts: list[Entry] = [
        ("value", "valueDecimal", point.value),
        ("not-rated", "valueBoolean", True if point.value is None else None),
        ("date", "valueDateTime", point.when),
        ("observation", "valueReference", reference(("Observation", point.observation))),
    ]
    if name == "rating":
        parts += [
            ("response", "valueReference", reference(point.response)),
            ("encounter", "valueReference", reference(point.encounter)),
            ("code", "valueCoding", coding(point.code)),
        ]
    yield name, parts


def _change(change: Change | None) -> Iterator[Entry]:
    yield "change", "valueDecimal", None if change is None else change.value


def _voice(voice: Voice) -> Iterator[Entry]:
    mean = voice.mean
    yield (
        MEAN_RULE,
        [
            *_rater(voice.rater, voice.rated_by),
            ("verdict", "valueCode", mean.verdict),
            ("goals", "valueUnsignedInt", mean.goals),
            ("total-change", "valueDecimal", mean.total if mean.goals else None),
            ("mean-change", "valueDecimal", mean.mean),
            ("more-than", "valueDecimal", MEAN_THRESHOLD),
            ("source", "valueString", _SOURCES[MEAN_RULE]),
        ],
    )
    yield SLOT_RULE, list(_tally(voice.rater, voice.rated_by, voice.slots))


def _attainment(summary: Attainment) -> Iterator[Entry]:
    yield "rater", "valueCode", summary.rater
    yield "rated-by", "valueReference", reference(summary.rated_by)
    yield "goals", "valueUnsignedInt", len(summary.goals)
    yield "left-out", "valueUnsignedInt", len(summary.left_out)
    yield "baseline-t", "valueDecimal", summary.baseline
    yield "latest-t", "valueDecimal", summary.latest
    yield "change", "valueDecimal", summary.change
    for rater in summary.baseline_raters:
        yield "baseline-rater", "valueCode", rater
    yield "rho", "valueDecimal", RHO


def _national(national: Tally | None) -> Iterator[Entry]:
    if national is not None:
        yield SLOT_RULE, list(_tally(YOUNG_PERSON, None, national))


def _tally(rater: Rater, person: Target | None, tally: Tally) -> Iterator[Entry]:
    yield from _rater(rater, person)
    yield "verdict", "valueCode", tally.verdict
    yield "improved", "valueUnsignedInt", tally.improved
    yield "deteriorated", "valueUnsignedInt", tally.deteriorated
    yield "no-change", "valueUnsignedInt", tally.unchanged
    yield "at-least", "valueDecimal", SLOT_THRESHOLD
    yield "source", "valueString", _SOURCES[SLOT_RULE]


def _pair(pair: SlotPair) -> Iterator[Entry]:
    yield "code", "valueCoding", coding(pair.code)
    yield "slot", "valuePositiveInt", pair.slot
    for goal in pair.goals:
        yield "goal", "valueReference", reference(goal)
    yield "ratings", "valueUnsignedInt", len(pair.points)
    yield from _rating("baseline", pair.points[0])
    yield from _rating("latest", pair.points[-1])
    yield from _change(pair.change)
    yield SLOT_RULE, "valueCode", pair.verdict


def _caution(caution: Caution) -> Iterator[Entry]:
    yield "caution", "valueCode", caution.code
    for goal in caution.goals:
        yield "goal", "valueReference", reference(goal)
    for code in caution.codes:
        yield "code", "valueCoding", coding(code)
    yield "text", "valueString", _CAUTIONS[caution.code]
