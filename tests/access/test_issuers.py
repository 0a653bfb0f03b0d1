"""Tokens of other issuers: whose they are here, and everything for which they are not believed.

Source: RFC 8725, https://openid.net/specs/openid-connect-discovery-1_0.html
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from service.access.fetching import FRESH, PAUSE, STALE
from service.access.issuers import DISCOVERY, LONGEST, SKEW, Issuer, is_outside, standing
from service.access.tokens import PROVEN
from service.fhir.problems import Unauthorized, Unavailable
from service.storage.registrations import Registration
from tests.access.vendors import Vendor, by_hmac, compact, make_key
from tests.conftest import BASE_URL

NAME = "https://login.example/realm"
KEYS = "https://login.example/keys"
TRUST = Registration(
    "outside",
    "north",
    "camhs-north",
    "Login",
    "user/*.rs system/Goal.rs patient/*.rs",
    sectors=("health",),
    governance=True,
    purpose="CAREMGT",
)
ISSUER = Issuer(NAME, BASE_URL, frozenset({"RS256", "ES384"}), "azp", "ods", {"R1A": TRUST})


@pytest.fixture
def login(elsewhere) -> Vendor:
    """The issuer, whose keys can be found."""
    made = Vendor(client=NAME)
    elsewhere.documents[NAME + DISCOVERY] = {"issuer": NAME, "jwks_uri": KEYS}
    elsewhere.documents[KEYS] = json.loads(made.keys())
    return made


@pytest.fixture
def tokens(make_tokens):
    return make_tokens((ISSUER,))


def token(login: Vendor, now: int, header=None, **given) -> bytes:
    second = now // 1000
    right = {
        "iss": NAME,
        "sub": "somebody",
        "aud": ["account", BASE_URL],
        "exp": second + 600,
        "iat": second,
        "jti": "one",
        "azp": "portal",
        "ods": "R1A",
        "scope": "openid user/Goal.rs",
        "fhirUser": f"{BASE_URL}/Practitioner/kim",
    }
    claims = {name: value for name, value in (right | given).items() if value is not None}
    made = compact(login.header(**(header or {})), claims)
    return (
        made.encode()
        if (header or {}).get("alg")
        else login.assertion(now, header, **_whole(claims)).encode()
    )


def _whole(claims):
    return {name: claims.get(name) for name in {"iss", "sub", "aud", "exp", "iat", "jti", *claims}}


async def believed(tokens, raw: bytes):
    return await tokens.caller(raw)


async def refused(tokens, raw: bytes, slug: str = "token-invalid") -> None:
    with pytest.raises(Unauthorized) as raised:
        await tokens.caller(raw)
    assert raised.value.issues[0].slug == slug


async def test_who_calls_stands_in_the_token_and_what_that_is_here_in_the_file(
    tokens, login, clock, elsewhere
):
    caller = await believed(tokens, token(login, clock.now))
    assert caller.client == f"{NAME}|portal"
    assert (caller.locality, caller.agency, caller.sectors) == ("north", "camhs-north", {"health"})
    assert (caller.purpose, caller.governance, caller.administrator) == ("CAREMGT", True, False)
    assert (caller.user, caller.patient) == (("Practitioner", "kim"), None)
    assert caller.may("Goal", "r")
    assert not caller.may("Goal", "u")
    assert not caller.may("Task", "r")
    assert elsewhere.asked == [NAME + DISCOVERY, KEYS]


async def test_scopes_count_as_far_as_the_file_lets_them(tokens, login, clock):
    caller = await believed(
        tokens, token(login, clock.now, scope="user/*.cruds system/*.rs", fhirUser="Practitioner/kim")
    )
    assert (caller.may("Goal", "r"), caller.may("Goal", "c"), caller.may("Task", "r")) == (True, False, True)
    for scope in ({"scope": None, "scp": ["user/Goal.rs", 1]}, {"scope": None, "scp": "user/Goal.rs"}):
        assert (await believed(tokens, token(login, clock.now, **scope))).may("Goal", "r")
    for scope in ({"scope": None}, {"scope": 1}, {"scope": ""}):
        assert not (await believed(tokens, token(login, clock.now, **scope))).may("Goal", "r")


async def test_a_young_person_whom_the_client_was_opened_for(tokens, login, clock):
    caller = await believed(
        tokens, token(login, clock.now, scope="patient/Goal.rs", patient="child", fhirUser=None)
    )
    assert (caller.patient, caller.user) == ("child", None)
    assert caller.may("Goal", "r")
    nobody = await believed(
        tokens, token(login, clock.now, scope="patient/Goal.rs user/Goal.rs", fhirUser=None)
    )
    assert not nobody.may("Goal", "r")


WRONG = (
    {"iss": "https://login.example/other"},
    {"iss": NAME + "/"},
    {"iss": None},
    {"aud": "account"},
    {"aud": None},
    {"aud": []},
    {"aud": {"x": BASE_URL}},
    {"exp": None},
    {"exp": "never"},
    {"azp": None},
    {"azp": 1},
    {"azp": "x" * 201},
    {"azp": "two\nlines"},
    {"azp": "\x00"},
    {"ods": None},
    {"ods": "R1B"},
    {"ods": ["R1A"]},
    {"iat": "now"},
    {"iat": None},
    {"exp": 1e300},
    {"nbf": "now"},
    {"fhirUser": "https://elsewhere.example/fhir/Practitioner/kim"},
    {"fhirUser": "Practitioner"},
    {"fhirUser": "Organization/kim"},
    {"fhirUser": "Practitioner/kim/x"},
    {"fhirUser": 1},
    {"fhirUser": "Practitioner/k m"},
    {"patient": "a/b"},
    {"patient": "x" * 65},
    {"patient": 1},
    {"patient": ""},
)


async def test_what_is_not_believed(tokens, login, clock):
    for claims in WRONG:
        await refused(tokens, token(login, clock.now, **claims))
    for kind in ("logout+jwt", "dpop+jwt"):
        await refused(tokens, token(login, clock.now, {"typ": kind}))


async def test_clocks_may_differ_a_little(tokens, login, clock):
    second = clock.now // 1000
    skew = SKEW // 1000
    assert await believed(tokens, token(login, clock.now, exp=second - skew + 5))
    assert await believed(tokens, token(login, clock.now, iat=second + skew - 5, nbf=second + skew - 5))
    await refused(tokens, token(login, clock.now, exp=second - skew), "token-expired")
    for name in ("iat", "nbf"):
        await refused(tokens, token(login, clock.now, **{name: second + skew + 5}))


async def test_what_lasts_longer_than_it_may(tokens, make_tokens, login, clock):
    second = clock.now // 1000
    assert await believed(tokens, token(login, clock.now, exp=second + LONGEST))
    await refused(tokens, token(login, clock.now, exp=second + LONGEST + 1))
    await refused(tokens, token(login, clock.now, iat=second - 10, exp=second + LONGEST))
    patient = make_tokens((replace(ISSUER, longest=2 * LONGEST),))
    assert await believed(patient, token(login, clock.now, exp=second + LONGEST + 1))


async def test_a_key_that_was_withdrawn_ends_what_it_signed(tokens, login, clock, elsewhere):
    """A token that was believed is looked at again with the keys that there are by then."""
    raw = token(login, clock.now, exp=clock.now // 1000 + LONGEST)
    first = await believed(tokens, raw)
    elsewhere.now += PROVEN + 1
    assert await believed(tokens, raw) is first
    elsewhere.documents[KEYS] = json.loads(Vendor(client=NAME, kid="second", key=make_key()).keys())
    elsewhere.now += FRESH
    await refused(tokens, raw)
    await refused(tokens, raw)


async def test_it_is_looked_at_again_once_for_all_that_wait(tokens, login, clock, elsewhere):
    raw = token(login, clock.now)
    await believed(tokens, raw)
    asked = len(elsewhere.asked)
    elsewhere.now += FRESH + 1
    await asyncio.gather(*(believed(tokens, raw) for _ in range(20)))
    assert elsewhere.asked[asked:] == [NAME + DISCOVERY, KEYS]


async def test_it_is_not_gone_by_where_its_keys_can_no_longer_be_had(tokens, login, clock, elsewhere):
    raw = token(login, clock.now, exp=clock.now // 1000 + LONGEST)
    await believed(tokens, raw)
    elsewhere.documents.clear()
    elsewhere.now += FRESH + 1
    assert await believed(tokens, raw)
    elsewhere.now += STALE
    with pytest.raises(Unavailable):
        await tokens.caller(raw)


async def test_what_it_did_not_sign(tokens, login, clock):
    await refused(tokens, token(Vendor(client=NAME, key=make_key()), clock.now))
    await refused(tokens, token(login, clock.now, {"alg": "none"}))
    header, claims = login.header(alg="HS256"), login.claims(clock.now, iss=NAME)
    await refused(tokens, compact(header, claims, by_hmac(login.key.as_pem(private=False))).encode())


async def test_by_an_algorithm_that_the_file_does_not_let_it_use(tokens, elsewhere, clock):
    other = Vendor(client=NAME, algorithm="ES256", key=make_key("ES256"))
    elsewhere.documents[NAME + DISCOVERY] = {"issuer": NAME, "jwks_uri": KEYS}
    elsewhere.documents[KEYS] = json.loads(other.keys())
    await refused(tokens, token(other, clock.now))
    assert elsewhere.asked == []


async def test_rotated_keys(tokens, login, clock, elsewhere):
    await believed(tokens, token(login, clock.now))
    new = Vendor(client=NAME, kid="second")
    elsewhere.documents[KEYS] = json.loads(new.keys())
    elsewhere.now += PAUSE
    assert await believed(tokens, token(new, clock.now))
    elsewhere.now += PAUSE
    await refused(tokens, token(login, clock.now, jti="two"))


async def test_keys_that_cannot_be_had(tokens, clock, elsewhere):
    unknown = Vendor(client=NAME)
    with pytest.raises(Unavailable) as raised:
        await tokens.caller(token(unknown, clock.now))
    assert raised.value.issues[0].slug == "issuer-unavailable"


async def test_an_issuer_that_says_it_is_another(tokens, login, clock, elsewhere):
    elsewhere.documents[NAME + DISCOVERY] = {"issuer": "https://other.example", "jwks_uri": KEYS}
    with pytest.raises(Unavailable):
        await tokens.caller(token(login, clock.now))


async def test_an_issuer_that_sends_us_to_ourselves(tokens, login, clock, elsewhere):
    for address in ("http://127.0.0.1:9/keys", "https://localhost/keys", "https://[::1", "", "file:///x"):
        elsewhere.now += FRESH
        elsewhere.documents[NAME + DISCOVERY] = {"issuer": NAME, "jwks_uri": address}
        elsewhere.documents[address] = elsewhere.documents[KEYS]
        with pytest.raises(Unavailable):
            await tokens.caller(token(login, clock.now))
    assert set(elsewhere.asked) == {NAME + DISCOVERY}


async def test_known_keys_count_for_a_while_where_they_cannot_be_had_again(tokens, login, clock, elsewhere):
    await believed(tokens, token(login, clock.now))
    elsewhere.documents.clear()
    elsewhere.now += FRESH + 1
    assert await believed(tokens, token(login, clock.now, jti="two"))
    elsewhere.now += STALE
    with pytest.raises(Unavailable):
        await tokens.caller(token(login, clock.now, jti="three"))


async def test_an_address_of_keys_in_the_file_goes_before_discovery(make_tokens, login, clock, elsewhere):
    tokens = make_tokens((replace(ISSUER, jwks_url=KEYS),))
    assert await believed(tokens, token(login, clock.now))
    assert elsewhere.asked == [KEYS]


async def test_it_can_be_called_back(tokens, make_tokens, login, clock):
    for name in ("one", None):
        raw = token(login, clock.now, jti=name)
        await believed(tokens, raw)
        await tokens.call_back(await tokens.believed(raw))
        await refused(tokens, raw, "token-revoked")
        await refused(make_tokens((ISSUER,)), raw, "token-revoked")


async def test_it_expires_where_it_was_believed(tokens, login, clock):
    raw = token(login, clock.now)
    await believed(tokens, raw)
    clock.now += 600_000 + SKEW
    await refused(tokens, raw, "token-expired")


async def test_an_issuer_nobody_named_is_not_asked(make_tokens, login, clock, elsewhere):
    await refused(make_tokens(), token(login, clock.now))
    assert elsewhere.asked == []


def test_what_clients_of_an_issuer_may_be_here():
    agencies = {name: Registration("outside", "north", name, name, "system/*.rs") for name in ("a", "b")}
    one = Issuer("https://one.example", "here", frozenset(), "azp", "org", agencies)
    other = replace(one, issuer="https://one.example/more", agencies={"a": agencies["a"]})
    assert standing([one, other], "https://one.example|x") == tuple(agencies.values())
    assert standing([one, other], "https://one.example/more|x|y") == (agencies["a"],)
    assert standing([one, other], "https://two.example|x") == standing([], "https://one.example|x") == ()
    assert is_outside("https://one.example|x")
    assert not is_outside("epr")
