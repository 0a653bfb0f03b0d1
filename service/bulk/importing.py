"""The kind of job that imports: files are looked through, then their lines stored unit by unit, level by level.

The first task looks through the files and lays their lines down by type. What is referred to is of an
earlier level than what refers to it; the tasks of a level may run at the same time, on any number of
machines, and the next level waits for all of them. Lines that refer to what is not there are put off, and
tried again after the last level as long as that helps; then what is left is tried together, and told of
what is still not there.

A task that is done again, because whoever had it was killed, stores nothing twice: its lines are there.

Source: ADR 0026
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from errno import ENOSPC
from typing import Any, Final

from service.bulk import acting
from service.bulk.import_fetching import Unfetchable, fetched
from service.bulk.import_lines import PEOPLE, PIECE, Laid, lines, read_record, record_of, unpacked
from service.bulk.import_order import levels
from service.bulk.import_request import ImportRequest, import_request
from service.bulk.importing_unit import NOT_THERE, Imported, Line, located, repeated, store
from service.fhir import codec
from service.fhir.problems import Invalid, Problem, TooLarge, Unavailable
from service.interactions.context import Act, Context
from service.interactions.searching import setting_of
from service.storage.files import Files, full
from service.storage.jobs import File, FileKind, Outcome, Task

FIRST: Final = b'{"do":"look"}'
"""What the first task of an import is to do."""
OUTCOMES: Final = "OperationOutcome"
"""The type of what is in the files of faults."""
FETCHED: Final = ""
LAID: Final = "laid"
PUT_OFF: Final = "put-off"
"""What an import keeps for its own further tasks, in place of the type of what is in a file."""

UNPACKED: Final = 16
"""A file may be so many times as large, unpacked, as one that is sent may be packed."""
UNIT: Final = 400
"""Units: lines that are stored in one unit at least, unless there are fewer: they share its commit and the pages that
it writes. Whoever else writes to an SQLite file waits for it, about a tenth of a second."""
LARGE: Final = 1_600
"""The same where nobody is to be spared: it takes a twentieth less time, and others wait a quarter of a second."""
UNITS: Final = 16
"""Units: units of a task, which thus takes about two seconds."""
LEAST: Final = 800
"""Units: lines of a task at least, however few are left of its level."""
SHARE: Final = 4
"""A task has this part at most of the lines of its level that are in none yet: so all who work at it end together."""
UNIT_BYTES: Final = 4 * 1024 * 1024
"""Units: bytes with which a unit is full however few its lines are: all of a task is in memory at once."""
LAST_BYTES: Final = 64 * 1024 * 1024
"""The same, of lines that are tried together at last."""
_MISSING: Final = (
    "A file of the import is not there. Whoever works at it must keep files at the same place (THRIVE_FILES_URL) as"
    " whoever it was given to."
)
_UNITS_HELD: Final = 4  # full ones of a task
MOST_SEEN: Final = 100_000
"""Units: resources of one group that are remembered, to tell whether one is there twice."""
MOST_TOGETHER: Final = 5_000
"""Units: lines that are tried together at last, where each refers to others of them."""

Json = dict[str, Any]
Part = tuple[
    int, int, list[int]
]  # of a file: where a task's records start and end, and how many each unit has
Cut = tuple[str, list[Part]]  # a path, and its parts


@dataclass(slots=True)
class Counts:
    """How many lines came to what."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def finished(self) -> int:
        """All lines of which nothing is left to do."""
        return self.created + self.updated + self.unchanged + self.refused

    def add(self, imported: Imported) -> None:
        """Takes in what came of a unit, those that it refused left out."""
        self.created += imported.created
        self.updated += imported.updated
        self.unchanged += imported.unchanged

    def shown(self) -> Json:
        """As JSON."""
        return asdict(self)


def counted(results: Iterable[bytes]) -> Counts:
    """What came of the lines of an import, by the results of its tasks."""
    whole = Counts()
    for raw in results:
        kept = codec.restore(raw)
        whole.created += kept["created"]
        whole.updated += kept["updated"]
        whole.unchanged += kept["unchanged"]
        whole.refused += kept["refused"]
    return whole


@dataclass(frozen=True, slots=True)
class _Work:
    """What a task works with."""

    context: Context
    files: Files
    task: Task
    request: ImportRequest
    act: Act
    together: int


@dataclass(frozen=True, slots=True)
class Importing:
    """Carries out the tasks of imports: unit by unit as they were laid down, or `together` lines at least at a time."""

    together: int = 0

    async def perform(self, context: Context, files: Files, task: Task) -> Outcome:
        """What came of a task of an import.

        Raises:
            Problem: the import cannot go on.
            Unavailable: it cannot go on here and now; a file of it is not where this process keeps files.
            Lost: the task is not ours any more.
        """
        try:
            return await self._perform(context, files, task)
        except FileNotFoundError as missing:
            raise Unavailable("import-file-missing", _MISSING) from missing

    async def _perform(self, context: Context, files: Files, task: Task) -> Outcome:
        caller = acting.decode(task.job.caller, setting_of(context))
        act = Act(caller, f"{task.job.id}-{task.number}")
        work = _Work(context, files, task, import_request(task.job.request), act, self.together)
        what = codec.restore(task.what)
        match what["do"]:
            case "look":
                return await _fetch(work)
            case "lay":
                return await _lay(work, what["paths"])
            case "store":
                return await _store(work, what)
            case "level":
                return await _give_out(work, what["level"])
            case "end":
                return await _end(work)
            case _:
                return await _again(work, what["before"], what["first"])


async def _fetch(work: _Work) -> Outcome:
    """Fetches what is not here yet; then the files are looked through."""
    paths = []
    kept = []
    for number, source in enumerate(work.request.sources):
        path = source.path
        if not path:
            path = work.task.path(number)
            try:
                chunks = _bounded(fetched(source.address), work.context.limits.import_bytes)
                size = await work.files.receive(path, _held(work.task, chunks))
            except Unfetchable as failure:
                text = f"The file {source.name} cannot be fetched: {failure}."
                raise Invalid("import-source-unfetched", text) from failure
            kept.append(File(work.task.number, number, "input", FETCHED, path, 0, size))
        paths.append(path)
    return Outcome(files=tuple(kept), then=(codec.encode({"do": "lay", "paths": paths}),))


async def _bounded(chunks: AsyncIterator[bytes], most: int) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in chunks:
        size += len(chunk)
        if size > most:
            raise TooLarge("import-too-large", f"A file that is fetched has {most} bytes at most.")
        yield chunk


async def _held(task: Task, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        task.require()
        yield chunk


async def _lay(work: _Work, paths: Sequence[str]) -> Outcome:
    """Lays the lines of all files down by type, in the order in which they will be stored."""
    laid = Laid(work.context.registry.resource_types)
    refused = _Refused()
    try:
        for number, path in enumerate(paths):
            pieces = unpacked(work.files.read(path), work.context.limits.import_bytes * UNPACKED)
            async for line, raw in lines(_held(work.task, pieces)):
                laid.add(number, line, raw)
        planned = []
        kept = []
        for ordinal, heaps in enumerate(levels(laid.refers), 1):
            cut, file = await asyncio.to_thread(_laid_down, work, laid, heaps, ordinal, refused)
            planned.append(cut)
            kept.append(file)
        if refused.count:
            path = work.task.path(0)
            size = await asyncio.to_thread(work.files.put, path, work.task.held(refused.chunks()))
            kept.insert(0, File(work.task.number, 0, "error", OUTCOMES, path, refused.count, size))
    except OSError as failure:
        if failure.errno == ENOSPC:  # of the folder for temporary files
            full(failure)
        raise
    finally:
        refused.close()
        laid.close()
    counts = Counts(refused=refused.count)
    result = codec.encode({"levels": planned, **counts.shown()})
    return Outcome(files=tuple(kept), then=(_level(0),), done=refused.count, total=laid.count, result=result)


class _Refused:
    """What is told of lines that are refused before any is stored, kept outside of memory: they may be all."""

    def __init__(self) -> None:
        self.count = 0
        self._spool = tempfile.SpooledTemporaryFile(PIECE)  # noqa: SIM115 - `close`

    def add(self, told: bytes) -> None:
        self._spool.write(told)
        self.count += 1

    def chunks(self) -> Iterator[bytes]:
        self._spool.seek(0)
        while chunk := self._spool.read(PIECE):
            yield chunk

    def close(self) -> None:
        self._spool.close()


def _laid_down(
    work: _Work, laid: Laid, heaps: Sequence[str], ordinal: int, refused: _Refused
) -> tuple[Cut, File]:
    """The lines of heaps in a file of their own, cut into tasks; a line that is there twice is refused."""
    path = work.task.path(ordinal)
    tasks: list[Part] = []
    groups = (group for heap in heaps for group in _once(work, laid, heap, refused))
    expected = sum(laid.lines[heap] for heap in heaps)
    size = work.files.put(path, work.task.held(_cut(groups, tasks, expected)))
    count = sum(sum(units) for _, _, units in tasks)
    return (path, tasks), File(work.task.number, ordinal, "input", LAID, path, count, size)


def _once(work: _Work, laid: Laid, heap: str, refused: _Refused) -> Iterator[list[bytes]]:
    """The records of the heap, without those of a resource that stood in an earlier line."""
    seen: dict[str, tuple[int, int]] = {}
    before = ""
    for group in laid.groups(heap):
        if heap == PEOPLE:
            # What is the same is about the same young person, and what is parted of one group comes in a row.
            if group[0].head.group != before or len(seen) > MOST_SEEN:
                seen = {}
            before = group[0].head.group
        for record in sorted(group, key=lambda each: each.place):
            of = record.head
            first = seen.setdefault(f"{of.type}/{of.id}", record.place) if of.id else record.place
            if first != record.place:
                refused.add(_told(work, record.line, repeated(*first)))
                group.remove(record)
        yield [record.raw for record in group]


def _cut(
    groups: Iterable[list[bytes]], tasks: list[Part], expected: int, *, last: bool = False
) -> Iterator[bytes]:
    """The records of the groups; `tasks` is told where those of each task stand, and how many each unit has.

    A unit ends with the group that brings it to so many lines or bytes: groups are never parted. Of the
    `expected` lines those at the end are cut into smaller tasks, but not where they are tried together at `last`.
    """
    unit, unit_bytes = (MOST_TOGETHER, LAST_BYTES) if last else (UNIT, UNIT_BYTES)
    start = end = count = begun = 0
    units: list[int] = []
    most = _most(expected, unit, last=last)
    for group in groups:
        chunk = b"".join(group)
        end += len(chunk)
        count += len(group)
        if chunk:
            yield chunk
        if count and (count >= min(unit, most - sum(units)) or end - begun >= unit_bytes):
            units.append(count)
            count, begun = 0, end
        if units and begun == end and (sum(units) >= most or end - start >= unit_bytes * _UNITS_HELD):
            tasks.append((start, end, units))
            expected -= sum(units)
            most = _most(expected, unit, last=last)
            start, units = end, []
    if count:
        units.append(count)
    if units:
        tasks.append((start, end, units))


def _most(left: int, unit: int, *, last: bool) -> int:
    """How many lines a task should have where so many are left."""
    return unit * UNITS if last else min(unit * UNITS, max(LEAST, left // SHARE))


async def _store(work: _Work, what: Json) -> Outcome:
    """Stores the lines of a task, unit by unit."""
    last = bool(what.get("last"))
    counts = Counts()
    faults: list[bytes] = []
    off: list[bytes] = []
    found = await _records(work, what)
    for unit in _units(found, what["units"], work.together):
        work.task.require()
        imported = await store(work.context, work.act, unit, work.task.job.at)
        counts.add(imported)
        for line, problem in imported.refused:
            if not last and all(issue.slug == NOT_THERE for issue in problem.issues if issue.is_fault):
                off.append(record_of(line))
            else:
                counts.refused += 1
                faults.append(_told(work, line, problem))
    kept = []
    if faults:
        kept.append(await _written(work, 0, "error", faults))
    if off:
        kept.append(await _written(work, 1, "input", off))
    return Outcome(files=tuple(kept), done=counts.finished, result=codec.encode(counts.shown()))


async def _records(work: _Work, what: Json) -> list[Line]:
    read = work.files.read(what["path"], what["start"], what["end"])
    whole = b"".join([chunk async for chunk in read])
    return [read_record(record) for record in whole.split(b"\n")[:-1]]


def _units(found: Sequence[Line], sizes: Sequence[int], together: int) -> Iterator[Sequence[Line]]:
    """The lines in units of these sizes, or several of them in one until it has so many lines, or `UNIT_BYTES`."""
    start = end = held = 0
    for size in sizes:
        held += sum(len(line.raw) for line in found[end : end + size])
        end += size
        if end - start >= together or held >= UNIT_BYTES:
            yield found[start:end]
            start, held = end, 0
    if start < end:
        yield found[start:end]


async def _written(work: _Work, ordinal: int, kind: FileKind, records: Sequence[bytes]) -> File:
    path = work.task.path(ordinal)
    size = await asyncio.to_thread(work.files.put, path, [b"".join(records)])
    type_ = OUTCOMES if kind == "error" else PUT_OFF
    return File(work.task.number, ordinal, kind, type_, path, len(records), size)


def _told(work: _Work, line: Line, problem: Problem) -> bytes:
    return codec.encode(located(problem, line, work.request.sources[line.file].name)) + b"\n"


def _level(number: int) -> bytes:
    """The task that gives out those of a level."""
    return codec.encode({"do": "level", "level": number})


def _task(path: str, start: int, end: int, units: Sequence[int], *, last: bool = False) -> bytes:
    return codec.encode(
        {"do": "store", "path": path, "start": start, "end": end, "units": list(units), "last": last}
    )


async def _give_out(work: _Work, level: int) -> Outcome:
    """Gives out the tasks of a level; after the last one, those of the lines that were put off."""
    job = work.task.job
    results = await work.context.store.jobs.results(job.locality, job.id)
    planned = next(kept["levels"] for _, raw in results if "levels" in (kept := codec.restore(raw)))
    if level == len(planned):
        return await _again(work, None, 0)
    path, tasks = planned[level]
    return Outcome(more=tuple(_task(path, *each) for each in tasks), then=(_level(level + 1),))


async def _again(work: _Work, before: int | None, first: int) -> Outcome:
    """Gives out once more the lines that the tasks from `first` on put off, which were `before` the last time.

    Where the last time brought none of them, they are tried together, and then told of.
    """
    job, number = work.task.job, work.task.number
    files = await work.context.store.jobs.files(job.locality, job.id)
    off = [file for file in files if file.type == PUT_OFF and first <= file.task < number]
    count = sum(file.count for file in off)
    if not count:
        return await _end(work)
    is_last = before is not None and count >= before
    laid = Laid(work.context.registry.resource_types)
    try:
        for file in off:
            async for _, record in lines(work.files.read(file.path)):
                line = read_record(record)
                laid.add(line.file, line.number, line.raw)
        heaps = (heap for heaps in levels(laid.refers) for heap in heaps)
        groups = ([record.raw for record in group] for heap in heaps for group in laid.groups(heap))
        tasks: list[Part] = []
        path = work.task.path(0)
        size = await asyncio.to_thread(work.files.put, path, _cut(groups, tasks, count, last=is_last))
    finally:
        laid.close()
    kept = File(number, 0, "input", LAID, path, count, size)
    more = tuple(_task(path, *each, last=is_last) for each in tasks)
    next_ = {"do": "end"} if is_last else {"do": "again", "before": count, "first": number}
    return Outcome(files=(kept,), more=more, then=(codec.encode(next_),))


async def _end(work: _Work) -> Outcome:
    """Removes what the import kept for its own tasks: nobody needs these copies any more."""
    job = work.task.job
    for file in await work.context.store.jobs.files(job.locality, job.id):
        if file.kind == "input":
            await work.files.delete(file.path)
    return Outcome()
