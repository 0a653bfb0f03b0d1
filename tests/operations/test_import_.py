"""The kick-off of an import: what may be sent or fetched, the job that it leaves, and what is left of a broken one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from service.bulk import acting
from service.bulk.import_request import import_request
from service.fhir import parameters
from service.fhir.problems import Malformed, TooLarge, TooMany
from service.interactions.searching import setting_of
from service.operations import import_
from service.operations.operation import Call
from service.storage.files_folder import FolderFiles

PLACE = "https://files.example/exports"


async def pieces(*given):
    for piece in given:
        yield piece


def call(*, lines=None, body=None, **query):
    inputs = parameters.read(import_.OPERATION.inputs, tuple(query.items()), body, searches=True)
    return Call("", "", inputs, lines=lines)


def named(*addresses, format_=None):
    given = [{"name": "input", "part": [{"name": "url", "valueUrl": each}]} for each in addresses]
    if format_ is not None:
        given.append({"name": "inputFormat", "valueCode": format_})
    return call(body={"resourceType": "Parameters", "parameter": given})


@pytest.fixture
def files(tmp_path):
    return FolderFiles(tmp_path)


@pytest.fixture
def importing(context, files):
    return replace(context, files=files, import_sources=(PLACE, "http://127.0.0.1:9000/"))


@pytest.fixture
def job(importing, act):
    async def job(asked):
        answer = await import_.import_(importing, act, asked)
        assert answer.status == 202
        [(name, address)] = answer.headers
        assert name == b"content-location"
        base, _, id_ = address.decode().rpartition("/")
        assert base == f"{importing.base_url}/jobs"
        return await importing.store.jobs.find(act.caller.locality, id_)

    return job


async def test_a_file_that_is_sent_is_kept_for_the_job(importing, files, job, act):
    found = await job(call(lines=pieces(b'{"resourceType":', b'"Patient"}\n')))
    [source] = import_request(found.request).sources
    assert b"".join([chunk async for chunk in files.read(source.path)]) == b'{"resourceType":"Patient"}\n'
    assert found.state == "queued"
    assert acting.decode(found.caller, setting_of(importing)) == act.caller


async def test_files_are_fetched_later_by_whoever_works_at_the_job(job):
    found = await job(named(f"{PLACE}/Patient.ndjson", "http://127.0.0.1:9000/a/b.ndjson"))
    sources = import_request(found.request).sources
    assert [(each.name, each.address, each.path) for each in sources] == [
        ("Patient.ndjson", f"{PLACE}/Patient.ndjson", ""),
        ("b.ndjson", "http://127.0.0.1:9000/a/b.ndjson", ""),
    ]


async def test_a_file_is_not_called_by_what_proves_a_right_to_it(job):
    found = await job(
        named(f"{PLACE}/two%20words.ndjson?signature=a/b.c&expires=9", f"{PLACE}/?signature=ab")
    )
    assert [each.name for each in import_request(found.request).sources] == [
        "two%20words.ndjson",
        "/exports/",
    ]


@pytest.mark.parametrize(
    "address",
    [
        "https://files.example/other/Patient.ndjson",
        "https://files.example/exports-of-others/Patient.ndjson",
        "https://files.example/exports/../secrets.ndjson",
        "https://files.example/exports/%2e%2e/secrets.ndjson",
        "https://files.example/exports/.%2E/secrets.ndjson",
        "https://files.example/exports/..%2fsecrets.ndjson",
        "https://files.example/exports/%252e%252e/secrets.ndjson",
        "https://files.example/exports/%25252e%25252e%25252fsecrets.ndjson",
        "https://files.example/exports/a\\..\\..\\secrets.ndjson",
        "https://files.example/exports/a%5c..%5csecrets.ndjson",
        "https://files.example/exports/..;/secrets.ndjson",
        "https://files.example/exports/..%00/secrets.ndjson",
        "https://files.example/exports/%c0%ae%c0%ae/secrets.ndjson",
        "https://files.example.evil.example/exports/Patient.ndjson",
        "https://somebody@files.example/exports/Patient.ndjson",
        "https://files.example:8443/exports/Patient.ndjson",
        "http://files.example/exports/Patient.ndjson",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "Patient.ndjson",
    ],
)
async def test_nothing_is_fetched_from_elsewhere(importing, act, address):
    with pytest.raises(Malformed) as caught:
        await import_.import_(importing, act, named(address))
    assert caught.value.issues[0].slug == "import-source"


async def test_nothing_is_fetched_where_no_place_is_allowed(importing, act):
    closed = replace(importing, import_sources=())
    with pytest.raises(Malformed):
        await import_.import_(closed, act, named(f"{PLACE}/Patient.ndjson"))


@pytest.mark.parametrize(
    ("asked", "slug"),
    [
        (call(), "import-inputs"),
        (named(), "import-inputs"),
        (named(*[f"{PLACE}/a"] * 1001), "import-inputs"),
        (call(body={"resourceType": "Parameters", "parameter": [{"name": "input", "part": [
            {"name": "type", "valueCode": "Patient"}]}]}), "import-inputs"),
        (named(f"{PLACE}/a", format_="application/fhir+parquet"), "import-format"),
        (call(_since="2026"), "operation-parameter-unknown"),
    ],
)  # fmt: skip
async def test_what_cannot_be_understood_is_refused(importing, act, asked, slug):
    with pytest.raises(Malformed) as caught:
        await import_.import_(importing, act, asked)
    assert caught.value.issues[0].slug == slug


async def test_a_client_sends_so_many_files_at_once_and_no_more(importing, files, act):
    goes_on = asyncio.Event()
    all_begun = asyncio.Barrier(import_.SENDING + 1)

    async def slow():
        await all_begun.wait()
        yield b'{"resourceType":'
        await goes_on.wait()
        yield b'"Patient"}'

    sending = [
        asyncio.create_task(import_.import_(importing, act, call(lines=slow())))
        for _ in range(import_.SENDING)
    ]
    async with asyncio.timeout(10):
        await all_begun.wait()
    with pytest.raises(TooMany) as caught:
        await import_.import_(importing, act, call(lines=slow()))
    assert caught.value.issues[0].slug == "import-sends-too-many"
    other = replace(act, caller=replace(act.caller, client="another"))
    assert (await import_.import_(importing, other, call(lines=pieces(b"{}")))).status == 202
    goes_on.set()
    assert [each.status for each in await asyncio.gather(*sending)] == [202] * import_.SENDING
    assert (await import_.import_(importing, act, call(lines=pieces(b"{}")))).status == 202


async def test_of_a_file_that_is_too_large_nothing_is_left(importing, files, act):
    small = replace(importing, limits=replace(importing.limits, import_bytes=10))
    with pytest.raises(TooLarge):
        await import_.import_(small, act, call(lines=pieces(b"123456", b"123456")))
    assert await files.listed(f"{act.caller.locality}/") == ()
    assert await importing.store.jobs.listed(act.caller.locality, act.caller.client) == ()


async def test_of_an_empty_file_nothing_is_left(importing, files, act):
    with pytest.raises(Malformed) as caught:
        await import_.import_(importing, act, call(lines=pieces()))
    assert caught.value.issues[0].slug == "body-missing"
    assert await files.listed(f"{act.caller.locality}/") == ()


async def test_a_client_has_so_many_jobs_and_no_more(importing, act, job):
    few = replace(importing, limits=replace(importing.limits, client_jobs=1))
    await job(named(f"{PLACE}/a"))
    with pytest.raises(TooMany) as caught:
        await import_.import_(few, act, named(f"{PLACE}/a"))
    assert caught.value.issues[0].slug == "jobs-too-many"
