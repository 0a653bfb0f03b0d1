"""A caller comes back from what a job keeps of it, with the same scopes and the same eyes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.callers import SANDBOX_CALLER, Caller
from service.access.needs import of
from service.access.scopes import read_scopes
from service.access.seeing import sight
from service.bulk import acting
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from service.fhir.search.expressions import And
from service.fhir.search.sight import Sight
from tests.conftest import BASE_URL


def _eyes(sight: Sight | None) -> tuple[object, ...]:
    assert sight is not None
    return (sight.agency, sight.sectors, sight.purpose, dict(sight.narrowed), sight.readable, sight.every)


EPR = Caller("epr", "camhs", sectors=frozenset({"nhs", "school"}), purpose="HRESCH", governance=True)


@pytest.fixture
def setting(registry: Registry) -> Setting:
    return Setting(registry, BASE_URL, 0)


@pytest.mark.parametrize(
    "caller",
    [EPR, replace(EPR, user=("Practitioner", "p1")), replace(EPR, patient="c1", locality="north")],
    ids=["plain", "user", "patient"],
)
@pytest.mark.parametrize(
    "scopes", [None, "system/*.rs", "system/Goal.r system/Observation.rs?category=survey", "patient/*.rs"]
)
def test_a_caller_comes_back(caller: Caller, scopes: str | None, setting: Setting) -> None:
    if scopes is not None:
        read = read_scopes(setting, scopes, patient=caller.patient, user=caller.user)
        caller = replace(caller, scopes=read)
    found = acting.decode(acting.encode(caller), setting)
    assert found == caller
    assert found.scopes is None or found.scopes.text == scopes
    needs = of("search-type", "Observation")
    assert _eyes(sight(setting.registry, found, needs)) == _eyes(sight(setting.registry, caller, needs))


def test_an_administrator_comes_back_as_one(setting: Setting) -> None:
    found = acting.decode(acting.encode(SANDBOX_CALLER), setting)
    assert found == SANDBOX_CALLER
    assert acting.eyes(setting.registry, found) is None


@pytest.mark.parametrize(
    ("scopes", "exported"),
    [
        ("system/*.read", True),
        ("system/Observation.rs", True),
        ("system/Observation.r", False),
        ("system/Observation.s", False),
        ("system/Goal.rs", False),
    ],
)
def test_exporting_takes_reading_and_searching(scopes: str, exported: object, setting: Setting) -> None:
    caller = replace(EPR, scopes=read_scopes(setting, scopes))
    assert acting.exports(caller, "Observation") is exported


@pytest.mark.parametrize(
    ("mine", "theirs", "lacking"),
    [
        (None, "system/Goal.rs", None),
        ("system/*.rs", None, None),
        ("system/Goal.rs", None, "Patient"),
        ("system/*.rs?_tag=a", None, "Goal"),
        ("system/*.rs?_tag=a", "system/*.rs?_tag=a", None),
        ("system/*.rs?_tag=a", "system/*.rs?_tag=b", "Goal"),
        ("system/*.rs", "system/*.rs?_tag=b", None),
        ("system/*.r system/Goal.s", "system/*.rs", "Patient"),
    ],
)
def test_what_was_exported_with_another_token(
    mine: str | None, theirs: str | None, lacking: str | None, setting: Setting
) -> None:
    def told(scopes: str | None) -> Caller:
        return EPR if scopes is None else replace(EPR, scopes=read_scopes(setting, scopes))

    assert acting.covers(told(mine), told(theirs), ("Goal", "Patient")) == lacking


def test_an_export_looks_through_both_narrowings(setting: Setting) -> None:
    scopes = "system/Observation.r?status=final system/Observation.s?category=survey"
    found = acting.eyes(setting.registry, replace(EPR, scopes=read_scopes(setting, scopes)))
    assert found is not None
    assert found.readable == frozenset({"Observation"})
    narrowed = found.narrowed["Observation"]
    assert isinstance(narrowed, And)
    assert len(narrowed.parts) == 2
