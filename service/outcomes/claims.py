"""Claims: what a change takes of a young person's time or slots, so that nobody else can have it.

Whether it is free is told by the refusal. So who claims must see the young person.

Source: docs/rules.md (goal-slot-taken, grouping-overlap), ADR 0022
"""

from __future__ import annotations

from service.outcomes.goals import read_goal
from service.outcomes.groupings import read_grouping
from service.outcomes.recognition import Resource, is_grouping
from service.outcomes.references import Locate
from service.outcomes.statuses import IN_ERROR


def claims(before: Resource | None, after: Resource, locate: Locate) -> bool:
    """Whether a Goal takes a slot, or a grouping days, that it did not have before; nothing else claims any."""
    match after.get("resourceType"):
        case "Goal":
            return _takes_slot(before, after, locate)
        case "Observation":
            return _takes_days(before, after, locate)
        case _:
            return False


def _takes_slot(before: Resource | None, after: Resource, locate: Locate) -> bool:
    goal = read_goal(after, locate)
    if not goal.is_active or goal.slot is None:
        return False
    if before is None:
        return True
    had = read_goal(before, locate)
    return not had.is_active or had.slot != goal.slot


def _takes_days(before: Resource | None, after: Resource, locate: Locate) -> bool:
    if not is_grouping(after) or after.get("status") == IN_ERROR:
        return False
    days = read_grouping(after, locate).days
    if days is None:
        return False
    if before is None or not is_grouping(before) or before.get("status") == IN_ERROR:
        return True
    had = read_grouping(before, locate).days
    return had is None or days.first < had.first or days.last > had.last
