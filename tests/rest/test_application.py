from dataclasses import replace

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


async def test_a_slash_at_the_end_changes_nothing(client):
    for path in ("/fhir/metadata", "/fhir/Patient", "/fhir/_history", "/health/live"):
        assert (await client.get(f"{path}/")).status_code == 200
