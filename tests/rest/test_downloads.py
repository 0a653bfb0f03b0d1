"""Files as answers: whole, in parts, packed, not modified, elsewhere; read as they go out."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

import pytest

from service.fhir.problems import Missing
from service.rest.downloads import Named, file_reply
from service.storage.files_bucket import BucketFiles
from service.storage.files_folder import CHUNK, FolderFiles
from service.storage.jobs import File, Job

CONTENT = b"".join(b'{"resourceType":"Goal","id":"%d"}\n' % number for number in range(1000))
FILE = File(1, 0, "output", "Goal", "default/job/1-1-0", 1000, len(CONTENT))
JOB = Job("default", "job", "export", "epr", "camhs", "done", b"", b"{}", 1, 1, 2, 1_790_000_000_000)


@pytest.fixture
def files(tmp_path):
    made = FolderFiles(tmp_path / "files")
    made.put(FILE.path, [CONTENT[:500], CONTENT[500:]])
    return made


async def taken(reply) -> bytes:
    assert reply.body == b""
    return b"".join([piece async for piece in reply.stream]) if reply.stream is not None else b""


def named(reply) -> dict[bytes, bytes]:
    return dict(reply.headers)


async def test_a_whole_file(files):
    reply = await file_reply(files, JOB, FILE, {})
    headers = named(reply)
    assert reply.status == 200
    assert headers[b"content-type"] == b"application/fhir+ndjson"
    assert headers[b"content-length"] == b"%d" % len(CONTENT)
    assert headers[b"etag"] == b'"job-1-0"'
    assert headers[b"accept-ranges"] == b"bytes"
    assert headers[b"expires"] == b"Mon, 21 Sep 2026 14:13:20 GMT"
    assert headers[b"cache-control"] == b"no-store"
    assert await taken(reply) == CONTENT


async def test_a_packed_file_has_no_length_and_a_tag_of_its_own(files):
    reply = await file_reply(files, JOB, FILE, {b"accept-encoding": b"gzip, deflate, br, identity"})
    headers = named(reply)
    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"etag"] == b'"job-1-0-gzip"'
    assert b"content-length" not in headers
    packed = await taken(reply)
    assert gzip.decompress(packed) == CONTENT
    assert len(packed) < len(CONTENT) / 5


async def test_a_small_file_is_not_packed(files):
    small = File(2, 0, "output", "Goal", "default/job/1-2-0", 1, 9)
    files.put(small.path, [b'{"a": 1}\n'])
    reply = await file_reply(files, JOB, small, {b"accept-encoding": b"gzip"})
    assert b"content-encoding" not in named(reply)


async def test_a_part_is_of_the_file_as_it_is(files):
    fields = {b"range": b"bytes=450-549", b"accept-encoding": b"gzip"}
    reply = await file_reply(files, JOB, FILE, fields)
    assert reply.status == 206
    assert named(reply)[b"content-range"] == b"bytes 450-549/%d" % len(CONTENT)
    assert named(reply)[b"content-length"] == b"100"
    assert await taken(reply) == CONTENT[450:550]


async def test_no_such_part(files):
    reply = await file_reply(files, JOB, FILE, {b"range": b"bytes=%d-" % len(CONTENT)})
    assert reply.status == 416
    assert named(reply)[b"content-range"] == b"bytes */%d" % len(CONTENT)


@pytest.mark.parametrize(
    ("tags", "status"),
    [(b'"job-1-0"', 304), (b'W/"job-1-0"', 304), (b'"x", "job-1-0"', 304), (b"*", 304), (b'"job-2-0"', 200)],
)
async def test_what_the_client_has_is_not_sent_again(tags, status, files):
    reply = await file_reply(files, JOB, FILE, {b"if-none-match": tags})
    assert reply.status == status
    assert (reply.stream is None) is (status == 304)


async def test_the_head_alone_reads_nothing(files):
    await files.delete(FILE.path)
    reply = await file_reply(files, JOB, FILE, {}, head=True)
    assert named(reply)[b"content-length"] == b"%d" % len(CONTENT)
    assert await taken(reply) == b""


async def test_a_file_that_was_removed_is_told_before_an_answer_begins(files):
    await files.delete(FILE.path)
    with pytest.raises(Missing):
        await file_reply(files, JOB, FILE, {})


async def test_a_file_in_a_bucket_is_led_to(monkeypatch):
    """The link is signed here; nobody asks the bucket before the client does."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    files = BucketFiles("bucket", "folder", "http://127.0.0.1:1")
    reply = await file_reply(files, JOB, FILE, {b"range": b"bytes=0-9"})
    assert reply.status == 302
    location = named(reply)[b"location"].decode()
    assert location.startswith(f"http://127.0.0.1:1/bucket/folder/{FILE.path}?")
    assert "X-Amz-Expires=300" in location
    assert await taken(reply) == b""


async def test_a_file_is_named_when_it_begins_to_go_out():
    named = Named(most=2)
    keys = [("job", task, 0) for task in range(3)]
    streams = [named.once(key, _pieces()) for key in keys]
    assert not any(key in named for key in keys)
    for key, stream in zip(keys, streams, strict=True):
        assert [piece async for piece in stream] == [b"a", b"b"]
        assert key in named
    # So many are remembered; of others it is told once more.
    assert keys[0] not in named


async def _pieces():
    yield b"a"
    yield b"b"


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "packed"])
async def test_a_download_that_is_given_up_leaves_no_file_open(files, tmp_path, packed):
    def opened() -> list[str]:
        # What lists them is open itself, and gone when it is looked at.
        links = [os.path.realpath(each) for each in Path("/proc/self/fd").iterdir()]
        return [link for link in links if link.startswith(str(tmp_path))]

    size = 3 * CHUNK
    files.put("default/job/1-2-0", [os.urandom(size)])
    large = replace(FILE, task=2, path="default/job/1-2-0", size=size)
    reply = await file_reply(files, JOB, large, {b"accept-encoding": b"gzip"} if packed else {})
    stream = Named().once(("job", 2, 0), reply.stream)
    assert await anext(stream)
    assert len(opened()) == 1
    await stream.aclose()
    assert opened() == []
