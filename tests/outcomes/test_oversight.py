"""Oversight: what all statements of who may see come to at a moment."""

from __future__ import annotations

import pytest

from service.outcomes.grants import Effect, Row
from service.outcomes.oversight import oversee

NOW = 1000
SOURCE = ("Consent", "c")


def row(party: str, effect: Effect, low: int = 0, high: int = 10_000, **more) -> Row:
    return Row("ash", party, effect, low=low, high=high, **more)


@pytest.mark.parametrize(
    ("effect", "low", "high", "holds"),
    [
        (Effect.TEAM, 0, 10_000, True),
        (Effect.TEAM, NOW, NOW + 1, True),
        (Effect.TEAM, NOW + 1, 10_000, False),
        (Effect.TEAM, 0, NOW, False),
        (Effect.PLAN, 0, 10_000, True),
        (Effect.EMERGENCY, 0, 10_000, True),
        (Effect.YOUNG_PERMIT, 0, 10_000, True),
        (Effect.PARENT_PERMIT, 0, 10_000, True),
    ],
)
def test_access_holds_in_its_time(effect, low, high, holds):
    [said] = oversee([(SOURCE, row("trust", effect, low, high))], NOW).access
    assert (said.source, said.holds) == (SOURCE, holds)


@pytest.mark.parametrize("effect", [Effect.YOUNG_DENY, Effect.PARENT_DENY])
def test_denials_stand_by_themselves(effect):
    found = oversee([(SOURCE, row("trust", effect))], NOW)
    assert found.access == ()
    assert [each.holds for each in found.denials] == [True]


@pytest.mark.parametrize(("of_age", "holds"), [(NOW, False), (NOW + 1, True)])
def test_what_parents_decided_holds_until_the_young_person_is_of_age(of_age, holds):
    said = [
        (SOURCE, row("trust", Effect.PARENT_PERMIT)),
        (SOURCE, row("school", Effect.PARENT_DENY)),
        (SOURCE, row("gp", Effect.YOUNG_PERMIT)),
        (("Patient", "ash"), row("", Effect.COMING_OF_AGE, low=of_age)),
    ]
    found = oversee(said, NOW)
    assert {each.row.party: each.holds for each in found.access} == {"trust": holds, "gp": True}
    assert [each.holds for each in found.denials] == [holds]
    assert found.of_age == of_age


def test_what_restricts_is_of_its_time_too():
    said = [
        (("Patient", "ash"), row("", Effect.RESTRICTED, mask=1)),
        (("Patient", "ash"), row("", Effect.RESTRICTED, high=NOW, mask=2)),
    ]
    assert oversee(said, NOW).restricted == 1
    assert oversee([], NOW).restricted == 0
    assert oversee([], NOW).of_age is None


def test_what_holds_stands_first_then_by_source():
    said = [
        (("Consent", "b"), row("x", Effect.YOUNG_PERMIT, high=NOW)),
        (("Consent", "c"), row("x", Effect.YOUNG_PERMIT)),
        (("CareTeam", "z"), row("y", Effect.TEAM)),
    ]
    assert [each.source[1] for each in oversee(said, NOW).access] == ["z", "c", "b"]


def test_agencies_are_those_that_are_named():
    said = [(SOURCE, row(party, Effect.YOUNG_PERMIT)) for party in ("trust", "sector|school", "*", "")] + [
        (SOURCE, row("gp", Effect.PARENT_DENY))
    ]
    assert oversee(said, NOW).agencies == {"trust", "gp"}
