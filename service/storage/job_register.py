"""The jobs of one database, and how each database carries out their transactions.

Source: ADR 0024, ADR 0010
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, Protocol, TypeVar

import asyncpg

from service.storage import job_steps as steps
from service.storage.job_steps import Held, Row, Steps
from service.storage.jobs import LEASE, File, Job, Outcome, Task
from service.storage.names import Kind, Names
from service.storage.sqlite_writer import Writer

_Result = TypeVar("_Result")
Fetch = Callable[..., Awaitable[Sequence[Row]]]  # the rows of a text and its arguments
Connect = Callable[[], AbstractAsyncContextManager[asyncpg.pool.PoolConnectionProxy]]

_LOCALITIES: Final = f"SELECT kind, code, text FROM name WHERE kind = {Kind.LOCALITY:d}"  # noqa: S608 - a constant
# So often a claim looks again at once where others had just then taken what it wanted.
_LOOKS: Final = 3


class Pen(Protocol):
    """Carries out the steps of a transaction."""

    async def write(self, begin: Callable[[], Steps[_Result]]) -> _Result:
        """What the steps return: all that they did is durable, or nothing is where they raise."""
        ...


class SqlitePen:
    """Keeps the `Pen` protocol through the one writer of an SQLite file."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def write(self, begin: Callable[[], Steps[_Result]]) -> _Result:
        """As `Pen.write`. Nobody else writes meanwhile, so no row needs to be locked."""

        def run(connection: sqlite3.Connection) -> _Result:
            running = begin()
            try:
                text, arguments = next(running)
                while True:
                    bare = text.format(lock="", skip="").replace("$", "?")
                    text, arguments = running.send(connection.execute(bare, arguments).fetchall())
            except StopIteration as end:
                result: _Result = end.value
                return result

        written: _Result = await self._writer.run(run)
        return written


class PostgresPen:
    """Keeps the `Pen` protocol on a PostgreSQL database."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def write(self, begin: Callable[[], Steps[_Result]]) -> _Result:
        """As `Pen.write`."""
        async with self._connect() as connection, connection.transaction():
            running = begin()
            try:
                text, arguments = next(running)
                while True:
                    locked = text.format(lock=" FOR UPDATE", skip=" FOR UPDATE SKIP LOCKED")
                    rows: Sequence[Row] = await connection.fetch(locked, *arguments)  # type: ignore[assignment]  # a Record is one
                    text, arguments = running.send(rows)
            except StopIteration as end:
                result: _Result = end.value
                return result


class JobRegister:
    """Keeps the `Jobs` protocol."""

    def __init__(
        self,
        names: Names,
        located: Callable[[str], Awaitable[int]],
        fetch: Fetch,
        pen: Pen,
        clock: Callable[[], int],
    ) -> None:
        """`located` gives a locality's number, `clock` milliseconds since 1970."""
        self._names = names
        self._located = located
        self._fetch = fetch
        self._pen = pen
        self._clock = clock
        self._arrived = asyncio.Event()

    async def add(self, job: Job, tasks: Sequence[bytes], most: int = 0) -> bool:
        """As `Jobs.add`."""
        locality = await self._located(job.locality)
        added = await self._pen.write(lambda: steps.add(locality, job, tasks, self._clock(), most))
        if added:
            self._announce()
        return added

    async def find(self, locality: str, id_: str) -> Job | None:
        """As `Jobs.find`."""
        key = _key(id_)
        rows = await self._fetch(steps.FIND, await self._located(locality), key) if key else ()
        return _job(locality, rows[0]) if rows else None

    async def listed(self, locality: str, client: str) -> tuple[Job, ...]:
        """As `Jobs.listed`."""
        rows = await self._fetch(steps.LISTED, await self._located(locality), client)
        return tuple(_job(locality, row) for row in rows)

    async def files(self, locality: str, id_: str) -> tuple[File, ...]:
        """As `Jobs.files`."""
        key = _key(id_)
        rows = await self._fetch(steps.FILES, await self._located(locality), key) if key else ()
        return tuple(map(_file, rows))

    async def file(self, locality: str, id_: str, task: int, ordinal: int) -> File | None:
        """As `Jobs.file`."""
        key = _key(id_)
        if not key:
            return None
        rows = await self._fetch(steps.ONE_FILE, await self._located(locality), key, task, ordinal)
        return _file(rows[0]) if rows else None

    async def results(self, locality: str, id_: str) -> tuple[tuple[int, bytes], ...]:
        """As `Jobs.results`."""
        key = _key(id_)
        rows = await self._fetch(steps.RESULTS, await self._located(locality), key) if key else ()
        return tuple((number, bytes(result)) for number, result in rows if result)

    async def reached(self, locality: str, id_: str) -> int:
        """As `Jobs.reached`."""
        rows = await self._fetch(steps.REACHED, await self._located(locality), _key(id_))
        first: int = rows[0][0]
        return first

    async def claim(self, holder: str, kinds: frozenset[str], lease: int = LEASE) -> Task | None:
        """As `Jobs.claim`: what is open is read first, so that nobody waits for who looks in vain."""
        for _ in range(_LOOKS):
            waiting = _in_turn(await self._fetch(steps.OPEN_JOBS, self._clock()), kinds)
            if not waiting:
                return None
            for locality, job in waiting:
                claimed = await self._claim(locality, job, holder, lease)
                if claimed is not None:
                    return claimed
        return None

    async def _claim(self, locality: int, job: bytes, holder: str, lease: int) -> Task | None:
        now = self._clock()
        claimed = await self._pen.write(lambda: steps.claim(locality, job, holder, now, lease))
        if claimed is None:
            return None
        name = await self._locality(locality)
        return Task(_job(name, claimed.job), claimed.number, claimed.attempt, claimed.what, claimed.faults)

    async def holds(self, task: Task) -> bool:
        """As `Jobs.holds`."""
        return bool(await self._fetch(steps.HELD, *await self._held(task)))

    async def extend(self, task: Task, lease: int = LEASE) -> bool:
        """As `Jobs.extend`."""
        held = await self._held(task)
        return await self._pen.write(lambda: steps.extend(held, self._clock() + lease))

    async def release(self, task: Task) -> None:
        """As `Jobs.release`."""
        held = await self._held(task)
        await self._pen.write(lambda: steps.release(held))
        self._announce()

    async def complete(self, task: Task, outcome: Outcome) -> bool:
        """As `Jobs.complete`."""
        held = await self._held(task)
        counts = await self._pen.write(lambda: steps.complete(held, outcome, self._clock()))
        if outcome.more or outcome.then:
            self._announce()
        return counts

    async def fail(self, task: Task, fault: bytes, *, final: bool, pause: int = 0) -> bool:
        """As `Jobs.fail`."""
        held = await self._held(task)
        return await self._pen.write(lambda: steps.fail(held, fault, self._clock(), pause, final=final))

    async def cancel(self, locality: str, id_: str) -> bool:
        """As `Jobs.cancel`."""
        number, key = await self._located(locality), _key(id_)
        return bool(key) and await self._pen.write(lambda: steps.cancel(number, key, self._clock()))

    async def due(self, now: int) -> tuple[Job, ...]:
        """As `Jobs.due`."""
        found: list[Job] = []
        for locality, *row in await self._fetch(steps.DUE, now):
            job = _job(await self._locality(locality), row)
            if job.is_open or (job.state == "done" and job.expires <= now):
                expired = await self._expire(locality, job, now)
                if expired is None:
                    continue
                job = expired
            found.append(job)
        return tuple(found)

    async def _expire(self, locality: int, job: Job, now: int) -> Job | None:
        row = await self._pen.write(lambda: steps.expire(locality, bytes.fromhex(job.id), now))
        return None if row is None else _job(job.locality, row)

    async def swept(self, job: Job, now: int) -> None:
        """As `Jobs.swept`."""
        locality = await self._located(job.locality)
        await self._pen.write(lambda: steps.swept(locality, bytes.fromhex(job.id), now))

    async def forget(self, job: Job) -> None:
        """As `Jobs.forget`."""
        locality = await self._located(job.locality)
        await self._pen.write(lambda: steps.forget(locality, bytes.fromhex(job.id)))

    async def arrival(self, seconds: float) -> None:
        """As `Jobs.arrival`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._arrived.wait()

    def _announce(self) -> None:
        """Wakes all who wait; who comes later waits for the next."""
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    async def _held(self, task: Task) -> Held:
        locality = await self._located(task.job.locality)
        return Held(locality, bytes.fromhex(task.job.id), task.number, task.attempt)

    async def _locality(self, number: int) -> str:
        """The name of the locality, which another process may have numbered."""
        if not self._names.has(Kind.LOCALITY, number):
            self._names.learn([tuple(row) for row in await self._fetch(_LOCALITIES)])
        return self._names.text(Kind.LOCALITY, number)


def _in_turn(rows: Sequence[Row], kinds: frozenset[str]) -> list[tuple[int, bytes]]:
    """The jobs of which a task can be claimed, by locality and id, those first whose client's turn it is.

    Fairness is between clients, whatever the kinds of their jobs and however many they have.
    """
    load: dict[tuple[int, str], int] = {}
    served: dict[tuple[int, str], int] = {}
    for locality, _, _, client, turn, _, held, _ in rows:
        of = (locality, client)
        load[of] = load.get(of, 0) + held
        served[of] = max(served.get(of, 0), turn)
    ready = [
        (load[locality, client], served[locality, client], turn, created, locality, bytes(job))
        for locality, job, kind, client, turn, created, _, claimable in rows
        if claimable and kind in kinds
    ]
    return [(locality, job) for *_, locality, job in sorted(ready)]


def _key(id_: str) -> bytes:
    """The id as bytes; none where it is no id of a job."""
    try:
        return bytes.fromhex(id_)
    except ValueError:
        return b""


def _job(locality: str, row: Row) -> Job:
    id_, kind, client, agency, state, request, caller, at, created, ended, expires, done, total, fault = row
    return Job(
        locality=locality,
        id=bytes(id_).hex(),
        kind=kind,
        client=client,
        agency=agency,
        state=state,
        request=bytes(request),
        caller=bytes(caller),
        at=at,
        created=created,
        ended=ended,
        expires=expires,
        done=done,
        total=total,
        fault=bytes(fault),
    )


def _file(row: Row) -> File:
    task, ordinal, kind, type_, path, count, size, children = row
    return File(task, ordinal, kind, type_, path, count, size, bytes(children))
