"""Imports on both databases: in the order of references, once, with the faults of each line, whoever is killed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.bulk import importing
from service.bulk.importing import Importing
from service.bulk.importing_unit import Line
from service.fhir.problems import Unavailable
from service.sandbox.cohort import cohort
from service.storage.files_folder import FolderFiles
from service.storage.jobs import folder
from service.storage.store import HistoryQuery
from tests.bulk.imports import KINDS, begun, counts, faults, finished, imported, ndjson, one_task, places
from tests.interactions.builders import goal, patient, score
from tests.interactions.conftest import (  # noqa: F401 - fixtures: pytest finds them by being here
    context,
    database,
    localities,
    migrated,
    store,
    validator,
)


@pytest.fixture
def files(tmp_path):
    return FolderFiles(tmp_path / "files")


@pytest.fixture
def enforcing(context):  # noqa: F811 - the fixture
    """References must lead somewhere, as they do unless a setting says otherwise."""
    return replace(context, references=True)


@pytest.fixture
def caller(localities):  # noqa: F811 - the fixture
    return Caller("importer", "camhs", localities[0], administrator=True, chooses_ids=True)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Units and tasks of a few lines, so that there are many."""
    monkeypatch.setattr(importing, "UNIT", 3)
    monkeypatch.setattr(importing, "UNITS", 2)


@pytest.fixture
def found(store, localities):  # noqa: F811 - fixtures
    """The ids of a type that are stored, and how many versions each has."""

    async def found(type_):
        page = await store.history(localities[0], HistoryQuery(type_, None, 1000))
        return dict(Counter(each.id for each in page.items))

    return found


@pytest.fixture
def moments(store, localities):  # noqa: F811 - fixtures
    """The moments of what is stored of a type, and how many versions each has."""

    async def moments(type_):
        page = await store.history(localities[0], HistoryQuery(type_, None, 1000))
        return Counter(each.updated for each in page.items)

    return moments


def people(count):
    """Young people, each after what is about them."""
    for number in range(count):
        yield score(f"Patient/p{number}", id=f"s{number}", focus=[{"reference": f"Goal/g{number}"}])
        yield goal(f"Patient/p{number}", id=f"g{number}")
        yield patient(str(number), id=f"p{number}")


async def test_what_is_referred_to_is_stored_before_what_refers_to_it(enforcing, files, caller, found):
    came, told = await imported(enforcing, files, caller, ndjson(people(20)))
    assert (came.created, came.refused, told) == (60, 0, [])
    assert await found("Observation") == {f"s{number}": 1 for number in range(20)}


async def test_it_does_not_matter_in_which_files_they_stand(enforcing, files, caller):
    texts = [ndjson([each]) for each in people(2)]
    came, told = await imported(enforcing, files, caller, *texts)
    assert (came.created, told) == (6, [])


async def test_of_the_lines_nothing_is_kept_but_their_faults(enforcing, files, caller):
    job = await begun(enforcing, files, caller, ndjson([*people(5), goal("Patient/nobody", id="lost")]))
    await finished(enforcing, files, job)
    registered = await enforcing.store.jobs.files(job.locality, job.id)
    [error] = [file.path for file in registered if file.kind == "error"]
    assert set(await files.listed(folder(job))) == {error, f"{folder(job)}input-0"}


async def test_the_same_again_changes_nothing(enforcing, files, caller, found):
    text = ndjson(people(5))
    await imported(enforcing, files, caller, text)
    came, told = await imported(enforcing, files, caller, text)
    assert (came.created, came.updated, came.unchanged, told) == (0, 0, 15, [])
    assert set((await found("Goal")).values()) == {1}


async def test_what_changed_is_a_new_version(enforcing, files, caller, found):
    await imported(enforcing, files, caller, ndjson(people(2)))
    changed = goal("Patient/p0", id="g0", lifecycleStatus="on-hold")
    came, _ = await imported(enforcing, files, caller, ndjson([changed]))
    assert came.updated == 1
    assert await found("Goal") == {"g0": 2, "g1": 1}


async def test_without_id_it_is_found_by_its_identifier(enforcing, files, caller, found):
    text = ndjson(patient(number) for number in ("1|2,3", "b\\c", "$"))
    came, told = await imported(enforcing, files, caller, text)
    assert (came.created, told) == (3, [])
    came, told = await imported(enforcing, files, caller, text)
    assert (came.created, came.unchanged, told) == (0, 3, [])
    assert set((await found("Patient")).values()) == {1}


async def test_each_fault_is_told_with_its_file_and_line(enforcing, files, caller, found):
    first = ndjson([
        patient("1", id="p1"),
        b"",
        b"{",
        b"[]",
        {"resourceType": "Spell", "id": "a"},
        {"resourceType": "AuditEvent", "id": "a"},
        goal("Patient/p1", id="g1", lifecycleStatus="no-such"),
    ])  # fmt: skip
    second = ndjson([
        goal("Patient/p1", id="not an id"),
        goal("Patient/p1"),
        goal("Patient/nobody", id="g2"),
        patient("2", id="p1"),
        goal("Patient/p1", id="g3"),
        b'{"resourceType":"Patient","id":"p9","active":true,"active":true}',
        {"resourceType": "Patient", "id": "p8", "meta": {"tag": [
            {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}]}},
    ])  # fmt: skip
    came, told = await imported(enforcing, files, caller, first, second)
    assert places(told) == [
        ("file-0.ndjson, line 3", "json-malformed"),
        ("file-0.ndjson, line 4", "json-not-object"),
        ("file-0.ndjson, line 5", "type-not-served"),
        ("file-0.ndjson, line 6", "interaction-not-offered"),
        ("file-0.ndjson, line 7", "code-not-in-value-set"),
        ("file-1.ndjson, line 1", "id-malformed"),
        ("file-1.ndjson, line 2", "import-unidentified"),
        ("file-1.ndjson, line 3", "reference-missing"),
        ("file-1.ndjson, line 4", "import-repeated"),
        ("file-1.ndjson, line 6", "json-duplicate-key"),
        ("file-1.ndjson, line 7", "resource-subsetted"),
    ]
    assert (came.created, came.refused) == (2, 11)
    assert await found("Goal") == {"g3": 1}


async def test_what_refers_to_a_line_with_faults_is_refused_too(enforcing, files, caller):
    unsound = patient("1", id="p1", gender="no-such")
    _, told = await imported(enforcing, files, caller, ndjson([goal("Patient/p1", id="g"), unsound]))
    assert [slug for _, slug in places(told)] == ["reference-missing", "code-not-in-value-set"]


def chain(count):
    """Organizations, each a part of the one after it."""
    for number in range(count):
        above = {"partOf": {"reference": f"Organization/o{number + 1}"}} if number + 1 < count else {}
        yield {"resourceType": "Organization", "id": f"o{number}", "name": "invented", **above}


async def test_a_long_chain_within_a_type_comes_in_turn_by_turn(enforcing, files, caller, found):
    came, told = await imported(enforcing, files, caller, ndjson(chain(20)))
    assert (came.created, told) == (20, [])
    assert len(await found("Organization")) == 20


async def test_those_that_refer_to_each_other_in_a_ring_come_in_together(enforcing, files, caller):
    ring = list(chain(10))
    ring[-1]["partOf"] = {"reference": "Organization/o0"}
    came, told = await imported(enforcing, files, caller, ndjson(ring))
    assert (came.created, told) == (10, [])


async def test_a_cohort_that_was_written_out_comes_in_whole(enforcing, files, caller, monkeypatch):
    monkeypatch.setattr(importing, "UNIT", 100)
    resources = [each for batch in cohort(12, 1) for each in batch]
    by_type = {}
    for each in resources:
        by_type.setdefault(each["resourceType"], []).append(each)
    texts = [ndjson(reversed(of_type)) for _, of_type in sorted(by_type.items())]
    came, told = await imported(enforcing, files, caller, *texts)
    assert told == []
    assert came.created == len(resources)
    came, told = await imported(enforcing, files, caller, *texts)
    assert (came.unchanged, told) == (len(resources), [])


async def test_what_the_caller_may_not_is_refused_line_by_line(context, files, caller, found):  # noqa: F811
    await imported(context, files, caller, ndjson([patient("1", id="p1")]))
    other = replace(caller, client="other", agency="other", administrator=False)
    came, told = await imported(
        context, files, other, ndjson([patient("1", id="p1", active=True), patient("2", id="p2")])
    )
    assert places(told) == [("file-0.ndjson, line 1", "id-taken")]
    assert came.created == 1
    assert await found("Patient") == {"p1": 1, "p2": 1}


async def test_who_does_not_choose_ids_creates_none(context, files, caller):  # noqa: F811
    other = replace(caller, administrator=False, chooses_ids=False)
    _, told = await imported(context, files, other, ndjson([patient("1", id="p1")]))
    assert [slug for _, slug in places(told)] == ["resource-missing"]


@pytest.mark.parametrize("seed", range(6))
async def test_whoever_is_killed_and_however_often_every_line_is_there_once(
    enforcing, files, caller, found, clock, seed
):
    chance = random.Random(seed)
    lines = [*people(12), goal("Patient/nobody", id="lost"), *chain(8)]
    chance.shuffle(lines)
    job = await begun(enforcing, files, caller, ndjson(lines[::2]), ndjson(lines[1::2]))
    jobs = enforcing.store.jobs
    for _ in range(400):
        task = await jobs.claim("w", KINDS)
        if task is None:
            break
        if chance.random() < 0.4:
            # Killed before anything was done, or after all of it but the word that it was.
            if chance.random() < 0.7:
                await Importing().perform(enforcing, files, task)
            clock.now += 60_000
            continue
        assert await jobs.complete(task, await Importing().perform(enforcing, files, task))
    found_job = await jobs.find(job.locality, job.id)
    assert found_job.state == "done", found_job.fault
    came = await counts(enforcing, found_job)
    assert came.finished == len(lines) == found_job.done == found_job.total
    told = await faults(enforcing, files, found_job)
    assert [slug for _, slug in places(told)] == ["reference-missing"]
    assert await found("Observation") == {f"s{number}": 1 for number in range(12)}
    assert await found("Goal") == {f"g{number}": 1 for number in range(12)}
    assert await found("Organization") == {f"o{number}": 1 for number in range(8)}


async def test_who_keeps_files_elsewhere_is_told_so_and_others_go_on(enforcing, files, caller, tmp_path):
    job = await begun(enforcing, files, caller, ndjson(people(2)))
    jobs, elsewhere = enforcing.store.jobs, FolderFiles(tmp_path / "elsewhere")
    assert await one_task(enforcing, elsewhere)  # which looks at no file
    task = await jobs.claim("w", KINDS)
    with pytest.raises(Unavailable) as refused:
        await Importing().perform(enforcing, elsewhere, task)
    assert [issue.slug for issue in refused.value.issues] == ["import-file-missing"]
    await jobs.release(task)
    assert (await finished(enforcing, files, job)).state == "done"
    assert (await counts(enforcing, job)).created == 6


@pytest.mark.parametrize(("together", "units"), [(0, [3, 3, 3]), (1, [3, 3, 3]), (4, [3, 6]), (100, [3, 6])])
async def test_a_unit_is_stored_whole_or_not_at_all(enforcing, files, caller, moments, together, units):
    """All versions of a unit have one moment, which no version of another unit has. Tasks are of six lines."""
    text = ndjson(patient(str(number), id=f"p{number}") for number in range(9))
    await imported(enforcing, files, caller, text, together=together)
    assert sorted((await moments("Patient")).values()) == units


@pytest.mark.parametrize(
    ("together", "units"),
    [(0, [3, 3, 2, 4]), (3, [3, 3, 6]), (4, [6, 6]), (7, [8, 4]), (9, [12]), (100, [12])],
)
def test_units_are_stored_together_until_they_are_enough(together, units):
    found = [Line(0, number, b"line") for number in range(12)]
    parts = list(importing._units(found, [3, 3, 2, 4], together))
    assert [len(part) for part in parts] == units
    assert [line for part in parts for line in part] == found


def test_units_of_many_bytes_are_not_stored_together(monkeypatch):
    monkeypatch.setattr(importing, "UNIT_BYTES", 10)
    found = [Line(0, number, b"x" * size) for number, size in enumerate([4, 5, 1, 9, 20, 1])]
    parts = importing._units(found, [1] * 6, 100)
    assert [[len(line.raw) for line in part] for part in parts] == [[4, 5, 1], [9, 20], [1]]


def test_tasks_become_smaller_where_few_lines_are_left(monkeypatch):
    """So that those who share a level end it together."""
    monkeypatch.setattr(importing, "UNIT", 100)
    monkeypatch.setattr(importing, "UNITS", 2)
    monkeypatch.setattr(importing, "LEAST", 40)
    monkeypatch.setattr(importing, "SHARE", 4)
    tasks = []
    written = b"".join(importing._cut(([b"line\n"] for _ in range(1_000)), tasks, 1_000))
    sizes = [sum(units) for _, _, units in tasks]
    assert sizes == [200, 200, 150, 112, 84, 63, 47, 40, 40, 40, 24]
    assert max(unit for *_, units in tasks for unit in units) == 100
    assert [(start, end) for start, end, _ in tasks] == [
        (5 * sum(sizes[:place]), 5 * sum(sizes[: place + 1])) for place in range(len(sizes))
    ]
    assert len(written) == 5_000


def test_what_is_tried_together_at_last_is_not_cut_smaller(monkeypatch):
    monkeypatch.setattr(importing, "MOST_TOGETHER", 300)
    monkeypatch.setattr(importing, "UNITS", 2)
    tasks = []
    list(importing._cut(([b"line\n"] for _ in range(1_000)), tasks, 1_000, last=True))
    assert [units for *_, units in tasks] == [[300, 300], [300, 100]]
