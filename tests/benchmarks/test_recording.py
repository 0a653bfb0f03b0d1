"""What is done to files is written down as it was done, and a disk that forgets nothing of it has the same files."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from random import Random

import pytest

from benchmarks.durability.forgetting import Disk, laid_out, there
from benchmarks.durability.recording import Kind, Recording
from tests.compilers import compiles

pytestmark = compiles

DONE = """
import os, pathlib, shutil, sqlite3, sys
from concurrent.futures import ThreadPoolExecutor

folder = pathlib.Path(sys.argv[1])
(folder / "old").write_bytes(b"older")  # cut to nothing, then written
with (folder / "old").open("ab") as file:
    file.write(b" and newer")
(folder / "made").mkdir()
descriptor = os.open(folder / "made" / "staged", os.O_RDWR | os.O_CREAT)
os.pwrite(descriptor, b"behind a hole", 600)
os.ftruncate(descriptor, 606)
os.fsync(descriptor)
os.replace(folder / "made" / "staged", folder / "whole")
(folder / "made" / "gone").touch()
shutil.rmtree(folder / "made")
os.chdir(folder)
pathlib.Path("beside").write_bytes(b"by a name alone")

def fill(number):
    database = sqlite3.connect(folder / "some.db", timeout=60)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("CREATE TABLE IF NOT EXISTS some (value)")
    for value in range(50):
        database.execute("INSERT INTO some VALUES (?)", (f"{number} {value}" * 200,))
        database.commit()

if os.fork():
    os.wait()
with ThreadPoolExecutor(2) as pool:
    list(pool.map(fill, range(2)))
"""


@pytest.fixture
def recording(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "old").write_bytes(b"what was there before")
    recording = Recording(tmp_path / "disk", tmp_path / "log")
    recording.compile()
    return recording


def run(recording, script, *arguments):
    subprocess.run([sys.executable, "-c", script, *arguments], env=recording.environment, check=True)


def test_a_disk_that_forgets_nothing_has_what_processes_and_threads_wrote(recording):
    disk = Disk(recording.folder)
    run(recording, DONE, str(recording.folder))
    for event in recording.events():
        disk.follow(event)
    left = disk.left("all", Random(1))
    assert left == there(recording.folder)
    assert {path.name for path in left} >= {"old", "whole", "beside", "some.db"}


def test_what_was_committed_with_a_sync_is_there_when_the_rest_is_forgotten(recording, tmp_path):
    disk = Disk(recording.folder)
    run(recording, DONE, str(recording.folder))
    for event in recording.events():
        disk.follow(event)
    left = {path.name: content for path, content in disk.left("nothing", Random(1)).items()}
    assert left["old"] == b"what was there before"
    assert left["beside"] == b""  # its name was synced with that of the database
    (tmp_path / "after").mkdir()
    laid_out(disk.left("nothing", Random(1)), tmp_path / "after")
    with closing(sqlite3.connect(tmp_path / "after" / "some.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT count(*) FROM some").fetchall() == [(200,)]


def test_a_sync_says_how_long_the_log_was_when_it_began(recording):
    run(recording, DONE, str(recording.folder))
    events = list(recording.events())
    [synced] = [event for event in events if event.kind == Kind.SYNCED][:1]
    before = [event for event in events if event.at < synced.place]
    assert synced.place == synced.at
    assert before[-1].kind == Kind.SIZED


def test_what_is_done_elsewhere_is_not_written_down(recording, tmp_path):
    run(recording, "import sys; print('x', file=open(sys.argv[1], 'w'))", str(tmp_path / "elsewhere"))
    assert not list(recording.events())


def test_notes_stand_among_the_events(recording):
    path = str(recording.folder / "old")
    recording.note("first")
    run(recording, "import sys; open(sys.argv[1], 'ab').write(b'x')", path)
    recording.note("second")
    kinds = [event.kind for event in recording.events()]
    notes = [event.data for event in recording.events() if event.kind == Kind.NOTE]
    assert kinds == [Kind.NOTE, Kind.NAMED, Kind.WRITTEN, Kind.NOTE]
    assert notes == [b"first", b"second"]
