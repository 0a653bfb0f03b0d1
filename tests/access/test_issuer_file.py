"""The file of issuers: read whole, or refused with every reason."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.access.issuer_file import IssuersRefused, read_issuers
from service.access.keys import ALGORITHMS
from service.fhir.search.asked import Setting
from service.storage.registrations import Registration
from tests.conftest import BASE_URL

FULL: dict[str, Any] = {
    "issuer": "https://login.example/realm",
    "audience": BASE_URL,
    "locality": "north",
    "algorithms": ["RS256"],
    "scopes": "user/*.rs",
    "client": "azp",
    "agency": "ods",
    "jwks_url": "https://login.example/keys",
    "token_seconds": 86_400,
    "agencies": {
        "R1A": {
            "agency": "camhs-north",
            "locality": "far-north",
            "sectors": ["health"],
            "purpose": "CAREMGT",
            "governance": True,
            "chooses_ids": True,
        }
    },
}
LEAST: dict[str, Any] = {
    "issuer": "https://login.example/other",
    "audience": "here",
    "scopes": "system/Goal.rs",
    "agencies": {"portal": {"agency": "school"}},
}


@pytest.fixture(scope="module")
def setting(registry) -> Setting:
    return Setting(registry, BASE_URL, 0)


def read(setting, *issuers: Any):
    return read_issuers(json.dumps({"issuers": issuers}).encode(), setting)


def test_all_that_can_be_said(setting):
    first, second = read(setting, FULL, LEAST)
    assert (first.issuer, first.audience, first.jwks_url) == (FULL["issuer"], BASE_URL, FULL["jwks_url"])
    assert (first.algorithms, first.client, first.agency) == ({"RS256"}, "azp", "ods")
    assert first.agencies == {
        "R1A": Registration(
            "outside",
            "far-north",
            "camhs-north",
            FULL["issuer"],
            "user/*.rs",
            sectors=("health",),
            governance=True,
            chooses_ids=True,
            purpose="CAREMGT",
        )
    }
    assert (first.longest, second.longest) == (86_400, 3_600)
    assert (second.algorithms, second.client, second.agency, second.jwks_url) == (
        set(ALGORITHMS),
        "client_id",
        "client_id",
        "",
    )
    assert second.agencies["portal"].locality == "default"
    assert second.agencies["portal"].purpose == "TREAT"


def test_no_issuer_is_an_administrator(setting):
    with pytest.raises(IssuersRefused, match="administrator is not known"):
        read(setting, LEAST | {"agencies": {"x": {"agency": "y", "administrator": True}}})


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"issuer": None}, "issuer is a text, and wanted"),
        ({"issuer": "http://login.example"}, "issuer begins with https"),
        ({"issuer": "https://login.example/a|b"}, "has a | in it"),
        ({"jwks_url": "http://login.example"}, "jwks_url begins with https"),
        ({"audience": ""}, "audience is a text, and wanted"),
        ({"client": 1}, "client is a text"),
        ({"algorithms": ["HS256"]}, "algorithms is a list"),
        ({"algorithms": ["none"]}, "algorithms is a list"),
        ({"algorithms": []}, "algorithms is a list"),
        ({"algorithms": "RS256"}, "algorithms is a list"),
        ({"token_seconds": 86_401}, "token_seconds is a whole number from 1 to 86400"),
        ({"token_seconds": 0}, "token_seconds is a whole"),
        ({"token_seconds": 60.5}, "token_seconds is a whole"),
        ({"token_seconds": True}, "token_seconds is a whole"),
        ({"scopes": "system/Goal"}, "no scope that is understood"),
        ({"scopes": 7}, "scopes is a text"),
        ({"agencies": {}}, "agencies says"),
        ({"agencies": ["x"]}, "agencies says"),
        ({"agencies": {"x": "y"}}, "agency x: it is no object"),
        ({"agencies": {"x": {}}}, "agency x: The agency of a client"),
        ({"agencies": {"x": {"agency": 1}}}, "are texts"),
        ({"agencies": {"x": {"agency": "y", "sectors": "z"}}}, "sectors is a list"),
        ({"agencies": {"x": {"agency": "y", "governance": "yes"}}}, "true or false"),
        ({"agencies": {"x": {"agency": "y", "sector": []}}}, "sector is not known"),
        ({"agencies": {"x": {"agency": "a b"}}}, "The agency of a client"),
        ({"audiences": []}, "audiences is not known"),
    ],
)
def test_what_is_wrong_is_said(setting, changed, says):
    with pytest.raises(IssuersRefused, match=says):
        read(setting, LEAST | changed)


def test_everything_that_is_wrong_is_said_at_once(setting):
    with pytest.raises(IssuersRefused) as raised:
        read(setting, LEAST | {"issuer": "x", "audience": 1}, 5)
    assert len(raised.value.sentences) == 3
    assert str(raised.value) == " ".join(raised.value.sentences)


def test_two_of_one_name(setting):
    with pytest.raises(IssuersRefused, match="same name"):
        read(setting, LEAST, LEAST)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"issuers": {}}', b'{"issuers": [], "more": 1}'])
def test_what_is_no_such_file(setting, raw):
    with pytest.raises(IssuersRefused):
        read_issuers(raw, setting)


def test_no_issuer_at_all(setting):
    assert read(setting) == ()
