"""Closed by default: what anybody may ask of a server that was not started as a sandbox.

Source: design.md section 3
"""

import json

import pytest

from service.access.tokens import LONGEST
from service.fhir.problems import Unauthorized
from service.rest.security import bearer, closed_gate, open_gate
from tests.rest.asking import patient, refused

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")
PUBLIC = ("/fhir/metadata", "/health/live", "/health/ready", "/openapi.json")


async def test_the_gates():
    assert (await open_gate.admit({})).client == "sandbox"
    with pytest.raises(Unauthorized):
        await closed_gate.admit({b"authorization": b"Bearer x"})


def test_a_token_stands_behind_its_scheme_in_one_header():
    for header in (b"Bearer abc", b"bearer abc", b"BEARER  abc "):
        assert bearer({b"authorization": header}) == b"abc"
    for header, slug in (
        (None, "token-missing"),
        (b"", "token-missing"),
        (b"Bearer", "token-missing"),
        (b"Bearerabc", "token-missing"),
        (b"Basic dTpw", "token-missing"),
        (b"Bearer ", "token-invalid"),
        (b"Bearer " + b"x" * (LONGEST + 1), "token-invalid"),
    ):
        with pytest.raises(Unauthorized) as raised:
            bearer({} if header is None else {b"authorization": header})
        assert raised.value.issues[0].slug == slug


async def test_what_is_public_answers(stranger):
    for path in PUBLIC:
        assert (await stranger.get(path)).status_code == 200
        assert (await stranger.head(path)).status_code == 200
    refused(await stranger.get("/fhir/.well-known/smart-configuration"), 404)


async def test_nothing_else_does(stranger, registry):
    paths = [
        "",
        "/",
        "/_history",
        "/Patient/1/_history",
        "/Patient/1/_history/1",
        "/Patient/_search",
        "/Nothing",
        "/$x",
    ]
    paths += [f"/{type_}" for type_ in registry.served]
    for path in paths:
        for method in METHODS:
            response = await stranger.request(method, f"/fhir{path}")
            assert response.status_code == 401, (method, path)
            assert response.headers["www-authenticate"] == 'Bearer realm="FHIR"'
            if method != "HEAD":
                refused(response, 401, "token-missing")


async def test_no_token_is_believed(stranger):
    for authorization in ("Bearer abc", "Basic dTpw", "Bearer", "", "bearer eyJhbGciOiJub25lIn0.e30."):
        for path in ("/fhir/Patient", "/fhir/Patient/1", "/fhir/_history"):
            refused(await stranger.get(path, headers={"authorization": authorization}), 401, "token-missing")


async def test_nothing_is_stored_for_a_stranger(stranger, client):
    await stranger.post("/fhir/Patient", json=patient())
    await stranger.put("/fhir/Patient/one", json=patient(id="one"))
    assert "entry" not in (await client.get("/fhir/_history")).json()


async def test_a_strangers_body_is_not_read(make_app):
    async def receive():
        raise AssertionError("the body was asked for")

    sent = []

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "method": "POST",
        "path": "/fhir/Patient",
        "raw_path": b"/fhir/Patient",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"100")],
    }
    await make_app(closed_gate)(scope, receive, send)
    assert sent[0]["status"] == 401
    assert json.loads(sent[1]["body"])["resourceType"] == "OperationOutcome"
