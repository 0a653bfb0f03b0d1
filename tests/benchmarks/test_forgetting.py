"""What is left when the power fails: all that was synced, and of the rest what the disk happens to have."""

from random import Random

import pytest

from benchmarks.durability.forgetting import SECTOR, Disk, Unrecorded, laid_out, there
from benchmarks.durability.recording import Event, Kind

OLD, NEW, MADE = 10_001, 10_002, 10_003  # inodes of files that were not there before


class Told:
    """Events one after the other, each ten bytes of a log."""

    def __init__(self, folder):
        self.folder = folder
        self.disk = Disk(folder)
        self.at = 0

    def tell(self, kind, file=0, place=0, data=b""):
        self.disk.follow(Event(self.at, kind, file, place, data))
        self.at += 10

    def path(self, *names):
        return b"\0".join(str(self.folder / name).encode() for name in names)

    def name(self, file, name):
        self.tell(Kind.NAMED, file, data=self.path(name))

    def write(self, file, place, data):
        self.tell(Kind.WRITTEN, file, place, data)

    def sync(self, file=None):
        self.tell(Kind.SYNCED, self.folder.stat().st_ino if file is None else file, self.at)

    def left(self, memory, seed=1):
        return {str(path): content for path, content in self.disk.left(memory, Random(seed)).items()}


@pytest.fixture
def told(tmp_path):
    (tmp_path / "there").write_bytes(b"as it was")
    return Told(tmp_path)


def inode(told):
    return (told.folder / "there").stat().st_ino


@pytest.mark.parametrize(
    ("memory", "content"), [("nothing", b"AS it was"), ("all", b"AS IT WA"), ("some", None)]
)
def test_of_a_file_what_was_synced_is_there_and_the_rest_may_be(told, memory, content):
    told.write(inode(told), 0, b"AS")
    told.sync(inode(told))
    told.write(inode(told), 3, b"IT")
    told.write(inode(told), 6, b"WAS")
    told.tell(Kind.SIZED, inode(told), 8)
    left = told.left(memory)["there"]
    assert content is None or left == content
    assert left[:2] == b"AS"


def test_a_sync_brings_only_what_was_over_when_it_began(told):
    told.write(inode(told), 0, b"AS")
    began = told.at
    told.write(inode(told), 3, b"IT")
    told.tell(Kind.SYNCED, inode(told), began)
    assert told.left("nothing")["there"] == b"AS it was"


def test_a_disk_may_have_later_writes_without_earlier_ones_and_parts_of_one(told):
    before, after = b"-" * 4 * SECTOR, b"+" * 4 * SECTOR
    told.write(inode(told), 0, before)
    told.sync(inode(told))
    told.write(inode(told), 0, after)
    told.write(inode(told), 4 * SECTOR, after)
    seen = {told.left("some", seed)["there"] for seed in range(200)}
    assert before in seen
    assert after + after in seen
    assert any(found.startswith(before) and len(found) == 8 * SECTOR for found in seen)
    torn = {found[:SECTOR] + found[SECTOR : 2 * SECTOR] for found in seen}
    assert before[:SECTOR] + after[:SECTOR] in torn
    assert all(
        len(set(found[at : at + SECTOR])) == 1 for found in seen for at in range(0, len(found), SECTOR)
    )


def test_a_new_file_is_there_when_its_folder_was_synced(told):
    told.name(NEW, "new")
    told.write(NEW, 0, b"whole")
    told.sync(NEW)
    assert "new" not in told.left("nothing")
    told.sync()
    assert told.left("nothing")["new"] == b"whole"


def test_a_file_that_was_named_before_it_was_synced_may_be_empty(told):
    told.name(NEW, "new")
    told.write(NEW, 0, b"whole")
    told.sync()
    assert told.left("nothing")["new"] == b""


def test_a_file_takes_its_name_and_the_place_of_another_at_once(told):
    told.name(NEW, "staged")
    told.write(NEW, 0, b"new")
    told.sync(NEW)
    told.tell(Kind.MOVED, data=told.path("staged", "there"))
    assert told.left("nothing") == {"there": b"as it was"}
    assert told.left("all") == {"there": b"new"}
    told.sync()
    assert told.left("nothing") == {"there": b"new"}


def test_what_came_before_to_the_same_names_never_comes_after(told):
    """The folder from which a file was moved is not synced, that into which it was moved is."""
    told.tell(Kind.FOLDER, MADE, data=told.path("made"))
    told.name(NEW, "made/staged")
    told.tell(Kind.MOVED, data=told.path("made/staged", "moved"))
    told.sync()
    assert told.left("all") == {"there": b"as it was", "made": None, "moved": b""}


def test_a_file_that_is_gone_may_still_be_there(told):
    told.tell(Kind.GONE, data=told.path("there"))
    assert told.left("nothing") == {"there": b"as it was"}
    assert told.left("all") == {}
    told.sync()
    assert told.left("nothing") == {}


def test_what_lies_in_a_folder_is_lost_with_it(told):
    told.tell(Kind.FOLDER, MADE, data=told.path("made"))
    told.name(NEW, "made/new")
    told.tell(Kind.SYNCED, MADE, told.at)
    assert told.left("nothing") == {"there": b"as it was"}
    told.sync()
    assert told.left("nothing") == {"there": b"as it was", "made": None, "made/new": b""}


def test_a_number_that_is_used_again_is_another_file(told):
    told.name(OLD, "first")
    told.write(OLD, 0, b"first")
    told.tell(Kind.GONE, data=told.path("first"))
    told.name(OLD, "second")
    told.write(OLD, 0, b"2")
    assert told.left("all")["second"] == b"2"


def test_names_are_kept_in_their_order(told):
    for number, name in enumerate("abcdef"):
        told.name(NEW + number, name)
    seen = {tuple(sorted(told.left("some", seed).keys() - {"there"})) for seed in range(100)}
    assert seen == {tuple("abcdef"[:count]) for count in range(7)}


def test_what_is_shared_in_memory_is_never_left(tmp_path):
    (tmp_path / "some.db-shm").write_bytes(b"x")
    assert Told(tmp_path).left("all") == {}


def test_how_much_is_not_synced_is_told(told):
    told.write(inode(told), 0, b"four")
    assert told.disk.open == len(b"four")
    told.sync(inode(told))
    assert told.disk.open == 0


@pytest.mark.parametrize(
    "do",
    [
        lambda told: told.write(NEW, 0, b"x"),
        lambda told: told.sync(NEW),
        lambda told: told.tell(Kind.MOVED, data=told.path("new", "newer")),
    ],
    ids=["written", "synced", "moved"],
)
def test_what_nobody_can_have_done_is_told(told, do):
    with pytest.raises(Unrecorded):
        do(told)


def test_what_is_left_is_laid_out_in_a_folder(told, tmp_path_factory):
    told.tell(Kind.FOLDER, MADE, data=told.path("made"))
    told.name(NEW, "made/new")
    folder = tmp_path_factory.mktemp("after")
    laid_out(told.disk.left("all", Random(1)), folder)
    assert there(folder) == told.disk.left("all", Random(1))
    assert (folder / "there").read_bytes() == b"as it was"
    assert (folder / "made" / "new").read_bytes() == b""
