"""Discovery and the token endpoint over HTTP: the checks of Inferno's kits for SMART Backend Services, and more.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html, RFC 6749, RFC 7009, RFC 7662
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlencode

import httpx
import pytest
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata

from service.access.fetching import Fetcher
from service.asgi import guard
from service.fhir.problems import Unavailable
from service.rest.requests import FORM_BYTES
from service.storage.ledger import Asked
from service.storage.trail import BufferedTrail
from tests.access.vendors import TOKEN_URL, Vendor, by_hmac, compact, form, make_key
from tests.rest.asking import client_of, lines, refused

TOKEN = "/auth/token"
CONFIGURATION = ("/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration")


@pytest.fixture
async def trail(context) -> AsyncIterator[BufferedTrail]:
    made = BufferedTrail(context.store.audit.keep)
    yield made
    await made.close()


@pytest.fixture
async def http(context, make_app, trail) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that wants tokens."""
    fetcher = Fetcher()
    context = replace(context, trail=trail)
    gate, authority = await guard(context, (), fetcher)
    async with client_of(make_app(gate, context, authority=authority)) as made:
        yield made
    await fetcher.close()


@pytest.fixture
async def vendor(context) -> Vendor:
    made = Vendor()
    await context.store.registrations.add(made.registration())
    return made


def denied(response: httpx.Response, error: str, status: int = 400) -> str:
    """Why: as RFC 6749 says it, and not kept by anybody on the way."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert answer.keys() == {"error", "error_description"}
    assert answer["error"] == error
    assert answer["error_description"].isascii()
    return answer["error_description"]


async def sign_in(http, vendor, clock, scope="system/*.rs") -> str:
    answer = await http.post(TOKEN, data=form(vendor.assertion(clock.now), scope=scope))
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


async def entries(context, trail) -> list:
    await trail.close()
    found, _ = await context.store.audit.found("default", Asked(100))
    return [each.event for each in reversed(found)]


async def test_discovery_is_the_same_in_both_places_and_for_everybody(http):
    answers = [await http.get(path) for path in CONFIGURATION]
    for answer in answers:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/json")
    shown = answers[0].json()
    assert answers[1].json() == shown
    assert shown["token_endpoint"] == TOKEN_URL
    for path in CONFIGURATION:
        assert (await http.head(path)).status_code == 200
        assert (await http.get(path, headers={"accept": "*/*"})).json() == shown
        assert (await http.post(path)).status_code == 405


async def test_discovery_has_what_the_standard_wants(http):
    shown = (await http.get(CONFIGURATION[0])).json()
    for name in (
        "token_endpoint",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "grant_types_supported",
        "code_challenge_methods_supported",
        "scopes_supported",
        "capabilities",
    ):
        assert shown[name], name
    assert shown["capabilities"] == ["client-confidential-asymmetric", "permission-v1", "permission-v2"]
    assert "plain" not in shown["code_challenge_methods_supported"]


async def test_an_independent_library_takes_what_discovery_says(http):
    """RFC 8414 wants an issuer, which SMART leaves out where nobody signs in, and https, which tests have not."""
    shown = (await http.get(CONFIGURATION[0])).json()
    told = {
        name: value.replace("http://", "https://") if isinstance(value, str) else value
        for name, value in shown.items()
    }
    AuthorizationServerMetadata(
        told | {"issuer": "https://fhir.example", "response_types_supported": ["none"]}
    ).validate()


async def test_the_capability_statement_says_where_tokens_are(http):
    [rest] = (await http.get("/fhir/metadata", headers={"accept": "application/json"})).json()["rest"]
    [extension] = rest["security"]["extension"]
    assert extension["url"] == "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    assert extension["extension"] == [{"url": "token", "valueUri": TOKEN_URL}]


async def test_the_sandbox_has_none_of_this(client):
    for path in (*CONFIGURATION, TOKEN, "/auth/jwks"):
        assert (await client.get(path)).status_code == 404, path
    assert "security" not in (await client.get("/fhir/metadata")).json()["rest"][0]


async def test_a_right_request_gets_a_token_that_lets_in(http, vendor, clock):
    answer = await http.post(TOKEN, data=form(vendor.assertion(clock.now), scope="system/Patient.rs openid"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    body = answer.json()
    token = body.pop("access_token")
    assert body == {"token_type": "bearer", "expires_in": 300, "scope": "system/Patient.rs"}
    headers = {"authorization": f"Bearer {token}"}
    assert (await http.get("/fhir/Patient", headers=headers)).status_code == 200
    refused(await http.get("/fhir/Goal", headers=headers), 403, "insufficient-scope")
    refused(await http.post("/fhir/Patient", headers=headers, json={}), 403, "insufficient-scope")


async def test_an_independent_library_signs_in(http, vendor, clock, context):
    signed = private_key_jwt_sign(
        vendor.key,
        vendor.client,
        TOKEN_URL,
        alg="ES384",
        header={"alg": "ES384", "kid": "first"},
        issued_at=clock.now // 1000,
        expires_in=300,
    )
    assert (await http.post(TOKEN, data=form(signed))).status_code == 200


async def test_the_checks_of_the_kits(http, vendor, clock):
    """Invalid grant type, invalid client assertion type, invalid JWT: 400 each."""

    def right(**given):
        return form(vendor.assertion(clock.now), **given)

    denied(await http.post(TOKEN, data=right(grant_type="not_a_grant_type")), "unsupported_grant_type")
    denied(await http.post(TOKEN, data=right(client_assertion_type="not_a_type")), "invalid_client")
    denied(await http.post(TOKEN, data=right(client_assertion="not_a_jwt")), "invalid_client")
    forged = replace(vendor, key=make_key()).assertion(clock.now)
    denied(await http.post(TOKEN, data=right(client_assertion=forged)), "invalid_client")
    for claims in (
        {"exp": clock.now // 1000 - 600},
        {"aud": "https://elsewhere.example/token"},
        {"iss": "nobody", "sub": "nobody"},
        {"iss": "another"},
        {"exp": None},
        {"jti": None},
    ):
        denied(await http.post(TOKEN, data=form(vendor.assertion(clock.now, **claims))), "invalid_client")
    unsigned = compact(vendor.header(alg="none"), vendor.claims(clock.now))
    denied(await http.post(TOKEN, data=form(unsigned)), "invalid_client")
    secret = vendor.key.as_pem(private=False)
    shared = compact(vendor.header(alg="HS256"), vendor.claims(clock.now), by_hmac(secret))
    denied(await http.post(TOKEN, data=form(shared)), "invalid_client")
    once = form(vendor.assertion(clock.now))
    assert (await http.post(TOKEN, data=once)).status_code == 200
    denied(await http.post(TOKEN, data=once), "invalid_client")
    denied(await http.post(TOKEN, data=right(scope=None)), "invalid_scope")
    denied(await http.post(TOKEN, data=right(scope="system/Nothing.rs")), "invalid_scope")


async def test_what_is_no_request(http, vendor, clock):
    whole = form(vendor.assertion(clock.now))
    denied(await http.post(TOKEN), "invalid_request")
    denied(await http.post(TOKEN, json=whole), "invalid_request", 415)
    denied(await http.post(TOKEN, params=whole), "invalid_request")
    twice = f"{urlencode(whole)}&scope=system/*.rs"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert "more than once" in denied(
        await http.post(TOKEN, content=twice, headers=headers), "invalid_request"
    )
    denied(await http.post(TOKEN, content=b"a=%ff", headers=headers), "invalid_request")
    long = b"a=" + b"x" * FORM_BYTES
    denied(await http.post(TOKEN, content=long, headers=headers), "invalid_request", 413)
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = await http.request(method, TOKEN)
        denied(answer, "invalid_request", 405)
        assert answer.headers["allow"] == "POST"
    assert (await http.post("/auth/jwks")).status_code == 405
    # An empty parameter counts as none.
    denied(await http.post(TOKEN, data=whole | {"scope": ""}), "invalid_scope")


async def test_who_tries_by_a_password(http, vendor, clock):
    answer = await http.post(TOKEN, data={"grant_type": "client_credentials"}, auth=("epr", "word"))
    denied(answer, "invalid_client", 401)
    assert answer.headers["www-authenticate"].startswith("Basic ")
    answer = await http.post(TOKEN, data={"x": "y"}, headers={"authorization": "Bearer x"})
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    denied(answer, "invalid_client", 401)


async def test_introspection_and_revocation(http, vendor, clock):
    token = await sign_in(http, vendor, clock)
    headers = {"authorization": f"Bearer {token}"}
    shown = await http.post("/auth/introspect", data={"token": token}, headers=headers)
    assert shown.status_code == 200
    assert (shown.json()["active"], shown.json()["client_id"]) == (True, "epr")
    assert shown.headers["cache-control"] == "no-store"
    own = form(vendor.assertion(clock.now))
    assert (await http.post("/auth/introspect", data=own | {"token": "x"})).json() == {"active": False}
    answer = await http.post("/auth/revoke", data={"token": token}, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {})
    refused(await http.get("/fhir/Patient", headers=headers), 401, "token-revoked")
    for path in ("/auth/introspect", "/auth/revoke"):
        again = await http.post(path, data={"token": token}, headers=headers)
        denied(again, "invalid_client", 401)
        assert again.headers["www-authenticate"].startswith("Bearer ")
        denied(await http.post(path, data={"token": token}), "invalid_request")
        denied(await http.post(path, data={"token": token}, auth=("epr", "x")), "invalid_client", 401)


async def test_the_keys_are_there_for_everybody(http):
    answer = await http.get("/auth/jwks")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=3600"
    [key] = answer.json()["keys"]
    assert "d" not in key


async def test_the_audit_knows_who_got_a_token_and_who_did_not(http, vendor, clock, context, trail):
    token = await sign_in(http, vendor, clock, "system/Goal.rs")
    await http.post(TOKEN, data=form("x"))
    await http.post(TOKEN, json={})
    await http.post(TOKEN, content=b"a=%ff", headers={"content-type": "application/x-www-form-urlencoded"})
    await http.post(TOKEN, data=form(replace(vendor, key=make_key()).assertion(clock.now)))
    await http.post(TOKEN, data=form(vendor.assertion(clock.now), scope="system/Nothing.rs"))
    headers = {"authorization": f"Bearer {token}"}
    await http.post("/auth/introspect", data={"token": token}, headers=headers)
    await http.post("/auth/revoke", data={"token": token}, headers=headers)
    found = await entries(context, trail)
    assert [(each.client, each.agency, each.status, each.reason, each.query) for each in found] == [
        ("epr", "camhs", 200, "", "system/Goal.rs"),
        ("", "", 400, "invalid_client", ""),
        ("", "", 415, "invalid_request", ""),
        ("", "", 400, "invalid_request", ""),
        ("epr", "camhs", 400, "invalid_client", ""),
        ("epr", "camhs", 400, "invalid_scope", ""),
        ("epr", "camhs", 200, "token-revoked", ""),
    ]
    assert all(each.request and each.address for each in found)


async def test_no_token_is_given_out_while_that_cannot_be_audited(http, vendor, clock, trail, monkeypatch):
    def never():
        raise Unavailable("audit-unavailable", "Not now.")

    monkeypatch.setattr(trail, "require", never)
    answer = await http.post(TOKEN, data=form(vendor.assertion(clock.now)))
    denied(answer, "temporarily_unavailable", 503)
    assert answer.headers["retry-after"] == "1"


async def test_a_store_that_is_gone_is_said_in_oauths_words(http, vendor, clock, context, monkeypatch):
    async def gone(_client):
        raise Unavailable("store-unavailable", "The store cannot be reached now. Try again.")

    monkeypatch.setattr(context.store.registrations, "find", gone)
    denied(await http.post(TOKEN, data=form(vendor.assertion(clock.now))), "temporarily_unavailable", 503)


async def test_a_token_counts_in_its_header_alone(http, vendor, clock):
    token = await sign_in(http, vendor, clock)
    refused(await http.get(f"/fhir/Patient?access_token={token}"), 401, "token-missing")
    refused(await http.post("/fhir/Patient/_search", data={"access_token": token}), 401, "token-missing")
    for scheme in ("bearer", "BEARER", "Bearer "):
        answer = await http.get("/fhir/Patient", headers={"authorization": f"{scheme} {token}"})
        assert answer.status_code == 200
    for header, slug in (
        ("", "token-missing"),
        ("Bearer", "token-missing"),
        (token, "token-missing"),
        (f"Token {token}", "token-missing"),
        (f"Bearer {token} {token}", "token-invalid"),
        (f"Bearer {token}, Bearer {token}", "token-invalid"),
        (f"Bearer {'x' * 20_000}", "token-invalid"),
        ("Bearer \u00e9".encode(), "token-invalid"),
    ):
        refused(await http.get("/fhir/Patient", headers={"authorization": header}), 401, slug)


async def test_nothing_secret_is_logged(http, vendor, clock, log):
    assertion = vendor.assertion(clock.now)
    token = (await http.post(TOKEN, data=form(assertion))).json()["access_token"]
    await http.post(TOKEN, data=form(assertion))
    await http.get("/fhir/Patient", headers={"authorization": f"Bearer {token}"})
    await http.get(f"/fhir/Patient?access_token={token}")
    written = log.getvalue().decode()
    for secret in (token, assertion):
        for part in secret.split("."):
            assert part not in written
    assert {each["route"] for each in lines(log)} == {TOKEN, "/fhir/Patient"}
