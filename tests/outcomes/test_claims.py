from __future__ import annotations

import pytest

from service.outcomes.claims import claims
from service.outcomes.recognition import GROUPING
from tests.outcomes.clinic import ASH, about, concept, extension, locate


def goal(slot=1, status="active"):
    held = {} if slot is None else {"extension": [extension("goal-slot", valuePositiveInt=slot)]}
    return {"resourceType": "Goal", "id": "g", "lifecycleStatus": status, **about(ASH), **held}


def grouping(start="2026-03-01", end="2026-06-01", status="final", **more):
    period = {"effectivePeriod": {"start": start, "end": end}}
    return {
        "resourceType": "Observation",
        "id": "o",
        "status": status,
        "code": concept(*GROUPING),
        **about(ASH),
        **period,
        **more,
    }


MOOD = {**grouping(), "code": concept("urn:x", "mood")}


@pytest.mark.parametrize(
    ("what", "before", "after", "claimed"),
    [
        ("a new active goal in a slot", None, goal(), True),
        ("a new goal without one", None, goal(slot=None), False),
        ("a new goal that is proposed", None, goal(status="proposed"), False),
        ("the same again", goal(), goal(), False),
        ("another slot", goal(), goal(slot=2), True),
        ("taken up again", goal(status="on-hold"), goal(), True),
        ("put on hold", goal(), goal(status="on-hold"), False),
        ("a slot given up", goal(), goal(slot=None), False),
        ("a new grouping", None, grouping(), True),
        ("the same grouping", grouping(), grouping(), False),
        ("a grouping that ends earlier", grouping(), grouping(end="2026-05-01"), False),
        ("a grouping that begins later", grouping(), grouping(start="2026-04-01"), False),
        ("a grouping that ends later", grouping(), grouping(end="2026-07-01"), True),
        ("a grouping that begins earlier", grouping(), grouping(start="2026-02-01"), True),
        ("a grouping in error", None, grouping(status="entered-in-error"), False),
        ("a grouping in error no more", grouping(status="entered-in-error"), grouping(), True),
        ("a grouping without days", None, grouping(effectivePeriod=None), False),
        ("a grouping that had no days", grouping(effectivePeriod=None), grouping(), True),
        ("what was no grouping", MOOD, grouping(), True),
        ("no grouping", None, MOOD, False),
        ("anything else", None, {"resourceType": "CareTeam"}, False),
    ],
)
def test_what_a_change_claims(what, before, after, claimed):
    assert claims(before, after, locate) is claimed, what
