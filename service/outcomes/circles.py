"""Circles: the agencies around a young person, as their active care teams say.

Source: docs/rules.md, design section 8 (an active CareTeam member is in the circle)
"""

from __future__ import annotations

from collections.abc import Iterable

from service.outcomes.days import days_of_period
from service.outcomes.recognition import Resource
from service.outcomes.references import Locate, Target, target

ACTIVE = "active"


def is_in_circle(agency: Target, teams: Iterable[Resource], day: int, locate: Locate) -> bool:
    """Whether the agency is in one of the teams on that day: as a member, as whom one acts for, or as its manager.

    Teams that are not active count for nothing, nor does who is no longer, or not yet, in one.

    Units: `day` as Python's date ordinal.
    """
    return any(team.get("status") == ACTIVE and agency in set(_agencies(team, day, locate)) for team in teams)


def _agencies(team: Resource, day: int, locate: Locate) -> Iterable[Target | None]:
    for each in team.get("managingOrganization", ()):
        yield target(each, locate)
    for participant in team.get("participant", ()):
        days = days_of_period(participant.get("period"))
        if days.first <= day <= days.last:
            yield target(participant.get("member"), locate)
            yield target(participant.get("onBehalfOf"), locate)
