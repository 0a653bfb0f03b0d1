"""Client assertions: what a client must say, how long it counts, that it counts once, and where its keys are.

The names of the cases are those of Inferno's checks of SMART Backend Services, and what else goes wrong.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from hashlib import sha256

import pytest

from service.access.assertions import LONGEST, SKEW, TIDYING, Assertions
from service.access.fetching import PAUSE
from service.access.refusing import Refusal
from tests.access.vendors import TOKEN_URL, Vendor, by_hmac, compact, make_key

KEYS = "https://vendor.example/keys"


@pytest.fixture
def assertions(store, documents, clock) -> Assertions:
    return Assertions(store.registrations, documents, TOKEN_URL, clock)


async def refused(assertions, assertion: str, status: int = 400) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await assertions.client(assertion)
    assert raised.value.status == status
    assert raised.value.error == ("invalid_client" if status == 400 else "temporarily_unavailable")
    assert raised.value.reason.isascii()
    assert raised.value.reason.endswith(".")
    return raised.value


async def test_a_client_is_known_by_what_it_signed(assertions, vendor, clock):
    assert (await assertions.client(vendor.assertion(clock.now))) == vendor.registration()


async def test_it_says_how_it_ends_and_that_it_is_for_us(assertions, vendor, clock):
    second = clock.now // 1000
    for claims in (
        {"aud": [TOKEN_URL]},
        {"iat": None},
        {"exp": second + LONGEST},
        {"exp": second + LONGEST + SKEW - 1},
        {"exp": second - SKEW + 2},
        {"exp": second + 10.5},
        {"iat": second + SKEW - 1},
        {"nbf": second},
    ):
        assert await assertions.client(vendor.assertion(clock.now, **claims))
    for header in ({"typ": None}, {"typ": "jwt"}, {"kid": None}, {"typ": "client-authentication+jwt"}):
        assert await assertions.client(vendor.assertion(clock.now, header))


WRONG_CLAIMS = (
    {"aud": "https://elsewhere.example/token"},
    {"aud": TOKEN_URL + "/"},
    {"aud": TOKEN_URL.upper()},
    {"aud": [TOKEN_URL, "https://elsewhere.example/token"]},
    {"aud": []},
    {"aud": None},
    {"aud": 1},
    {"exp": None},
    {"exp": "tomorrow"},
    {"exp": True},
    {"exp": 10**400},
    {"jti": None},
    {"jti": ""},
    {"jti": 7},
    {"jti": "x" * 1001},
    {"iss": "another"},
    {"iss": None},
    {"sub": "another"},
    {"sub": None},
    {"iss": "", "sub": ""},
    {"iss": 1, "sub": 1},
    {"iss": ["epr"], "sub": ["epr"]},
    {"iss": "nobody", "sub": "nobody"},
    {"iss": "e\x00r", "sub": "e\x00r"},
    {"iss": "x" * 5000, "sub": "x" * 5000},
    {"iat": "now"},
    {"nbf": "now"},
)


async def test_wrong_claims(assertions, vendor, clock):
    for claims in WRONG_CLAIMS:
        await refused(assertions, vendor.assertion(clock.now, **claims))


async def test_expired(assertions, vendor, clock):
    assert (
        "expired"
        in (await refused(assertions, vendor.assertion(clock.now, exp=clock.now // 1000 - SKEW))).reason
    )


async def test_too_long_lived(assertions, vendor, clock):
    late = clock.now // 1000 + LONGEST + SKEW + 5
    assert "within 300" in (await refused(assertions, vendor.assertion(clock.now, exp=late))).reason


async def test_from_the_future(assertions, vendor, clock):
    for name in ("iat", "nbf"):
        ahead = {name: clock.now // 1000 + SKEW + 5}
        assert "ahead" in (await refused(assertions, vendor.assertion(clock.now, **ahead))).reason


async def test_replayed(assertions, vendor, clock, store, documents):
    elsewhere = Assertions(store.registrations, documents, TOKEN_URL, clock)
    once = vendor.assertion(clock.now, jti="once")
    await assertions.client(once)
    # Signed anew it has another signature, and is the same assertion all the same.
    for again in (once, vendor.assertion(clock.now, jti="once")):
        for worker in (assertions, elsewhere):
            assert "used before" in (await refused(worker, again)).reason


async def test_the_same_name_of_another_client_is_another(assertions, vendor, clock, store):
    other = Vendor(client="portal")
    await store.registrations.add(other.registration())
    assert await assertions.client(vendor.assertion(clock.now, jti="same"))
    assert await assertions.client(other.assertion(clock.now, jti="same"))
    await refused(assertions, other.assertion(clock.now, jti="same"))


async def test_of_many_at_once_one_counts(assertions, vendor, clock):
    once = vendor.assertion(clock.now)
    results = await asyncio.gather(*(assertions.client(once) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(each, Refusal) for each in results) == 1


async def test_a_refused_assertion_is_not_used_up(assertions, vendor, clock):
    await refused(assertions, vendor.assertion(clock.now, jti="j", aud="elsewhere"))
    assert await assertions.client(vendor.assertion(clock.now, jti="j"))


async def test_wrong_key(assertions, vendor, clock):
    forger = replace(vendor, key=make_key())
    unknown = await refused(assertions, vendor.assertion(clock.now, iss="nobody", sub="nobody"))
    wrong = await refused(assertions, forger.assertion(clock.now))
    # Nobody learns by it which clients there are; the audit does.
    assert wrong.reason == unknown.reason
    assert (wrong.client.id, unknown.client) == ("epr", None)


async def test_alg_none(assertions, vendor, clock):
    await refused(assertions, compact(vendor.header(alg="none"), vendor.claims(clock.now)))


async def test_hs256_with_the_public_key(assertions, vendor, clock):
    secret = vendor.key.as_pem(private=False)
    await refused(assertions, compact(vendor.header(alg="HS256"), vendor.claims(clock.now), by_hmac(secret)))


async def test_no_token(assertions):
    for text in ("", "x", "a.b.c", "é", "x" * 20_000):
        await refused(assertions, text)


async def test_wrong_type(assertions, vendor, clock):
    for kind in ("at+jwt", "dpop+jwt"):
        await refused(assertions, vendor.assertion(clock.now, {"typ": kind}))


async def test_revoked(assertions, vendor, clock, store):
    await store.registrations.revoke("epr", 1)
    await refused(assertions, vendor.assertion(clock.now))


async def test_keys_at_an_address(assertions, clock, store, elsewhere):
    other = Vendor(client="portal", kid="second")
    await store.registrations.add(other.registration(keys=None, jwks_url=KEYS))
    elsewhere.documents[KEYS] = json.loads(other.keys())
    assert await assertions.client(other.assertion(clock.now))
    assert await assertions.client(other.assertion(clock.now, {"jku": KEYS}))
    assert elsewhere.asked == [KEYS]


async def test_rotated_keys(assertions, clock, store, elsewhere):
    """A key with a new name is found at once, where the last look was not just now; an old one no longer counts."""
    old, new = Vendor(kid="old"), Vendor(kid="new")
    await store.registrations.add(old.registration(keys=None, jwks_url=KEYS))
    elsewhere.documents[KEYS] = json.loads(old.keys())
    assert await assertions.client(old.assertion(clock.now))
    elsewhere.documents[KEYS] = json.loads(new.keys())
    await refused(assertions, new.assertion(clock.now))
    elsewhere.now += PAUSE
    assert await assertions.client(new.assertion(clock.now))
    await refused(assertions, old.assertion(clock.now))
    assert len(elsewhere.asked) == 2


async def test_keys_that_cannot_be_fetched(assertions, clock, store, elsewhere):
    other = Vendor()
    await store.registrations.add(other.registration(keys=None, jwks_url=KEYS))
    await refused(assertions, other.assertion(clock.now), 503)


async def test_an_address_of_keys_that_the_client_did_not_register(
    assertions, vendor, clock, store, elsewhere
):
    """Whoever signs by keys of his own and names their address is not let in, and nothing is fetched."""
    forger = Vendor(key=make_key())
    elsewhere.documents["https://evil.example/keys"] = json.loads(forger.keys())
    await refused(assertions, forger.assertion(clock.now, {"jku": "https://evil.example/keys"}))
    await refused(assertions, forger.assertion(clock.now, {"jwk": forger.public()}))
    assert elsewhere.asked == []


async def test_what_was_used_is_forgotten_when_it_could_not_count_any_more(assertions, vendor, clock, store):
    await assertions.client(vendor.assertion(clock.now, jti="j"))
    clock.now += TIDYING * 2 + (LONGEST + SKEW) * 1000
    await assertions.client(vendor.assertion(clock.now))
    assert await store.registrations.use(sha256(b"epr\0j").digest(), 1)
