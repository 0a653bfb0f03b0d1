"""The authorization server: what it takes to get a token, and who may ask after one or call it back.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html, RFC 6749, RFC 7009, RFC 7662
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.access.authority import addresses
from service.access.refusing import Refusal
from service.access.tokens import FRESH, LONGEST
from tests.access.vendors import TOKEN_URL, Vendor, form
from tests.conftest import BASE_URL


async def refused(asked, error: str, status: int = 400) -> Refusal:
    with pytest.raises(Refusal) as raised:
        await asked
    assert (raised.value.error, raised.value.status) == (error, status)
    return raised.value


async def sign_in(authority, vendor: Vendor, clock, scope: str = "system/*.rs") -> str:
    _, issued = await authority.token(form(vendor.assertion(clock.now), scope=scope))
    return issued.token


@pytest.fixture
async def others(store) -> dict[str, Vendor]:
    """Clients beside the first one: another, an administrator, and an administrator of another locality."""
    made = {name: Vendor(client=name) for name in ("portal", "office", "far")}
    await store.registrations.add(made["portal"].registration())
    await store.registrations.add(made["office"].registration(administrator=True))
    await store.registrations.add(replace(made["far"].registration(administrator=True), locality="elsewhere"))
    return made


def test_addresses_lie_beside_the_base():
    here = addresses("https://fhir.example/r/fhir")
    assert (here.fhir, here.token) == ("https://fhir.example/r/fhir", "https://fhir.example/r/auth/token")
    assert addresses("https://fhir.example/r4").token == "https://fhir.example/auth/token"
    assert addresses(BASE_URL).token == TOKEN_URL


async def test_a_client_gets_what_of_its_scopes_it_asks_for(authority, vendor, clock):
    client, issued = await authority.token(form(vendor.assertion(clock.now), scope="system/Goal.read"))
    assert client == vendor.registration()
    assert (issued.seconds, issued.scope) == (300, "system/Goal.read")


REQUESTED = {
    "system/Goal.rs": {"system/Goal.rs"},
    "system/Goal.rs system/Nothing.rs system/Goal": {"system/Goal.rs"},
    "launch/patient openid system/Goal.read user/*.*": {"system/Goal.read"},
    "system/Observation.rs?category=survey": {"system/Observation.rs?category=survey"},
    "system/Goal.cruds": {"system/Goal.rs"},
    "system/*.read": {"system/Goal.rs", "system/Observation.rs"},
}


async def test_of_the_scopes_requested_what_is_allowed(authority, store, clock):
    vendor = Vendor()
    await store.registrations.add(vendor.registration(scopes="system/Goal.rs system/Observation.rs"))
    for scope, granted in REQUESTED.items():
        _, issued = await authority.token(form(vendor.assertion(clock.now), scope=scope))
        assert set(issued.scope.split()) == granted


async def test_wrong_requests(authority, vendor, clock):
    def asked(**given):
        return authority.token(form(vendor.assertion(clock.now), **given))

    await refused(asked(grant_type="authorization_code"), "unsupported_grant_type")
    await refused(asked(grant_type="Client_Credentials"), "unsupported_grant_type")
    await refused(asked(grant_type=None), "invalid_request")
    await refused(
        asked(client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
        "invalid_client",
    )
    await refused(asked(client_assertion_type=None), "invalid_request")
    await refused(asked(client_assertion=None), "invalid_request")
    await refused(asked(client_assertion="x"), "invalid_client")
    await refused(asked(client_id="another"), "invalid_client")
    await refused(asked(scope=None), "invalid_scope")
    await refused(asked(scope="openid launch"), "invalid_scope")
    await refused(asked(scope="system/Nothing.rs"), "invalid_scope")
    assert (await asked(client_id="epr"))[1].token


async def test_scopes_that_the_client_has_not(authority, store, clock):
    vendor = Vendor()
    await store.registrations.add(vendor.registration(scopes="system/Goal.rs"))
    for scope in ("system/Task.rs", "system/Goal.cud", "user/Goal.rs", "patient/Goal.rs"):
        refusal = await refused(
            authority.token(form(vendor.assertion(clock.now), scope=scope)), "invalid_scope"
        )
        assert refusal.client.id == "epr"


async def test_too_many_scopes_for_a_token(authority, vendor, clock):
    many = " ".join(f"system/Observation.rs?category={'x' * 900}{number}" for number in range(100))
    await refused(authority.token(form(vendor.assertion(clock.now), scope=many)), "invalid_scope")
    few = " ".join(f"system/Observation.rs?category={'x' * 60}{number}" for number in range(50))
    _, issued = await authority.token(form(vendor.assertion(clock.now), scope=few))
    assert len(issued.token) < LONGEST


async def test_a_client_asks_after_its_own_token(authority, vendor, clock):
    token = await sign_in(authority, vendor, clock, "system/Goal.rs")
    for shown in (
        await authority.introspect({"token": token}, token.encode()),
        await authority.introspect(form(vendor.assertion(clock.now)) | {"token": token}, None),
    ):
        asking, described = shown
        assert asking.id == "epr"
        assert described.pop("jti")
        issued = described.pop("iat")
        assert described == {
            "active": True,
            "scope": "system/Goal.rs",
            "client_id": "epr",
            "sub": "epr",
            "iss": BASE_URL,
            "aud": BASE_URL,
            "exp": issued + 300,
            "token_type": "bearer",
        }


async def test_others_learn_nothing_of_it_but_administrators_of_the_locality(
    authority, vendor, others, clock
):
    token = await sign_in(authority, vendor, clock)
    active = {}
    for name, each in others.items():
        own = await sign_in(authority, each, clock)
        _, described = await authority.introspect({"token": token}, own.encode())
        active[name] = described["active"]
        assert described["active"] or described == {"active": False}
    assert active == {"portal": False, "office": True, "far": False}


async def test_what_is_worth_nothing_is_not_active(authority, vendor, clock):
    own = await sign_in(authority, vendor, clock)
    for text in ("x", "a.b.c", "x" * 100_000, vendor.assertion(clock.now)):
        assert (await authority.introspect({"token": text}, own.encode()))[1] == {"active": False}
    clock.now += 301_000
    own_again = await sign_in(authority, vendor, clock)
    assert (await authority.introspect({"token": own}, own_again.encode()))[1] == {"active": False}


async def test_nobody_asks_without_showing_who_he_is(authority, vendor, clock):
    token = await sign_in(authority, vendor, clock)
    for ask in (authority.introspect, authority.revoke):
        await refused(ask({"token": token}, None), "invalid_request")
        await refused(ask({"token": token}, b"x"), "invalid_client", 401)
        await refused(ask({}, token.encode()), "invalid_request")
        await refused(ask({"token": ""}, token.encode()), "invalid_request")


async def test_a_client_calls_its_token_back(authority, vendor, clock):
    token, kept = await sign_in(authority, vendor, clock), await sign_in(authority, vendor, clock)
    assert (await authority.revoke({"token": token}, kept.encode())).id == "epr"
    assert (await authority.introspect({"token": token}, kept.encode()))[1] == {"active": False}
    assert (await authority.introspect({"token": kept}, kept.encode()))[1]["active"]
    # To call back what is worth nothing is no fault: it is as was wished.
    assert await authority.revoke({"token": token}, kept.encode())
    assert await authority.revoke(form(vendor.assertion(clock.now)) | {"token": "x"}, None)


async def test_others_cannot_call_it_back_but_administrators_of_the_locality(
    authority, vendor, others, clock
):
    token = await sign_in(authority, vendor, clock)
    for name in ("portal", "far"):
        own = await sign_in(authority, others[name], clock)
        await refused(authority.revoke({"token": token}, own.encode()), "unauthorized_client")
    own = await sign_in(authority, others["office"], clock)
    await authority.revoke({"token": token}, own.encode())
    assert (await authority.introspect({"token": token}, own.encode()))[1] == {"active": False}


async def test_who_calls_its_only_token_back_by_itself_is_out(authority, tokens, vendor, clock, elsewhere):
    token = await sign_in(authority, vendor, clock)
    await authority.revoke({"token": token}, token.encode())
    elsewhere.now += FRESH + 0.001
    assert await tokens.believed(token.encode()) is None


def test_the_configuration_says_what_can_be_done_here(authority):
    shown = authority.configuration()
    # `issuer` is for servers that sign people in, and `authorization_endpoint` for those that launch.
    assert not shown.keys() & {"issuer", "authorization_endpoint"}
    assert shown["token_endpoint"] == TOKEN_URL
    assert {"RS384", "ES384"} <= set(shown["token_endpoint_auth_signing_alg_values_supported"])
    assert shown["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert shown["grant_types_supported"] == ["client_credentials"]
    assert shown["code_challenge_methods_supported"] == ["S256"]
    assert {"client-confidential-asymmetric", "permission-v1", "permission-v2"} == set(shown["capabilities"])
    assert authority.keys()["keys"][0]["alg"] == "ES256"
