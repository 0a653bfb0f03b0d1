"""Exports carried out task by task, in any order and as often as one likes, and what is in their files."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Any

from service.access.callers import Caller
from service.access.scopes import read_scopes
from service.bulk import acting
from service.bulk.export_request import EXPORT, ExportRequest
from service.bulk.exporting import FIRST, Export
from service.interactions.context import Context
from service.interactions.searching import setting_of
from service.storage.audit import unpacked
from service.storage.files import Files
from service.storage.jobs import File, Job, Outcome, Task, new_job_id
from tests.storage.builders import LOCALITY
from tests.storage.circle import CAMHS

ADMINISTRATOR = Caller("analyst", "camhs", LOCALITY, administrator=True)
HOUR = 3_600_000
TYPES = ("Observation", "Patient")
COHORT = ("Group", "List", "Observation", "Patient")


def request(*types: str, **more: Any) -> ExportRequest:
    return ExportRequest(
        **{"level": "system", "group": "", "url": "", "method": "GET", "types": types} | more
    )


async def job(context: Context, asked: ExportRequest, caller: Caller = ADMINISTRATOR) -> Job:
    """A job of an export that is asked for now."""
    at = await context.store.exports.moment(caller.locality)
    return Job(
        locality=caller.locality,
        id=new_job_id(),
        kind=EXPORT,
        client=caller.client,
        agency=caller.agency,
        state="queued",
        request=asked.encode(),
        caller=acting.encode(caller),
        at=at,
        created=at,
        ended=None,
        expires=at + HOUR,
    )


@dataclass
class Exported:
    """What came of an export."""

    job: Job
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    texts: dict[tuple[int, int], bytes] = field(default_factory=dict)

    @property
    def files(self) -> list[File]:
        """Its files in their order."""
        return [one for number in sorted(self.outcomes) for one in self.outcomes[number].files]

    def text(self, one: File) -> bytes:
        """The bytes of a file."""
        return self.texts[one.task, one.ordinal]

    def lines(self, kind: str = "output", type_: str | None = None) -> list[bytes]:
        """The lines of all files of the kind, in order."""
        found = []
        for one in self.files:
            if one.kind == kind and type_ in {None, one.type}:
                lines = self.text(one).splitlines()
                assert len(lines) == one.count > 0
                found += lines
        return found

    def ids(self, type_: str | None = None) -> list[str]:
        """Types and ids of what was exported, in order."""
        decoded = map(json.loads, self.lines(type_=type_))
        return [f"{one['resourceType']}/{one.get('id', '')}" for one in decoded]

    def deleted(self) -> set[str]:
        """What the files say to delete."""
        bundles = map(json.loads, self.lines("deleted"))
        urls = [entry["request"]["url"] for bundle in bundles for entry in bundle["entry"]]
        assert len(set(urls)) == len(urls)
        return set(urls)

    def children(self) -> dict[str, set[int]]:
        """The young people in the files, with the grounds."""
        found: dict[str, set[int]] = defaultdict(set)
        for one in self.files:
            for child, ground in unpacked(one.children):
                found[child].add(ground)
        return found


async def carried(
    context: Context, files: Files, one: Job, random: Random | None = None, meanwhile: Any = None
) -> Exported:
    """What came of the job, whose tasks are performed in the order of their numbers, or at random, some of them twice.

    `meanwhile` is done before each of them.
    """
    found = Exported(one)
    waiting = {0: FIRST}
    lasts: set[int] = set()
    attempts: dict[int, int] = defaultdict(int)
    count = 1
    kind = Export()
    while waiting:
        # Those that wait for all before them may be performed when there are none.
        ready = [each for each in waiting if each not in lasts or each == min(waiting)]
        number = min(ready) if random is None else random.choice(ready)
        if meanwhile is not None:
            await meanwhile()
        attempts[number] += 1
        task = Task(one, number, attempts[number], waiting[number])
        outcome = await kind.perform(context, files, task)
        if random is not None and random.random() < 0.3:
            continue  # whoever had it was killed before it could say so
        del waiting[number]
        found.outcomes[number] = outcome
        for what in (*outcome.more, *outcome.then):
            waiting[count] = what
            count += 1
        lasts.update(range(count - len(outcome.then), count))
        for file in outcome.files:
            text = b"".join([chunk async for chunk in files.read(file.path)])
            assert len(text) == file.size
            found.texts[file.task, file.ordinal] = text
    return found


async def exported(
    context: Context, files: Files, *types: str, caller: Caller = ADMINISTRATOR, **more: Any
) -> Exported:
    """What comes of an export."""
    return await carried(context, files, await job(context, request(*types, **more), caller))


async def in_thread(work: Any) -> Any:
    """What blocking work gives."""
    return await asyncio.to_thread(work)


def token(around, scopes, **more):
    """A caller whose token has these scopes."""
    return Caller("epr", CAMHS, LOCALITY, scopes=read_scopes(setting_of(around), scopes), **more)


def group(id_: str, *members: str) -> dict:
    return {
        "resourceType": "Group",
        "id": id_,
        "type": "person",
        "actual": True,
        "member": [{"entity": {"reference": f"Patient/{each}"}} for each in members],
    }


def listed(id_: str, of: str, source: str) -> dict:
    return {
        "resourceType": "List",
        "id": id_,
        "status": "current",
        "mode": "working",
        "subject": {"reference": f"Patient/{of}"},
        "source": {"reference": f"Patient/{source}"},
    }
