"""Reindexing: index rows of what was stored before a search parameter was known, or was read as it is now.

It goes through the resources of a type in pieces. What a piece lacks is found out beside
the writers; then, in one short transaction in which nobody stores a unit, what was changed
meanwhile is looked at again, the difference is written, and how far we are. A process that
is killed goes on where its last transaction ended.

Source: docs/search-parameters.md, ADR 0010
"""
# ruff: noqa: S608 - the texts are made of names of our own tables and columns; values are arguments

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from service.fhir import codec
from service.fhir.search.derived import STORED
from service.fhir.search.digests import SHARING, definitions
from service.fhir.search.expressions import LATEST
from service.fhir.search.extraction import Reading
from service.storage.indexed import by_type, count_on_ours, mark, marks, waiting, writers
from service.storage.indexing import Indexer
from service.storage.names import Kind, Name, Names
from service.storage.resharing import Reshare
from service.storage.rows import home, selected
from service.storage.sharing import NO_RULE, Rule
from service.storage.tables import DELETED, INDEXES, PARAMETER_INDEXES, index_composite

if TYPE_CHECKING:
    from sqlalchemy import Table

    from service.fhir.registry import Registry
    from service.fhir.search.extraction import Extractor
    from service.storage.sessions import Session

PIECE: Final = 200
"""Resources of one transaction: their rows are written in some hundredths of a second."""
ROWS: Final = 2_000
"""Index rows that are taken away in one transaction."""

_DEEP: Final = 10**6  # nothing that was stored is too deep to be read

Advance = Callable[[int], None]
Begin = Callable[[str, int], AbstractContextManager[Advance]]
Body = tuple[int, int, bytes]  # rid, version, body
Found = dict[int, tuple[set[Any], ...]]  # rows by rid, in the order of the tables


class Voided(Exception):  # noqa: N818 - a state: what was reached does not count any more
    """A process with other search parameters has written; what it wrote may lack rows."""


@dataclass(frozen=True, slots=True)
class Walk:
    """The resources of a type in a locality up to a rid (exclusive), and the codes for which they are gone through."""

    type: str
    locality: int
    number: int
    codes: frozenset[str]
    until: int


@dataclass(slots=True)
class Report:
    """How many parameters were made complete, how many resources gone through, how many rows added and taken away."""

    parameters: int = 0
    resources: int = 0
    added: int = 0
    removed: int = 0


async def reindex(
    session: Session,
    registry: Registry,
    extractor: Extractor,
    begin: Begin,
    types: Collection[str] = (),
    rule: Rule = NO_RULE,
) -> Report:
    """Makes the index complete for all search parameters, or for those of the types alone.

    And makes complete who may see what, by the `rule` of the store. `begin` is told the type and how many resources of it there are, and gives what progress is told to.
    The process must have announced its definitions. Wants `Session.alone`.

    Raises:
        Voided: a process with other search parameters has written meanwhile.
    """
    work = Reindexing(session, registry, extractor, rule)
    await work.start()
    await work.clear_removed(types)
    for type_, codes in sorted(by_type(waiting(work.definitions, await marks(session))).items()):
        if not types or type_ in types:
            await work.index(type_, codes, begin)
    return work.report


class Reindexing:
    """One run of it."""

    def __init__(
        self, session: Session, registry: Registry, extractor: Extractor, rule: Rule = NO_RULE
    ) -> None:
        self._session = session
        self._registry = registry
        self._names = Names()
        self._indexer = Indexer(registry, extractor, self._names)
        self._new: dict[int, int] = {}
        self._sharing = Reshare(session, self._names, rule)
        self.definitions = definitions(registry)
        self.report = Report()

    async def start(self) -> None:
        """From here on nobody writes by other definitions without taking away what we mark."""
        self._names.learn(await self._session.fetch("SELECT kind, code, text FROM name"))
        async with self._session.writing():
            if not await count_on_ours(self._session, self.definitions):
                raise Voided
            # What is created from here on has all its rows from those who create it.
            keys = await self._session.fetch("SELECT locality, next_rid FROM locality_keys")
        self._new = {row[0]: row[1] for row in keys}

    async def clear_removed(self, types: Collection[str]) -> None:
        """Takes away the rows of parameters that there are no longer."""
        for name in self._names.texts(Kind.PARAMETER):
            type_, _, code = name.partition(".")
            if name in self.definitions.digests or (types and type_ not in types) or code in STORED:
                continue
            for locality in self._localities():
                for table in PARAMETER_INDEXES:
                    await self._clear(table, locality, name)

    async def index(self, type_: str, codes: Collection[str], begin: Begin) -> None:
        """Gives all resources of the type the rows of these codes, and marks them as complete."""
        walks = [
            Walk(type_, locality, self._number(type_), frozenset(codes), self._new[locality])
            for locality in self._localities()
        ]
        total = sum([await self._count(walk) for walk in walks])
        with begin(type_, total) as advance:
            for walk in walks:
                await self._walk(walk, advance)
                if SHARING in walk.codes:
                    self.report.added += await self._sharing.gone(walk.locality, walk.number, walk.until)
        async with self._session.writing():
            if await writers(self._session) != {self.definitions.whole}:
                raise Voided
            reached = await self._session.run(
                "DELETE FROM reindex_progress WHERE type = $1 AND digest = $2",
                self._number(type_),
                self.definitions.whole,
            )
            if reached != len(walks):
                raise Voided
            await mark(self._session, self.definitions, [f"{type_}.{code}" for code in codes])
        self.report.parameters += len(codes)

    async def _walk(self, walk: Walk, advance: Advance) -> None:
        reached = await self._reached(walk)
        if reached is None:
            await self._prepare(walk)
            reached = 0
        else:
            advance(await self._count(walk, reached))
        while bodies := await self._bodies(walk, reached):
            if SHARING in walk.codes:
                await self._sharing.learn(bodies)
            found = await self._wanted(walk, bodies)
            present = await self._present(walk, list(found))
            reached = bodies[-1][0]
            async with self._session.writing():
                await self._reach(walk, reached)
                changed = await self._changed(walk, bodies)
                for rid, _, _ in changed:
                    found.pop(rid), present.pop(rid, None)
                if changed:
                    again = await self._wanted(walk, [one for one in changed if one[2]], learn=True)
                    present |= await self._present(walk, list(again))
                    found |= again
                await self._write(walk, found, present)
                if SHARING in walk.codes:
                    self.report.added += await self._sharing.write(walk.locality, bodies)
            self.report.resources += len(bodies)
            advance(len(bodies))

    async def _prepare(self, walk: Walk) -> None:
        """Rows that cannot be found by their resource, or are in a table where they belong no longer, go first."""
        for code in walk.codes - {SHARING}:
            name = f"{walk.type}.{code}"
            for table in PARAMETER_INDEXES:
                if table is index_composite or table is not home(self._registry, walk.type, code):
                    await self._clear(table, walk.locality, name, walk.until)
        async with self._session.writing():
            if await writers(self._session) != {self.definitions.whole}:
                raise Voided
            await self._session.run(
                "INSERT INTO reindex_progress (locality, type, digest, rid) VALUES ($1, $2, $3, 0)"
                " ON CONFLICT (locality, type) DO UPDATE SET digest = excluded.digest, rid = 0",
                walk.locality,
                walk.number,
                self.definitions.whole,
            )

    async def _clear(self, table: Table, locality: int, name: str, until: int = LATEST) -> None:
        """Takes away the rows of resources that the walk goes through: later ones have all theirs already."""
        number = self._names.code(Kind.PARAMETER, name)
        key = [column.name for column in table.primary_key]
        text = self._session.piece(table.name, key, "locality = $1 AND parameter = $2 AND rid < $3", ROWS)
        some = f"SELECT 1 FROM {table.name} WHERE locality = $1 AND parameter = $2 AND rid < $3 LIMIT 1"
        while await self._session.fetch(some, locality, number, until):
            async with self._session.writing():
                self.report.removed += await self._session.run(text, locality, number, until)

    async def _reached(self, walk: Walk) -> int | None:
        """Where an earlier run by the same definitions came to."""
        rows = await self._session.fetch(
            "SELECT rid FROM reindex_progress WHERE locality = $1 AND type = $2 AND digest = $3",
            walk.locality,
            walk.number,
            self.definitions.whole,
        )
        return int(rows[0][0]) if rows else None

    async def _reach(self, walk: Walk, rid: int) -> None:
        moved = await self._session.run(
            "UPDATE reindex_progress SET rid = $4 WHERE locality = $1 AND type = $2 AND digest = $3",
            walk.locality,
            walk.number,
            self.definitions.whole,
            rid,
        )
        if not moved:
            raise Voided

    async def _count(self, walk: Walk, reached: int | None = None) -> int:
        [(count,)] = await self._session.fetch(
            "SELECT count(*) FROM resource WHERE locality = $1 AND type = $2 AND rid < $3 AND method <> $4",
            walk.locality,
            walk.number,
            walk.until if reached is None else reached + 1,
            DELETED,
        )
        return int(count)

    async def _bodies(self, walk: Walk, after: int) -> list[Body]:
        """The next piece in the order of rid."""
        rows = await self._session.fetch(
            "SELECT rid, version, body FROM resource"
            " WHERE locality = $1 AND type = $2 AND rid > $3 AND rid < $4 AND method <> $5"
            " ORDER BY rid LIMIT $6",
            walk.locality,
            walk.number,
            after,
            walk.until,
            DELETED,
            PIECE,
        )
        return [(rid, version, bytes(body)) for rid, version, body in rows]

    async def _changed(self, walk: Walk, bodies: Sequence[Body]) -> list[Body]:
        """What of a piece has another version now; the body is empty where it was deleted."""
        known = {rid: version for rid, version, _ in bodies}
        among = self._session.among(2, "bigint")
        rids = self._session.listed(list(known))
        now = await self._session.fetch(
            f"SELECT rid, version FROM resource WHERE locality = $1 AND rid {among}", walk.locality, rids
        )
        rids = [rid for rid, version in now if known[rid] != version]
        if not rids:
            return []
        rows = await self._session.fetch(
            f"SELECT rid, version, body FROM resource WHERE locality = $1 AND rid {among}",
            walk.locality,
            self._session.listed(rids),
        )
        return [(rid, version, bytes(body)) for rid, version, body in rows]

    async def _wanted(self, walk: Walk, bodies: Iterable[Body], *, learn: bool = False) -> Found:
        """The rows that the bodies call for; with `learn`, all names in them have numbers already."""
        values: list[tuple[int, Reading]] = []
        unknown: set[Name] = set()
        for rid, _, body in bodies:
            found = self._indexer.read(codec.decode(body, max_depth=_DEEP))
            values.append((rid, found))
            unknown |= self._names.unknown(self._indexer.systems(found))
        if unknown and not learn:
            async with self._session.writing():
                await self._session.number(unknown)
        for kind, text in unknown:
            self._names.learn(
                await self._session.fetch(
                    "SELECT kind, code, text FROM name WHERE kind = $1 AND text = $2", kind, text
                )
            )
        numbers = self._parameters(walk)
        return {
            rid: tuple(
                {row for row in rows if row[0] in numbers} for rows in self._indexer.rows(walk.type, found)
            )
            for rid, found in values
        }

    async def _present(self, walk: Walk, rids: Sequence[int]) -> Found:
        """The rows that there are, but those of composites: of them none is there that should not be."""
        found: Found = {rid: tuple(set() for _ in INDEXES) for rid in rids}
        for position, table in enumerate(INDEXES):
            numbers = [
                number
                for number, code in self._parameters(walk).items()
                if home(self._registry, walk.type, code) is table
            ]
            if not numbers or table is index_composite:
                continue
            text = selected(self._session, table)
            listed = self._session.listed
            for rid, *row in await self._session.fetch(text, walk.locality, listed(numbers), listed(rids)):
                found[rid][position].add(tuple(row))
        return found

    async def _write(self, walk: Walk, wanted: Found, present: Found) -> None:
        for position, table in enumerate(INDEXES):
            extra = [
                (walk.locality, *row, rid)
                for rid in wanted
                for row in present[rid][position] - wanted[rid][position]
            ]
            missing = [
                (walk.locality, *row, rid)
                for rid in wanted
                for row in wanted[rid][position] - present[rid][position]
            ]
            if extra:
                await self._session.remove(table.name, extra)
            if missing:
                await self._session.add(table.name, missing)
            self.report.removed += len(extra)
            self.report.added += len(missing)

    def _parameters(self, walk: Walk) -> dict[int, str]:
        """The codes that are being indexed, by their numbers."""
        known = self._names.known
        return {known(Kind.PARAMETER, f"{walk.type}.{code}"): code for code in walk.codes - {SHARING}}

    def _number(self, type_: str) -> int:
        return self._names.known(Kind.TYPE, type_)

    def _localities(self) -> list[int]:
        return sorted(self._names.known(Kind.LOCALITY, text) for text in self._names.texts(Kind.LOCALITY))
