"""`thrive-fhir export`: writes what is stored into files of NDJSON in a folder, as `$export` does for an administrator.

It reads the database itself, and no server needs to run; those that do may write meanwhile. Nothing is in the
folder under its own name before all of it is there.

Source: docs/commands.md, ADR 0025
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import click

from service import asgi
from service.access.callers import DEFAULT_LOCALITY, Caller
from service.bulk.export_request import EXPORT, Level
from service.bulk.exporting import FIRST, Export
from service.commands.starting import kernel
from service.commands.telling import Advance, audited, progress, settings_now, told_plainly
from service.fhir import codec, stamping
from service.fhir.parameters import read as read_inputs
from service.fhir.search.sight import Seen
from service.interactions.context import Act, Context
from service.interactions.noting import exported
from service.operations.beginning import job_of
from service.operations.export_asked import INPUTS, read
from service.operations.operation import Call
from service.storage.audit import Children, unpacked
from service.storage.files_folder import FolderFiles
from service.storage.jobs import File, Job, Outcome, Task
from service.storage.open import NotMigrated, current_revision
from service.storage.tables import REVISION

CLIENT: Final = "export"
"""Who exports by this command."""
UNFINISHED: Final = ".unfinished"
"""The folder in which files are until all of them are there."""
MANIFEST: Final = "manifest.json"
"""What tells of which moment the files are, and which they are."""

Pairs = list[tuple[str, str]]


@click.command("export")
@click.argument("folder", type=click.Path(file_okay=False, writable=True, path_type=Path))
@click.option("--locality", default=DEFAULT_LOCALITY, show_default=True, help="Whose resources.")
@click.option("--type", "types", multiple=True, metavar="TYPE", help="This type alone; may be repeated.")
@click.option("--since", metavar="INSTANT", help="What changed after this, with what was deleted.")
@click.option("--until", metavar="INSTANT", help="The state before this.")
@click.option(
    "--type-filter", "filters", multiple=True, metavar="TYPE?QUERY", help="Of a type, what meets this search."
)
@click.option("--elements", multiple=True, metavar="NAME", help="These elements alone; may be repeated.")
@click.option("--patients", "of_patients", is_flag=True, help="The records of young people alone.")
@click.option(
    "--patient", "patients", multiple=True, metavar="ID", help="The record of this one; may be repeated."
)
@click.option("--group", metavar="ID", help="The records of the members of this Group.")
@click.option(
    "--by-patient", is_flag=True, help="Put each record together, in place of a file for each type."
)
def export(folder: Path, locality: str, group: str | None, *, of_patients: bool, **given: Any) -> None:
    """Write what is stored, as it is now, into NDJSON files in an empty FOLDER."""
    if folder.exists() and any(path.name != UNFINISHED for path in folder.iterdir()):
        raise click.ClickException(f"{folder} is not empty.")
    level: Level = "Group" if group else "Patient" if of_patients or given["patients"] else "system"
    with told_plainly():
        settings = settings_now()
        parts = kernel(settings)
        asgi.settle()
        if asyncio.run(current_revision(settings.database_url)) != REVISION:
            raise NotMigrated

        async def run() -> Writing:
            async with asgi.opened(settings, parts) as context:
                job = await asked(context, locality, level, group or "", given)
                return await written(context, job, folder, settings.job_tasks, query_of(level, group, given))

        writing = asyncio.run(run())
    for type_, count in sorted(writing.counts.items()):
        click.echo(f"{type_}: {count}")
    click.echo(
        f"All of it is as it was at {stamping.instant(writing.job.at)}; next time say --since with that."
    )


async def asked(context: Context, locality: str, level: Level, group: str, given: dict[str, Any]) -> Job:
    """The export that the options ask for.

    Raises:
        Malformed: something is not understood.
    """
    pairs = _pairs(given)
    act = Act(Caller(CLIENT, "", locality, administrator=True), CLIENT)
    call = Call(
        "Patient" if level == "Patient" else group and "Group", group, read_inputs(INPUTS, pairs, None)
    )
    request = replace(await read(context, act, call, level), patients=tuple(given["patients"]))
    at = await context.store.exports.moment(locality)
    return job_of(context, act, EXPORT, request.encode(), at)


def _pairs(given: dict[str, Any]) -> Pairs:
    """The options as parameters of `$export`; whose records are wanted is none of them."""
    pairs: Pairs = [("_type", type_) for type_ in given["types"]]
    pairs += [("_typeFilter", text) for text in given["filters"]]
    pairs += [("_elements", text) for text in given["elements"]]
    pairs += [(f"_{name}", given[name]) for name in ("since", "until") if given[name]]
    if given["by_patient"]:
        pairs.append(("organizeOutputBy", "Patient"))
    return pairs


def query_of(level: Level, group: str | None, given: dict[str, Any]) -> str:
    """What is asked for, as the audit is told of it: the address of the `$export` that gives the same."""
    path = {"system": "", "Patient": "Patient/", "Group": f"Group/{group}/"}[level]
    pairs = [*_pairs(given), *(("patient", f"Patient/{id_}") for id_ in given["patients"])]
    return f"{path}$export{'?' if pairs else ''}{urlencode(pairs, safe='/,:', quote_via=quote)}"


@dataclass(slots=True)
class Writing:
    """An export under way in this process: its tasks, and the files that there are so far."""

    job: Job
    context: Context
    files: FolderFiles
    waiting: deque[tuple[int, bytes]] = field(default_factory=lambda: deque([(0, FIRST)]))
    made: list[File] = field(default_factory=list)
    next_number: int = 1
    total: int = 0

    @property
    def counts(self) -> Counter[str]:
        """How many lines there are of each type of file."""
        found: Counter[str] = Counter()
        for one in self.made:
            found[_name(one)] += one.count
        return found

    @property
    def children(self) -> Children:
        """The young people in the files, with the grounds."""
        seen = Seen()
        for one in self.made:
            for child, ground in unpacked(one.children):
                seen.note(child, ground)
        return tuple(seen.children.items())

    async def work(self, tasks: int, advance: Advance) -> None:
        """Performs all tasks, so many at once."""
        running: set[asyncio.Task[Outcome]] = set()
        try:
            while self.waiting or running:
                while self.waiting and len(running) < tasks:
                    running.add(asyncio.create_task(self._perform(*self.waiting.popleft())))
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for one in done:
                    advance(one.result().done)
        finally:
            for one in running:
                one.cancel()

    async def _perform(self, number: int, what: bytes) -> Outcome:
        outcome = await Export().perform(self.context, self.files, Task(self.job, number, 1, what))
        self.made += outcome.files
        for more in outcome.more:
            self.waiting.append((self.next_number, more))
            self.next_number += 1
        return outcome


async def written(context: Context, job: Job, folder: Path, tasks: int, query: str) -> Writing:
    """What came of the export, asked for with that query; its files are in the folder, with a manifest.

    The audit is told first that it was asked for, and then, before there is a file, whose data are in them.

    Raises:
        Problem: it cannot be carried out, or the audit not be told; nothing is in the folder then.
    """
    await audited(context.store.audit, exported(job.locality, query, context.clock()))
    hidden = folder / UNFINISHED
    writing = Writing(job, context, FolderFiles(hidden))
    counts = await context.store.exports.counts(job.locality, sorted(context.registry.served))
    try:
        with progress("Exporting", sum(counts.values())) as advance:
            await writing.work(tasks, advance)
        if children := writing.children:
            await audited(context.store.audit, exported(job.locality, query, context.clock(), children))
        await asyncio.to_thread(_named, writing, folder, hidden)
    finally:
        await asyncio.to_thread(shutil.rmtree, hidden, ignore_errors=True)
    return writing


def _named(writing: Writing, folder: Path, hidden: Path) -> None:
    """Gives all files their names, those of a type numbered in their order, and tells of them in a manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers: Counter[str] = Counter()
    listed: dict[str, list[dict[str, Any]]] = {"output": [], "deleted": [], "error": []}
    for one in sorted(writing.made, key=lambda one: (one.task, one.ordinal)):
        kind = _name(one)
        numbers[kind] += 1
        name = f"{kind}.{numbers[kind]}.ndjson"
        (hidden / one.path).rename(folder / name)
        told = {"type": one.type} if one.type else {}
        listed.setdefault(one.kind, []).append({**told, "url": name, "count": one.count})
    manifest = {
        "transactionTime": stamping.instant(writing.job.at),
        "requiresAccessToken": False,
        **listed,
    }
    (folder / MANIFEST).write_bytes(codec.encode(manifest) + b"\n")


def _name(one: File) -> str:
    """What the names of files like this one begin with."""
    return one.kind if one.kind != "output" else one.type or "Patient"
