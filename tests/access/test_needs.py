"""Which scopes acts need, and how a token that lacks one is refused."""

from __future__ import annotations

import pytest

from service.access.callers import Caller
from service.access.needs import NOTHING, InsufficientScope, Need, Needs, of, require, together
from service.access.scopes import read_scopes
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from tests.conftest import BASE_URL


@pytest.fixture(scope="module")
def setting(registry: Registry) -> Setting:
    return Setting(registry, BASE_URL, now=0)


def caller(setting: Setting, text: str) -> Caller:
    return Caller("epr", "camhs", scopes=read_scopes(setting, text, patient="young"))


@pytest.mark.parametrize(
    ("interaction", "conditional", "letters"),
    [
        ("create", False, "c"),
        ("create", True, "cs"),
        ("update", True, "us"),
        ("delete", False, "d"),
        ("vread", False, "r"),
        ("history-instance", False, "r"),
        ("history-type", False, "s"),
        ("search-type", True, "s"),
    ],
)
def test_interaction_needs_its_letter_and_on_a_condition_that_of_searching(
    interaction: str,
    conditional: bool,  # noqa: FBT001 - one of the parameters
    letters: str,
) -> None:
    assert of(interaction, "Goal", conditional=conditional) == Needs((Need("Goal", letters),))


def test_needs_of_several_acts_are_told_together() -> None:
    needs = together([of("update", "Goal"), of("read", "Patient"), of("update", "Goal")])
    assert needs.each == (Need("Goal", "u"), Need("Patient", "r"))
    assert needs.letters == "ru"
    assert not needs.is_wide
    assert of("search-system", "").is_wide
    assert NOTHING.letters == ""


def test_who_has_what_it_takes_goes_on(setting: Setting) -> None:
    require(
        caller(setting, "system/Goal.cs system/Patient.r"), together([of("create", "Goal", conditional=True)])
    )
    require(caller(setting, "system/Goal.s"), of("search-system", ""))
    require(caller(setting, ""), NOTHING)
    require(Caller("epr", "camhs"), of("delete", "Goal"))


@pytest.mark.parametrize(
    ("text", "needs", "needed"),
    [
        ("system/Goal.rs", of("update", "Goal"), "system/Goal.u"),
        ("system/Goal.c", of("create", "Goal", conditional=True), "system/Goal.cs"),
        ("user/Goal.rs", of("read", "Patient"), "user/Patient.r"),
        ("patient/Goal.r", of("search-system", ""), "patient/*.s"),
        ("", of("read", "Goal"), "system/Goal.r"),
        ("system/Goal.rs?no-such=1", of("read", "Goal"), "system/Goal.r"),
    ],
)
def test_who_lacks_one_is_told_which(setting: Setting, text: str, needs: Needs, needed: str) -> None:
    with pytest.raises(InsufficientScope) as refusal:
        require(caller(setting, text), needs)
    assert refusal.value.needed == needed
    assert refusal.value.issues[0].slug == "insufficient-scope"
    assert refusal.value.status == 403
