"""Successions: a THRIVE plan in the place of an earlier one, handed over or taken up again, and the team around it.

What was agreed goes over as it stands: goals, grouping, agreed ending, risk support, tasks, team.
What is of the earlier plan alone stays with it: its identifiers, time, author and narrative.

Source: domain facts section 5 (THRIVE plan; a single named individual and a single agency),
https://hl7.org/fhir/R4/careplan.html, https://hl7.org/fhir/R4/careteam.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from service.fhir.problems import Issue
from service.outcomes import labels
from service.outcomes.days import days_of, days_of_period
from service.outcomes.recognition import (
    AGENCY_EXTENSION,
    COORDINATOR_EXTENSION,
    OURS,
    SNOMED,
    Resource,
    codings,
)
from service.outcomes.references import Locate, Target, target

REVIEW_EXTENSION: Final = f"{OURS}/StructureDefinition/plan-review-date"
COORDINATOR_ROLE: Final = (SNOMED, "768820003")
_ROLE: Final = {
    "coding": [
        {"system": SNOMED, "code": COORDINATOR_ROLE[1], "display": "Care coordinator (occupation)"},
    ]
}
_INVOLVED: Final = {"text": "Agency involved"}
# Teams that work, or may again: one that is over or entered in error gets no new coordinator at a handover.
_AT_WORK: Final = frozenset({"proposed", "active", "suspended"})

# What a plan does not hand on; its id, period and author are said anew.
_ITS_OWN: Final = frozenset({"text", "identifier", "basedOn", "replaces", "status", "encounter", "created"})

Json = dict[str, Any]
Way = Literal["replaces", "basedOn"]


@dataclass(frozen=True, slots=True)
class Succession:
    """Who coordinates from a day on; `coordinator` and `agency` are References, `review` and `day` dates."""

    coordinator: Json
    agency: Json
    day: str
    review: str

    @property
    def ordinal(self) -> int:
        """The day as Python's date ordinal."""
        days = days_of(self.day)
        return 0 if days is None else days.first


def successor(plan: Resource, id_: str, now: Succession, way: Way) -> Json:
    """The plan that takes the place of `plan`: it `replaces` it at a handover, is `basedOn` it when taken up again.

    It keeps a planned end that is still to come.
    """
    kept = {
        name: value
        for name, value in plan.items()
        if name not in _ITS_OWN and name.removeprefix("_") not in _ITS_OWN
    }
    period = {"start": now.day}
    planned = plan.get("period", {}).get("end")
    if way == "replaces" and planned is not None and days_of_period({"end": planned}).last > now.ordinal:
        period["end"] = planned
    return {
        **kept,
        "id": id_,
        "extension": _coordinated(plan.get("extension", ()), now),
        way: [{"reference": f"CarePlan/{plan['id']}"}],
        "status": "active",
        "period": period,
        "created": now.day,
        "author": now.coordinator,
    }


def _coordinated(extensions: Any, now: Succession) -> list[Json]:
    """The extensions of a plan, with who coordinates now and when it is reviewed next."""
    said: dict[str, Json] = {
        COORDINATOR_EXTENSION: {"url": COORDINATOR_EXTENSION, "valueReference": now.coordinator},
        AGENCY_EXTENSION: {"url": AGENCY_EXTENSION, "valueReference": now.agency},
        REVIEW_EXTENSION: {"url": REVIEW_EXTENSION, "valueDate": now.review},
    }
    return [*said.values(), *(each for each in extensions if each.get("url") not in said)]


def review_date(plan: Resource) -> str | None:
    """The day by which a plan is looked at again, as it is written; None where it does not say."""
    for extension in plan.get("extension", ()):
        if extension.get("url") == REVIEW_EXTENSION:
            text: str | None = extension.get("valueDate")
            return text
    return None


def without_generated(resource: Resource) -> Json:
    """The resource without a narrative that was generated from what is being changed."""
    generated = resource.get("text", {}).get("status") == "generated"
    return {name: value for name, value in resource.items() if not (generated and name == "text")}


def coordinates_now(team: Resource, day: int) -> bool:
    """Whether the team has a coordinator whose time is not over on the day."""
    return any(_is_coordinating(participant, day) for participant in team.get("participant", ()))


def is_at_work(team: Resource) -> bool:
    """Whether the team works, or may again."""
    return team.get("status") in _AT_WORK


def coordinated_team(team: Resource, now: Succession, locate: Locate, before: Target | None) -> Json:
    """The team with its coordinator's time ended on the day, and the new one's begun on it.

    The new agency becomes a member. It is the managing organisation where `before`, the agency
    that coordinated until then, was.
    """
    participants = [
        {**participant, "period": {**participant.get("period", {}), "end": now.day}}
        if _is_coordinating(participant, now.ordinal)
        else participant
        for participant in team.get("participant", ())
    ]
    person, agency = target(now.coordinator, locate), target(now.agency, locate)
    new: Json = {"role": [_ROLE], "member": now.coordinator, "period": {"start": now.day}}
    if person is not None and person[0] == "Practitioner":
        new["onBehalfOf"] = now.agency  # R4's invariant ctm-1: of no other member
    participants.append(new)
    if not any(_is_member(participant, agency, locate, now.ordinal) for participant in participants):
        participants.append({"role": [_INVOLVED], "member": now.agency})
    changed = {**without_generated(team), "participant": participants}
    managing = team.get("managingOrganization", ())
    if before is not None and any(target(each, locate) == before for each in managing):
        kept = [each for each in managing if target(each, locate) not in {before, agency}]
        changed["managingOrganization"] = [now.agency, *kept]
    return changed


def revived_team(team: Resource) -> Json:
    """The team at work again: active, and without an end to its time."""
    period = {name: value for name, value in team.get("period", {}).items() if name != "end"}
    revived: Json = {**team, "status": "active", "period": period}
    if not period:
        del revived["period"]
    return revived


def _is_coordinating(participant: Mapping[str, Any], day: int) -> bool:
    if not any(COORDINATOR_ROLE in codings(role) for role in participant.get("role", ())):
        return False
    days = days_of_period(participant.get("period"))
    return days.first <= day < days.last


def _is_member(participant: Mapping[str, Any], who: Target | None, locate: Locate, day: int) -> bool:
    is_over = days_of_period(participant.get("period")).last < day
    return not is_over and target(participant.get("member"), locate) == who


def coordinator_of(plan: Resource) -> Json | None:
    """The Reference to the person who coordinates a plan, as it is written."""
    return _reference(plan, COORDINATOR_EXTENSION)


def agency_of(plan: Resource) -> Json | None:
    """The Reference to the agency that coordinates a plan, as it is written."""
    return _reference(plan, AGENCY_EXTENSION)


def _reference(plan: Resource, url: str) -> Json | None:
    for extension in plan.get("extension", ()):
        if extension.get("url") == url:
            reference: Json | None = extension.get("valueReference")
            return reference
    return None


def permission_wanted(plan: Resource, patient: Resource | None) -> list[Issue]:
    """What the agency that coordinates a plan, which another one wrote for it, needs a permission for.

    It coordinates what it cannot work with where the plan has sensitive labels, or where the young person is
    restricted. Whether there is such a permission is not looked at: who may not know would learn it.

    Source: docs/sharing.md (labels; where a restricted young person is)
    """
    found = []
    if labels.label_of(plan):
        text = (
            "The plan has sensitive labels: the agency that coordinates it now does not see it unless"
            " a permission (Consent) names that agency for each of them."
        )
        found.append(
            Issue("warning", "business-rule", "coordinator-permission-wanted", text, "CarePlan.meta.security")
        )
    restricted = 0 if patient is None else labels.label_of(patient) & labels.WHEREABOUTS
    if restricted:
        codes = " and ".join(code for bit, (_, code) in labels.names().items() if bit & restricted)
        text = (
            "Where the young person is, is withheld: the agency that coordinates the plan now can change"
            f" nothing of it unless a permission (Consent) names that agency for {codes}."
        )
        found.append(Issue("warning", "business-rule", "coordinator-permission-wanted", text))
    return found
