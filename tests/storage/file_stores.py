"""Both file stores for tests: a folder, and a bucket of a real S3 API server."""

from __future__ import annotations

import pytest

from service.storage.files_bucket import BucketFiles
from service.storage.files_folder import FolderFiles
from tests.s3 import BUCKET, S3Absent, server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    try:
        with server(tmp_path_factory.mktemp("s3")) as running:
            yield running
    except S3Absent as absent:
        pytest.skip(f"no S3 API server here: {absent}")


@pytest.fixture
def bucket(s3_server, monkeypatch, request):
    """A folder of its own for each test in the server's bucket."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    return BucketFiles(BUCKET, f"tests/{name}", s3_server.endpoint)


@pytest.fixture
def folder(tmp_path):
    return FolderFiles(tmp_path / "files")


@pytest.fixture(params=["folder", "bucket"])
def files(request):
    return request.getfixturevalue(request.param)


async def content(files, path, *bounds):
    return b"".join([chunk async for chunk in files.read(path, *bounds)])
