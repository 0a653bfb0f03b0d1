"""The store on an SQLite file: reads in the event loop, writes through the one `Writer`.

A read of a few rows from SQLite takes less time than handing it to a thread would, so
reads run where they are asked for.

Source: https://sqlite.org/wal.html, ADR 0010
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from service.fhir.registry import Registry
from service.fhir.search.expressions import Query
from service.fhir.search.extraction import Extractor
from service.fhir.search.sight import Sight
from service.storage.histories import Histories
from service.storage.indexed import MARKS, Indexed
from service.storage.indexing import Indexer
from service.storage.job_register import JobRegister, SqlitePen
from service.storage.ledger import Ledger
from service.storage.names import Kind, Name, Names, pack_id
from service.storage.notices import ACKNOWLEDGE_ONE, Outbox
from service.storage.preparation import Unregistered, prepare
from service.storage.querying.decision import slots
from service.storage.querying.inclusion import Eyes, Inclusion
from service.storage.querying.searches import Searches
from service.storage.querying.shapes import names_of
from service.storage.recent import Recent
from service.storage.registrations import Registrations
from service.storage.remembered import nothing_remembered, remember
from service.storage.searching import Searching, stored
from service.storage.seeing import AUTHOR, NAMES, Seeing
from service.storage.sharing import NO_RULE, Rule
from service.storage.sqlite_audit import SqliteShelf
from service.storage.sqlite_exporting import SqliteExports
from service.storage.sqlite_plans import plan
from service.storage.sqlite_reader import Reader
from service.storage.sqlite_writer import Writer
from service.storage.statements import SQLITE, Reads, positional, read
from service.storage.store import Explained, Found, HistoryQuery, Key, Page, Stored, Unit, Waiting
from service.storage.tables import DELETED, REVISION
from service.storage.withdrawing import Ask, asked_in_thread

# Units: KiB of page cache a connection (negative is SQLite's way to say KiB).
_CACHE = -32_000
_STEADY_CACHE = -4_000
# Units: milliseconds that SQLite waits for a lock held by a program that is not ours.
_BUSY = 10_000
# Units: seconds between two tries where it does not wait.
_PAUSE = 0.005
# So many resources are read at a time when all are walked through.
_STRIDE = 1000

SECRET_BYTES = 32

_READ = positional(read(0), SQLITE, ("locality", "type", "id"))


class Room(NamedTuple):
    """What a connection that reads may have of the machine's memory.

    `mapped`: bytes of the file that are mapped. What is beyond the cache is then read without a call for each page: a
    sixth of a search's time. The pages are the operating system's, shared and given back when it wants them, though
    each worker's resident size shows them. `cache`: KiB of its own. Source: https://sqlite.org/mmap.html
    """

    mapped: int
    cache: int


PLENTY: Final = Room(2**31 - 65_536, 32_000)
"""Of who answers requests: SQLite's own most, and as much as the writer."""
LITTLE: Final = Room(16 * 1024 * 1024, 8_000)
"""Of who works at jobs: they go through a file once, and a worker's memory should be flat (an eighth is slower)."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection with manual transactions, durable commits and the caches we want, which remembers no decision."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA cache_size = {_CACHE}")
    connection.execute(f"PRAGMA busy_timeout = {_BUSY}")
    connection.execute("PRAGMA temp_store = MEMORY")
    nothing_remembered(connection)
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Has the file written by a log ahead, as it stays. Whoever opens a new file first does so; SQLite lets none wait.

    Source: https://sqlite.org/wal.html, https://sqlite.org/rescode.html#busy
    """
    deadline = time.monotonic() + _BUSY / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as busy:
            if busy.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE)
        else:
            return


def connect_reader(path: Path, room: Room = PLENTY) -> sqlite3.Connection:
    """A connection to read by, with the file mapped into memory as far as there is room, and decisions remembered."""
    connection = connect(path)
    remember(connection)
    connection.execute(f"PRAGMA mmap_size = {room.mapped}")
    connection.execute(f"PRAGMA cache_size = -{room.cache}")
    return connection


def connect_steady(path: Path) -> sqlite3.Connection:
    """A connection that reads much, once, with little memory: the file is not mapped, decisions are remembered."""
    connection = connect(path)
    remember(connection)
    connection.execute(f"PRAGMA cache_size = {_STEADY_CACHE}")
    return connection


class SqliteStore(Seeing):
    """Keeps the `Store` protocol on one SQLite file, together with other processes that do."""

    def __init__(
        self,
        path: Path,
        registry: Registry,
        extractor: Extractor,
        clock: Callable[[], int],
        indexed: Indexed,
        rule: Rule = NO_RULE,
        room: Room = PLENTY,
    ) -> None:
        self._indexed = indexed
        self._clock = clock
        self._masked = rule.masked
        self._names = Names()
        self._indexer = Indexer(registry, extractor, self._names, rule)
        self._searches = Searches(registry, self._names, SQLITE, now=clock, rule=rule)
        self._searching = Searching(self._searches, self._names, extractor, SQLITE, clock, self._authors)
        self._reads = Reads(SQLITE)
        self._reader = Reader(lambda: connect_reader(path, room))
        self._writer = Writer(connect(path), path, self._searches, clock)
        self._inclusion = Inclusion(registry, self._names, SQLITE, rule.revealing, rule.places)
        self._histories = Histories(registry, self._names, SQLITE)
        self._outbox = Outbox(self._names, self._fetch)
        self.registrations = Registrations(self._fetch, self._run)
        self.audit = Ledger(self._names, self._intern, SqliteShelf(self._reader, self._writer, path, clock))
        self.jobs = JobRegister(self._names, self._located, self._fetch, SqlitePen(self._writer), clock)
        self.exports = SqliteExports(
            *(self._names, clock, rule.masked, partial(connect_steady, path)),
            *(self._writer.run, self._located, self._acquainted),
        )
        self._connect_apart = partial(connect_steady, path)
        self._interning = asyncio.Lock()
        self._recent = Recent()

    async def start(self, needed: set[Name]) -> None:
        """Learns the names in use, numbers those of `needed` that are new, and says by what it indexes."""
        self._names.learn(self._rows("SELECT kind, code, text FROM name", ()))
        await self._intern(needed)
        await self._indexed.start()

    async def read(self, locality: str, type_: str, id_: str, sight: Sight | None = None) -> Stored | None:
        """As `Store.read`."""
        code = await self._located(locality)
        if sight is None:
            return self._read(code, type_, id_, 0, {})
        return self._read(code, type_, id_, slots(sight), await self._eyes(sight))

    async def read_many(
        self, locality: str, keys: Sequence[Key], sight: Sight | None = None
    ) -> dict[Key, Stored]:
        """As `Store.read_many`."""
        code, eyes, number = await self._located(locality), await self._eyes(sight), slots(sight)
        found: dict[Key, Stored] = {}
        for position, key in enumerate(keys):
            if position and position % _STRIDE == 0:
                await asyncio.sleep(0)
            if (current := self._read(code, *key, number, eyes)) is not None:
                found[key] = current
        return found

    async def read_version(
        self, locality: str, type_: str, id_: str, version: int, sight: Sight | None = None
    ) -> Stored | None:
        """As `Store.read_version`."""
        code, eyes, number = await self._located(locality), await self._eyes(sight), slots(sight)
        current = self._read(code, type_, id_, number, eyes)
        if current is None or current.version <= version:
            return current if current is not None and current.version == version else None
        return self._read_version(code, current.key, version, number, eyes)

    async def search(self, locality: str, query: Query) -> Found:
        """As `Store.search`."""
        await self._learn(names_of(query.where))
        await self._acquainted(query.sight)
        return await self._searching.search(self._reader.searched, await self._located(locality), query)

    async def explain(self, locality: str, query: Query) -> tuple[Explained, ...]:
        """As `Store.explain`."""
        await self._learn(names_of(query.where))
        await self._acquainted(query.sight)
        fetch = self._reader.searched
        ran = await self._searching.statements(fetch, await self._located(locality), query)
        return tuple(one.explained(plan(self._reader.connection, one)) for one in ran)

    async def referred(
        self,
        locality: str,
        keys: Sequence[int],
        parameters: Sequence[tuple[str, str]],
        types: frozenset[str],
        limit: int,
        sight: Sight | None = None,
    ) -> tuple[Stored, ...]:
        """As `Store.referred`."""
        eyes = Eyes(sight, await self._eyes(sight))
        asked = self._inclusion.referred(await self._located(locality), keys, parameters, types, limit, eyes)
        return self._resources(await self._reader.searched(*asked))

    async def referring(
        self,
        locality: str,
        targets: Sequence[Key],
        parameters: Sequence[tuple[str, str]],
        limit: int,
        sight: Sight | None = None,
    ) -> tuple[Stored, ...]:
        """As `Store.referring`."""
        eyes = Eyes(sight, await self._eyes(sight))
        asked = self._inclusion.referring(await self._located(locality), targets, parameters, limit, eyes)
        return self._resources(await self._reader.searched(*asked))

    async def history(self, locality: str, query: HistoryQuery) -> Page:
        """As `Store.history`."""
        code, eyes = await self._located(locality), await self._eyes(query.sight)
        number = slots(query.sight)
        rid = total = None
        if query.type is not None and query.id is not None:
            current = self._read(code, query.type, query.id, number, eyes)
            if current is None:
                return Page((), more=False, total=0)
            rid, total = current.key, current.version
            if query.sight is not None:
                [(total,)] = self._rows(*self._histories.count(code, query, rid, eyes))
        keys = self._rows(*self._histories.keys(code, query, rid, eyes))
        found = [
            self._read_version(code, of, version, number, eyes) for _, of, version in keys[: query.count]
        ]
        items = tuple(item for item in found if item is not None)
        return Page(items, more=len(keys) > query.count, total=total)

    async def commit(self, locality: str, unit: Unit) -> tuple[Stored, ...]:
        """As `Store.commit`."""
        for expectation in unit.expectations:
            await self._learn(names_of(expectation.query.where))
            await self._acquainted(expectation.asked.sight)
        code = await self._located(locality)
        parts = (self._indexer, self._names, self._intern, self._said, self._recent)
        prepared = await prepare(code, unit, *parts)
        while True:
            try:
                versions = await self._writer.store(prepared)
            except Unregistered:
                await self._indexed.announce()
            else:
                self._recent.keep(prepared, versions)
                return versions

    async def notices(
        self, locality: str, agency: str, count: int, after: str | None = None
    ) -> tuple[Waiting, ...]:
        """As `Store.notices`."""
        await self._learn({(Kind.AGENCY, agency)})
        return await self._outbox.waiting(await self._located(locality), agency, count, after)

    async def acknowledge(
        self, locality: str, agency: str, client: str, ids: Sequence[str], types: frozenset[str]
    ) -> frozenset[str]:
        """As `Store.acknowledge`."""
        await self._intern({(Kind.AGENCY, agency), (Kind.CLIENT, client)})
        of = (await self._located(locality), self._names.known(Kind.AGENCY, agency))
        by = (self._clock(), self._names.known(Kind.CLIENT, client))
        about = json.dumps(self._names.numbers(Kind.TYPE, types))

        def acknowledge(connection: sqlite3.Connection) -> frozenset[str]:
            text = ACKNOWLEDGE_ONE.replace("$", "?")
            return frozenset(
                id_ for id_ in ids if connection.execute(text, (*of, pack_id(id_), *by, about)).rowcount
            )

        acknowledged: frozenset[str] = await self._writer.run(acknowledge)
        return acknowledged

    async def pending(self) -> Callable[[str], frozenset[str]]:
        """As `Store.pending`."""
        return await self._indexed.pending(self._marks)

    async def _marks(self) -> list[tuple[Any, ...]]:
        return self._rows(MARKS, ())

    async def secret(self, name: str) -> bytes:
        """As `Store.secret`."""
        made = secrets.token_bytes(SECRET_BYTES)

        def keep(connection: sqlite3.Connection) -> bytes:
            connection.execute("INSERT OR IGNORE INTO secret (name, value) VALUES (?, ?)", (name, made))
            [(value,)] = connection.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchall()
            return bytes(value)

        kept: bytes = await self._writer.run(keep)
        return kept

    async def ready(self) -> bool:
        """As `Store.ready`."""
        return revision(self._reader.connection) == REVISION

    async def close(self) -> None:
        """As `Store.close`."""
        await self._writer.close()
        self._reader.close()

    async def everything(
        self, locality: str, types: Sequence[str], sight: Sight | None = None
    ) -> AsyncIterator[Stored]:
        """As `Store.everything`, one type after the other."""
        code, sql = await self._located(locality), self._reads.every(slots(sight))
        for type_ in types:
            number = self._names.known(Kind.TYPE, type_)
            walk = {"locality": code, "type": number, "deleted": DELETED, "after": 0, "count": _STRIDE}
            while rows := self._rows(sql.text, sql.ordered(walk | await self._eyes(sight))):
                for one in self._resources(rows):
                    if one.ground:
                        yield one
                walk["after"] = rows[-1][6]
                await asyncio.sleep(0)

    def _rows(self, text: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._reader.rows(text, arguments)

    async def _fetch(self, text: str, *arguments: Any) -> list[tuple[Any, ...]]:
        return self._rows(text.replace("$", "?"), arguments)

    @property
    def _ask(self) -> Ask:
        return asked_in_thread(self._connect_apart)

    async def _run(self, text: str, *arguments: Any) -> int:
        changed: int = await self._writer.run(
            lambda connection: connection.execute(text.replace("$", "?"), arguments).rowcount
        )
        return changed

    def _resources(self, rows: Sequence[Any]) -> tuple[Stored, ...]:
        self._know_authors(rows)
        return tuple(stored(row, self._names.text(Kind.TYPE, row[0]), self._names) for row in rows)

    def _know_authors(self, rows: Sequence[Any]) -> None:
        if not self._names.has_all(Kind.AGENCY, {row[AUTHOR] for row in rows}):
            self._names.learn(self._rows(NAMES, ()))

    def _read(
        self, locality: int, type_: str, id_: str, number: int, eyes: Mapping[str, Any]
    ) -> Stored | None:
        code = self._names.code(Kind.TYPE, type_)
        if number:
            sql = self._reads.read(number)
            asked = {"locality": locality, "type": code, "id": pack_id(id_), **eyes}
            rows = self._rows(sql.text, sql.ordered(asked))
        else:
            rows = self._rows(_READ, (locality, code, pack_id(id_)))
        return self._visible(rows)

    def _visible(self, rows: Sequence[Any]) -> Stored | None:
        """The version in the one row that there may be, where it is seen."""
        if not rows:
            return None
        [row] = rows
        names = self._names
        if not names.has(Kind.AGENCY, row[AUTHOR]):
            names.learn(self._rows(NAMES, ()))
        one = stored(row, names.text(Kind.TYPE, row[0]), names)
        return one if one.ground else None

    def _read_version(
        self, locality: int, rid: int, version: int, number: int, eyes: Mapping[str, Any]
    ) -> Stored | None:
        asked = {"locality": locality, "rid": rid, "version": version, **eyes}
        # Current first: a version that is superseded in between is then found superseded.
        for current in (True, False):
            sql = self._reads.version(number, current=current)
            if rows := self._rows(sql.text, sql.ordered(asked)):
                return self._visible(rows)
        return None

    async def _learn(self, names: set[Name]) -> None:
        """Looks up names that another process may have numbered since."""
        for kind, text in self._names.unknown(names):
            self._names.learn(
                self._rows("SELECT kind, code, text FROM name WHERE kind = ? AND text = ?", (kind, text))
            )

    async def _intern(self, names: set[Name]) -> None:
        """Gives numbers to those of the names that have none yet."""
        async with self._interning:
            if unknown := self._names.unknown(names):
                await self._number(unknown)

    async def _number(self, names: set[Name]) -> None:
        def number(connection: sqlite3.Connection) -> list[tuple[int, int, str]]:
            rows = []
            for kind, text in sorted(names):
                connection.execute(
                    "INSERT OR IGNORE INTO name (kind, code, text)"
                    " SELECT ?, coalesce(max(code), 0) + 1, ? FROM name WHERE kind = ?",
                    (kind, text, kind),
                )
                if kind is Kind.LOCALITY:
                    connection.execute(
                        "INSERT OR IGNORE INTO locality_keys (locality, next_rid)"
                        " SELECT code, 1 FROM name WHERE kind = ? AND text = ?",
                        (kind, text),
                    )
                rows += connection.execute(
                    "SELECT kind, code, text FROM name WHERE kind = ? AND text = ?", (kind, text)
                ).fetchall()
            return rows

        self._names.learn(await self._writer.run(number))


def revision(connection: sqlite3.Connection) -> str | None:
    """The Alembic revision that the database is at, None where it was never migrated."""
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None
    return None if row is None else str(row[0])
