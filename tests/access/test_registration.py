"""What a client may be registered with, and who calls by it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.registration import caller_of, faults, faults_of_scopes, is_id, is_loopback, is_safe
from service.access.scopes import read_scopes
from service.fhir.search.asked import Setting
from service.storage.registrations import Registration
from tests.conftest import BASE_URL

SOUND = Registration("epr", "default", "camhs", "An EPR", "system/*.rs", keys='{"keys":[]}')


@pytest.fixture(scope="module")
def setting(registry) -> Setting:
    return Setting(registry, BASE_URL, 0)


def test_what_is_sound_is_taken(setting):
    for scopes in (
        "system/*.read",
        "system/*.cruds system/Observation.rs?category=survey",
        "openid system/Goal.*",
        "system/Observation.rs?category=survey&status=final",
    ):
        assert faults(replace(SOUND, scopes=scopes), setting) == []
    assert faults(replace(SOUND, keys=None, jwks_url="https://vendor.example/keys"), setting) == []
    assert faults(replace(SOUND, sectors=("school", "local-authority"), purpose="CAREMGT"), setting) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"id": ""}, "id of a client"),
        ({"id": "a b"}, "id of a client"),
        ({"id": "a|b"}, "id of a client"),
        ({"id": "x" * 65}, "id of a client"),
        ({"locality": "a/b"}, "locality of a client"),
        ({"agency": "Organization/x"}, "agency of a client"),
        ({"sectors": ("a b",)}, "Sectors"),
        ({"purpose": ""}, "Sectors and purposes"),
        ({"name": ""}, "name of a client"),
        ({"name": "two\nlines"}, "name of a client"),
        ({"name": "x" * 201}, "name of a client"),
        ({"keys": None}, "either keys or the address"),
        ({"jwks_url": "https://vendor.example/keys"}, "either keys or the address"),
        ({"keys": None, "jwks_url": "http://vendor.example/keys"}, "https"),
        ({"scopes": ""}, "Without scopes"),
        ({"scopes": "openid"}, "Without scopes"),
        ({"scopes": "system/Goal"}, "no scope that is understood"),
        ({"scopes": "system/Goal.sr"}, "no scope that is understood"),
        ({"scopes": "user/Goal.rs"}, "system/Goal.rs"),
        ({"scopes": "patient/*.read"}, "system/*.read"),
        ({"scopes": "system/Appointment.rs"}, "not kept here"),
        ({"scopes": "system/Goal.rs?nothing=1"}, "narrowed"),
        ({"scopes": "system/Goal.rs?patient.name=x"}, "narrowed"),
    ],
)
def test_what_is_not_says_why(setting, changed, says):
    [sentence] = faults(replace(SOUND, **changed), setting)
    assert says in sentence


def test_everything_that_is_wrong_is_said(setting):
    wrong = replace(SOUND, id="", name="", keys=None, scopes="x user/Goal.rs")
    assert len(faults(wrong, setting)) == 5


def test_elsewhere_people_sign_in_too(setting):
    assert list(faults_of_scopes("user/Goal.rs patient/*.read", setting, outside=True)) == []


@pytest.mark.parametrize(
    "address",
    [
        "https://vendor.example/keys",
        "https://vendor.example:8443/k?x=1",
        "http://127.0.0.1:1/k",
        "http://localhost/k",
    ],
)
def test_addresses_that_are_safe(address):
    assert is_safe(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "vendor.example/keys",
        "http://vendor.example/keys",
        "http://127.0.0.1.example/keys",
        "http://localhost.example/",
        "https://user@vendor.example/",
        "https://user:word@vendor.example/",
        "https://vendor.example/#keys",
        "https://vendor.example/a b",
        "https://vendor.example/\n",
        "https://vend\u00f6r.example/",
        "https://vendor.example:port/",
        "https://[::1",
        "https:///keys",
        "ftp://vendor.example/keys",
        "file:///etc/hosts",
        "https://vendor.example/" + "x" * 2000,
    ],
)
def test_addresses_that_are_not(address):
    assert not is_safe(address)


def test_loopback():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("example", "10.0.0.1", "0.0.0.0", "::")))


def test_ids():
    assert is_id("01a21e1d-d5c6-76d8-8e31-cc79a0dbe2c4")
    assert not any(map(is_id, ("", "a b", "a\n", "\u00e4", "x" * 65)))


def test_who_calls(setting):
    scopes = read_scopes(setting, "user/Goal.rs")
    caller = caller_of(
        replace(SOUND, sectors=("school",)), scopes, user=("Practitioner", "p"), patient="child"
    )
    assert (caller.client, caller.agency, caller.locality, caller.sectors) == (
        "epr",
        "camhs",
        "default",
        {"school"},
    )
    assert (caller.user, caller.patient, caller.scopes) == (("Practitioner", "p"), "child", scopes)
    assert (caller.administrator, caller.governance, caller.chooses_ids) == (False, False, False)
