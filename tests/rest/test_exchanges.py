"""What is logged, and above all what is not.

Source: docs/logging.md
"""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator
from dataclasses import replace

import httpx
import pytest

from service.rest import logs
from service.rest.exchanges import deliver, observed
from service.rest.responses import Reply
from service.storage.open import migrate
from tests.rest.asking import client_of, lines, patient, refused
from tests.rest.serving import serving

MARK = "Marigold Quillfeather-77"  # nobody is called so
WORD = "QuillfeatherMark77"  # the same for places that take no space


def marked(resource_type):
    """A resource with the mark in every place that takes text."""
    return {
        "resourceType": resource_type,
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{MARK}</div>'},
        "extension": [{"url": f"http://example.org/{WORD}", "valueString": MARK}],
        "identifier": [{"system": f"urn:{WORD}", "value": MARK}],
        "name": [
            {
                "family": MARK,
                "given": [MARK],
                "_given": [{"extension": [{"url": "urn:x", "valueString": MARK}]}],
            }
        ],
        "telecom": [{"system": "phone", "value": MARK}],
        "address": [{"line": [MARK], "city": MARK}],
        "contained": [{"resourceType": "Organization", "id": WORD[:20], "name": MARK}],
        "managingOrganization": {"reference": f"#{WORD[:20]}", "display": MARK},
    }


def requests():
    """Right and wrong requests with the mark in every place of them."""
    whole = json.dumps(marked("Patient"))
    fhir = {"content-type": "application/fhir+json"}
    yield "POST", "/fhir/Patient", whole, fhir
    yield "PUT", f"/fhir/Patient/{WORD}", json.dumps({**marked("Patient"), "id": WORD}), fhir
    yield "GET", f"/fhir/Patient/{WORD}", None, {}
    yield "GET", f"/fhir/Patient/{WORD}/_history/1", None, {}
    yield "GET", f"/fhir/Patient?identifier={WORD}&name={WORD}", None, {}
    yield "GET", f"/fhir/Patient?{WORD}={WORD}", None, {}
    yield (
        "POST",
        "/fhir/Patient/_search",
        f"identifier={WORD}&{WORD}=1",
        {"content-type": "application/x-www-form-urlencoded"},
    )
    yield "PUT", f"/fhir/Patient?identifier={WORD}", whole, fhir
    yield "POST", "/fhir/Patient", whole, {**fhir, "if-none-exist": f"identifier={WORD}"}
    yield "POST", "/fhir/Patient", whole, {**fhir, "x-provenance": f'{{"{MARK}"'}
    yield "POST", "/fhir/Patient", whole, {**fhir, "x-request-id": MARK}
    yield (
        "POST",
        "/fhir/Patient",
        whole,
        {**fhir, "prefer": MARK, "user-agent": MARK, "authorization": f"Bearer {MARK}"},
    )
    yield "POST", "/fhir/Patient", whole, {"content-type": MARK}
    yield "POST", "/fhir/Patient", whole, {**fhir, "content-encoding": MARK}
    yield (
        "GET",
        f"/fhir/Patient/{WORD}",
        None,
        {"accept": MARK, "if-none-match": MARK, "if-modified-since": MARK},
    )
    yield "PUT", f"/fhir/Patient/{WORD}", whole, {**fhir, "if-match": MARK}
    yield "POST", "/fhir/Patient", whole[:-2], fhir
    yield "POST", "/fhir/Patient", f"{{{MARK}", fhir
    yield "POST", "/fhir/Patient", f'{{"{MARK}":1,"{MARK}":2}}', fhir
    yield "POST", "/fhir/Patient", json.dumps({"resourceType": MARK, MARK: MARK}), fhir
    yield "POST", "/fhir/Patient", json.dumps({"resourceType": "Patient", MARK: MARK, "gender": MARK}), fhir
    yield "POST", "/fhir/Patient", gzip.compress(whole.encode()), {**fhir, "content-encoding": "gzip"}
    yield (
        "PATCH",
        f"/fhir/Patient/{WORD}",
        json.dumps([{"op": "add", "path": f"/{MARK}", "value": MARK}]),
        {"content-type": "application/json-patch+json"},
    )
    entry = {
        "fullUrl": f"urn:{WORD}",
        "resource": marked("Patient"),
        "request": {"method": "POST", "url": MARK},
    }
    for type_ in ("batch", "transaction"):
        yield "POST", "/fhir", json.dumps({"resourceType": "Bundle", "type": type_, "entry": [entry]}), fhir
    yield "GET", f"/fhir/{WORD}/{WORD}", None, {}
    yield "GET", f"/{WORD}?{WORD}", None, {}
    yield "POST", f"/fhir/Patient/${WORD}", whole, fhir
    yield "DELETE", f"/fhir/Patient?identifier={WORD}", None, {}
    yield WORD.upper(), "/fhir/Patient", None, {}


def held(text: str) -> bool:
    lowered = text.lower()
    return any(part in lowered for part in ("marigold", "quillfeather", "mark77"))


async def test_the_log_holds_nothing_of_what_was_sent(client, log):
    asked = list(requests())
    for method, path, body, headers in asked:
        response = await client.request(method, path, content=body, headers=headers)
        assert response.status_code < 500, response.text
    assert len(lines(log)) == len(asked)
    assert not held(log.getvalue().decode())


def test_nor_does_anything_that_the_process_writes(tmp_path):
    url = f"sqlite:///{tmp_path / 'thrive.db'}"
    migrate(url)
    with serving(tmp_path, url, "--workers", "2", LOG="debug") as closed:
        for method, path, body, headers in requests():
            httpx.request(method, f"{closed.url}{path}", content=body, headers=headers)
        assert closed.stop() == 0
    assert closed.said().count('"event":"request_answered"') >= len(list(requests()))
    assert not held(closed.said())


async def test_a_fault_of_ours_is_logged_without_what_it_was_about(make_app, context, log):
    class Broken:
        @property
        def whole(self):
            return self

        def seen_by(self, *_):
            return self

        async def read(self, *_):
            raise RuntimeError(f"cannot store {MARK}") from KeyError(MARK)

    async with client_of(make_app(context=replace(context, store=Broken()))) as client:
        response = await client.get(f"/fhir/Patient/{WORD}", headers={"x-request-id": "the-id"})
    refused(response, 500, "unexpected")
    assert MARK not in response.text
    failed, answered = lines(log)
    assert (failed["event"], failed["level"], failed["request"]) == ("request_failed", "error", "the-id")
    assert failed["detail"][0] == "builtins.RuntimeError"
    assert any("read.py" in line for line in failed["detail"])
    assert "builtins.KeyError" in failed["detail"]
    assert (answered["status"], answered["request"]) == (500, "the-id")
    assert not held(log.getvalue().decode())


async def test_one_line_a_request_says_what_is_needed(client, log):
    response = await client.post(
        "/fhir/Patient?_format=json", json=patient(), headers={"x-request-id": "abc-1"}
    )
    (line,) = lines(log)
    assert list(line)[:3] == ["time", "level", "event"]
    assert line["ms"] >= 0
    assert line["time"].endswith("Z")
    del line["ms"], line["time"]
    assert line == {
        "level": "info",
        "event": "request_answered",
        "request": "abc-1",
        "method": "POST",
        "route": "/fhir/Patient",
        "type": "Patient",
        "status": 201,
        "bytes": len(response.content),
    }


ROUTES = [
    ("/fhir/Goal/123", "/fhir/Goal/{id}", "Goal"),
    ("/fhir/Goal/123/_history/4", "/fhir/Goal/{id}/_history/{version}", "Goal"),
    ("/fhir/Goal?patient=1", "/fhir/Goal", "Goal"),
    ("/fhir/metadata", "/fhir/metadata", ""),
    ("/fhir/Quillfeather/1", "unknown", ""),
    ("/fhirQuillfeather", "unknown", ""),
    ("/Quillfeather", "unknown", ""),
    ("/health/live", "/health/live", ""),
    ("/openapi.json", "/openapi.json", ""),
]


async def test_the_route_stands_for_the_path(client, log):
    for path, _, _ in ROUTES:
        await client.get(path)
    assert [(line["route"], line["type"]) for line in lines(log)] == [
        (route, type_) for _, route, type_ in ROUTES
    ]


async def test_a_client_that_leaves_is_noted(make_app, log):
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

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
    await make_app()(scope, receive, send)
    assert not sent
    (line,) = lines(log)
    assert (line["event"], line["status"]) == ("request_abandoned", 0)


async def test_what_is_no_request_passes_through(log):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    await observed(app, logs.logger("info", log), lambda: "x")({"type": "lifespan"}, None, None)
    assert seen == ["lifespan"]
    assert not log.getvalue()


async def pieces(taken: list[str]) -> AsyncGenerator[bytes, None]:
    """Three pieces, each noted when it is asked for."""
    for piece in (b"a", b"b", b"c"):
        taken.append(f"made {piece.decode()}")
        yield piece


async def test_a_stream_goes_out_as_it_is_taken():
    """No piece is made before the one in front of it is gone."""
    taken: list[str] = []

    async def send(message):
        taken.append(message["type"].rpartition(".")[2] + message.get("body", b"").decode())

    headers = [(b"content-length", b"3")]
    await deliver(Reply(200, headers, b"", pieces(taken)), send, head=False)
    assert taken == ["start", "made a", "bodya", "made b", "bodyb", "made c", "bodyc", "body"]
    assert headers == [(b"content-length", b"3")]


async def test_of_a_stream_the_head_alone_makes_nothing():
    taken: list[str] = []
    sent = []

    async def send(message):
        sent.append(message)

    await deliver(Reply(200, [(b"content-length", b"3")], b"", pieces(taken)), send, head=True)
    assert taken == []
    assert sent[0]["headers"] == [(b"content-length", b"3")]
    assert sent[1] == {"type": "http.response.body", "body": b"", "more_body": False}


async def endless(taken: list[int], closed: asyncio.Event) -> AsyncGenerator[bytes, None]:
    """Pieces without end, counted when they are asked for; `closed` when no more are."""
    try:
        while True:
            taken.append(len(taken))
            await asyncio.sleep(0)
            yield b"piece"
    finally:
        await asyncio.sleep(0)
        closed.set()


async def test_for_a_client_that_left_nothing_is_made():
    taken: list[int] = []
    sent: list[str] = []
    closed, leaves = asyncio.Event(), asyncio.Event()
    more = iter([{"type": "http.request", "body": b"late", "more_body": False}])

    async def receive():
        for message in more:
            return message
        await leaves.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message["type"])
        if len(sent) == 5:
            leaves.set()

    async with asyncio.timeout(5):
        await deliver(Reply(200, [], b"", endless(taken, closed)), send, head=False, receive=receive)
    assert closed.is_set()
    assert len(taken) < 10
    assert sent == ["http.response.start", *["http.response.body"] * (len(sent) - 1)]
    assert not [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]


async def test_a_stream_that_breaks_off_is_closed():
    closed = asyncio.Event()

    async def send(message):
        if message["type"].endswith("body"):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await deliver(Reply(200, [], b"", endless([], closed)), send, head=False)
    assert closed.is_set()
