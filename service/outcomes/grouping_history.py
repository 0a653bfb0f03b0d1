"""The history of a young person's groupings: which one, for which days, and who chose it.

A grouping says what is needed for a time. Nothing here compares one with another: they stand
in the order of their days, and which of the five it is takes no part in it.

Source: domain facts sections 5 (chosen together, reflects present need, dated) and 9.15
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from service.outcomes.days import Days, days_of_period
from service.outcomes.recognition import OURS, Resource, codings, is_grouping
from service.outcomes.references import Locate, Target, target
from service.outcomes.statuses import IN_ERROR

GROUPINGS: Final = f"{OURS}/CodeSystem/needs-based-grouping"

# What was taken back, or never came to be, was no grouping.
_NOT_HELD: Final = frozenset({IN_ERROR, "cancelled"})

_FAMILY: Final = frozenset({"Patient", "RelatedPerson"})
_STAFF: Final = frozenset({"Practitioner", "PractitionerRole", "CareTeam"})

# What tells whom a Reference means, its display apart.
_NAMING: Final = ("reference", "type", "identifier")
_ABSENT: Final = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


@dataclass(frozen=True, slots=True)
class Held:
    """A grouping as it was held.

    `period` is as written, and `days` are those that it means. `decided_by` are References without
    what they are shown as; what is masked says so. It was chosen together where the young person or their family and
    somebody who works with them are among these.
    """

    observation: str
    grouping: str
    status: str
    period: Mapping[str, Any]
    days: Days
    decided_by: tuple[Mapping[str, Any], ...]
    is_chosen_together: bool
    encounter: Target | None

    def holds_on(self, day: int) -> bool:
        """Whether it was the grouping of that day. Units: Python's date ordinal."""
        return self.days.first <= day <= self.days.last


def read_held(resource: Resource, locate: Locate) -> Held | None:
    """The grouping that an Observation is; None where it is none, was taken back, or has no period or value."""
    period = resource.get("effectivePeriod")
    codes = [code for system, code in codings(resource.get("valueCodeableConcept")) if system == GROUPINGS]
    status = resource.get("status", "")
    if not is_grouping(resource) or status in _NOT_HELD or period is None or not codes:
        return None
    performers = resource.get("performer", ())
    types = {_type_of(performer, locate) for performer in performers}
    return Held(
        observation=resource.get("id", ""),
        grouping=codes[0],
        status=status,
        period=period,
        days=days_of_period(period),
        decided_by=tuple(_unnamed(performer) for performer in performers),
        is_chosen_together=bool(types & _FAMILY) and bool(types & _STAFF),
        encounter=target(resource.get("encounter"), locate),
    )


def history(groupings: Iterable[Held]) -> tuple[Held, ...]:
    """The groupings in the order of their days, the earliest first."""
    return tuple(sorted(groupings, key=_order))


def present(groupings: Iterable[Held], day: int) -> Held | None:
    """The grouping of that day; on a day on which one hands over to the next, the next. None where there is none.

    Units: `day` as Python's date ordinal.
    """
    return max((each for each in groupings if each.holds_on(day)), key=_order, default=None)


def _order(grouping: Held) -> tuple[int, int, str]:
    return grouping.days.first, grouping.days.last, grouping.observation


def _unnamed(reference: Mapping[str, Any]) -> Mapping[str, Any]:
    named = {name: reference[name] for name in _NAMING if name in reference}
    absent = [each for each in reference.get("extension", ()) if each.get("url") == _ABSENT]
    return {"extension": absent, **named} if absent else named


def _type_of(reference: Mapping[str, Any], locate: Locate) -> str:
    """The type that a Reference leads to, or says that it does."""
    found = target(reference, locate)
    said: str = reference.get("type", "")
    return said if found is None or not found[0] else found[0]
