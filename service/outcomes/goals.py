"""Goals: whose they are, which slot they hold, and when they count.

A young person has up to three goals under way that are scored, each in a slot of its own.
The slot says under which code the scores of a goal go, and national figures pair scores
by it: two goals in one slot at a time would be counted as one.

Source: domain facts section 1 (up to three scored goals, changed goals);
https://hl7.org/fhir/R4/goal-definitions.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.fhir.problems import Issue
from service.outcomes.days import Days, days_of
from service.outcomes.recognition import SLOT_EXTENSION, Resource
from service.outcomes.references import Locate, Target, child
from service.outcomes.statuses import IN_ERROR

ACTIVE = "active"
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Goal:
    """What the rules look at in a goal.

    `slot` is None where it holds none, and `slot_place` is where it says so; `started` and
    `changed` (when it came to its status) are None where it does not say.
    """

    id: str
    child: Target | None
    status: str
    slot: int | None = None
    slot_place: str = "Goal"
    started: Days | None = None
    changed: Days | None = None

    @property
    def is_active(self) -> bool:
        """Whether it is being worked towards now: proposed goals and those on hold are not."""
        return self.status == ACTIVE

    @property
    def is_cancelled(self) -> bool:
        """Whether it was given up."""
        return self.status == CANCELLED

    @property
    def is_in_error(self) -> bool:
        """Whether it should never have been recorded."""
        return self.status == IN_ERROR


def read_goal(resource: Resource, locate: Locate) -> Goal:
    """What the rules look at in a Goal."""
    slot, place = None, "Goal"
    for index, extension in enumerate(resource.get("extension", ())):
        if extension.get("url") == SLOT_EXTENSION:
            slot, place = extension.get("valuePositiveInt"), f"Goal.extension[{index}]"
    return Goal(
        id=resource.get("id", ""),
        child=child(resource, locate),
        status=resource.get("lifecycleStatus", ""),
        slot=slot,
        slot_place=place,
        started=days_of(resource.get("startDate")),
        changed=days_of(resource.get("statusDate")),
    )


def one_goal_a_slot(goal: Goal, others: Iterable[Goal]) -> list[Issue]:
    """The issue of an active goal whose slot another active goal of the young person holds."""
    if not goal.is_active or goal.slot is None or goal.child is None:
        return []
    if not any(
        other.is_active and other.slot == goal.slot and other.child == goal.child and other.id != goal.id
        for other in others
    ):
        return []
    text = (
        "Another active goal of this young person holds this slot. End that goal first, or use a free slot."
    )
    return [Issue("error", "business-rule", "goal-slot-taken", text, goal.slot_place)]
