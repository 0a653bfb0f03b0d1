"""Other routine outcome measures: scores with code, range and rater, and no wording.

Source: domain facts section 2.2 and data (ids and ranges from NHSDigital/
mental-health-monthly-statistics @7b4d742); SDQ total difficulties is the sum of its
four difficulty scales (2.2 lists it beside them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.sandbox import care, codes, goals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.sandbox.codes import Rater, Resource
    from service.sandbox.course import Course, Session
    from service.sandbox.dates import Calendar
    from service.sandbox.draws import Draws
    from service.sandbox.people import YoungPerson


@dataclass(frozen=True, slots=True)
class Scale:
    """One score of a measure: `code` in SNOMED CT, the range it can take, and whether more is better."""

    key: str
    code: str
    low: int
    high: int
    more_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure for ages `ages` (both included); `total` is the id of the sum of `summed` scales."""

    key: str
    rater: Rater
    ages: tuple[int, int]
    scales: tuple[Scale, ...]
    every_session: bool = False
    total: tuple[str, str] | None = None
    summed: tuple[str, ...] = ()


_DIFFICULTIES = ("emotional", "conduct", "hyperactivity", "peer")


def _scales(low: int, high: int, *pairs: tuple[str, str]) -> tuple[Scale, ...]:
    return tuple(Scale(key, code, low, high, more_is_better=key == "prosocial") for key, code in pairs)


MEASURES: tuple[Measure, ...] = (
    Measure(
        "sdq-self", "young-person", (11, 17),
        _scales(0, 10, ("emotional", "718145004"), ("conduct", "718143006"), ("hyperactivity", "718482000"),
                ("peer", "718146003"), ("prosocial", "718147007"), ("impact", "718477007")),
        total=("total", "718134002"), summed=_DIFFICULTIES,
    ),
    Measure(
        "sdq-parent", "carer", (4, 17),
        _scales(0, 10, ("emotional", "986071000000101"), ("conduct", "986061000000108"),
                ("hyperactivity", "986081000000104"), ("peer", "986101000000105"),
                ("prosocial", "986111000000107"), ("impact", "986091000000102")),
        total=("total", "986121000000101"), summed=_DIFFICULTIES,
    ),
    Measure(
        "rcads-self", "young-person", (8, 17),
        (Scale("depression", "718655001", 0, 30), Scale("generalised-anxiety", "718656000", 0, 18),
         Scale("ocd", "718657009", 0, 18), Scale("panic", "718658004", 0, 27),
         Scale("separation", "718659007", 0, 21), Scale("social", "718660002", 0, 27)),
    ),
    Measure(
        "rcads-parent", "carer", (8, 17),
        (Scale("depression", "718665007", 0, 30), Scale("generalised-anxiety", "718666008", 0, 18),
         Scale("ocd", "718667004", 0, 18), Scale("panic", "718668009", 0, 27),
         Scale("separation", "718669001", 0, 21), Scale("social", "718670000", 0, 27)),
    ),
    Measure("ors", "young-person", (13, 18), (Scale("total", "716613004", 0, 40, more_is_better=True),),
            every_session=True),
    Measure("cors", "young-person", (6, 12), (Scale("total", "718458005", 0, 40, more_is_better=True),),
            every_session=True),
    Measure("yp-core", "young-person", (11, 16), (Scale("total", "718437004", 0, 40),)),
    Measure("swemwbs", "young-person", (13, 18), (Scale("total", "718466001", 7, 35, more_is_better=True),)),
    Measure("cgas", "clinician", (4, 17), (Scale("total", "860591000000104", 1, 100, more_is_better=True),)),
    Measure(
        "honosca", "clinician", (4, 18),
        tuple(
            Scale(f"scale-{number}", code, 0, 4)
            for number, code in enumerate(
                ("989751000000102", "989801000000109", "989811000000106", "989821000000100", "989831000000103",
                 "989841000000107", "989851000000105", "989861000000108", "989871000000101", "989761000000104",
                 "989771000000106", "989781000000108", "989791000000105"), 1)
        ),
    ),
)  # fmt: skip

_CODES = {
    (measure.key, scale.key): codes.concept(codes.SNOMED, scale.code)
    for measure in MEASURES
    for scale in measure.scales
} | {
    (measure.key, measure.total[0]): codes.concept(codes.SNOMED, measure.total[1])
    for measure in MEASURES
    if measure.total is not None
}

# Which measures a service picks; the shares are invented.
_PICKED = (
    (0.20, "sdq-self"), (0.12, "sdq-parent"), (0.16, "rcads-self"), (0.06, "rcads-parent"), (0.10, "ors"),
    (0.08, "cors"), (0.09, "yp-core"), (0.06, "swemwbs"), (0.09, "cgas"), (0.04, "honosca"),
)  # fmt: skip
_BY_KEY = {measure.key: measure for measure in MEASURES}
_SECOND_SHARE = 0.3
# Some forms are filled in online days before the first contact; nationally those cannot be a baseline.
_ONLINE_SHARE = 0.1
_EVENING_MINUTE = 20 * 60
_MINUTE = 12
_ONLINE_DAYS = (1, 6)
# Where on a scale's range people begin, and how far most of them come.
_BEGIN = (0.25, 0.75)
_MOVE = 0.18
_SPREAD = 0.10


def resources(draws: Draws, person: YoungPerson, course: Course, calendar: Calendar) -> list[Resource]:
    """The scores of the measures that this young person was given."""
    kept = course.kept
    if not kept:
        return []
    picked = [draws.weighted(_PICKED)]
    if draws.happens(_SECOND_SHARE):
        picked.append(draws.weighted(_PICKED))
    found: list[Resource] = []
    for key in dict.fromkeys(picked):
        measure = _BY_KEY[key]
        if measure.ages[0] <= person.age <= measure.ages[1]:
            found.extend(_taken(draws, person, course, measure, calendar))
    return found


def _taken(
    draws: Draws, person: YoungPerson, course: Course, measure: Measure, calendar: Calendar
) -> list[Resource]:
    """Every taking of one measure: each session, or at the start, half-way and the end."""
    kept = course.kept
    places = range(len(kept)) if measure.every_session else sorted({0, len(kept) // 2, len(kept) - 1})
    begin = {scale.key: _BEGIN[0] + (_BEGIN[1] - _BEGIN[0]) * draws.unit() for scale in measure.scales}
    gain = draws.wobble() * _SPREAD + _MOVE
    is_online = draws.happens(_ONLINE_SHARE) and measure.rater != "clinician"
    days_before = draws.between(*_ONLINE_DAYS)
    found: list[Resource] = []
    for place in places:
        session = kept[place]
        progress = place / max(len(kept) - 1, 1)
        values = {
            scale.key: _value(draws, scale, begin[scale.key], gain * progress) for scale in measure.scales
        }
        if measure.total is not None:
            values[measure.total[0]] = sum(values[key] for key in measure.summed)
        online = is_online and place == 0
        day = max(session.day - days_before, course.referred) if online else session.day
        minute = _EVENING_MINUTE if online else session.minute + _MINUTE
        shared: Resource = {
            "status": "final",
            "category": codes.SURVEY,
            "subject": person.reference,
            "effectiveDateTime": calendar.instant(day, minute),
            "performer": [goals.rater_reference(person, course, measure.rater, session)],
        }
        if not online:
            shared["encounter"] = care.encounter_reference(person, session)
        found.extend(_observations(person, measure, session, values, shared))
    return found


def _value(draws: Draws, scale: Scale, begin: float, gain: float) -> int:
    share = (1 - begin + gain) if scale.more_is_better else (begin - gain)
    share += draws.wobble() * _SPREAD / 2
    return scale.low + int(min(max(share, 0.0), 1.0) * (scale.high - scale.low) + 0.5)


def _observations(
    person: YoungPerson, measure: Measure, session: Session, values: dict[str, int], shared: Resource
) -> Sequence[Resource]:
    return [
        {
            "resourceType": "Observation",
            "id": f"{person.key}-{measure.key}-{session.number:02d}-{key}",
            "meta": {"profile": [codes.profile("scored-measure")]},
            **shared,
            "code": _CODES[measure.key, key],
            "valueQuantity": codes.score(value),
        }
        for key, value in values.items()
    ]
