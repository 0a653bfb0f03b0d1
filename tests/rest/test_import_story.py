"""An import over HTTP: a file is sent, the job asked for, and its faults fetched."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.bulk.import_request import IMPORT
from service.bulk.importing import Importing
from service.fhir import codec
from service.storage.files_folder import FolderFiles
from tests.interactions.builders import goal, patient
from tests.rest.asking import client_of, refused
from tests.rest.bulk import Known, ended, lines, working

MOVER = Caller("mover", "camhs", chooses_ids=True)
NDJSON = "application/fhir+ndjson"
SENT = b"".join(lines(
    goal("Patient/p1", id="g1"), patient("1", id="p1"), goal("Patient/nobody", id="g2"), goal("Patient/p1", id="g3"),
))  # fmt: skip


@pytest.fixture
def context(context, tmp_path):
    """The context, with files in a folder; references must lead somewhere."""
    return replace(context, files=FolderFiles(tmp_path / "files"), references=True)


@pytest.fixture
async def mover(make_app, context):
    async with client_of(make_app(Known(MOVER), context=context)) as client:
        yield client


async def imported(client, context, body, media=NDJSON, **headers):
    """The manifest of an import that has ended."""
    begun = await client.post("/fhir/$import", content=body, headers={"content-type": media} | headers)
    assert begun.status_code == 202, begun.text
    assert begun.json()["issue"][0]["details"]["coding"][0]["code"] == "import-begun"
    async with working(context, Importing(), IMPORT):
        answer = await ended(client, begun.headers["content-location"])
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (SENT, NDJSON),
        (gzip.compress(SENT), NDJSON),
        (SENT, "application/x-ndjson"),
        (SENT, "application/ndjson"),
    ],
)
async def test_a_file_is_sent_and_its_faults_fetched(mover, context, body, media):
    manifest = await imported(mover, context, body, media)
    assert manifest["output"] == []
    assert manifest["request"].endswith("/fhir/$import")
    [error] = manifest["error"]
    assert (error["type"], error["count"]) == ("OperationOutcome", 1)
    [outcome] = [codec.decode(line) for line in (await mover.get(error["url"])).content.splitlines()]
    assert outcome["issue"][0]["diagnostics"].startswith("body, line 3: ")
    for found in ("Patient/p1", "Goal/g1", "Goal/g3"):
        assert (await mover.get(f"/fhir/{found}")).status_code == 200
    assert (await mover.get("/fhir/Goal/g2")).status_code == 404


async def test_the_author_is_who_asked_for_the_import(mover, make_app, context):
    await imported(mover, context, SENT)
    async with client_of(make_app(Known(Caller("other", "school")), context=context)) as other:
        assert (await other.get("/fhir/Goal/g1")).status_code == 404


async def test_other_addresses_take_no_lines(mover):
    answer = await mover.post("/fhir/Patient", content=SENT, headers={"content-type": NDJSON})
    refused(answer, 415, "content-type-not-read")


async def test_nothing_to_import(mover):
    answer = await mover.post("/fhir/$import", content=b"", headers={"content-type": NDJSON})
    refused(answer, 400, "body-missing")
    refused(await mover.post("/fhir/$import"), 400, "import-inputs")


async def test_it_is_not_asked_for_by_get(mover):
    assert (await mover.get("/fhir/$import")).status_code == 405
