import gc
import io
import json
import re

import pytest

from service import asgi
from service.rest import logs
from service.settings import Settings
from service.storage.open import NotMigrated, migrate
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


def test_what_is_loaded_is_left_to_itself():
    before = gc.get_threshold()
    try:
        asgi.settle()
        assert gc.get_threshold() == asgi.COLLECT_AFTER
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
