"""Jobs whose outcome can be told to the last line: of a kind for tests, exports, and imports.

Source: ADR 0024
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from benchmarks.durability.job_rounds import Errand
from service.access.callers import Caller
from service.bulk import acting, exporting, importing
from service.bulk.export_request import EXPORT, ExportRequest
from service.bulk.import_request import IMPORT, ImportRequest, Source
from service.bulk.running import Runner
from service.fhir import codec
from service.sandbox.cohort import cohort
from service.sandbox.loading import load
from service.storage.jobs import File, Job, folder, new_job_id
from tests.bulk.counting import FIRST, expected, job, written

if TYPE_CHECKING:
    from random import Random

    from service.interactions.context import Context

Ask = Callable[["Context", "Random"], Awaitable[Sequence[Errand]]]
"""Makes up the jobs of a round."""
CLIENTS: Final = ("analyst", "board", "epr")
LOCALITY: Final = "default"
ADMINISTRATOR: Final = Caller("analyst", "", LOCALITY, administrator=True, chooses_ids=True)
PATIENTS: Final = 400
"""Young people of the store that is exported: some 26,000 resources, so that a fault falls into most exports."""
FEWEST: Final = 3  # types of an export
IMPORTED: Final = 15
"""Young people of an import at most: some 1,700 lines, which are several units."""
JOBS: Final = (3, 7)  # of the kind for tests, in a round
BESIDE: Final = (1, 2)  # the same, beside exports and imports, which they must not crowd out
KEPT: Final = 3_600_000
"""Units: milliseconds for which the files of a job are kept."""
TYPES: Final = ("Goal", "Group", "Observation", "Patient", "QuestionnaireResponse")


@dataclass(frozen=True, slots=True)
class Count:
    """A job of the kind for tests."""

    job: Job

    async def begin(self, context: Context) -> None:
        """As `Errand.begin`."""
        await context.store.jobs.add(self.job, (FIRST,))

    async def faults(self, context: Context) -> Sequence[str]:
        """As `Errand.faults`: its lines, its progress and its results are exactly those of its tasks."""
        request = json.loads(self.job.request)
        found, wanted = await written(context.files, context.store.jobs, self.job), expected(request)
        ended = await context.store.jobs.find(self.job.locality, self.job.id)
        total = request["tasks"] * request["lines"]
        wrong = []
        if found != wanted:
            wrong.append(f"{len(found)} bytes are not the {len(wanted)} that there should be")
        if ended is None or (ended.done, ended.total) != (total, total):
            wrong.append("its progress is not what was done")
        results = [each for _, each in await context.store.jobs.results(self.job.locality, self.job.id)]
        if results != [b"%d" % part for part in range(request["tasks"])]:
            wrong.append("its results are not those of its tasks")
        return wrong

    async def halves(self, context: Context) -> Sequence[str]:  # noqa: ARG002 - the protocol's
        """As `Errand.halves`: whoever judges looks for files that are left when all is over."""
        return []


async def counts(context: Context, random: Random, number: tuple[int, int] = JOBS) -> Sequence[Errand]:
    """Some jobs of several clients, of any size and shape."""
    return [
        Count(
            job(
                context.clock(),
                client=random.choice(CLIENTS),
                tasks=random.randint(1, 20),
                lines=random.randint(1, 200),
                stride=random.randint(1, 4),
                seconds=random.uniform(0, 0.9),
                wide=random.choice((1, 1, 100)),
                levels=random.random() < 0.5,
            )
        )
        for _ in range(random.randint(*number))
    ]


@dataclass(frozen=True, slots=True)
class Exported:
    """An export of a store that stays as it is, and what an undisturbed one of the same gave."""

    job: Job
    wanted: tuple[tuple[File, bytes], ...]

    async def begin(self, context: Context) -> None:
        """As `Errand.begin`."""
        await context.store.jobs.add(self.job, (exporting.FIRST,))

    async def faults(self, context: Context) -> Sequence[str]:
        """As `Errand.faults`: byte for byte what the undisturbed export gave."""
        found = await _exported(context, self.job)
        if len(found) != len(self.wanted):
            return [f"{len(found)} files are not {len(self.wanted)}"]
        return [
            f"file {at} of {wanted.type} is not that of the undisturbed export"
            for at, ((one, text), (wanted, told)) in enumerate(zip(found, self.wanted, strict=True))
            if text != told or replace(one, path="") != replace(wanted, path="")
        ]

    async def halves(self, context: Context) -> Sequence[str]:  # noqa: ARG002 - the protocol's
        """As `Errand.halves`: whoever judges looks for files that are left when all is over."""
        return []


async def exports(context: Context, random: Random) -> Sequence[Errand]:
    """Exports of all that there is, and of parts of it; the first call fills the store."""
    found = await context.store.read(LOCALITY, "Patient", "yp-1-000001")
    if found is None:
        await load(context, cohort(PATIENTS, 1), lambda _: None)
    asked = []
    for _ in range(random.randint(2, 4)):
        types = tuple(sorted(random.sample(TYPES, random.randint(FEWEST, len(TYPES)))))
        by = random.choice(("", "Patient")) if "Patient" in types else ""
        asked.append(await _undisturbed(context, random, types, by))
    return asked


async def _undisturbed(
    context: Context, random: Random, types: tuple[str, ...], organized_by: str
) -> Exported:
    """The errand of an export, and what it gives when nobody disturbs it."""
    request = ExportRequest("system", "", "", "GET", types, organized_by=organized_by)
    at = await context.store.exports.moment(LOCALITY)
    one = _job(EXPORT, random, at, request.encode())
    await context.store.jobs.add(one, (exporting.FIRST,))
    runner = Runner(context, context.files, {EXPORT: exporting.Export()})
    await runner.finish(LOCALITY, one.id)
    wanted = tuple(await _exported(context, one))
    await context.store.jobs.cancel(LOCALITY, one.id)
    return Exported(replace(one, id=new_job_id()), wanted)


async def _exported(context: Context, one: Job) -> list[tuple[File, bytes]]:
    return [
        (file, b"".join([chunk async for chunk in context.files.read(file.path)]))
        for file in await context.store.jobs.files(LOCALITY, one.id)
    ]


@dataclass(frozen=True, slots=True)
class Imported:
    """An import of young people whom nobody has seen before, by ids."""

    job: Job
    text: bytes

    async def begin(self, context: Context) -> None:
        """As `Errand.begin`."""
        path = f"{folder(self.job)}input-0"
        await asyncio.to_thread(context.files.put, path, [self.text])
        request = ImportRequest((Source("cohort.ndjson", path),))
        await context.store.jobs.add(replace(self.job, request=request.encode()), (importing.FIRST,))

    async def faults(self, context: Context) -> Sequence[str]:
        """As `Errand.faults`: each line is in the store, stored once, and no line was found wrong."""
        wrong = [fault async for fault in self._lines(context, all_of_them=True)]
        files = await context.store.jobs.files(LOCALITY, self.job.id)
        return [*wrong, *(f"{one.count} lines were found wrong" for one in files if one.kind == "error")]

    async def halves(self, context: Context) -> Sequence[str]:
        """As `Errand.halves`: each line that was stored was stored once, and whole."""
        return [fault async for fault in self._lines(context, all_of_them=False)]

    async def _lines(self, context: Context, *, all_of_them: bool) -> AsyncIterator[str]:
        for line in self.text.splitlines():
            sent = codec.restore(line)
            stored = await context.store.read(LOCALITY, sent["resourceType"], sent["id"])
            of = f"{sent['resourceType']}/{sent['id']}"
            if stored is None:
                if all_of_them:
                    yield f"{of} is not there"
            elif stored.version != 1:
                yield f"{of} has {stored.version} versions"
            elif _bare(codec.restore(stored.body)) != _bare(sent):
                yield f"{of} is not what was sent"


def _bare(resource: Mapping[str, Any]) -> dict[str, Any]:
    """The resource without what the store itself says about it."""
    return {name: value for name, value in resource.items() if name != "meta"}


async def imports(context: Context, random: Random) -> Sequence[Errand]:
    """Imports of a few young people each."""
    return [
        an_import(random, context.clock(), random.randint(1, IMPORTED)) for _ in range(random.randint(2, 4))
    ]


def an_import(random: Random, at: int, patients: int) -> Imported:
    """An import of so many young people, asked for at that moment, in milliseconds since 1970."""
    resources = [one for batch in cohort(patients, random.randint(2, 10**8)) for one in batch]
    random.shuffle(resources)
    return Imported(_job(IMPORT, random, at), b"".join(codec.encode(one) + b"\n" for one in resources))


async def mixed(context: Context, random: Random) -> Sequence[Errand]:
    """Jobs of every kind at once."""
    return [
        *await exports(context, random),
        *await imports(context, random),
        *await counts(context, random, BESIDE),
    ]


def _job(kind: str, random: Random, at: int, request: bytes = b"") -> Job:
    return Job(
        locality=LOCALITY,
        id=new_job_id(),
        kind=kind,
        client=random.choice(CLIENTS),
        agency="",
        state="queued",
        request=request,
        caller=acting.encode(ADMINISTRATOR),
        at=at,
        created=at,
        ended=None,
        expires=at + KEPT,
    )
