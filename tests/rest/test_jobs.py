"""Jobs over HTTP: how one is, its manifest and its files, and that it is nobody else's."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.bulk.exporting import Export
from service.fhir.problems import Conflict, Invalid, Issue, Missing, TooLarge, Unavailable
from service.interactions.context import Limits
from service.interactions.searching import setting_of
from service.outcomes.grants import Ground
from service.storage.files_folder import FolderFiles
from service.storage.trail import kept
from tests.rest.asking import client_of, refused
from tests.rest.bulk import ASYNC, Known, Made, Scripted, begun, ended, lines, until, working
from tests.storage import circle
from tests.storage.builders import deletion, unit

EPR = Caller("epr", "camhs")
MANY = [{"resourceType": "Patient", "id": f"p{number}"} for number in range(40)]
ONE_EACH = Scripted([[], [Made(lines(*MANY))], [Made(lines({"resourceType": "Goal", "id": "g"}), "Goal")]])


@pytest.fixture
def context(context, tmp_path):
    """The context, with files in a folder."""
    return replace(context, files=FolderFiles(tmp_path / "files"))


@pytest.fixture
def as_client(context, make_app):
    @asynccontextmanager
    async def made(caller=EPR, context=context):
        async with client_of(make_app(Known(caller), context=context)) as client:
            yield client

    return made


@pytest.fixture
async def epr(as_client):
    async with as_client() as client:
        yield client


async def done(client, context, kind=ONE_EACH, path="$export", **headers):
    """A job that has ended, and its last answer."""
    address = await begun(client, path, **headers)
    async with working(context, kind):
        return address, await ended(client, address)


async def test_a_job_from_its_kick_off_to_its_end(epr, context):
    address = await begun(epr, "$export?_type=Patient,Goal")
    waiting = await epr.get(address)
    assert waiting.status_code == 202
    assert waiting.content == b""
    assert waiting.headers["x-progress"] == "waiting to begin"
    assert waiting.headers["retry-after"] == "1"
    async with working(context, ONE_EACH):
        answer = await ended(epr, address)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["expires"].endswith(" GMT")
    made = answer.json()
    assert [(each["type"], each["count"]) for each in made["output"]] == [("Patient", 40), ("Goal", 1)]
    for each in made["output"]:
        file = await epr.get(each["url"])
        assert file.status_code == 200
        assert file.headers["content-type"] == "application/fhir+ndjson"
        found = [line for line in file.text.split("\n") if line]
        assert len(found) == each["count"]
        assert all(f'"{each["type"]}"' in line for line in found)


async def test_progress_in_hundredths(epr, context):
    gate = asyncio.Event()
    kind = replace(ONE_EACH, gates={2: gate})
    address = await begun(epr)
    async with working(context, kind):
        answer = await until(
            lambda: epr.get(address), lambda answer: answer.headers["x-progress"].startswith("97%")
        )
        assert answer.headers["x-progress"] == "97% complete, 40 of 41 resources"
        assert answer.content == b""
        gate.set()
        assert (await ended(epr, address)).status_code == 200


async def test_parts_of_a_manifest_before_the_end(epr, context):
    """Task 2 is done before task 1: it is shown only when what comes before it is there."""
    gates = {1: asyncio.Event(), 3: asyncio.Event()}
    patients = [Made(lines(patient)) for patient in MANY[:3]]
    kind = Scripted([[], *([each] for each in patients)], gates=gates)
    address = await begun(epr, "$export?allowPartialManifests=true")
    async with working(context, kind):
        job = address.rsplit("/", 1)[1]
        await until(lambda: context.store.jobs.files("default", job), len)
        early = await epr.get(address)
        assert (early.status_code, early.content) == (202, b"")
        refused(await epr.get(f"{address}/2-0.Patient.ndjson"), 404, "job-file-missing")
        gates[1].set()
        first = await until(lambda: epr.get(address), lambda answer: answer.content)
        assert first.status_code == 202
        assert first.headers["content-type"] == "application/json"
        [file] = first.json()["output"]
        assert (await epr.get(file["url"])).text == lines(MANY[0])[0].decode()
        assert "link" not in first.json()
        gates[3].set()
        answer = await ended(epr, address)
    assert answer.json() == first.json() | {"link": answer.json()["link"]}
    [link] = answer.json()["link"]
    second = (await epr.get(link["url"])).json()
    assert [each["url"].rsplit("/", 1)[1] for each in second["output"]] == [
        "2-0.Patient.ndjson",
        "3-0.Patient.ndjson",
    ]
    assert "link" not in second
    refused(await epr.get(f"{address}?_page=3"), 404, "manifest-page-missing")


@pytest.mark.parametrize(
    ("query", "slug"), [("_page=x", "job-page"), ("_page=0", "job-page"), ("page=1", "job-parameter-unknown")]
)
async def test_what_a_job_cannot_be_asked(query, slug, epr):
    address = await begun(epr)
    refused(await epr.get(f"{address}?{query}"), 400, slug)


async def test_status_told_apart(epr, context):
    """`Prefer: separate-export-status`: the status of the answer is that of the request alone."""
    kick_off = await epr.get(
        "/fhir/$export", headers=ASYNC | {"prefer": "respond-async, separate-export-status"}
    )
    assert kick_off.headers["preference-applied"] == "respond-async, separate-export-status"
    address = kick_off.headers["content-location"]
    waiting = await epr.get(address)
    assert (waiting.status_code, waiting.headers["x-export-status"]) == (200, "202 Accepted")
    async with working(context, ONE_EACH):
        answer = await until(
            lambda: epr.get(address), lambda answer: answer.headers["x-export-status"] == "200 OK"
        )
    assert answer.status_code == 200
    assert answer.json()["output"]
    other = await epr.get(
        "/fhir/$export", headers=ASYNC | {"prefer": "respond-async, separate-export-status"}
    )
    async with working(context, replace(ONE_EACH, faults={1: Invalid("export-group-gone", "It is gone.")})):
        answer = await until(
            lambda: epr.get(other.headers["content-location"]),
            lambda answer: answer.headers["x-export-status"] != "202 Accepted",
        )
    assert answer.headers["x-export-status"] == "400 Bad Request"


def found(code):
    """What a check found of that code."""
    return Invalid("", "", issues=[Issue("error", code, "element-wrong", "The element is wrong.")])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Invalid("export-group-gone", "The Group is gone."), 400, "invariant"),
        (TooLarge("import-too-large", "The file is too large."), 400, "too-long"),
        (Conflict("import-overtaken", "It was changed."), 400, "conflict"),
        (Missing("export-group-missing", "There is no such Group."), 400, "not-found"),
        *((found(code), 400, code) for code in ("required", "value", "code-invalid")),
        (Unavailable("storage-full", "There is no room for the file."), 500, "exception"),
        (RuntimeError("goal text"), 500, "exception"),
    ],
    ids=["clients", "too large", "conflict", "missing", "required", "value", "code", "stores", "ours"],
)
async def test_a_job_that_failed_says_why(fault, status, code, epr, context):
    address, answer = await done(epr, context, replace(ONE_EACH, faults={1: fault}))
    issue = refused(answer, status)
    # A code that says «transient» would make clients ask for ever.
    assert issue["code"] == code
    assert "goal text" not in answer.text
    refused(await epr.get(f"{address}/2-0.Goal.ndjson"), 404, "job-file-missing")
    assert (await epr.delete(address)).status_code == 202


async def test_a_cancelled_job_is_not_there_any_more(epr, context):
    address, answer = await done(epr, context)
    [first, *_] = answer.json()["output"]
    gone = await epr.delete(address)
    assert gone.status_code == 202
    assert gone.json()["resourceType"] == "OperationOutcome"
    for each in (address, first["url"]):
        refused(await epr.get(each), 404, "job-cancelled")
    refused(await epr.delete(address), 404, "job-cancelled")


async def test_one_that_is_under_way_is_cancelled_too(epr, context):
    kind = replace(ONE_EACH, gates={1: asyncio.Event()})
    address = await begun(epr)
    async with working(context, kind):
        assert (await epr.delete(address)).status_code == 202
        refused(await epr.get(address), 404, "job-cancelled")


async def test_one_whose_time_is_over(epr, context, clock):
    address, _ = await done(epr, context)
    clock.now += 24 * 3_600_000 + 10
    [job] = await context.store.jobs.due(clock.now)
    assert job.state == "expired"
    refused(await epr.get(address), 410, "job-expired")
    refused(await epr.delete(address), 410, "job-expired")


@pytest.mark.parametrize(
    "other",
    [
        replace(EPR, client="other"),
        replace(EPR, agency="school"),
        replace(EPR, locality="elsewhere"),
        replace(EPR, user=("Practitioner", "p")),
        replace(EPR, patient="kim"),
        replace(EPR, purpose="HRESCH"),
    ],
    ids=["client", "agency", "locality", "user", "young person", "purpose"],
)
async def test_a_job_is_nobody_elses(other, epr, as_client, context):
    address, answer = await done(epr, context)
    nowhere = f"{address.rsplit('/', 1)[0]}/{'0' * 32}"
    async with as_client(other) as client:
        for each in (address, answer.json()["output"][0]["url"], nowhere):
            refused(await client.get(each), 404, "job-missing")
        refused(await client.delete(address), 404, "job-missing")
    assert (await epr.get(address)).status_code == 200


@pytest.mark.parametrize(
    ("then", "now", "kept"),
    [
        (replace(EPR, administrator=True), EPR, False),
        (EPR, replace(EPR, administrator=True), True),
        (replace(EPR, sectors=frozenset({"nhs", "school"})), replace(EPR, sectors=frozenset({"nhs"})), False),
        (EPR, replace(EPR, sectors=frozenset({"nhs"})), True),
    ],
    ids=["administrator no more", "administrator now", "a sector less", "a sector more"],
)
async def test_a_client_that_has_lost_its_rights_has_lost_its_jobs(then, now, kept, as_client, context):
    async with as_client(then) as client:
        address, answer = await done(client, context)
    async with as_client(now) as client:
        for each in (address, answer.json()["output"][0]["url"]):
            assert (await client.get(each)).status_code == (200 if kept else 404)


async def test_status_and_files_take_a_token_that_covers_what_is_in_them(epr, as_client, context):
    address, answer = await done(epr, context, path="$export?_type=Patient,Goal")
    narrower = replace(EPR, scopes=read_scopes(setting_of(context), "system/Goal.rs"))
    async with as_client(narrower) as client:
        for each in (address, answer.json()["output"][1]["url"]):
            response = await client.get(each)
            refused(response, 403, "insufficient-scope")
            assert 'scope="system/Patient.rs"' in response.headers["www-authenticate"]
        assert (await client.delete(address)).status_code == 202


@pytest.mark.parametrize(
    ("scopes", "covers"),
    [
        ("system/Patient.rs?gender=other", True),
        ("system/Patient.rs", True),
        ("system/*.read", True),
        ("system/Patient.rs?gender=male", False),
        ("system/Patient.r system/Patient.s?gender=male", False),
    ],
)
async def test_a_token_that_is_narrowed_otherwise_does_not_cover_it(scopes, covers, as_client, context):
    def told(text):
        return replace(EPR, scopes=read_scopes(setting_of(context), text))

    async with as_client(told("system/Patient.rs?gender=other")) as client:
        kind = Scripted([[], [Made(lines(*MANY))]])
        address, answer = await done(client, context, kind, path="$export?_type=Patient")
    async with as_client(told(scopes)) as client:
        for each in (address, answer.json()["output"][0]["url"]):
            assert (await client.get(each)).status_code == (200 if covers else 403)


@pytest.mark.parametrize(
    "name", ["1-0.Goal.ndjson", "9-0.Patient.ndjson", "1-1.Patient.ndjson", "x", "1-0.Patient"]
)
async def test_other_names_are_of_no_file(name, epr, context):
    address, _ = await done(epr, context)
    refused(await epr.get(f"{address}/{name}"), 404, "job-file-missing")


@pytest.mark.parametrize("path", ["jobs", "jobs/", "jobs/a/b/c", "Jobs/a"])
async def test_nothing_else_is_below_jobs(path, epr):
    assert (await epr.get(f"/fhir/{path}")).status_code == 404


async def test_a_job_cannot_be_changed_otherwise(epr):
    address = await begun(epr)
    for method in ("POST", "PUT", "PATCH"):
        response = await epr.request(method, address)
        refused(response, 405, "interaction-not-offered")
        assert response.headers["allow"] == "DELETE, GET, HEAD"


async def test_files_in_all_ways_that_http_has(epr, context):
    _, answer = await done(epr, context)
    url = answer.json()["output"][0]["url"]
    plain = await epr.get(url, headers={"accept-encoding": "identity"})
    content = b"".join(lines(*MANY))
    assert plain.content == content
    async with epr.stream("GET", url, headers={"accept-encoding": "gzip"}) as response:
        assert response.headers["content-encoding"] == "gzip"
        raw = b"".join([piece async for piece in response.aiter_raw()])
    assert gzip.decompress(raw) == content
    head = await epr.head(url, headers={"accept-encoding": "identity"})
    assert head.headers["content-length"] == str(len(content))
    part = await epr.get(url, headers={"range": "bytes=10-", "if-range": plain.headers["etag"]})
    assert (part.status_code, part.content) == (206, content[10:])
    assert (await epr.get(url, headers={"range": f"bytes={len(content)}-"})).status_code == 416
    held = await epr.get(url, headers={"if-none-match": plain.headers["etag"], "accept-encoding": "identity"})
    assert (held.status_code, held.content) == (304, b"")


@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/fhir+ndjson", "application/json, text/plain, */*", "application/json"]
)
async def test_files_whatever_is_accepted(accept, epr, context):
    _, answer = await done(epr, context)
    file = await epr.get(answer.json()["output"][0]["url"], headers={"accept": accept})
    assert file.status_code == 200
    assert file.headers["content-type"] == "application/fhir+ndjson"


async def test_so_many_jobs_at_once(as_client, context):
    few = replace(context, limits=Limits(client_jobs=2))
    async with as_client(context=few) as client:
        first, _ = [await begun(client) for _ in range(2)]
        response = await client.get("/fhir/$export", headers=ASYNC)
        refused(response, 429, "jobs-too-many")
        assert response.headers["retry-after"] == "60"
        await client.delete(first)
        await begun(client)
    async with as_client(replace(EPR, client="other"), few) as client:
        await begun(client)


class Linked(FolderFiles):
    """Files of a folder that are fetched elsewhere, as those of a bucket are."""

    async def link(self, path, seconds):
        return f"https://files.invalid/{path}?for={seconds}"


@pytest.mark.parametrize("kind", [FolderFiles, Linked])
async def test_a_file_that_is_not_to_be_seen_any_more_is_given_out_by_no_way(
    kind, as_client, context, tmp_path
):
    context = replace(context, files=kind(tmp_path / "files"))
    await circle.world(context.store)
    caller = replace(EPR, agency=circle.SCHOOL)
    store = context.store
    async with (
        kept(store.audit, context.clock) as trail,
        as_client(caller, replace(context, trail=trail)) as client,
    ):
        address, answer = await done(client, context, Export(), "$export?_type=Organization,Patient")
        urls = {each["type"]: each["url"] for each in answer.json()["output"]}
        given = await client.get(urls["Patient"])
        assert given.status_code == (302 if kind is Linked else 200)
        team = await store.read("default", "CareTeam", "ash-team")
        await store.commit("default", unit(deletion(team)))
        for headers in ({}, {"range": "bytes=0-9"}, {"if-none-match": given.headers.get("etag", "*")}):
            refusal = await client.get(urls["Patient"], headers=headers)
            refused(refusal, 410, "file-withdrawn")
            assert "location" not in refusal.headers
            assert "ash" not in refusal.text
        assert (await client.head(urls["Patient"])).status_code == 410
        # What is about nobody is given out, and the manifest still says what there was.
        assert (await client.get(urls["Organization"])).status_code == given.status_code
        assert (await client.get(address)).json() == answer.json()
        _, again = await done(client, context, Export(), "$export?_type=Organization,Patient")
        assert [each["type"] for each in again.json()["output"]] == ["Organization"]
    governance = replace(EPR, client="governance", governance=True)
    async with as_client(governance) as client:
        found = (await client.get("/fhir/AuditEvent?_count=50&outcome=4")).json()["entry"]
    assert [each["resource"]["outcomeDesc"] for each in found] == ["file-withdrawn"] * 4


async def test_every_download_is_told_and_young_people_once(as_client, context):
    """However often and in whatever parts a file is fetched."""
    told = ((f"p{number}", int(Ground.TEAM)) for number in range(1002))
    kind = Scripted([[], [Made(lines(*MANY), children=tuple(told))]])
    async with (
        kept(context.store.audit, context.clock) as trail,
        as_client(context=replace(context, trail=trail)) as client,
    ):
        address, answer = await done(client, context, kind)
        url = answer.json()["output"][0]["url"]
        # What gives nothing of the file names nobody, and takes nothing from what does.
        assert (await client.get(url, headers={"range": "bytes=9999999-"})).status_code == 416
        assert (await client.get(url, headers={"if-none-match": "*"})).status_code == 304
        for headers in ({"range": "bytes=0-9"}, {}, {"range": "bytes=10-"}):
            assert (await client.get(url, headers=headers)).is_success
        await client.head(url)
        await client.delete(address)
        await client.get(url)
    governance = replace(EPR, client="governance", governance=True)
    async with as_client(governance) as client:
        found = (await client.get("/fhir/AuditEvent?_count=50&_sort=date")).json()["entry"]
    acts = [event["resource"] for event in found]
    codes = [[each["code"] for each in act["subtype"]] for act in acts]
    download = ["job-download", "110106"]
    # Two for the first that gives something: no entry has more than a thousand young people.
    assert codes == [["operation", "export"], *([download] * 7), ["job-cancel"], download]
    named = [
        {each["what"]["reference"] for each in act.get("entity", ()) if "reference" in each.get("what", {})}
        for act in acts
    ]
    assert named[3] | named[4] == {f"Patient/p{number}" for number in range(1002)}
    assert not named[3] & named[4]
    assert not any([*named[:3], *named[5:]])
    assert [act["outcome"] for act in acts] == ["0", "4", *("0" * 7), "4"]
    assert acts[-1]["outcomeDesc"] == "job-cancelled"
    grounds = {
        each["extension"][0]["valueCode"] for act in acts for each in act["entity"] if "extension" in each
    }
    assert grounds == {"team"}
