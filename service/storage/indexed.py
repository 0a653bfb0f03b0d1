"""What the index tables are complete for, and who keeps them so.

A search parameter may be searched by where every stored resource has the rows that its
definition calls for. `indexed_parameter` says for which names that is so, and by the
digest of which definition. It can only stay so while every process that writes makes
these rows; so each puts the digest of all its definitions into `index_writer`, and before
it does, takes the marks away from whatever it would not keep. A unit is stored only where
its writer's digest is there. Who marks something as complete removes the others' digests
first: these come back, and take the mark away again, as soon as such a process writes.

Source: docs/search-parameters.md, ADR 0002
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from service.fhir.search.digests import Definitions
from service.storage.names import Kind
from service.storage.tables import DELETED

if TYPE_CHECKING:
    from service.storage.sessions import Session

# Units: seconds that a process goes by what it last read of the marks, and seconds that one which takes marks
# away waits before it writes: the longer, so that nobody goes by a mark that no longer holds.
KNOWN_FOR = 1.0
NOTICE = 2.0

# What migration 0002 put for a digest: rows as the first program made them.
FIRST = "0001"

MARKS = "SELECT name, digest FROM indexed_parameter"
_WRITERS = "SELECT definitions FROM index_writer"

OpenSession = Callable[[], "AbstractAsyncContextManager[Session]"]
ReadMarks = Callable[[], Awaitable[Iterable[tuple[str, str]]]]


class Indexed:
    """What is complete, as one process sees it by its own definitions."""

    def __init__(self, definitions: Definitions, session: OpenSession) -> None:
        self.definitions = definitions
        self._session = session
        self._announcing = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._read_at: float | None = None
        self._marks: Mapping[str, str] | None = None
        self._pending: Mapping[str, frozenset[str]] = {}

    async def announce(self) -> None:
        """Says by what this process indexes; from here on it may write."""
        async with self._announcing, self._session() as session:
            await announce(session, self.definitions)

    async def start(self) -> None:
        """As `announce`; and of types of which nothing is stored yet, everything is complete."""
        async with self._announcing, self._session() as session:
            await announce(session, self.definitions)
            await settle_empty(session, self.definitions)

    async def pending(self, read: ReadMarks) -> Callable[[str], frozenset[str]]:
        """By type, the index codes for which the index is not complete; read anew every `KNOWN_FOR` seconds."""
        now = asyncio.get_running_loop().time()
        if self._read_at is None or now - self._read_at > KNOWN_FOR:
            async with self._reading:
                await self._refresh(read)
        return lambda type_: self._pending.get(type_, frozenset())

    async def _refresh(self, read: ReadMarks) -> None:
        now = asyncio.get_running_loop().time()
        if self._read_at is not None and now - self._read_at <= KNOWN_FOR:
            return  # another task read them while this one waited
        marks = {row[0]: row[1] for row in await read()}
        self._read_at = now
        if marks != self._marks:
            self._marks = marks
            self._pending = by_type(waiting(self.definitions, marks))


def waiting(definitions: Definitions, marks: Mapping[str, str]) -> list[str]:
    """The names for which the index is not complete by these definitions."""
    return [name for name, digest in definitions.digests.items() if marks.get(name) != digest]


def by_type(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """The codes of names by type."""
    found: dict[str, set[str]] = {}
    for name in names:
        type_, _, code = name.partition(".")
        found.setdefault(type_, set()).add(code)
    return {type_: frozenset(codes) for type_, codes in found.items()}


async def marks(session: Session) -> dict[str, str]:
    """The digests of what the index is complete for, by name."""
    rows: list[tuple[str, str]] = await session.fetch(MARKS)
    return dict(rows)


async def writers(session: Session) -> set[str]:
    """The digests of the definitions by which processes write."""
    return {whole for (whole,) in await session.fetch(_WRITERS)}


async def announce(session: Session, definitions: Definitions) -> None:
    """Makes sure that nothing counts as complete which a process with these definitions would not keep so."""
    if definitions.whole in await writers(session):
        return
    waited = False
    while True:
        async with session.writing():
            lost = await _withdraw(session, definitions)
            # Another process with these very definitions may have taken the marks away a moment ago: so it is
            # waited whether or not there was one left, but where nobody has written yet.
            if not await writers(session) or (waited and not lost):
                await session.run(
                    "INSERT INTO index_writer (definitions) VALUES ($1) ON CONFLICT DO NOTHING",
                    definitions.whole,
                )
                return
        await asyncio.sleep(NOTICE)
        waited = True


async def _withdraw(session: Session, definitions: Definitions) -> int:
    """How many marks were taken away: of names that are not in the definitions, or by another digest."""
    found = await marks(session)
    standing = [name for name, digest in found.items() if digest == FIRST and name in definitions.first]
    for name in standing:
        found[name] = definitions.digests[name]
    lost = [name for name, digest in found.items() if definitions.digests.get(name) != digest]
    await session.run_many(
        "UPDATE indexed_parameter SET digest = $2 WHERE name = $1",
        [(name, definitions.digests[name]) for name in standing],
    )
    await session.run_many("DELETE FROM indexed_parameter WHERE name = $1", [(name,) for name in lost])
    await session.run("DELETE FROM reindex_progress WHERE digest <> $1", definitions.whole)
    return len(lost)


async def settle_empty(session: Session, definitions: Definitions) -> None:
    """Marks everything of types of which no current resource is stored as complete."""
    pending = by_type(waiting(definitions, await marks(session)))
    if not [type_ for type_ in pending if await is_empty(session, type_)]:
        return
    async with session.writing():
        if not await count_on_ours(session, definitions):
            return
        empty = [type_ for type_ in pending if await is_empty(session, type_)]
        await mark(session, definitions, [f"{type_}.{code}" for type_ in empty for code in pending[type_]])


async def count_on_ours(session: Session, definitions: Definitions) -> bool:
    """Whether these definitions are announced; then others no longer are. Wants a write transaction."""
    if definitions.whole not in await writers(session):
        return False
    await session.run("DELETE FROM index_writer WHERE definitions <> $1", definitions.whole)
    return True


async def mark(session: Session, definitions: Definitions, names: Iterable[str]) -> None:
    """Marks names as complete."""
    await session.run_many(
        "INSERT INTO indexed_parameter (name, digest) VALUES ($1, $2)"
        " ON CONFLICT (name) DO UPDATE SET digest = excluded.digest",
        [(name, definitions.digests[name]) for name in sorted(names)],
    )


async def is_empty(session: Session, type_: str) -> bool:
    """Whether no current resource of the type is stored in any locality."""
    stored = (
        "SELECT 1 FROM resource WHERE locality = $1"
        " AND type = (SELECT code FROM name WHERE kind = $2 AND text = $3) AND method <> $4 LIMIT 1"
    )
    for (locality,) in await session.fetch("SELECT code FROM name WHERE kind = $1", Kind.LOCALITY):
        if await session.fetch(stored, locality, Kind.TYPE, type_, DELETED):
            return False
    return True
