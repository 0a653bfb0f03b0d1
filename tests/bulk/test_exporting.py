"""Exports: the store as it was at their moment, whatever is written meanwhile and whoever carries them out."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest

from service.bulk import export_steps
from service.bulk.export_request import EXPORT
from service.bulk.exporting import FIRST, Export
from service.bulk.running import Runner
from service.fhir.problems import Issue
from tests.bulk.exports import TYPES, Exported, carried, exported, job, request
from tests.storage.builders import LOCALITY
from tests.storage.lives import Lives


async def test_it_is_the_store_at_its_moment_while_others_write(around, folder, lives, small):
    for _ in range(25):
        await lives.step(4)
    one = await job(around, request(*TYPES))
    found = await carried(around, folder, one, meanwhile=lambda: lives.step(4))
    assert sum(versions[-1].updated > one.at for versions in lives.versions.values()) > 10
    for type_ in TYPES:
        assert found.lines(type_=type_) == lives.bodies(one.at, type_)
    assert len(found.files) > 8
    assert {file.kind for file in found.files} == {"output"}


async def test_repeated_in_any_order_it_is_the_same_byte_for_byte(around, folder, lives, small):
    for _ in range(25):
        await lives.step(4)
    since = await around.store.exports.moment(LOCALITY)
    for _ in range(10):
        await lives.step(4)
    for asked in (request(*TYPES), request(*TYPES, since=since)):
        one = await job(around, asked)
        calm = await carried(around, folder, one)
        for seed in range(3):
            wild = await carried(around, folder, one, Random(seed), lambda: lives.step(3))
            assert wild.texts == calm.texts
            assert [(f.task, f.ordinal, f.kind, f.type, f.count, f.size, f.children) for f in wild.files] == [
                (f.task, f.ordinal, f.kind, f.type, f.count, f.size, f.children) for f in calm.files
            ]


@pytest.mark.parametrize("seed", range(3))
async def test_chains_of_what_changed_make_up_the_store(around, folder, seed, small):
    lives = Lives(around.store, Random(seed))
    copy: dict[str, bytes] = {}
    since = None
    for round_ in range(6):
        one = await job(around, request(*TYPES, since=since))
        found = await carried(around, folder, one, Random(round_), lambda: lives.step(3))
        assert since is not None or not found.deleted()
        _join(copy, found)
        since = one.at
        expected = {
            f"{type_}/{version.id}": version.body
            for type_ in TYPES
            for version in lives.at(one.at, type_).values()
            if not version.deleted
        }
        assert copy == expected
    assert copy


@pytest.mark.slow
async def test_chains_make_up_the_store_under_load(around, folder, monkeypatch):
    """Others write all the time, several at once; none of them waits for an export."""
    monkeypatch.setattr(export_steps, "ROWS", 50)
    store = around.store
    writers = [Lives(store, Random(seed), name=f"{name}-") for seed, name in enumerate("abcdef")]
    done = asyncio.Event()

    async def write(lives: Lives) -> None:
        while not done.is_set():
            await lives.step(2)

    copy: dict[str, bytes] = {}
    since = None
    async with asyncio.TaskGroup() as group:
        for lives in writers:
            group.create_task(write(lives))
        while sum(map(len, (each for lives in writers for each in lives.versions.values()))) < 400:
            await asyncio.sleep(0.05)
            one = await job(around, request(*TYPES, since=since))
            _join(copy, await carried(around, folder, one))
            since = one.at
        done.set()
    _join(copy, await exported(around, folder, *TYPES, since=since))
    expected = {f"{one.type}/{one.id}": one.body async for one in store.everything(LOCALITY, TYPES)}
    assert copy == expected
    assert since is not None


def _join(copy: dict[str, bytes], found: Exported) -> None:
    """Brings the copy to what the export says."""
    for line in found.lines():
        resource = json.loads(line)
        copy[f"{resource['resourceType']}/{resource['id']}"] = line
    for url in found.deleted():
        copy.pop(url, None)


async def test_a_moment_in_the_past_ends_what_changed(around, folder, lives):
    moments = []
    for _ in range(4):
        for _ in range(5):
            await lives.step(3)
        moments.append(await around.store.exports.moment(LOCALITY))
    since, until = moments[1:3]
    found = await exported(around, folder, *TYPES, since=since, until=until)
    for type_ in TYPES:
        assert found.lines(type_=type_) == lives.bodies(until, type_, since)
    gone = {f"{type_}/{id_}" for type_ in TYPES for id_ in lives.deleted(until, type_, since)}
    assert found.deleted() == gone


async def test_what_was_passed_over_is_in_the_error_file(around, folder):
    faults = (
        Issue("warning", "not-supported", "export-type", "One."),
        Issue("warning", "value", "b", "Two."),
    )
    found = await exported(around, folder, "Patient", faults=faults)
    [first, second] = map(json.loads, found.lines("error", "OperationOutcome"))
    assert first["resourceType"] == second["resourceType"] == "OperationOutcome"
    assert first["issue"][0]["diagnostics"] == "One."
    assert len(found.files) == 1


async def test_runners_carry_it_out(around, folder, lives, small):
    for _ in range(20):
        await lives.step(4)
    one = await job(around, request(*TYPES))
    await around.store.jobs.add(one, (FIRST,))
    ended = await Runner(around, folder, {EXPORT: Export()}).finish(LOCALITY, one.id)
    assert ended.state == "done"
    assert ended.total is not None
    assert 0 < ended.done <= ended.total
    files = await around.store.jobs.files(LOCALITY, one.id)
    texts = [b"".join([chunk async for chunk in folder.read(file.path)]) for file in files]
    calm = await carried(around, folder, one)
    assert texts == [calm.text(file) for file in calm.files]
