"""Who is in a Group: the young people whom it names as members.

Source: https://hl7.org/fhir/R4/group.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from service.fhir.search.compartments import PATIENT
from service.fhir.search.dates import MILLISECOND, moment

if TYPE_CHECKING:
    from service.fhir.search.references import Addresses

_PERSON: Final = "person"


def members(group: dict[str, Any], addresses: Addresses, at: int) -> tuple[str, ...]:
    """The ids of the Patients that are members at that moment, each once, in the Group's order.

    Not among them is who is inactive, whose period has ended or not begun, and who is named by an identifier alone,
    or on another server. Units: `at` in milliseconds since 1970.
    """
    found: dict[str, None] = {}
    for member in group.get("member", ()):
        if member.get("inactive") is True or not _holds(member.get("period", {}), at * MILLISECOND):
            continue
        target = addresses.local(member.get("entity", {}).get("reference", ""))
        if target is not None and target[0] == PATIENT:
            found[target[1]] = None
    return tuple(found)


def is_of_people(group: dict[str, Any]) -> bool:
    """Whether the Group is one of people, of whom some can be young people with a record here."""
    return group.get("type") == _PERSON


def _holds(period: dict[str, Any], at: int) -> bool:
    """Whether a period holds at a moment, in microseconds: its first and its last day, or second, are in it."""
    start, end = (moment(period[name]) if name in period else None for name in ("start", "end"))
    return (start is None or start[0] <= at) and (end is None or at < end[1])
