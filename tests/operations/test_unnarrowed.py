"""Tokens that are narrowed, or in somebody's name, and those that are not."""

from __future__ import annotations

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.fhir.problems import Forbidden
from service.fhir.search.asked import Setting
from service.operations.unnarrowed import reads_every, require_unnarrowed
from tests.conftest import BASE_URL


@pytest.fixture
def caller(registry):
    def of(text: str | None, **more) -> Caller:
        setting = Setting(registry, BASE_URL, now=1)
        scopes = None if text is None else read_scopes(setting, text, patient=more.get("patient"))
        return Caller("their-system", "trust", scopes=scopes, **more)

    return of


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (None, {}),
        (None, {"user": ("Practitioner", "fern")}),
        ("system/*.*", {}),
        ("system/Consent.c system/Patient.rs", {}),
        ("system/Consent.c?patient=Patient/p system/Consent.c system/Patient.rs", {}),
        ("system/Consent.c system/Patient.rs system/Goal.rs?lifecycle-status=active", {}),
    ],
)
def test_who_may_go_on(caller, text, more):
    require_unnarrowed(caller(text, **more), ("Consent", "c"), ("Patient", "r"))


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("system/Consent.c?patient=Patient/p system/Patient.rs", {}),
        ("system/Consent.c system/Patient.rs?_id=p", {}),
        ("system/Patient.rs", {}),
        ("patient/*.*", {"patient": "p"}),
        (None, {"patient": "p"}),
        (None, {"user": ("Patient", "p")}),
        (None, {"user": ("RelatedPerson", "aunt")}),
    ],
)
def test_who_may_not(caller, text, more):
    with pytest.raises(Forbidden) as refused:
        require_unnarrowed(caller(text, **more), ("Consent", "c"), ("Patient", "r"))
    assert [issue.slug for issue in refused.value.issues] == ["scope-too-narrow"]


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        (None, True),
        ("system/*.r", True),
        ("system/Consent.read", True),
        ("system/Consent.r system/Consent.r?status=active", True),
        ("system/Consent.r?status=active", False),
        ("system/Consent.cuds", False),
        ("system/Patient.rs", False),
    ],
)
def test_whose_token_is_for_reading_all_of_a_type(caller, text, reads):
    assert reads_every(caller(text), "Consent") is reads
