"""Takings: the scores that a young person, or somebody about them, was given on a measure, one by one.

Whatever has no value, is not said for good or was taken back is no taking. A score outside
the range of its measure is one, but counts in no figure.

Source: domain facts sections 2.2, 3.3 (numeric and within range, bounds included) and 9
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from service.fhir.search.dates import moment
from service.outcomes.days import days_of
from service.outcomes.measures import Measure, Measures
from service.outcomes.recognition import Coding, Resource
from service.outcomes.references import Locate, Target, target
from service.outcomes.series import NOT_COUNTED, Rater, rater_of_performer


@dataclass(frozen=True, slots=True)
class Taking:
    """One score of one measure at one time.

    `code` is that of the score as stored, `when` as written, `day` the ordinal of the day that its own
    text says. `rated_by` is the performer, and `given_by` what they are to the young person;
    `rater` is who the measure says rates it, else the same. `goals` are those that it rates, where
    it is of a goal. `referral` is the one that it names itself.
    """

    observation: str
    measure: Measure
    code: Coding
    rater: str
    given_by: Rater
    rated_by: Target | None
    when: str
    day: int
    value: Decimal
    encounter: Target | None
    referral: Target | None
    goals: tuple[Target, ...] = ()

    @property
    def is_in_range(self) -> bool:
        """Whether the measure can have this score."""
        return self.measure.holds(self.value)

    @property
    def order(self) -> tuple[int, int, str]:
        """What takings stand in the order of: their instants (a day alone is its beginning), then their ids."""
        range_ = moment(self.when)
        return (self.day if range_ is None else range_[0], self.day, self.observation)


def read_taking(resource: Resource, measures: Measures, locate: Locate) -> Taking | None:
    """The score that an Observation holds; None where it is of none of the measures, no taking, or does not say the day."""
    found = measures.of(resource)
    when = resource.get("effectiveDateTime") or resource.get("effectiveInstant") or ""
    days = days_of(when)
    value = _value(resource)
    if found is None or value is None or resource.get("status") in NOT_COUNTED:
        return None
    if days is None or days.first != days.last:
        return None
    measure, code = found
    given_by, rated_by = rater_of_performer(resource, locate)
    return Taking(
        observation=resource.get("id", ""),
        measure=measure,
        code=code,
        rater=measure.rater or given_by,
        given_by=given_by,
        rated_by=rated_by,
        when=when,
        day=days.first,
        value=value,
        encounter=target(resource.get("encounter"), locate),
        referral=_first(resource, "basedOn", "ServiceRequest", locate),
        goals=tuple(_all(resource, "focus", "Goal", locate)),
    )


def once_each(takings: Iterable[Taking]) -> list[Taking]:
    """The takings in order, those left out that say again what one said: same measure, rater, time and score.

    A form that was sent twice was filled in once.
    """
    seen = set()
    kept = []
    for taking in sorted(takings, key=lambda taking: taking.order):
        said = (taking.measure, taking.rater, taking.rated_by, taking.order[:2], taking.value)
        if said not in seen:
            seen.add(said)
            kept.append(taking)
    return kept


def _value(resource: Resource) -> Decimal | None:
    quantity = resource.get("valueQuantity", {})
    written = resource.get("valueInteger", None if "comparator" in quantity else quantity.get("value"))
    return None if written is None else Decimal(written)


def _first(resource: Resource, element: str, type_: str, locate: Locate) -> Target | None:
    return next(iter(_all(resource, element, type_, locate)), None)


def _all(resource: Resource, element: str, type_: str, locate: Locate) -> list[Target]:
    """What the references of a repeating element lead to, of that type, each once."""
    found = [target(reference, locate) for reference in resource.get(element, ())]
    return [each for each in dict.fromkeys(found) if each is not None and each[0] == type_]
