"""Tokens that are bound to the label PSEUDED."""

from __future__ import annotations

import pytest

from service.access.callers import Caller
from service.access.pseudonymised import BOUND, is_bound, unbound
from service.access.scopes import granted, read_scopes
from service.fhir.search.asked import Setting

LABEL = "_security=http://terminology.hl7.org/CodeSystem/v3-ObservationValue|PSEUDED"


@pytest.fixture
def caller(registry):
    def made(text):
        setting = Setting(registry, "http://127.0.0.1/fhir", 0)
        return Caller("epr", "camhs", scopes=read_scopes(setting, text))

    return made


@pytest.mark.parametrize(
    "text",
    [
        f"system/Observation.rs?{LABEL}",
        f"system/*.rs?{LABEL}",
        f"system/Observation.s?category=survey&{LABEL}",
        f"system/Patient.rs system/Observation.r?{LABEL}",
        f"system/Observation.rs?{LABEL.replace('|', '%7C').replace(':', '%3A')}",
    ],
)
def test_it_is_bound(text, caller):
    assert is_bound(caller(text))


@pytest.mark.parametrize(
    "text",
    [
        "system/Observation.rs",
        f"system/Observation.c?{LABEL}",
        f"system/Observation.rs?{LABEL.replace('_security', '_security:not')}",
        f"system/Observation.rs?{LABEL},x",
        "system/Observation.rs?_security=PSEUDED",
    ],
)
def test_it_is_not_bound(text, caller):
    assert not is_bound(caller(text))


def test_without_scopes_nobody_is_bound():
    plain = Caller("epr", "camhs")
    assert not is_bound(plain)
    assert unbound(plain) is plain


def test_without_the_label_all_else_holds(caller):
    bound = caller(f"system/Observation.rs?category=survey&{LABEL} system/Goal.rs?{LABEL} user/Patient.r")
    found = unbound(bound)
    assert found.scopes.text == "system/Observation.rs?category=survey system/Goal.rs user/Patient.r"
    assert found.scopes.narrowed("Goal", "r") is None
    assert found.scopes.narrowed("Observation", "s") is not None
    assert not found.may("CarePlan", "r")
    assert not is_bound(found)
    assert (found.client, found.agency) == (bound.client, bound.agency)
    assert bound.scopes.narrowed("Goal", "r") is not None
    assert BOUND[0] == "_security"


@pytest.mark.parametrize(
    "requested", ["system/*.rs", "system/Patient.rs system/Goal.r", f"system/*.rs?{LABEL}"]
)
def test_whoever_is_registered_so_gets_no_other_token(requested, registry):
    """Scopes that leave the label out when a token is asked for are granted with it."""
    scopes = granted(Setting(registry, "http://127.0.0.1/fhir", 0), requested, f"system/*.rs?{LABEL}")
    assert scopes
    assert all(BOUND in grant.pairs for grant in scopes.grants)
    assert is_bound(Caller("epr", "camhs", scopes=scopes))
