"""The power fails while an import runs and others write: what a disk that forgets has left then, and what becomes of it.

An import, and a server to which somebody writes, are recorded once. Then the power fails at many moments of that: each
time the files are laid out as the disk may have them, and the import goes on. Every write that was acknowledged before
must be there, every line of the import exactly once, and the whole store must be sound.

Source: ADR 0026, ADR 0010, docs/performance.md
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random
from typing import TYPE_CHECKING, Final, get_args

from benchmarks import servers
from benchmarks.durability.forgetting import Disk, Memory, Unrecorded, laid_out, there
from benchmarks.durability.job_errands import LOCALITY, Imported, an_import
from benchmarks.durability.recording import Kind, Recording
from benchmarks.servers import NotServing, Server
from benchmarks.target import FHIR_JSON
from service import asgi
from service.access.rule import sharing_rule
from service.commands.starting import kernel
from service.fhir import codec
from service.sandbox.cohort import cohort
from service.sandbox.loading import load
from service.settings import read
from service.storage.checking import check
from service.storage.open import migrate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from service.interactions.context import Context

PATIENTS: Final = 120
"""Young people of the import: some 7,600 lines, which are several tasks."""
IMPORT_SECONDS: Final = 600.0
WRITTEN: Final = "Organization"
"""The type of what is written beside the import."""
MANY: Final = 20  # of these, each gets a next version in its turn
IMPORTED: Final = "imported"
"""What is noted when the import has said that it is done."""
BASE_URL: Final = "http://thrive.example/fhir"
_MEMORIES: Final[tuple[Memory, ...]] = get_args(Memory)


@dataclass(frozen=True, slots=True)
class Outage:
    """What came of a moment, which lies behind so many events. `memory` is how much the disk kept of the rest.

    `open` bytes were written by then that nobody had synced. `acknowledged` are the writes of clients before it,
    `stored` the lines of the import that were there before it went on.
    """

    number: int
    memory: Memory
    events: int
    open: int
    acknowledged: int
    stored: int = 0
    faults: tuple[str, ...] = ()


@dataclass(slots=True)
class _Told:
    """What somebody was told before the moment, and counts on."""

    versions: dict[str, int] = field(default_factory=dict)  # acknowledged, by id
    acknowledged: int = 0
    is_imported: bool = False

    def take(self, note: str) -> None:
        match note.split():
            case [id_, version]:
                self.versions[id_] = int(version)
                self.acknowledged += 1
            case [word] if word == IMPORTED:
                self.is_imported = True
            case _:
                raise ValueError(note)


def outages(count: int, seed: int, patients: int = PATIENTS, *, alone: bool = False) -> Iterator[Outage]:
    """Record once, and yield what came of so many moments, in their order. `alone`: nobody writes beside the import.

    Raises:
        NotServing: the server or the import did not do what was asked.
        Unrecorded: something was done that the recording does not tell of.
    """
    random = Random(seed)
    with servers.place("sqlite") as where:
        root = where.folder.resolve()
        (root / "disk").mkdir()
        before = _Place(root / "disk")
        import_ = asyncio.run(before.begin(random, patients))
        recording = Recording(before.folder, root / "recorded")
        recording.compile()
        disk = Disk(before.folder)
        _record(before, import_, recording, alone=alone)
        moments = sorted(random.sample(range(sum(1 for _ in recording.events())), count))
        yield from _struck(before, import_, recording, disk, moments, random)


def _struck(
    before: _Place,
    import_: Imported,
    recording: Recording,
    disk: Disk,
    moments: Sequence[int],
    random: Random,
) -> Iterator[Outage]:
    """What came of each of the moments, which are numbers of events; then the recording itself is looked at."""
    told = _Told()
    due = iter(enumerate(moments))
    number, moment = next(due, (0, -1))
    for events, event in enumerate(recording.events()):
        disk.follow(event)
        if event.kind == Kind.NOTE:
            told.take(event.data.decode())
        if events == moment:
            memory = _MEMORIES[number % len(_MEMORIES)]
            after = _Place(before.folder.with_name(f"after-{number}"))
            after.folder.mkdir()
            laid_out(disk.left(memory, random), after.folder)
            outage = Outage(number, memory, events, disk.open, told.acknowledged)
            yield asyncio.run(after.outage(outage, import_, told))
            shutil.rmtree(after.folder)
            number, moment = next(due, (0, -1))
    if disk.left("all", random) != there(before.folder):
        raise Unrecorded("the files that are there are not what was recorded")


class _Place:
    """A folder with a database and files, and what is done with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "THRIVE_DATABASE_URL": f"sqlite:///{folder / 'thrive.db'}",
            "THRIVE_FILES_URL": str(folder / "files"),
            "THRIVE_BASE_URL": BASE_URL,
        }
        self._settings = read(self.environment)
        self._parts = kernel(self._settings)

    async def begin(self, random: Random, patients: int) -> Imported:
        """A new database with an import in it that nobody works at yet."""
        migrate(self._settings.database_url)
        async with self._opened() as context:
            await load(context, cohort(1, 1), lambda _: None)  # else the sandbox would begin with more
            import_ = an_import(random, context.clock(), patients)
            await import_.begin(context)
        return import_

    def _opened(self) -> AbstractAsyncContextManager[Context]:
        return asgi.opened(self._settings, self._parts)

    def finish(self, import_: Imported, further: Mapping[str, str] | None = None) -> None:
        """Goes on with the import until it is done, with more in the environment. Raises NotServing."""
        environment = {**self.environment, **(further or {})}
        server = Server(self.folder, self.environment["THRIVE_DATABASE_URL"], 1, further=environment)
        server.run("import", "--resume", import_.job.id, "--workers=2", timeout=IMPORT_SECONDS)

    async def outage(self, outage: Outage, import_: Imported, told: _Told) -> Outage:
        """What came of the outage: what is wrong now, and when the import has gone on."""
        async with self._opened() as context:
            faults = [fault async for fault in _unkept(context, told)]
            if told.is_imported:
                faults += await import_.faults(context)
            halves = await import_.halves(context)
            stored = await _stored(context, import_)
        try:
            await asyncio.to_thread(self.finish, import_)
        except NotServing as failure:
            return replace(outage, stored=stored, faults=(*faults, *halves, str(failure)))
        async with self._opened() as context:
            faults += await import_.faults(context)
        rule = sharing_rule(self._parts.registry, self._parts.base_url)
        parts = self._parts
        report = await check(self._settings.database_url, parts.registry, parts.extractor, rule=rule)
        return replace(outage, stored=stored, faults=(*faults, *halves, *report.faults))


async def _unkept(context: Context, told: _Told) -> AsyncIterator[str]:
    """What is not there of what was acknowledged. A write that was not answered yet may be there or not."""
    for id_, version in told.versions.items():
        stored = await context.store.read(LOCALITY, WRITTEN, id_)
        if stored is None or stored.version < version:
            there = "nothing" if stored is None else f"version {stored.version}"
            yield f"{WRITTEN}/{id_}: version {version} was acknowledged, there is {there}"
        elif codec.restore(stored.body)["name"] != _name(id_, stored.version):
            yield f"{WRITTEN}/{id_} is not what was sent"


async def _stored(context: Context, import_: Imported) -> int:
    """How many of the lines are there."""
    lines = [codec.restore(line) for line in import_.text.splitlines()]
    found = [await context.store.read(LOCALITY, line["resourceType"], line["id"]) for line in lines]
    return sum(each is not None for each in found)


def _record(before: _Place, import_: Imported, recording: Recording, *, alone: bool) -> None:
    """The import is carried out while somebody writes to a server; both are recorded. Raises NotServing."""
    if alone:
        before.finish(import_, recording.environment)
        recording.note(IMPORTED)
        return
    environment = {**before.environment, **recording.environment}
    folder = recording.log.parent
    server = Server(
        folder, before.environment["THRIVE_DATABASE_URL"], 1, arguments=("--sandbox",), further=environment
    )
    server.start()
    try:
        server.await_ready()
        done = threading.Event()
        with ThreadPoolExecutor(max_workers=1) as beside:
            writing = beside.submit(_write, server.port, recording, done)
            try:
                before.finish(import_, recording.environment)
                recording.note(IMPORTED)
            finally:
                done.set()
            writing.result()
        server.stop()
    finally:
        server.kill()


def _write(port: int, recording: Recording, done: threading.Event) -> None:
    """Gives Organizations next versions, one after the other, and notes what is acknowledged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    count = 0
    while not done.is_set():
        version, id_ = count // MANY + 1, f"outage-{count % MANY}"
        body = {"resourceType": WRITTEN, "id": id_, "name": _name(id_, version)}
        headers = {"Content-Type": FHIR_JSON}
        connection.request("PUT", f"/fhir/{WRITTEN}/{id_}", json.dumps(body), headers)
        response = connection.getresponse()
        told = response.read()
        if response.status not in {200, 201}:
            raise NotServing(f"{response.status}: {told.decode(errors='replace')}")
        recording.note(f"{id_} {version}")
        count += 1
    connection.close()


def _name(id_: str, version: int) -> str:
    return f"The name of {id_} in version {version}"
