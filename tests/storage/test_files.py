"""Files are whole or not there, in a folder and in a bucket of a real S3 API server alike."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.fhir.problems import Unavailable
from service.storage.files import ARRIVING, NoFiles, oldest
from tests.storage.file_stores import content

MEBIBYTE = 1024 * 1024


async def test_what_was_put_is_read(files):
    assert await asyncio.to_thread(files.put, "default/ab/1-0-0", iter([b"one\n", b"", b"two\n"])) == 8
    assert await content(files, "default/ab/1-0-0") == b"one\ntwo\n"
    assert await files.size("default/ab/1-0-0") == 8


async def test_a_file_may_be_empty(files):
    assert await asyncio.to_thread(files.put, "default/ab/1-0-0", ()) == 0
    assert await files.size("default/ab/1-0-0") == 0
    assert await content(files, "default/ab/1-0-0") == b""
    assert await files.listed("default/ab/") == ("default/ab/1-0-0",)


async def test_a_large_file_comes_in_parts(files):
    chunks = [bytes([number]) * (MEBIBYTE + number) for number in range(20)]
    whole = b"".join(chunks)
    assert await asyncio.to_thread(files.put, "default/ab/1-0-0", iter(chunks)) == len(whole)
    assert await content(files, "default/ab/1-0-0") == whole
    sizes = [len(chunk) async for chunk in files.read("default/ab/1-0-0")]
    assert max(sizes) <= MEBIBYTE


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 3, b"abc"),
        (2, None, b"cdefghij"),
        (9, 10, b"j"),
        (5, 100, b"fghij"),
        (10, None, b""),
        (4, 4, b""),
        (20, 30, b""),
    ],
)
async def test_a_part_of_a_file_is_read(files, start, end, expected):
    await asyncio.to_thread(files.put, "default/ab/1-0-0", [b"abcdefghij"])
    assert await content(files, "default/ab/1-0-0", start, end) == expected


async def test_what_is_not_there_is_not_read(files):
    assert await files.size("default/ab/1-0-0") is None
    with pytest.raises(FileNotFoundError):
        await content(files, "default/ab/1-0-0")


async def test_a_file_takes_the_place_of_another_at_once(files):
    for content_ in (b"former", b"later"):
        await asyncio.to_thread(files.put, "default/ab/1-0-0", [content_])
    assert await content(files, "default/ab/1-0-0") == b"later"


@pytest.mark.parametrize("fault", [ValueError("no"), Unavailable("store-unavailable", "Not now.")])
@pytest.mark.parametrize("size", [10, 9 * MEBIBYTE], ids=["small", "large"])
async def test_nothing_is_left_where_the_chunks_break_off(files, fault, size):
    def broken():
        yield b"x" * size
        yield b"y" * size
        raise fault

    with pytest.raises(type(fault)) as raised:
        await asyncio.to_thread(files.put, "default/ab/1-0-0", broken())
    assert raised.value is fault
    assert await files.size("default/ab/1-0-0") is None
    assert await files.listed("default/ab/") == ()


async def test_nothing_is_there_before_all_of_it_is(files):
    begun, go_on = threading.Event(), threading.Event()

    def slow():
        yield b"x" * 9 * MEBIBYTE
        begun.set()
        assert go_on.wait(30)
        yield b"y"

    writing = asyncio.create_task(asyncio.to_thread(files.put, "default/ab/1-0-0", slow()))
    assert await asyncio.to_thread(begun.wait, 30)
    assert await files.size("default/ab/1-0-0") is None
    assert await files.listed("default/ab/") == ()
    go_on.set()
    await writing
    assert await files.size("default/ab/1-0-0") == 9 * MEBIBYTE + 1


async def test_files_are_listed_and_removed_by_their_beginning(files):
    paths = ["default/ab/1-0-0", "default/ab/1-0-1", "default/abc/1-0-0", "elsewhere/ab/1-0-0"]
    for path in paths:
        await asyncio.to_thread(files.put, path, [b"x"])
    assert sorted(await files.listed("default/ab/")) == paths[:2]
    await files.delete("default/ab/1-0-0")
    await files.delete("default/ab/1-0-0")
    assert await files.listed("default/ab/") == ("default/ab/1-0-1",)
    await files.delete_all("default/ab/")
    await files.delete_all("default/ab/")
    assert await files.listed("default/ab/") == ()
    assert await files.listed("default/abc/") == ("default/abc/1-0-0",)
    assert await files.listed("elsewhere/ab/") == ("elsewhere/ab/1-0-0",)


async def test_more_files_than_one_request_removes(bucket):
    for number in range(30):
        await asyncio.to_thread(bucket.put, f"default/ab/1-{number}-0", [b"x"])
    await bucket.delete_all("default/ab/")
    assert await bucket.listed("default/ab/") == ()


async def test_a_prefix_ends_with_a_slash(files):
    for asked in (files.listed, files.delete_all):
        with pytest.raises(ValueError, match="slash"):
            await asked("default/a")


async def test_what_arrives_bit_by_bit_is_put_too(files):
    async def arriving():
        for number in range(50):
            await asyncio.sleep(0)
            yield b"%d\n" % number

    whole = b"".join(b"%d\n" % number for number in range(50))
    assert await files.receive("default/ab/input-0", arriving()) == len(whole)
    assert await content(files, "default/ab/input-0") == whole


async def test_what_ceases_to_arrive_leaves_nothing(files):
    async def broken():
        yield b"x" * MEBIBYTE
        raise ConnectionResetError

    with pytest.raises((ConnectionResetError, Unavailable)):
        await files.receive("default/ab/input-0", broken())
    assert await files.listed("default/ab/") == ()


async def test_whoever_no_longer_waits_leaves_nothing(files):
    begun = asyncio.Event()

    async def endless():
        while True:
            yield b"x" * MEBIBYTE
            begun.set()
            await asyncio.sleep(3600)

    receiving = asyncio.create_task(files.receive("default/ab/input-0", endless()))
    await begun.wait()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(30):
            await receiving
    assert await files.listed("default/ab/") == ()


async def test_whoever_sends_slowly_keeps_nobody_from_other_threads(files):
    """However many send, what else is done in threads goes on; those that wait for their turn get it."""
    goes_on = asyncio.Event()

    async def slow():
        yield b"x"
        await goes_on.wait()
        yield b"y"

    paths = [f"default/ab/input-{number}" for number in range(3 * ARRIVING)]
    receiving = [asyncio.create_task(files.receive(path, slow())) for path in paths]
    await asyncio.sleep(0.2)
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(lambda: "done") == "done"
        receiving[-1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving[-1]
    goes_on.set()
    async with asyncio.timeout(30):
        assert await asyncio.gather(*receiving[:-1]) == [2] * (len(paths) - 1)
    assert sorted(await files.listed("default/ab/")) == sorted(paths[:-1])


async def test_old_folders_are_told_from_young_ones(files):
    await asyncio.to_thread(files.put, "default/ab/1-0-0", [b"x"])
    await asyncio.to_thread(files.put, "default/cd/1-0-0", [b"x"])
    assert await files.idle(0) == ()
    assert sorted(await files.idle(2**43)) == ["default/ab/", "default/cd/"]


async def test_tidying_leaves_files_alone(files):
    await asyncio.to_thread(files.put, "default/ab/1-0-0", [b"x"])
    await files.tidy(2**43)
    assert await content(files, "default/ab/1-0-0") == b"x"


def test_a_folder_is_as_young_as_its_youngest_file():
    ages = [("a/b/1", 5), ("a/b/2", 9), ("a/c/1", 3)]
    assert oldest(ages, 9) == ("a/c/",)
    assert set(oldest(ages, 10)) == {"a/b/", "a/c/"}
    assert oldest((), 10) == ()


async def test_where_no_files_are_kept_nothing_is(tmp_path):
    nowhere = NoFiles()
    with pytest.raises(Unavailable):
        nowhere.put("a/b/c", [b""])
    with pytest.raises(FileNotFoundError):
        await content(nowhere, "a/b/c")
    assert await nowhere.size("a/b/c") is None
    assert await nowhere.listed("a/b/") == await nowhere.idle(5) == ()
    assert await nowhere.link("a/b/c", 5) is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chunks=st.lists(st.binary(max_size=2000), max_size=8),
    start=st.integers(0, 5000),
    length=st.none() | st.integers(0, 5000),
)
def test_any_part_of_any_file_is_that_part_of_what_was_put(folder, chunks, start, length):
    whole = b"".join(chunks)
    end = None if length is None else start + length
    folder.put("default/ab/1-0-0", chunks)
    assert asyncio.run(content(folder, "default/ab/1-0-0", start, end)) == whole[start:end]
