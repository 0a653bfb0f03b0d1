import asyncio
import gc
import io
import json
import re
import sqlite3
from contextlib import closing

import pytest

from service import asgi
from service.access.issuer_file import IssuersRefused
from service.rest import logs
from service.settings import Settings
from service.storage.ledger import Asked
from service.storage.open import NotMigrated, migrate, open_store
from tests.rest.asking import client_of, lines

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_ids_are_uuids_in_the_order_of_time():
    made = [asgi.new_id() for _ in range(1000)]
    assert all(UUID.fullmatch(id_) for id_ in made)
    assert len(set(made)) == 1000
    times = [id_[:13] for id_ in made]
    assert times == sorted(times)


def test_request_ids_differ():
    assert len({asgi.request_id() for _ in range(1000)}) == 1000


@pytest.fixture
def log():
    return io.BytesIO()


@pytest.fixture(scope="module")
def parts():
    return asgi.kernel("http://127.0.0.1:8080/fhir")


def test_a_kernel_has_our_artefacts_and_those_of_further_folders(tmp_path, parts):
    url = "https://elsewhere.example/ValueSet/few"
    include = {"system": "https://elsewhere.example/codes", "concept": [{"code": "a"}]}
    (tmp_path / "ValueSet").mkdir()
    (tmp_path / "ValueSet" / "few.json").write_text(
        json.dumps(
            {"resourceType": "ValueSet", "url": url, "status": "draft", "compose": {"include": [include]}}
        )
    )
    more = asgi.kernel("http://127.0.0.1:8080/fhir", tmp_path)
    assert len(list(more.guide)) == len(list(parts.guide)) + 1
    assert more.terminology.contains(url, "https://elsewhere.example/codes", "a") is True
    assert more.validator.profiles.is_known("https://thrive-fhir.example/StructureDefinition/gbo-score")


class Lifespan:
    """A server's side of ASGI's lifespan: start, one look at the service, stop."""

    def __init__(self, look):
        self.look = look
        self.sent = []

    async def receive(self):
        if not self.sent:
            return {"type": "lifespan.startup"}
        await self.look()
        return {"type": "lifespan.shutdown"}

    async def send(self, message):
        self.sent.append(message["type"])


async def test_a_service_lives_from_start_to_stop(tmp_path, parts, log):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'thrive.db'}", body_bytes=2048)
    migrate(settings.database_url)
    service = asgi.create(settings, parts, logs.logger("info", log), sandbox=True)
    answers = []

    async def look():
        async with client_of(service) as client:
            answers.append((await client.get("/health/ready")).status_code)
            created = await client.post("/fhir/Patient", json={"resourceType": "Patient"})
            answers.append(created.status_code)
            assert UUID.fullmatch(created.json()["id"])
            answers.append((await client.post("/fhir/Patient", json={"x": "y" * 2048})).status_code)

    lifespan = Lifespan(look)
    await service({"type": "lifespan"}, lifespan.receive, lifespan.send)
    assert answers == [200, 201, 413]
    assert lifespan.sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    events = [line["event"] for line in lines(log)]
    assert (events[0], events[-1]) == ("worker_started", "worker_stopped")


async def test_what_was_done_is_in_the_audit_when_the_service_has_stopped(tmp_path, parts, log):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'thrive.db'}")
    migrate(settings.database_url)
    service = asgi.create(settings, parts, logs.logger("info", log), sandbox=True)

    async def look():
        async with client_of(service) as client:
            assert (await client.get("/fhir/Goal/g")).status_code == 404
            assert (await client.get("/fhir/Goal")).status_code == 200

    lifespan = Lifespan(look)
    await service({"type": "lifespan"}, lifespan.receive, lifespan.send)
    store = await open_store(settings.database_url, parts.registry, parts.extractor, asgi.clock)
    entries, _ = await store.audit.found("default", Asked(10, rising=True))
    assert [(one.event.what, one.event.status) for one in entries] == [("read", 404), ("search-type", 200)]
    await store.close()


async def test_a_service_whose_audit_cannot_be_kept_says_so_and_does_nothing(tmp_path, parts, log):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'thrive.db'}")
    migrate(settings.database_url)
    service = asgi.create(settings, parts, logs.logger("info", log), sandbox=True)

    def without(table, restored=None):
        with closing(sqlite3.connect(tmp_path / "thrive.db")) as beside:
            beside.execute(f"ALTER TABLE {table} RENAME TO {restored or 'gone'}")
            beside.commit()

    async def look():
        async with client_of(service) as client:
            without("audit")
            assert (await client.get("/fhir/Goal")).status_code == 200
            async with asyncio.timeout(10):
                while (await client.get("/fhir/Goal")).status_code == 200:  # noqa: ASYNC110 - it is asked again
                    await asyncio.sleep(0.05)
            refused = await client.get("/fhir/Goal")
            assert refused.status_code == 503
            assert "audit-unavailable" in refused.text
            assert (await client.get("/fhir/metadata")).status_code == 200
            without("gone", "audit")
            async with asyncio.timeout(10):
                while (await client.get("/fhir/Goal")).status_code == 503:  # noqa: ASYNC110 - it is asked again
                    await asyncio.sleep(0.05)

    lifespan = Lifespan(look)
    await service({"type": "lifespan"}, lifespan.receive, lifespan.send)
    assert "audit_failed" in {line["event"] for line in lines(log)}
    store = await open_store(settings.database_url, parts.registry, parts.extractor, asgi.clock)
    # The one whose answer left before the table was missed, and those since.
    assert await store.audit.total("default", Asked(10)) >= 2
    await store.close()


async def test_it_does_not_start_on_a_database_that_is_not_migrated(tmp_path, parts, log):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'thrive.db'}")
    service = asgi.create(settings, parts, logs.logger("info", log), sandbox=False)
    lifespan = Lifespan(None)
    with pytest.raises(NotMigrated):
        await service({"type": "lifespan"}, lifespan.receive, lifespan.send)
    assert not lifespan.sent


async def test_it_is_closed_unless_it_is_a_sandbox(tmp_path, parts, log):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'thrive.db'}")
    migrate(settings.database_url)
    service = asgi.create(settings, parts, logs.logger("info", log), sandbox=False)
    answers = []

    async def look():
        async with client_of(service) as client:
            answers.append((await client.get("/fhir/metadata")).status_code)
            answers.append((await client.get("/fhir/Patient")).status_code)

    lifespan = Lifespan(look)
    await service({"type": "lifespan"}, lifespan.receive, lifespan.send)
    assert answers == [200, 401]


async def test_limits_and_origins_are_those_of_the_settings(tmp_path, parts, log):
    settings = Settings(
        database_url=f"sqlite:///{tmp_path / 'thrive.db'}",
        stranger_rate=1,
        cors_origins=("https://app.example",),
        trusted_proxies=("127.0.0.0/8",),
    )
    migrate(settings.database_url)
    service = asgi.create(settings, parts, logs.logger("info", log), sandbox=False)
    answers = []

    async def look():
        async with client_of(service) as client:
            answers.extend([(await client.get("/fhir/Patient")).status_code for _ in range(11)])
            answers.append((await client.post("/auth/token")).status_code)
            answers.append((await client.get("/health/ready")).status_code)
            another = {"x-forwarded-for": "192.0.2.1", "origin": "https://app.example"}
            elsewhere = await client.get("/fhir/metadata", headers=another)
            answers.append(elsewhere.status_code)
            assert elsewhere.headers["access-control-allow-origin"] == "https://app.example"

    lifespan = Lifespan(look)
    await service({"type": "lifespan"}, lifespan.receive, lifespan.send)
    assert answers == [401] * 10 + [429, 429, 200, 200]


def test_the_sandbox_knows_no_rates():
    """All in it are the one who tries it out; what bounds the worker holds all the same."""
    settings = Settings(client_rate=3, stranger_rate=2, client_requests=4, requests=5, request_seconds=6)
    served = asgi.allowance(settings, sandbox=False)
    assert (served.client_rate, served.stranger_rate, served.client_requests) == (3, 2, 4)
    sandbox = asgi.allowance(settings, sandbox=True)
    assert (sandbox.client_rate, sandbox.stranger_rate, sandbox.client_requests) == (0, 0, 0)
    assert (served.requests, served.seconds) == (sandbox.requests, sandbox.seconds) == (5, 6)


def test_issuers_are_those_of_the_file(tmp_path, parts):
    assert asgi.issuers(Settings(), parts) == ()
    path = tmp_path / "issuers.json"
    path.write_text(
        json.dumps(
            {
                "issuers": [
                    {
                        "issuer": "https://login.example",
                        "audience": parts.base_url,
                        "scopes": "user/*.rs",
                        "agencies": {"portal": {"agency": "school"}},
                    }
                ]
            }
        )
    )
    [issuer] = asgi.issuers(Settings(issuers=str(path)), parts)
    assert issuer.agencies["portal"].agency == "school"
    path.write_text("{}")
    with pytest.raises(IssuersRefused):
        asgi.issuers(Settings(issuers=str(path)), parts)
    with pytest.raises(FileNotFoundError):
        asgi.issuers(Settings(issuers=str(tmp_path / "nowhere")), parts)


def test_what_is_loaded_is_left_to_itself():
    before = gc.get_threshold()
    try:
        asgi.settle()
        assert gc.get_threshold() == asgi.COLLECT_AFTER
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
