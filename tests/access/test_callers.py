"""Who calls, and what their token lets them do."""

from __future__ import annotations

from dataclasses import replace

from service.access.callers import SANDBOX_CALLER, Caller
from service.access.scopes import read_scopes
from service.fhir.registry import Registry
from service.fhir.search.asked import Setting
from tests.conftest import BASE_URL


def test_caller_without_scopes_may_do_what_the_agency_may() -> None:
    caller = Caller("epr", "camhs")
    assert all(caller.may("Goal", letter) for letter in "cruds")
    assert (caller.purpose, caller.locality, caller.administrator) == ("TREAT", "default", False)


def test_scopes_narrow_administrators_too(registry: Registry) -> None:
    scopes = read_scopes(Setting(registry, BASE_URL, now=0), "system/Goal.r")
    caller = replace(SANDBOX_CALLER, scopes=scopes)
    assert caller.may("Goal", "r")
    assert not caller.may("Goal", "u")
    assert not caller.may("Patient", "r")


def test_what_is_kept_with_a_caller_makes_no_other_caller_of_it() -> None:
    one, other = Caller("epr", "camhs"), Caller("epr", "camhs")
    one.sights["r"] = None
    assert one == other
    assert hash(one) == hash(other)
    assert replace(one, agency="school").sights == {}
