from dataclasses import replace

import pytest

from service.rest.errors import failure
from tests.rest.asking import client_of, refused


async def test_alive(client):
    response = await client.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "up"})


async def test_ready(client):
    response = await client.get("/health/ready")
    assert (response.status_code, response.json()) == (200, {"status": "ready"})


async def test_not_ready_and_yet_alive(make_app, context):
    class Away:
        async def ready(self):
            return False

    async with client_of(make_app(context=replace(context, store=Away()))) as client:
        response = await client.get("/health/ready")
        refused(response, 503, "not-ready")
        assert response.headers["retry-after"]
        assert (await client.get("/health/live")).status_code == 200


async def test_a_fault_outside_the_base_is_500_too(make_app, context):
    class Broken:
        async def ready(self):
            raise RuntimeError

    async with client_of(make_app(context=replace(context, store=Broken()))) as client:
        response = await client.get("/health/ready")
    assert response.status_code == 500
    assert response.content == failure().body


async def test_nothing_else_is_there(client):
    for path in ("/", "/favicon.ico", "/health", "/schema", "/docs", "/fhir-not"):
        refused(await client.get(path), 404)


STRAIGHT = ("/fhir/metadata", "/fhir/Patient?_count=1", "/fhir/nothing", "/fhir/Patient/nobody")
# The same addresses as the router of the app reads them, which takes what is odd.
ROUND = ("/fhir//", "/fhir///")


@pytest.mark.parametrize("path", STRAIGHT)
@pytest.mark.parametrize("start", ROUND)
async def test_what_goes_straight_to_fhir_is_answered_as_what_goes_through_the_router(client, path, start):
    straight, around = await client.get(path), await client.get(path.replace("/fhir/", start, 1))
    assert straight.status_code == around.status_code
    assert {**straight.headers, "x-request-id": ""} == {**around.headers, "x-request-id": ""}
    assert _undated(straight) == _undated(around)


def _undated(response):
    body = response.json()
    return {name: value for name, value in body.items() if name not in {"id", "meta"}}


@pytest.mark.parametrize("host", ["bad host", "a/b", 'a"b'])
async def test_a_host_that_is_none_is_refused_below_the_base_too(client, host):
    for path in ("/fhir/metadata", "/fhir/Patient", "/health/live"):
        refused(await client.get(path, headers={"host": host}), 400, "request-malformed")


async def test_a_slash_at_the_end_changes_nothing(client):
    for path in ("/fhir/metadata", "/fhir/Patient", "/fhir/_history", "/health/live"):
        assert (await client.get(f"{path}/")).status_code == 200
