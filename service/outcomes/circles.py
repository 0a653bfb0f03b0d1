"""Circles: the agencies around a young person, as their active care teams say.

Source: docs/rules.md, design section 8 (an active CareTeam member is in the circle)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from service.outcomes.days import days_of_period
from service.outcomes.grants import MOST_ROWS, Effect, Row, circle_row
from service.outcomes.moments import Span, span_of
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


def rows_of_team(team: Resource, child: str, locate: Locate) -> Iterator[Row]:
    """The agencies that an active care team puts into the circle around a child, each for its time.

    A time that cannot be read is none. Who is in the team by a role alone brings no agency into it;
    nor does a team that names more agencies, at more times, than are read.
    """
    rows = list(islice(dict.fromkeys(_rows(team, child, locate)), MOST_ROWS + 1))
    if len(rows) <= MOST_ROWS:
        yield from rows


def _rows(team: Resource, child: str, locate: Locate) -> Iterator[Row]:
    whole = span_of(team.get("period"))
    if team.get("status") != ACTIVE or whole is None:
        return
    for each in team.get("managingOrganization", ()):
        yield from _row(each, whole, team, child, locate)
    for participant in team.get("participant", ()):
        time = span_of(participant.get("period"))
        if time is not None:
            for said in (participant.get("member"), participant.get("onBehalfOf")):
                yield from _row(said, time.within(whole), team, child, locate)


def _row(said: Any, time: Span, team: Resource, child: str, locate: Locate) -> Iterator[Row]:
    agency = target(said, locate)
    if agency is not None and agency[0] == "Organization" and not time.is_empty:
        yield circle_row(child, agency[1], Effect.TEAM, time, team.get("id", ""))
