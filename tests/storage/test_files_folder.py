"""Files in a folder: durable, never half there, and nothing outside the folder is touched."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from service.fhir.problems import Unavailable
from service.storage.files_folder import STALE, FolderFiles
from tests.full_disk import small_disk
from tests.rest.serving import ROOT
from tests.storage.file_stores import content

KIBIBYTE = 1024
NOW = 1_700_000_000_000


def slug(raised):
    [issue] = raised.value.issues
    return issue.slug


async def test_a_full_disk_is_told_and_keeps_nothing_of_the_file(tmp_path):
    with small_disk(tmp_path / "disk", 4 * KIBIBYTE) as disk:
        files = FolderFiles(disk / "files")
        files.put("default/ab/1-0-0", [b"x" * KIBIBYTE * KIBIBYTE])
        with pytest.raises(Unavailable) as raised:
            files.put("default/ab/1-1-0", (b"y" * KIBIBYTE * KIBIBYTE for _ in range(8)))
        assert slug(raised) == "storage-full"
        assert await files.listed("default/ab/") == ("default/ab/1-0-0",)
        assert list((disk / "files" / ".staged").iterdir()) == []
        await files.delete("default/ab/1-0-0")
        assert files.put("default/ab/1-1-0", [b"y" * 3 * KIBIBYTE * KIBIBYTE]) == 3 * KIBIBYTE * KIBIBYTE


def test_a_file_above_what_a_process_may_write_is_told(tmp_path):
    """The kernel's own limit, which also shows where nothing can be mounted."""
    script = f"""
import resource, signal
from pathlib import Path
from service.fhir.problems import Unavailable
from service.storage.files_folder import FolderFiles
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    FolderFiles(Path({str(tmp_path / "files")!r})).put("default/ab/1-0-0", [b"x" * 1000] * 10)
except Unavailable as told:
    print(told.issues[0].slug)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "storage-full"
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


def test_a_killed_writer_leaves_nothing_that_counts_and_it_is_tidied_away(tmp_path):
    script = f"""
import os, signal
from pathlib import Path
from service.storage.files_folder import FolderFiles
def chunks():
    yield b"x" * 100_000
    os.kill(os.getpid(), signal.SIGKILL)
FolderFiles(Path({str(tmp_path / "files")!r})).put("default/ab/1-0-0", chunks())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    files = FolderFiles(tmp_path / "files")
    assert asyncio.run(files.size("default/ab/1-0-0")) is None
    assert asyncio.run(files.listed("default/ab/")) == ()
    assert asyncio.run(files.idle(2**43)) == ()
    [staged] = (tmp_path / "files" / ".staged").iterdir()
    written = staged.stat().st_mtime_ns // 1_000_000
    asyncio.run(files.tidy(written + STALE - 1000))
    assert staged.exists()
    asyncio.run(files.tidy(written + STALE + 1000))
    assert not staged.exists()


async def test_tidying_before_there_is_anything_makes_nothing(tmp_path):
    files = FolderFiles(tmp_path / "files")
    await files.tidy(NOW)
    await files.delete_all("default/ab/")
    assert await files.listed("default/ab/") == ()
    assert await files.idle(NOW) == ()
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "/etc/x", "a//x", "", "a/", ".staged/x", "a/.x", "a\\b/\0", "a/b c", "a/é"]
)
async def test_no_path_leads_out_of_the_folder_or_to_what_is_staged(tmp_path, path):
    files = FolderFiles(tmp_path / "files")
    for asked in (
        lambda: asyncio.to_thread(files.put, path, [b"x"]),
        lambda: content(files, path),
        lambda: files.size(path),
        lambda: files.delete(path),
        lambda: files.delete_all(f"{path}/"),
        lambda: files.listed(f"{path}/"),
    ):
        with pytest.raises(ValueError, match="plain names"):
            await asked()
    assert list(tmp_path.rglob("*")) == []


async def test_a_folder_that_cannot_be_used_is_told(tmp_path):
    (tmp_path / "files").write_text("a file where the folder should be")
    files = FolderFiles(tmp_path / "files")
    for asked in (
        lambda: asyncio.to_thread(files.put, "a/b/c", [b"x"]),
        lambda: content(files, "a/b/c"),
        lambda: files.size("a/b/c"),
        lambda: files.delete("a/b/c"),
        lambda: files.delete_all("a/b/"),
    ):
        with pytest.raises(Unavailable) as raised:
            await asked()
        assert slug(raised) == "files-unavailable"
        assert str(tmp_path) not in str(raised.value)


async def test_a_file_is_put_while_others_take_its_empty_folder_away(tmp_path):
    files = FolderFiles(tmp_path / "files")
    stop = asyncio.Event()

    async def remove():
        while not stop.is_set():
            await files.delete_all("default/ab/")
            await asyncio.sleep(0)

    removing = asyncio.create_task(remove())
    for number in range(50):
        await asyncio.to_thread(files.put, f"default/ab/1-{number}-0", [b"x"])
    stop.set()
    await removing


def test_what_was_put_is_on_disk_with_its_name(tmp_path, monkeypatch):
    """Each file and each folder that got a name in it is flushed, the file before it has its name."""
    flushed = []
    original = os.fsync

    def fsync(descriptor):
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        original(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    FolderFiles(tmp_path / "files").put("default/ab/1-0-0", [b"x"])
    staged, *folders = flushed
    assert Path(staged).parent == tmp_path / "files" / ".staged"
    assert folders == [str(tmp_path / "files" / name) for name in ("default/ab", "default")] + [
        str(tmp_path / "files")
    ]


async def test_no_link_leads_to_a_folder(folder):
    assert await folder.link("default/ab/1-0-0", 60) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_every_way_to_say_that_there_is_no_room(folder, number):
    def chunks():
        yield b"x"
        raise OSError(number, "said by the system")

    with pytest.raises(Unavailable) as raised:
        folder.put("default/ab/1-0-0", chunks())
    assert slug(raised) == "storage-full"
