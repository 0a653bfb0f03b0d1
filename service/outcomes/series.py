"""Series: the ratings of one goal by one person over time, which is what everybody counts by.

Raters stand side by side and are never averaged: the young person is one series, each
parent or carer one, clinicians one together because staff change, and anybody else one each.
What was rated is a point even where it is 0; where a rating was due and none was given
(dataAbsentReason) the point has no value and counts in no figure.

Source: domain facts sections 1 (0 is a score; parent and child side by side), 2.1 and 2.4 (codes), 9
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

from service.fhir.search.dates import moment
from service.fhir.search.expressions import EARLIEST
from service.outcomes.days import days_of
from service.outcomes.recognition import GOAL_SCORES, LOINC, SLOT_OF_CODE, SNOMED, Coding, Resource, codings
from service.outcomes.references import Locate, Target, child, target

Kind = Literal["score", "level"]
Rater = Literal["young-person", "parent-or-carer", "clinician", "other"]

SCORE: Final = "score"
LEVEL: Final = "level"

YOUNG_PERSON: Final = "young-person"
PARENT_OR_CARER: Final = "parent-or-carer"
CLINICIAN: Final = "clinician"
OTHER: Final = "other"
# However they are named: there is one young person, and a team's staff change.
_ONE_VIEW: Final = frozenset({YOUNG_PERSON, CLINICIAN})
# In the order in which they are shown. Codes of the rater code system.
RATERS: Final[tuple[Rater, ...]] = (YOUNG_PERSON, PARENT_OR_CARER, CLINICIAN, OTHER)

# The ends of the scale of goal scores. Source: domain facts section 1
LEAST_SCORE: Final = Decimal(0)
MOST_SCORE: Final = Decimal(10)

# What a code says about who rated; None: it does not, so that the performer does.
# Source: domain facts sections 2.1 and 2.4, CodeSystem goal-score
BASELINE_LEVEL: Final[Coding] = (LOINC, "112296-9")
RATER_OF_CODE: Final[Mapping[Coding, Rater | None]] = {
    **dict.fromkeys(SLOT_OF_CODE, YOUNG_PERSON),
    (SNOMED, "959951000000108"): None,  # the generic goal score, without a slot
    (GOAL_SCORES, "goal-score"): None,  # the scale as such
    (GOAL_SCORES, "parent-rated-goal-score"): PARENT_OR_CARER,
    (GOAL_SCORES, "clinician-rated-goal-score"): CLINICIAN,
    (GOAL_SCORES, "other-rated-goal-score"): OTHER,
    BASELINE_LEVEL: None,
    (LOINC, "107333-7"): CLINICIAN,
    (LOINC, "107334-5"): YOUNG_PERSON,
    (LOINC, "107331-1"): PARENT_OR_CARER,
}
_RATER_OF_PERFORMER: Final[Mapping[str, Rater]] = {
    "Patient": YOUNG_PERSON,
    "RelatedPerson": PARENT_OR_CARER,
    "Practitioner": CLINICIAN,
    "PractitionerRole": CLINICIAN,
}

# Answers of LL6900-6. Source: domain facts section 2.4; ordinal values as in ValueSet gas-levels
LEVEL_OF_ANSWER: Final[Mapping[Coding, int]] = {
    (LOINC, "LA34479-8"): 2,
    (LOINC, "LA34480-6"): 1,
    (LOINC, "LA34481-4"): 0,
    (LOINC, "LA34483-0"): -1,
    (LOINC, "LA34484-8"): -2,
}

# What is not said for good, or was taken back, is no rating.
# Source: https://hl7.org/fhir/R4/valueset-observation-status.html
NOT_COUNTED: Final = frozenset({"registered", "preliminary", "cancelled", "entered-in-error"})

# Ids that are functions of a response are UUIDs of version 8. Source: ADR 0016
_EXTRACTED: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

# The unit that stands between system and value of whoever is known by an identifier alone.
_BAR: Final = "|"


@dataclass(frozen=True, slots=True)
class Point:
    """One rating of one goal by one person at one time.

    `when` is as written, `day` the ordinal of the day that its own text says. `value` is from 0
    to 10 for a score, from -2 to 2 for a level, and None where the goal was not rated.
    `rated_by` has an empty type and `system|value` for who is known by an identifier alone.
    `slot` is that of the code. `response` is the form that it was taken from.
    """

    observation: str
    goal: Target
    child: Target | None
    rater: Rater
    rated_by: Target | None
    code: Coding
    slot: int | None
    when: str
    day: int
    value: Decimal | None
    kind: Kind
    response: Target | None
    encounter: Target | None

    @property
    def order(self) -> tuple[int, str]:
        """What points stand in the order of: their instants (a day alone is its beginning), then their ids."""
        return _instant(self.when), self.observation


@dataclass(frozen=True, slots=True)
class Series:
    """The ratings of one goal by one rater, oldest first; `missed` are those without a value.

    `rated_by` is the person: for the young person whom the ratings are about, None for clinicians,
    who are one series together.
    """

    goal: Target
    kind: Kind
    rater: Rater
    rated_by: Target | None
    points: tuple[Point, ...]
    missed: tuple[Point, ...]


def read_points(resource: Resource, locate: Locate) -> tuple[Point, ...]:
    """The ratings that an Observation holds: one for each goal in its focus.

    None where it is no goal score, is not said for good or was taken back, does not say the day,
    or says a value that is not on the scale.
    """
    coding = next((each for each in codings(resource.get("code")) if each in RATER_OF_CODE), None)
    if coding is None:
        return ()
    when: Any = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    days = days_of(when)
    if resource.get("status") in NOT_COUNTED:
        return ()
    if days is None or days.first != days.last or moment(when) is None:
        return ()
    kind: Kind = LEVEL if coding[0] == LOINC else SCORE
    value = _level(resource) if kind == LEVEL else _score(resource)
    if value is None and "dataAbsentReason" not in resource:
        return ()
    rater, rated_by = rater_of_performer(resource, locate)
    goals = [target(reference, locate) for reference in resource.get("focus", ())]
    return tuple(
        Point(
            observation=resource.get("id", ""),
            goal=goal,
            child=child(resource, locate),
            rater=RATER_OF_CODE[coding] or rater,
            rated_by=rated_by,
            code=coding,
            slot=SLOT_OF_CODE.get(coding),
            when=when,
            day=days.first,
            value=value,
            kind=kind,
            response=_response(resource, locate),
            encounter=target(resource.get("encounter"), locate),
        )
        for goal in dict.fromkeys(goals)
        if goal is not None and goal[0] == "Goal"
    )


def series_of(points: Iterable[Point]) -> tuple[Series, ...]:
    """The series of the points: by goal, then scores before levels, then raters as in `RATERS`, then persons.

    What comes from one response for one goal and rater is one point: the one that was extracted
    from it, else the first of those with a value.
    """
    held: dict[_Key, list[Point]] = {}
    for point in points:
        held.setdefault(_key(point), []).append(point)
    return tuple(_series(key, held[key]) for key in sorted(held, key=_place))


def is_extracted(point: Point) -> bool:
    """Whether the point is one that the service itself took from a response."""
    return point.response is not None and _EXTRACTED.fullmatch(point.observation) is not None


def _instant(when: str) -> int:
    """The beginning of what a dateTime names, in microseconds since 1970; of a day by itself that in UTC.

    So a day by itself stands before what is told to the second on it, as long as that is in the UK's time.
    """
    range_ = moment(when)
    return EARLIEST if range_ is None else range_[0]


def rater_of_performer(resource: Resource, locate: Locate) -> tuple[Rater, Target | None]:
    """Who rated, as the first performer of an Observation says, whatever its code does.

    A person who is known by an identifier alone has an empty type and `system|value`; None for
    one who cannot be told from others.
    """
    performer: Mapping[str, Any] = next(iter(resource.get("performer", ())), {})
    person = target(performer, locate) or _identified(performer)
    type_ = person[0] if person is not None and person[0] else performer.get("type", "")
    return _RATER_OF_PERFORMER.get(type_, OTHER), person


_Key = tuple[Target, Kind, Rater, Target | None]


def _key(point: Point) -> _Key:
    together = point.rater in _ONE_VIEW
    return point.goal, point.kind, point.rater, None if together else point.rated_by


def _place(key: _Key) -> tuple[Target, bool, int, Target]:
    goal, kind, rater, person = key
    return goal, kind == LEVEL, RATERS.index(rater), person or ("", "")


def _series(key: _Key, points: Iterable[Point]) -> Series:
    goal, kind, rater, person = key
    ordered = sorted(_once_a_response(points), key=lambda point: point.order)
    return Series(
        goal,
        kind,
        rater,
        ordered[0].child if rater == YOUNG_PERSON else person,
        tuple(point for point in ordered if point.value is not None),
        tuple(point for point in ordered if point.value is None),
    )


def _once_a_response(points: Iterable[Point]) -> list[Point]:
    alone: list[Point] = []
    chosen: dict[Target, Point] = {}
    for point in points:
        if point.response is None:
            alone.append(point)
            continue
        other = chosen.get(point.response)
        if other is None or _preference(point) < _preference(other):
            chosen[point.response] = point
    return [*alone, *chosen.values()]


def _preference(point: Point) -> tuple[bool, bool, tuple[int, str]]:
    return not is_extracted(point), point.value is None, point.order


def _identified(performer: Mapping[str, Any]) -> Target | None:
    """Who is known by an identifier alone: two parents without a record here are still two."""
    identifier = performer.get("identifier", {})
    if "value" not in identifier:
        return None
    return "", f"{identifier.get('system', '')}{_BAR}{identifier['value']}"


def _score(resource: Resource) -> Decimal | None:
    quantity = resource.get("valueQuantity", {})
    written = resource.get("valueInteger", None if "comparator" in quantity else quantity.get("value"))
    if written is None:
        return None
    value = Decimal(written)
    return value if LEAST_SCORE <= value <= MOST_SCORE else None


def _level(resource: Resource) -> Decimal | None:
    found = (LEVEL_OF_ANSWER.get(coding) for coding in codings(resource.get("valueCodeableConcept")))
    level = next((each for each in found if each is not None), None)
    return None if level is None else Decimal(level)


def _response(resource: Resource, locate: Locate) -> Target | None:
    """The form that it is derived from: one of ours, or one kept elsewhere by its address."""
    found = (target(reference, locate) for reference in resource.get("derivedFrom", ()))
    return next((each for each in found if each is not None and _is_response(each)), None)


def _is_response(source: Target) -> bool:
    type_, id_ = source
    return type_ == "QuestionnaireResponse" or (type_ == "" and "/QuestionnaireResponse/" in id_)
