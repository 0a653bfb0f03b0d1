"""Which store a URL names, and that databases which name the same one keep apart."""

from __future__ import annotations

import asyncio

from service.storage.files_bucket import BucketFiles
from service.storage.files_folder import FolderFiles
from service.storage.filing import open_files
from tests.s3 import BUCKET


async def test_a_folder(tmp_path):
    files = open_files(str(tmp_path / "files"), b"secret")
    assert isinstance(files, FolderFiles)
    await asyncio.to_thread(files.put, "default/ab/1-0-0", [b"x"])
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert path.relative_to(tmp_path).parts[2:] == ("default", "ab", "1-0-0")
    assert "secret" not in str(path)


async def test_databases_that_name_the_same_folder_keep_apart(tmp_path):
    one, other = (open_files(str(tmp_path), secret) for secret in (b"one", b"other"))
    await asyncio.to_thread(one.put, "default/ab/1-0-0", [b"x"])
    assert await other.listed("default/ab/") == await other.idle(2**43) == ()
    again = open_files(str(tmp_path), b"one")
    assert await again.listed("default/ab/") == ("default/ab/1-0-0",)


async def test_a_bucket(bucket, s3_server):
    for url in (f"s3://{BUCKET}", f"s3://{BUCKET}/", f"s3://{BUCKET}/filing/below/"):
        files = open_files(url, b"secret", s3_server.endpoint)
        assert isinstance(files, BucketFiles)
        await asyncio.to_thread(files.put, "default/ab/1-0-0", [b"x"])
    kept = sorted(str(path.relative_to(s3_server.folder)) for path in s3_server.folder.rglob("1-0-0"))
    assert sum("filing/below" in path for path in kept) == 1
    assert all("//" not in path for path in kept)
