"""Succession: what handing a plan over and taking one up again have in common.

Who coordinates from a day on is read from the call; teams are looked up; what is to be written is
admitted as it would be alone.

Source: docs/operations/hand-over.md, docs/operations/reopen.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir.parameters import parameters
from service.fhir.problems import Issue, Malformed, operation_outcome
from service.interactions.admission import admit
from service.interactions.content import content
from service.outcomes import successions
from service.outcomes.days import days_of
from service.outcomes.references import Locate, Target, target
from service.storage.store import Change, Method, Stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.fhir.parameters import Entry, Inputs
    from service.interactions.context import Act, Context
    from service.outcomes.successions import Succession

PERSONS: Final = ("Practitioner", "PractitionerRole", "RelatedPerson")
_AGENCY: Final = "Organization"
_TEAM: Final = "CareTeam"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """A resource that is to be stored, and the version that it follows, if any, with its content."""

    resource: Json
    before: Stored | None = None
    former: Json | None = None


def day_given(inputs: Inputs, name: str) -> str | None:
    """The day that a parameter says; None where it was not given.

    Raises:
        Malformed: it is no day, such as a month.
    """
    text: str | None = inputs.one(name)
    if text is None:
        return None
    days = days_of(text)
    if days is None or days.first != days.last or len(text) != len("2026-11-27"):
        raise Malformed("operation-day", f"The parameter {name} is a day such as 2026-11-27.")
    return text


def require_led_to(reference: Json, name: str, types: Sequence[str], locate: Locate) -> Target:
    """The resource of this server that a parameter refers to.

    Raises:
        Malformed: it refers to none of these types here.
    """
    found = target(reference, locate)
    if found is None or found[0] not in types:
        shown = " or ".join(types)
        text = f"The parameter {name} refers to a {shown} of this server, in reference."
        raise Malformed("operation-reference", text)
    return found


def require_coordinator(coordinator: Json, agency: Json, locate: Locate) -> None:
    """Lets a person and an agency of this server coordinate.

    Raises:
        Malformed: one of them is none.
    """
    require_led_to(coordinator, "coordinator", PERSONS, locate)
    require_led_to(agency, "agency", (_AGENCY,), locate)


async def teams_of(context: Context, act: Act, plan: Json, locate: Locate) -> list[Stored]:
    """The care teams of a plan that are here, in the order in which it names them."""
    named = [target(each, locate) for each in plan.get("careTeam", ())]
    keys = [key for key in dict.fromkeys(named) if key is not None and key[0] == _TEAM]
    stored = await context.store.read_many(act.caller.locality, keys)
    return [stored[key] for key in keys if key in stored and not stored[key].deleted]


def coordinated_teams(
    teams: Iterable[Stored], now: Succession, locate: Locate, before: Target | None, *, revive: bool = False
) -> list[Written]:
    """Those of the teams in which the coordinator changes: all that have one now, else the first at work.

    With `revive` a team that is over works again.
    """
    found = [(stored, content(stored)) for stored in teams]
    if revive:
        able = [(stored, team) for stored, team in found if team.get("status") != "entered-in-error"]
    else:
        able = [(stored, team) for stored, team in found if successions.is_at_work(team)]
    coordinated = [each for each in able if successions.coordinates_now(each[1], now.ordinal)] or able[:1]
    written = []
    for stored, team in coordinated:
        changed = successions.coordinated_team(team, now, locate, before)
        written.append(Written(successions.revived_team(changed) if revive else changed, stored, team))
    return written


def admitted(context: Context, written: Iterable[Written]) -> tuple[tuple[Change, ...], tuple[Issue, ...]]:
    """The changes that store what is to be written, and their warnings.

    Raises:
        Invalid: one breaks rules.
    """
    changes: list[Change] = []
    issues: list[Issue] = []
    for each in written:
        type_, id_ = each.resource["resourceType"], each.resource["id"]
        admitted_one = admit(context, type_, each.resource, id_)
        method: Method = "POST" if each.before is None else "PUT"
        changes.append(Change(type_, id_, method, each.before, each.former, admitted_one.resource))
        issues += admitted_one.issues
    return tuple(changes), tuple(issues)


async def permission_wanted(context: Context, act: Act, plan: Json, locate: Locate) -> tuple[Issue, ...]:
    """What the agency that coordinates a new plan needs a permission for, unless it is the one that writes it."""
    if target(successions.agency_of(plan), locate) == (_AGENCY, act.caller.agency):
        return ()
    child = target(plan.get("subject"), locate)
    patient = None if child is None else await context.store.read(act.caller.locality, *child)
    known = None if patient is None or patient.deleted else content(patient)
    return tuple(successions.permission_wanted(plan, known))


async def moved_on(context: Context, act: Act, before: Stored) -> bool:
    """Whether a resource has another version now than the one that was decided on.

    What is refused then may have been refused for what others stored in between: it is to be decided anew.
    """
    current = await context.store.read(act.caller.locality, before.type, before.id)
    return current is None or current.version != before.version


def shown(entries: Iterable[tuple[str, Stored]], issues: Sequence[Issue]) -> Json:
    """Parameters of the resources as they were stored, by name, and an OperationOutcome where there are issues."""
    said: list[Entry] = [(name, "resource", content(stored)) for name, stored in entries]
    if issues:
        said.append(("outcome", "resource", operation_outcome(tuple(issues))))
    return parameters(*said)
