"""What every answer says, and which pages of other origins may ask.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from dataclasses import replace

from service.rest.headers import FURTHER, constant, protected
from service.rest.responses import SECURITY
from tests.rest.asking import client_of, lines, patient, refused

APP = "https://app.example"
OTHER = "https://elsewhere.example"
ASKED = {"origin": APP, "access-control-request-method": "PUT", "access-control-request-headers": "if-match"}

# Of each kind one: an answer of an interaction, of an operation, refusals of each layer, health, documents.
ASKED_FOR = [
    ("GET", "/fhir/Patient/known", None, {}, 200),
    ("HEAD", "/fhir/Patient/known", None, {}, 200),
    ("GET", "/fhir/Patient/known", None, {"if-none-match": 'W/"1"'}, 304),
    ("GET", "/fhir/Patient", None, {}, 200),
    ("DELETE", "/fhir/Patient/absent", None, {}, 204),
    ("GET", "/fhir/metadata", None, {}, 200),
    ("OPTIONS", "/fhir", None, {}, 200),
    ("GET", "/fhir/ValueSet/$expand?url=none", None, {}, 404),
    ("POST", "/fhir/Patient", "{", {"content-type": "application/fhir+json"}, 400),
    ("GET", "/fhir/Starship", None, {}, 404),
    ("BREW", "/fhir/Patient", None, {}, 405),
    ("GET", "/health/live", None, {}, 200),
    ("GET", "/health/ready", None, {}, 200),
    ("POST", "/health/live", None, {}, 405),
    ("GET", "/openapi.json", None, {}, 200),
    ("GET", "/", None, {}, 404),
    ("GET", "/fhir/metadata", None, {"host": "a b"}, 400),
]


async def test_every_answer_has_them_once(client, subtests):
    await client.put("/fhir/Patient/known", json=patient(id="known"))
    for method, path, body, headers, status in ASKED_FOR:
        with subtests.test(f"{method} {path} {status}"):
            response = await client.request(method, path, content=body, headers=headers)
            assert response.status_code == status, response.text
            for name, value in (*SECURITY, *FURTHER):
                assert response.headers.get_list(name.decode()) == [value.decode()], name
            assert "server" not in response.headers
            assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_a_fault_of_ours_has_them_too(make_app, context):
    class Broken:
        async def read(self, *_):
            raise RuntimeError

    async with client_of(make_app(context=replace(context, store=Broken()))) as client:
        response = await client.get("/fhir/Patient/known")
    refused(response, 500, "unexpected")
    for name, value in (*SECURITY, *FURTHER):
        assert response.headers.get_list(name.decode()) == [value.decode()]


async def test_https_is_insisted_on_where_it_is_offered(make_app, context):
    async with client_of(make_app()) as client:
        assert "strict-transport-security" not in (await client.get("/health/live")).headers
    app = make_app(context=replace(context, base_url="https://fhir.example/fhir"))
    async with client_of(app) as client:
        assert "strict-transport-security" in (await client.get("/health/live")).headers


async def test_an_answers_own_header_stays():
    async def app(_scope, _receive, send):
        headers = [(b"cache-control", b"max-age=300"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async with client_of(protected(app, constant("http://x/fhir"))) as client:
        response = await client.get("/")
    assert response.headers.get_list("cache-control") == ["max-age=300"]
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_by_default_no_page_of_another_origin_may_ask_or_read(client):
    for method, headers in (("GET", {"origin": APP}), ("OPTIONS", ASKED)):
        response = await client.request(method, "/fhir/Patient", headers=headers)
        assert not [name for name in response.headers if name.startswith("access-control-")]
    assert response.status_code == 405


async def test_a_page_that_is_named_may_ask_and_read(make_app, log):
    async with client_of(make_app(origins=frozenset({APP.encode()}))) as client:
        answer = await client.options("/fhir/Patient/one", headers=ASKED)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-origin"] == APP
        assert "PUT" in answer.headers["access-control-allow-methods"].split(", ")
        assert "if-match" in answer.headers["access-control-allow-headers"].lower().split(", ")
        assert "access-control-allow-credentials" not in answer.headers
        assert answer.headers["vary"] == "Origin"
        read = await client.put("/fhir/Patient/one", json=patient(id="one"), headers={"origin": APP})
        assert read.status_code == 201
        assert read.headers["access-control-allow-origin"] == APP
        assert "etag" in read.headers["access-control-expose-headers"].lower().split(", ")
    assert [line["status"] for line in lines(log)] == [204, 201]


async def test_no_other_page_is_let_in_beside_it(make_app, subtests):
    others = (OTHER, "null", "*", APP + ".evil.example", APP.upper(), "http://app.example")
    async with client_of(make_app(origins=frozenset({APP.encode()}))) as client:
        for origin in others:
            for method, headers in (("GET", {"origin": origin}), ("OPTIONS", {**ASKED, "origin": origin})):
                with subtests.test(f"{method} {origin}"):
                    response = await client.request(method, "/fhir/Patient/one", headers=headers)
                    assert response.status_code in {404, 405}
                    assert not [name for name in response.headers if name.startswith("access-control-")]
                    assert response.headers["vary"] == "Origin"


async def test_a_page_may_read_why_it_was_refused(make_app):
    async with client_of(make_app(origins=frozenset({APP.encode()}))) as client:
        response = await client.get("/fhir/Patient/none", headers={"origin": APP})
    refused(response, 404)
    assert response.headers["access-control-allow-origin"] == APP
