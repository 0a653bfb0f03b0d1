"""What tests of bulk data ask with: a client of an app whose jobs are worked at beside it, in the same process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from service.access.callers import Caller
from service.bulk.export_request import EXPORT
from service.bulk.running import Kind, Pace, Runner
from service.interactions.context import Context
from service.storage.audit import packed
from service.storage.files import Files
from service.storage.jobs import File, FileKind, Outcome, Task

ASYNC = {"prefer": "respond-async", "accept": "application/fhir+json"}
PATIENCE = 60  # seconds

Found = TypeVar("Found")


@dataclass
class Known:
    """A gate that knows who comes."""

    caller: Caller

    async def admit(self, fields: Any) -> Caller:
        del fields
        return self.caller


@dataclass
class Made:
    """A file that a task of `Scripted` makes: lines of any kind and type, about these young people."""

    lines: Sequence[bytes]
    type: str = "Patient"
    kind: FileKind = "output"
    children: tuple[tuple[str, int], ...] = ()


@dataclass
class Scripted:
    """A kind of job whose tasks make what a test says, each when it is let: task 0 plans, the next ones follow.

    `gates` hold back tasks by number; `faults` are raised by them.
    """

    tasks: Sequence[Sequence[Made]]
    gates: dict[int, asyncio.Event] = field(default_factory=dict)
    faults: dict[int, Exception] = field(default_factory=dict)

    async def perform(self, context: Context, files: Files, task: Task) -> Outcome:
        del context
        if task.number in self.gates:
            await self.gates[task.number].wait()
        if task.number in self.faults:
            raise self.faults[task.number]
        made = []
        wanted = self.tasks[task.number] if task.number < len(self.tasks) else ()
        for ordinal, one in enumerate(wanted):
            path = task.path(ordinal)
            size = await asyncio.to_thread(files.put, path, task.held(one.lines))
            children = packed(one.children)
            made.append(File(task.number, ordinal, one.kind, one.type, path, len(one.lines), size, children))
        more = tuple(b"next" for _ in self.tasks[1:]) if task.number == 0 else ()
        done = sum(len(one.lines) for one in wanted)
        total = sum(len(one.lines) for each in self.tasks for one in each) if task.number == 0 else None
        return Outcome(files=tuple(made), more=more, done=done, total=total)


def lines(*resources: dict[str, Any]) -> list[bytes]:
    return [json.dumps(each).encode() + b"\n" for each in resources]


@asynccontextmanager
async def working(context: Context, kind: Kind, name: str = EXPORT) -> AsyncIterator[None]:
    """The jobs of the store are worked at meanwhile."""
    stop = asyncio.Event()
    runner = Runner(context, context.files, {name: kind}, pace=Pace(poll=0.02, look=0.1, pauses=(1, 1)))
    running = asyncio.create_task(runner.run(stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def begun(client: httpx.AsyncClient, path: str = "$export", **headers: str) -> str:
    """The address of the job that a kick-off gives."""
    answer = await client.get(f"/fhir/{path}", headers=ASYNC | headers)
    assert answer.status_code == 202, answer.text
    return answer.headers["content-location"]


async def until(look: Callable[[], Awaitable[Found]], true: Callable[[Found], object]) -> Found:
    """The first that is found of which it is true."""
    async with asyncio.timeout(PATIENCE):
        while not true(found := await look()):  # noqa: ASYNC110 - what is waited for happens elsewhere
            await asyncio.sleep(0.02)
        return found


async def ended(client: httpx.AsyncClient, address: str) -> httpx.Response:
    """What the job says when it is not under way any more."""

    async def look() -> httpx.Response:
        answer = await client.get(address, headers={"accept": "application/json"})
        if answer.status_code == 202:
            assert answer.headers["retry-after"].isdigit()
            assert len(answer.headers["x-progress"]) < 100
        return answer

    return await until(look, lambda answer: answer.status_code != 202)
