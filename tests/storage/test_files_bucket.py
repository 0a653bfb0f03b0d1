"""Files in a bucket of a real S3 API server: links that need no key, and what goes wrong."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.fhir.problems import Unavailable
from service.storage.files_bucket import BucketFiles
from tests.rest.serving import ROOT
from tests.s3 import BUCKET
from tests.storage.file_stores import content

MEBIBYTE = 1024 * 1024


def fetched(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        return answer.status, answer.read()


async def test_a_link_can_be_fetched_by_whoever_has_it_and_nothing_else(bucket):
    for path, said in (("default/ab/1-0-0", b"0123456789"), ("default/ab/1-1-0", b"another")):
        await asyncio.to_thread(bucket.put, path, [said])
    url = await bucket.link("default/ab/1-0-0", 60)
    assert await asyncio.to_thread(fetched, url) == (200, b"0123456789")
    assert await asyncio.to_thread(fetched, url, Range="bytes=2-4") == (206, b"234")
    for forged in (url.replace("1-0-0", "1-1-0"), url.partition("?")[0]):
        with pytest.raises(urllib.error.HTTPError) as refused:
            await asyncio.to_thread(fetched, forged)
        assert refused.value.code == 403
        refused.value.close()


@pytest.mark.parametrize("size", [3, 15 * MEBIBYTE], ids=["at once", "in parts"])
async def test_who_follows_a_link_is_told_that_the_file_is_ndjson(bucket, size):
    await asyncio.to_thread(bucket.put, "default/ab/1-0-0", [b"x" * size])
    url = await bucket.link("default/ab/1-0-0", 60)

    def kind():
        with urllib.request.urlopen(url) as answer:
            return answer.headers["Content-Type"]

    assert await asyncio.to_thread(kind) == "application/fhir+ndjson"


async def test_folders_of_a_bucket_do_not_see_each_other(bucket, s3_server):
    await asyncio.to_thread(bucket.put, "default/ab/1-0-0", [b"x"])
    other = BucketFiles(BUCKET, "tests/another", s3_server.endpoint)
    assert await other.listed("default/ab/") == ()
    assert await other.size("default/ab/1-0-0") is None


async def test_an_upload_that_breaks_off_is_given_up_with_its_parts(bucket, s3_server):
    before = s3_server.unfinished()

    def broken():
        yield b"x" * 20 * MEBIBYTE
        time.sleep(1)  # until its parts are there: those that are on their way when it is given up may stay
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - the one above
        await asyncio.to_thread(bucket.put, "default/ab/1-0-0", broken())
    assert await asyncio.to_thread(s3_server.unfinished) == before


async def test_what_a_killed_process_uploaded_is_no_file(bucket, s3_server, tmp_path):
    script = f"""
import os, signal
from service.storage.files_bucket import BucketFiles
def chunks():
    for _ in range(20):
        yield b"x" * {MEBIBYTE}
    os.kill(os.getpid(), signal.SIGKILL)
BucketFiles({BUCKET!r}, "tests/killed", {s3_server.endpoint!r}).put("default/ab/1-0-0", chunks())
"""
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    files = BucketFiles(BUCKET, "tests/killed", s3_server.endpoint)
    assert await files.size("default/ab/1-0-0") is None
    assert await files.listed("default/ab/") == ()
    await asyncio.to_thread(files.put, "default/ab/1-0-0", [b"again"])
    assert await content(files, "default/ab/1-0-0") == b"again"


@pytest.mark.parametrize("why", ["nobody listens", "wrong key", "no such bucket"])
async def test_what_cannot_be_reached_is_told_without_addresses_or_keys(bucket, s3_server, monkeypatch, why):
    endpoint, name = s3_server.endpoint, BUCKET
    if why == "nobody listens":
        endpoint = "http://127.0.0.1:9"
    elif why == "wrong key":
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    else:
        name = "elsewhere"
    files = BucketFiles(name, "tests", endpoint)
    for asked in (lambda: asyncio.to_thread(files.put, "a/b/c", [b"x"]), lambda: files.listed("a/b/")):
        with pytest.raises(Unavailable) as raised:
            await asked()
        assert raised.value.issues[0].slug == "files-unavailable"
        assert str(raised.value) == "The files cannot be reached now. Try again."


@pytest.fixture
def full_store():
    """Stores that answer every request as full ones do; none of those that can be had here can be filled."""
    servers = []

    def answering(status, code):
        class Full(BaseHTTPRequestHandler):
            def do_POST(self):
                body = f"<Error><Code>{code}</Code><Message>No room.</Message></Error>".encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Says nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Full)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield answering
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "code", "slug"),
    [
        (507, "XMinioStorageFull", "storage-full"),
        (403, "QuotaExceeded", "storage-full"),
        (403, "AccessDenied", "files-unavailable"),
    ],
)
def test_a_store_that_says_it_is_full_is_understood(bucket, full_store, status, code, slug):
    files = BucketFiles(BUCKET, "tests", full_store(status, code))
    with pytest.raises(Unavailable) as raised:
        files.put("default/ab/1-0-0", [b"x"])
    assert raised.value.issues[0].slug == slug


def test_a_bucket_that_is_not_there_is_no_missing_file(bucket, s3_server):
    with pytest.raises(Unavailable) as raised:
        BucketFiles("elsewhere", "tests", s3_server.endpoint).put("default/ab/1-0-0", [b"x"])
    assert raised.value.issues[0].slug == "files-unavailable"
