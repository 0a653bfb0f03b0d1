"""Coordination: plans that nobody coordinates, whatever they say.

A plan names one coordinator, and its care team says from when to when each coordinates. The
plan has an active coordinator on a day where the person named is still there and at work,
and an active team of the plan has them as coordinator on that day. What is kept on
another server cannot be seen from here, and counts as it should be.

Source: domain facts section 5 (one named individual coordinates) and section 9, trap 15
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from service.outcomes.days import Days, days_of_period
from service.outcomes.plans import RUNNING
from service.outcomes.reasons import Reason, placed
from service.outcomes.recognition import (
    COORDINATOR_EXTENSION,
    SNOMED,
    Resource,
    codings,
    is_thrive_plan,
)
from service.outcomes.references import Locate, Target, target
from service.outcomes.scores import targets

COORDINATOR_ROLE: Final = (SNOMED, "768820003")
ACTIVE: Final = "active"

# What there is, by type and id: what is deleted, or never was, is not in it.
Known = Mapping[Target, Resource]


def named(plan: Resource, locate: Locate) -> tuple[Target, ...]:
    """Whom and what a plan names for its coordination: the coordinator, then the teams; those of this server."""
    coordinator = _coordinator(plan, locate)
    found = [*([] if coordinator is None else [coordinator]), *_teams(plan, locate)]
    return tuple(dict.fromkeys(each for each in found if each[0]))


def stand_for(resources: Iterable[Resource], locate: Locate) -> tuple[Target, ...]:
    """The people whose roles are among the coordinators that plans and teams of these resources name."""
    found = [
        target(resource.get("practitioner"), locate)
        for resource in resources
        if resource.get("resourceType") == "PractitionerRole"
    ]
    return tuple(dict.fromkeys(each for each in found if each is not None and each[0]))


def coordinators(team: Resource, locate: Locate) -> tuple[tuple[Target | None, Days], ...]:
    """Whom a care team has as coordinators, and for which days; None for one who is not told by a reference."""
    return tuple(
        (target(participant.get("member"), locate), days_of_period(participant.get("period")))
        for participant in team.get("participant", ())
        if any(COORDINATOR_ROLE in codings(role) for role in participant.get("role", ()))
    )


def without_coordinator(plan: Resource, known: Known, on: int, locate: Locate) -> tuple[Reason, ...]:
    """Why a THRIVE plan that is followed has no active coordinator on the day; empty where it has one.

    `known` has what `named` says, the coordinators of its teams, and those whom these stand for.
    """
    if plan.get("status") not in RUNNING or not is_thrive_plan(plan):
        return ()
    coordinator = _coordinator(plan, locate)
    if coordinator is None:
        return (Reason("coordinator-missing", "The plan names no coordinator."),)
    return (*_of_person(coordinator, known, on, locate), *_of_teams(plan, coordinator, known, on, locate))


def _coordinator(plan: Resource, locate: Locate) -> Target | None:
    """Whom the plan names as coordinator."""
    for extension in plan.get("extension", ()):
        if extension.get("url") == COORDINATOR_EXTENSION:
            return target(extension.get("valueReference"), locate)
    return None


def _teams(plan: Resource, locate: Locate) -> list[Target]:
    return [leads_to for leads_to, _ in targets(plan, "careTeam", locate)]


def _of_person(coordinator: Target, known: Known, on: int, locate: Locate) -> tuple[Reason, ...]:
    """Why somebody who is named as coordinator cannot be it on the day."""
    if coordinator[0] == "":
        return ()
    person = known.get(coordinator)
    if person is None:
        text = "The coordinator that the plan names is not there any longer."
        return (Reason("coordinator-gone", text, about=(coordinator,)),)
    stands_for = target(person.get("practitioner"), locate)
    behind = None if stands_for is None or stands_for[0] == "" else stands_for
    if behind is not None and behind not in known:
        text = "The person behind the role that the plan names as coordinator is not there any longer."
        return (Reason("coordinator-gone", text, about=(coordinator, behind)),)
    if behind is not None and known[behind].get("active") is False:
        text = "The person behind the role that the plan names as coordinator is marked as no longer active."
        return (Reason("coordinator-inactive", text, about=(coordinator, behind)),)
    if person.get("active") is False:
        text = "The coordinator that the plan names is marked as no longer active."
        return (Reason("coordinator-inactive", text, about=(coordinator,)),)
    return _out_of_time(coordinator, days_of_period(person.get("period")), on)


def _out_of_time(coordinator: Target, time: Days, on: int) -> tuple[Reason, ...]:
    if time.last < on:
        text = f"The time of the coordinator that the plan names ended on {placed(time.last, on)}."
        return (Reason("coordinator-inactive", text, time.last, on - time.last, (coordinator,)),)
    if time.first > on:
        text = f"The time of the coordinator that the plan names begins on {placed(time.first, on)}."
        return (Reason("coordinator-inactive", text, time.first, on - time.first, (coordinator,)),)
    return ()


def _of_teams(
    plan: Resource, coordinator: Target, known: Known, on: int, locate: Locate
) -> tuple[Reason, ...]:
    """Why none of the plan's teams has its coordinator as coordinator on the day."""
    said = _teams(plan, locate)
    if any(each[0] == "" for each in said):
        return ()
    teams = tuple(each for each in dict.fromkeys(said) if _is_active(known.get(each), on))
    if not teams:
        text = "None of the care teams of the plan is there and active."
        return (Reason("team-inactive", text, about=tuple(dict.fromkeys(said))),)
    listed = [each for team in teams for each in coordinators(known[team], locate)]
    present = [person for person, time in listed if time.first <= on <= time.last]
    if not present:
        ended = max((time.last for _, time in listed if time.last < on), default=None)
        return (_nobody(teams, ended, on),)
    mine = _persons(coordinator, known, locate)
    if any(person is None or mine & _persons(person, known, locate) for person in present):
        return ()
    text = "The care team has another coordinator for the day than the plan names."
    others = tuple(dict.fromkeys(person for person in present if person is not None))
    return (Reason("team-coordinator-differs", text, about=(*teams, *others)),)


def _is_active(team: Resource | None, on: int) -> bool:
    if team is None or team.get("status") != ACTIVE:
        return False
    time = days_of_period(team.get("period"))
    return time.first <= on <= time.last


def _nobody(teams: tuple[Target, ...], ended: int | None, on: int) -> Reason:
    if ended is None:
        return Reason(
            "team-coordinator-missing",
            "No coordinator of the care team has the day in their time.",
            about=teams,
        )
    text = f"The time of the last coordinator of the care team ended on {placed(ended, on)}."
    return Reason("team-coordinator-missing", text, ended, on - ended, teams)


def _persons(who: Target, known: Known, locate: Locate) -> set[Target]:
    """Somebody and, where that is a role, the person whose role it is: either names the same coordinator."""
    behind = target(known.get(who, {}).get("practitioner"), locate)
    return {who} if behind is None else {who, behind}
