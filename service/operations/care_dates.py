"""Care dates: when the care took place that a resource is about, and which resources fall into a time.

Source: https://hl7.org/fhir/R4/patient-operation-everything.html (start, end), docs/operations/everything.md
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from service.fhir.search.expressions import (
    EARLIEST,
    LATEST,
    And,
    Date,
    Everything,
    Expression,
    Missing,
    Or,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.fhir.search.dates import Range


@dataclass(frozen=True, slots=True)
class CareDate:
    """A search parameter that tells the time of care; what `lasts` began then, and no end of it is told."""

    code: str
    lasts: bool = False


# By type: what tells the time, the first that the resource has. Types that are not here have none.
# Source: the definitions of these elements in R4, such as https://hl7.org/fhir/R4/goal-definitions.html#Goal.start_x_
CARE_DATES: Final[Mapping[str, tuple[CareDate, ...]]] = MappingProxyType(
    {
        "AuditEvent": (CareDate("date"),),
        "CarePlan": (CareDate("date"),),
        "CareTeam": (CareDate("date"),),
        "Communication": (CareDate("sent"), CareDate("received")),
        "Consent": (CareDate("period"), CareDate("date", lasts=True)),
        "Encounter": (CareDate("date"),),
        "EpisodeOfCare": (CareDate("date"),),
        "Flag": (CareDate("date"),),
        "Goal": (CareDate("start-date", lasts=True),),
        "List": (CareDate("date"),),
        "MeasureReport": (CareDate("period"), CareDate("date")),
        "Observation": (CareDate("date"),),
        "Provenance": (CareDate("recorded"),),
        "QuestionnaireResponse": (CareDate("authored"),),
        "ServiceRequest": (CareDate("occurrence"), CareDate("authored")),
        "Task": (CareDate("period"), CareDate("authored-on", lasts=True)),
    }
)


@dataclass(frozen=True, slots=True)
class Care:
    """A time of care: from the first moment of `start` to the last of `end`, each open where it is None."""

    start: Range | None
    end: Range | None

    def condition(self, type_: str) -> Expression:
        """What holds of resources of the type whose care overlaps this time, or that tell no time of care."""
        found: Expression = Everything()
        for date in reversed(CARE_DATES.get(type_, ())):
            told = self._overlaps(date)
            untold = Missing(date.code, missing=True)
            without = untold if found == Everything() else And((untold, found))
            found = Everything() if told == Everything() else Or((told, without))
        return found

    def _overlaps(self, date: CareDate) -> Expression:
        """That of a date; `ge` and `le` would leave out what only reaches into the first day or the last."""
        low = EARLIEST if self.start is None or date.lasts else self.start[0]
        high = LATEST if self.end is None else self.end[1]
        return Everything() if (low, high) == (EARLIEST, LATEST) else Date(date.code, "ap", low, high)
