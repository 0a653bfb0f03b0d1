"""The figures of $measures as a Parameters resource.

Source: OperationDefinition measures; https://hl7.org/fhir/R4/parameters.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from service.fhir.parameters import Entry, parameters
from service.operations.measures_figures import Asked, Figures, Told
from service.operations.progress_figures import CLINICAL, PARITY
from service.operations.showing import coding, period, reference
from service.outcomes.changes import NOT_RATED_TWICE
from service.outcomes.days import text_of_day
from service.outcomes.measure_changes import NORMS_DIFFER, OUTSIDE_RANGE, MeasureChange, Scored
from service.outcomes.national import (
    BEFORE_FIRST_CONTACT,
    COUNTED_AS_ANOTHERS,
    DIRECTION_REVERSED,
    NOT_PAIRED,
    RATERS_DIFFER,
    RAW_AGAINST_T_THRESHOLD,
    REFERRAL_BY_DATE,
    View,
)
from service.outcomes.norms import shown
from service.outcomes.slot_pairs import SLOT_REUSED

Json = dict[str, Any]

SCORE: Final = "score"
T_SCORE: Final = "t-score"

SOURCES: Final[Mapping[str, str]] = {
    CLINICAL: "First score to last, by what is better for the young person; reliable from the threshold of NHS"
    " England's CYP outcome metric on, that value included. RCADS by T scores for sex and age at each score.",
    PARITY: "NHS England's CYP outcome metric, as its published code has it: paired within a referral, RCADS by"
    " T scores for sex and age when the referral was received.",
}
CAUTIONS: Final[Mapping[str, str]] = {
    OUTSIDE_RANGE: "A score outside the range of its measure was left out.",
    NORMS_DIFFER: "The first and the last T score go by norms of different ages, so that part of the change may"
    " be theirs.",
    BEFORE_FIRST_CONTACT: "A score from before the first contact that counts was left out, as national figures do.",
    DIRECTION_REVERSED: "National figures take for better what is worse for the young person.",
    COUNTED_AS_ANOTHERS: "National figures count this for another rater than the one who gave it.",
    RAW_AGAINST_T_THRESHOLD: "There is no norm for this sex and age; national figures then compare the score"
    " itself with the threshold of T scores.",
    RATERS_DIFFER: "Two people gave the scores that are compared.",
    SLOT_REUSED: "The scores that are compared are of two goals that had one slot after the other.",
    REFERRAL_BY_DATE: "A score does not say to which referral it belongs; its day decided.",
}


def told(asked: Asked, found: Figures) -> Json:
    """The Parameters resource that tells of the figures: referrals, measures, then what the cautions mean."""
    met = {caution for change in found.changes for caution in change.cautions}
    return parameters(
        ("about", "valueReference", reference(("Patient", asked.id))),
        ("mode", "valueCode", asked.mode),
        ("period", "valuePeriod", period(asked.days)),
        ("source", "valueString", SOURCES[asked.mode]),
        *(("referral", list(_referral(each))) for each in found.referrals),
        *(("measure", list(_measure(each))) for each in found.changes),
        *(
            ("caution", [("caution", "valueCode", caution), ("text", "valueString", text)])
            for caution, text in CAUTIONS.items()
            if caution in met
        ),
    )


def moved(change: MeasureChange) -> Decimal | None:
    """The change as it is shown: of T scores to two places, of scores with their own digits."""
    if change.change is None or change.first is None or change.last is None:
        return None
    if change.of_t_scores:
        return shown(change.change)
    return change.last.taking.value - change.first.taking.value


def t_score(scored: Scored) -> Decimal | None:
    """The T score as it is shown; None where there is none."""
    figure = scored.t_score
    return None if figure is None else shown(figure)


def outcome(view: View) -> str:
    """What a rater's measures come to; not paired where none is."""
    verdict = view.tally.verdict
    return NOT_PAIRED if verdict == NOT_RATED_TWICE else verdict


def _referral(told_: Told) -> Iterator[Entry]:
    referral = told_.referral
    yield "referral", "valueReference", reference(("ServiceRequest", referral.id))
    yield "received", "valueDate", _day(referral.received)
    yield "closed", "valueDate", _day(referral.closed)
    yield "age", "valueUnsignedInt", told_.age
    yield "contacts", "valueUnsignedInt", len(referral.contacts)
    yield "counted", "valueBoolean", not told_.reasons
    for reason in told_.reasons:
        yield "reason", "valueCode", reason
    for view in told_.views:
        yield "view", list(_view(view))


def _view(view: View) -> Iterator[Entry]:
    yield "rater", "valueCode", view.rater
    yield "verdict", "valueCode", outcome(view)
    yield "improved", "valueUnsignedInt", view.tally.improved
    yield "deteriorated", "valueUnsignedInt", view.tally.deteriorated
    yield "no-change", "valueUnsignedInt", view.tally.unchanged


def _measure(change: MeasureChange) -> Iterator[Entry]:
    measure = change.measure
    yield "measure", "valueCoding", coding(measure.coding, measure.name)
    yield "rater", "valueCode", change.rater
    yield "rated-by", "valueReference", reference(change.rated_by)
    if change.referral is not None:
        yield "referral", "valueReference", reference(("ServiceRequest", change.referral.id))
    yield "direction", "valueCode", change.direction
    yield "minimum", "valueDecimal", measure.low
    yield "maximum", "valueDecimal", measure.high
    yield "scale", "valueCode", T_SCORE if change.of_t_scores else SCORE
    yield "at-least", "valueDecimal", change.threshold
    yield "ratings", "valueUnsignedInt", len(change.scored)
    yield from _rating("baseline", change.first)
    yield from _rating("latest", change.last)
    yield "change", "valueDecimal", moved(change)
    yield "verdict", "valueCode", change.verdict
    for caution in change.cautions:
        yield "caution", "valueCode", caution
    for scored in change.scored:
        yield from _rating("rating", scored)


def _rating(name: str, scored: Scored | None) -> Iterator[Entry]:
    if scored is None:
        return
    taking = scored.taking
    parts: list[Entry] = [
        ("value", "valueDecimal", taking.value),
        ("t-score", "valueDecimal", t_score(scored)),
        ("age", "valueUnsignedInt", None if scored.norm is None else scored.age),
        ("date", "valueDateTime", taking.when),
        ("observation", "valueReference", reference(("Observation", taking.observation))),
    ]
    if name == "rating":
        parts += [
            ("encounter", "valueReference", reference(taking.encounter)),
            ("code", "valueCoding", coding(taking.code)),
        ]
    yield name, parts


def _day(day: int | None) -> str | None:
    return None if day is None else text_of_day(day)
