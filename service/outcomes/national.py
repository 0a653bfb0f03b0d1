"""Measures as England's outcome metric for children and young people judges them (MHS112 to MHS115).

Scores are paired within a referral: the first on or after the first contact with the last on
or after the second. What the metric does otherwise than a clinician would is done here just
so, and each figure says where: the prosocial scale of the SDQ and the SCORE-15 total count
the wrong way round, the self-rated HoNOSCA scale 1 counts as a parent's, every goal's score
as the young person's, and RCADS without a norm is compared with the thresholds of T scores.

Not looked at: area, kind of team, and indirect activity.

Source: domain facts section 3.3 (NHSDigital/mental-health-monthly-statistics @7b4d742)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from service.outcomes.changes import DETERIORATED, IMPROVED, NO_CHANGE, Tally
from service.outcomes.days import NEVER, Days
from service.outcomes.measure_changes import (
    OUTSIDE_RANGE,
    Caution,
    MeasureChange,
    Scored,
    by_norm,
    difference,
    place,
    place_of_rater,
    t_difference,
    verdict_of,
)
from service.outcomes.measures import Measure, National
from service.outcomes.norms import Norms, Person
from service.outcomes.referrals import Referral, Referrals
from service.outcomes.series import CLINICIAN, OTHER
from service.outcomes.slot_pairs import SLOT_REUSED
from service.outcomes.takings import Taking

NOT_PAIRED: Final = "not-paired"
OUTSIDE_METRIC: Final = "outside-metric"
NO_REFERRAL: Final = "no-referral"

BEFORE_FIRST_CONTACT: Final = "before-first-contact"
DIRECTION_REVERSED: Final = "direction-reversed"
COUNTED_AS_ANOTHERS: Final = "counted-as-anothers"
RAW_AGAINST_T_THRESHOLD: Final = "raw-against-t-threshold"
RATERS_DIFFER: Final = "raters-differ"
REFERRAL_BY_DATE: Final = "referral-by-date"

Reason = Literal[
    "received-undated",
    "received-before-2016",
    "age-unknown",
    "aged-18-or-over",
    "rejected",
    "hospital-stay",
    "still-open",
    "closing-undated",
    "closed-outside-period",
]

_FIRST_RECEIVED: Final = date(2016, 1, 1).toordinal()
_OLDEST: Final = 17  # years, on the day of receipt
_CONTACTS: Final = 2


@dataclass(frozen=True, slots=True)
class View:
    """What all measures of one rater come to in one referral, goals among them. Units: measures."""

    referral: Referral
    rater: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class _Belonging:
    """A taking with its referral; `is_told` where that is named and not only guessed by the day."""

    taking: Taking
    referral: Referral | None
    is_told: bool


def national_changes(
    takings: Iterable[Taking], referrals: Referrals, person: Person, norms: Norms, until: int = NEVER
) -> tuple[MeasureChange, ...]:
    """The change of each measure in each referral, and those that no referral or no metric has.

    In the order of referrals, then of measures. Units: `until` is the last day that counts, as Python's
    date ordinal.
    """
    held: dict[tuple[str, Measure], list[_Belonging]] = {}
    for taking in sorted(takings, key=lambda taking: taking.order):
        if taking.day <= until:
            each = _belonging(taking, referrals)
            id_ = "" if each.referral is None else each.referral.id
            held.setdefault((id_, taking.measure), []).append(each)
    found = [_national(measure, given, person, norms) for (_, measure), given in held.items()]
    order = {referral.id: number for number, referral in enumerate(referrals)}
    return tuple(sorted(found, key=lambda change: (_number(change, order), place(change))))


def views(changes: Iterable[MeasureChange]) -> tuple[View, ...]:
    """What each rater's measures come to in each referral: deteriorated where anything is, and so on.

    Only what is in the metric counts, a rater without a pair included.
    """
    held: dict[str, tuple[Referral, dict[str, list[str]]]] = {}
    for change in changes:
        if change.referral is not None and change.measure.national is not None:
            _, raters = held.setdefault(change.referral.id, (change.referral, {}))
            raters.setdefault(change.rater, []).append(change.verdict)
    return tuple(
        View(referral, rater, Tally(*map(raters[rater].count, (IMPROVED, DETERIORATED, NO_CHANGE))))
        for referral, raters in held.values()
        for rater in sorted(raters, key=place_of_rater)
    )


def left_out_for(referral: Referral, person: Person, period: Days) -> tuple[Reason, ...]:
    """Why the metric would not count the referral among those closed in the period, as far as that can be told.

    None where it would.
    """
    reasons: list[Reason] = []
    if referral.received is None:
        reasons.append("received-undated")
    else:
        if referral.received < _FIRST_RECEIVED:
            reasons.append("received-before-2016")
        age = person.age_on(referral.received)
        if age is None:
            reasons.append("age-unknown")
        elif age > _OLDEST:
            reasons.append("aged-18-or-over")
    if referral.is_rejected:
        reasons.append("rejected")
    if referral.has_hospital_stay:
        reasons.append("hospital-stay")
    if not referral.is_closed:
        reasons.append("still-open")
    elif referral.closed is None:
        reasons.append("closing-undated")
    elif not period.first <= referral.closed <= period.last:
        reasons.append("closed-outside-period")
    return tuple(reasons)


def pair(takings: Iterable[Taking], referral: Referral) -> tuple[Taking | None, Taking | None]:
    """The first and the last score that the metric compares; None for either that there is not.

    Scores of one day that are the same are one. The last is at least the second in order, on or
    after the second contact and up to the day of closing.
    """
    contacts = [contact.day for contact in referral.contacts[:_CONTACTS]]
    if not contacts:
        return None, None
    closed = NEVER if referral.closed is None else referral.closed
    once: dict[tuple[int, Decimal], Taking] = {}
    for taking in sorted(takings, key=lambda taking: (taking.day, taking.order)):
        if taking.is_in_range and contacts[0] <= taking.day <= closed:
            once.setdefault((taking.day, taking.value), taking)
    ordered = list(once.values())
    later = [taking for taking in ordered[1:] if len(contacts) == _CONTACTS and taking.day >= contacts[1]]
    return (ordered[0] if ordered else None), (later[-1] if later else None)


def _belonging(taking: Taking, referrals: Referrals) -> _Belonging:
    named = referrals.named(taking.referral, taking.encounter)
    if named is not None:
        return _Belonging(taking, named, is_told=True)
    return _Belonging(taking, referrals.on(taking.day), is_told=False)


def _national(measure: Measure, given: list[_Belonging], person: Person, norms: Norms) -> MeasureChange:
    referral = given[0].referral
    received = None if referral is None else referral.received
    takings = [each.taking for each in given]
    scored = tuple(by_norm(taking, person, norms, received) for taking in takings if taking.is_in_range)
    national = measure.national
    change = MeasureChange(
        measure=measure,
        rater=takings[0].rater if national is None else national.rater,
        rated_by=None,
        referral=referral,
        direction=measure.direction if national is None else national.direction,
        threshold=None if national is None else national.threshold,
        of_t_scores=any(each.norm is not None for each in scored),
        scored=scored,
        first=None,
        last=None,
        change=None,
        verdict=OUTSIDE_METRIC if national is None else NO_REFERRAL,
        cautions=() if len(scored) == len(takings) else (OUTSIDE_RANGE,),
    )
    if national is None or referral is None:
        return change
    paired = _paired(change, national, referral)
    return replace(paired, cautions=tuple(_cautions(paired, national, referral, given)))


def _paired(change: MeasureChange, national: National, referral: Referral) -> MeasureChange:
    """The change with the pair that there is in the referral, and the verdict on it."""
    of = {each.taking: each for each in change.scored}
    match pair(of, referral):
        case (Taking() as first, Taking() as last):
            moved = t_difference(of[first], of[last])
            if moved is None:
                moved = difference(of[first], of[last])
            verdict = verdict_of(moved, national.threshold, national.direction)
            return replace(change, first=of[first], last=of[last], change=moved, verdict=verdict)
        case (alone, _):
            return replace(change, first=None if alone is None else of[alone], verdict=NOT_PAIRED)


def _cautions(
    change: MeasureChange, national: National, referral: Referral, given: list[_Belonging]
) -> Iterator[Caution]:
    """Where the figure is another one than a clinician would give, and where it may be mistaken."""
    yield from change.cautions
    begun = [contact.day for contact in referral.contacts[:1]]
    if any(each.taking.day < day for day in begun for each in change.scored):
        yield BEFORE_FIRST_CONTACT
    if national.direction != change.measure.direction:
        yield DIRECTION_REVERSED
    raters = {change.measure.rater or national.rater, *(each.taking.given_by for each in given)}
    if raters - {national.rater, OTHER}:
        yield COUNTED_AS_ANOTHERS
    if national.of_t_scores and not change.of_t_scores:
        yield RAW_AGAINST_T_THRESHOLD
    match change.first, change.last:
        case Scored(taking=first), Scored(taking=last):
            if national.rater != CLINICIAN and first.rated_by != last.rated_by:
                yield RATERS_DIFFER
            if first.goals != last.goals:
                yield SLOT_REUSED
        case _:
            pass
    if not all(each.is_told for each in given):
        yield REFERRAL_BY_DATE


def _number(change: MeasureChange, order: Mapping[str, int]) -> int:
    """The place of the change's referral, behind all of them where it has none."""
    return len(order) if change.referral is None else order[change.referral.id]
