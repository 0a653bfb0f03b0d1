"""Files of exports: cut where they get long, never empty, with what was deleted in Bundles behind them."""

from __future__ import annotations

import json

import pytest

from service.bulk.export_files import Written
from service.fhir.problems import Issue
from service.storage.audit import unpacked
from service.storage.exporting import Chunk
from service.storage.jobs import Lost, Task
from service.storage.names import pack_id
from tests.bulk.counting import job


@pytest.fixture
def task():
    return Task(job(1), 7, 2, b"")


@pytest.fixture
def written(folder, task):
    return Written(folder, task, whole=100)


def chunk(count: int, *children: tuple[str, int], deleted: tuple[str, ...] = ()) -> Chunk:
    packed = frozenset((pack_id(child), ground) for child, ground in children)
    return Chunk(b"0123456789012345678\n" * count, count, packed, deleted)


async def text(folder, one) -> bytes:
    return b"".join([piece async for piece in folder.read(one.path)])


async def test_a_file_ends_where_it_is_long_enough(written, folder, task):
    written.output("Goal", [chunk(2), chunk(4), chunk(1), chunk(0), chunk(5)])
    assert [(one.task, one.ordinal, one.kind, one.type, one.count, one.size) for one in written.made] == [
        (7, 0, "output", "Goal", 6, 120),
        (7, 1, "output", "Goal", 6, 120),
    ]
    assert written.lines == 12
    assert [one.path for one in written.made] == [task.path(0), task.path(1)]
    assert [len(await text(folder, one)) for one in written.made] == [120, 120]


@pytest.mark.parametrize("chunks", [[], [chunk(0)], [chunk(0), chunk(0)]])
def test_there_is_no_empty_file(written, chunks):
    written.output("Goal", chunks)
    written.faults(())
    assert written.made == []


def test_each_file_tells_of_whom_it_is_and_on_what_ground(written):
    written.output("Goal", [chunk(3, ("a", 6), ("b", 2)), chunk(2, ("a", 2)), chunk(1, ("c", 4))])
    assert [unpacked(one.children) for one in written.made] == [(("a", 2), ("b", 2)), (("c", 4),)]


async def test_deletions_come_behind_in_bundles(written, folder):
    ids = tuple(f"g{number}" for number in range(1_100))
    written.output("Goal", [chunk(0, ("a", 2), deleted=ids[:600]), chunk(1, ("b", 2), deleted=ids[600:])])
    [output, deleted] = written.made
    assert (output.kind, output.count) == ("output", 1)
    assert (deleted.kind, deleted.type, deleted.count) == ("deleted", "Bundle", 3)
    assert {child for child, _ in unpacked(deleted.children)} == {"a", "b"}
    bundles = [json.loads(line) for line in (await text(folder, deleted)).splitlines()]
    assert {(one["resourceType"], one["type"]) for one in bundles} == {("Bundle", "transaction")}
    entries = [entry["request"] for one in bundles for entry in one["entry"]]
    assert entries == [{"method": "DELETE", "url": f"Goal/{id_}"} for id_ in ids]


async def test_faults_are_an_outcome_a_line(written, folder):
    written.faults([Issue("warning", "value", "a", "One."), Issue("warning", "value", "b", "Two.")])
    [one] = written.made
    assert (one.kind, one.type, one.count) == ("error", "OperationOutcome", 2)
    lines = [json.loads(line) for line in (await text(folder, one)).splitlines()]
    assert [line["issue"][0]["diagnostics"] for line in lines] == ["One.", "Two."]


async def test_who_lost_the_task_writes_no_further(written, folder, task):
    def chunks():
        yield chunk(1)
        task.gone.set()
        yield chunk(1)

    with pytest.raises(Lost):
        written.output("Goal", chunks())
    assert written.made == []
    assert await folder.listed("default/") == ()


def test_where_a_file_cannot_be_written_nothing_is_read_any_more(written, task):
    closed = []

    def chunks():
        try:
            while True:
                yield chunk(1)
                task.gone.set()
        finally:
            closed.append("closed")

    with pytest.raises(Lost) as lost:  # whose traceback holds on to all that was under way
        written.output("Goal", chunks())
    assert closed == ["closed"]
    assert lost.tb is not None
