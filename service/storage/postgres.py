"""The store on PostgreSQL: one statement a unit, one connection a call, none held between calls.

No call takes a second connection while it holds one, so N units on a pool of N
connections all finish.

Source: ADR 0010
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg

from service.fhir.registry import Registry
from service.fhir.search.expressions import Query
from service.fhir.search.extraction import Extractor
from service.fhir.search.sight import Sight
from service.storage.histories import Histories
from service.storage.indexed import MARKS, Indexed
from service.storage.indexing import Indexer
from service.storage.job_register import JobRegister, PostgresPen
from service.storage.ledger import Ledger
from service.storage.names import Kind, Name, Names, pack_id, unpack_id
from service.storage.notices import ACKNOWLEDGE, Outbox
from service.storage.postgres_audit import PostgresShelf
from service.storage.postgres_connections import UNREACHABLE, Connection, revision, unreachable
from service.storage.postgres_exporting import PostgresExports
from service.storage.postgres_lanes import Lanes
from service.storage.postgres_plans import plan
from service.storage.postgres_turns import wait_turn
from service.storage.postgres_units import statement
from service.storage.preparation import PreparedUnit, prepare
from service.storage.querying.decision import numbered, slots
from service.storage.querying.inclusion import Eyes, Inclusion
from service.storage.querying.searches import Searches
from service.storage.querying.shapes import names_of
from service.storage.recent import Recent
from service.storage.registrations import Registrations
from service.storage.searching import Searching, stored, too_costly
from service.storage.seeing import Seeing
from service.storage.sharing import NO_RULE, Rule
from service.storage.statements import COLUMNS, POSTGRESQL, Reads
from service.storage.store import Explained, Found, HistoryQuery, Key, Page, Stale, Stored, Unit, Waiting
from service.storage.tables import DELETED, INDEXES, REVISION, resource

# Units: seconds that a call waits for the database before it gives up.
PATIENCE = 30.0
# rids are handed out from blocks, so that most units need not touch their counter.
RID_BLOCK = 1000
SECRET_BYTES = 32
_STRIDE = 1000

_COLUMNS = ", ".join(f"r.{column}" for column in COLUMNS)
# What stands in the texts below before the values of who looks.
_TAKEN = {"locality": "$1", "first": "$2", "second": "$3"}
# The order is that of the unique index, and one a key at most: whatever the planner knows of the table (nothing
# at first, when it settles on a plan), it looks each key up rather than join with all there is. And the limit tells
# it how few keys there are: it would guess ten, and then plan each call anew to do better.
_READ_MANY = (
    f"SELECT {_COLUMNS}, {{seen}} FROM (SELECT * FROM unnest($2::smallint[], $3::bytea[]) AS u (type, id) LIMIT {{limit}}) AS u"  # noqa: S608 - constants only
    " CROSS JOIN LATERAL (SELECT * FROM resource WHERE locality = $1 AND type = u.type AND id = u.id"
    " ORDER BY locality, type, id LIMIT 1) AS r"
)
# From here on the planner's guess is no more than there is, and one text serves all numbers.
_MANY = 10
_READ_PAGE = (
    f"SELECT {_COLUMNS}, {{seen}} FROM unnest($2::bigint[], $3::int[]) AS u (rid, version)"  # noqa: S608 - constants only
    " JOIN {table} r ON r.locality = $1 AND r.rid = u.rid AND r.version = u.version"
)
_NEVER_LOOKED_AT = (
    "SELECT 1 FROM pg_class WHERE oid = 'resource'::regclass AND reltuples < 0"
    " AND EXISTS (SELECT 1 FROM resource)"
)
_LOOK = f"ANALYZE (SKIP_LOCKED) {', '.join(table.name for table in (resource, *INDEXES))}"
_WRITER = "SELECT 1 FROM index_writer WHERE definitions = $1"
_NAME = "SELECT kind, code, text FROM name WHERE kind = $1 AND text = $2"


# What PostgreSQL says where a unit was decided on what no longer holds.
_MOVED_ON = (
    asyncpg.DivisionByZeroError,
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)


class PostgresStore(Seeing):
    """Keeps the `Store` protocol on a PostgreSQL database, together with other processes that do."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        registry: Registry,
        extractor: Extractor,
        clock: Callable[[], int],
        indexed: Indexed,
        rule: Rule = NO_RULE,
        *,
        url: str,
    ) -> None:
        self._indexed = indexed
        self._pool = pool
        self._clock = clock
        self._masked = rule.masked
        self._names = Names()
        self._indexer = Indexer(registry, extractor, self._names, rule)
        self._searches = Searches(registry, self._names, POSTGRESQL, now=clock, rule=rule)
        self._searching = Searching(self._searches, self._names, extractor, POSTGRESQL, clock, self._authors)
        self._reads = Reads(POSTGRESQL)
        self._inclusion = Inclusion(registry, self._names, POSTGRESQL, rule.revealing, rule.places)
        self._histories = Histories(registry, self._names, POSTGRESQL)
        self._outbox = Outbox(self._names, self._fetch)
        self.registrations = Registrations(self._fetch, self._run)
        self.audit = Ledger(self._names, self._intern, PostgresShelf(self._connection, self._searched, clock))
        self.jobs = JobRegister(self._names, self._located, self._fetch, PostgresPen(self._connection), clock)
        self.exports = PostgresExports(
            *(self._names, clock, rule.masked, url, self._fetch, self._located, self._acquainted)
        )
        self._interning, self._lanes = asyncio.Lock(), Lanes(pool, PATIENCE)
        self._recent = Recent()
        self._rids: dict[int, list[range]] = {}

    async def start(self, needed: set[Name]) -> None:
        """Learns the names in use, numbers those of `needed` that are new, and says by what it indexes."""
        self._names.learn(await self._fetch("SELECT kind, code, text FROM name"))
        await self._intern(needed)
        await self._indexed.start()
        if await self._fetch(_NEVER_LOOKED_AT):
            # Plans are made once for each connection. Without figures the planner joins with all there is.
            async with self._connection() as connection, connection.transaction():
                await connection.execute("SET LOCAL statement_timeout = 0")
                await connection.execute(_LOOK)

    async def read(self, locality: str, type_: str, id_: str, sight: Sight | None = None) -> Stored | None:
        """As `Store.read`."""
        sql = self._reads.read(slots(sight))
        asked = {"locality": await self._located(locality), "type": self._names.code(Kind.TYPE, type_)}
        values = asked | {"id": pack_id(id_), **await self._eyes(sight)}
        return self._visible(await self._resources(await self._fetch(sql.text, *sql.ordered(values))))

    async def read_many(
        self, locality: str, keys: Sequence[Key], sight: Sight | None = None
    ) -> dict[Key, Stored]:
        """As `Store.read_many`."""
        known = [(code, pack_id(id_)) for type_, id_ in keys if (code := self._names.code(Kind.TYPE, type_))]
        if not known:
            return {}
        types, ids = zip(*known, strict=True)
        seen, further = numbered("r", slots(sight), _TAKEN)
        text = _READ_MANY.format(seen=seen, limit=len(known) if len(known) < _MANY else "ALL")
        eyes = await self._eyes(sight)
        code = await self._located(locality)
        rows = await self._fetch(text, code, types, ids, *(eyes[name] for name in further))
        return {(one.type, one.id): one for one in await self._resources(rows) if one.ground}

    async def read_version(
        self, locality: str, type_: str, id_: str, version: int, sight: Sight | None = None
    ) -> Stored | None:
        """As `Store.read_version`."""
        current = await self.read(locality, type_, id_, sight)
        if current is None or current.version <= version:
            return current if current is not None and current.version == version else None
        sql = self._reads.version(slots(sight), current=False)
        asked = {"locality": await self._located(locality), "rid": current.key, "version": version}
        values = asked | await self._eyes(sight)
        return self._visible(await self._resources(await self._fetch(sql.text, *sql.ordered(values))))

    async def search(self, locality: str, query: Query) -> Found:
        """As `Store.search`."""
        await self._learn(names_of(query.where))
        await self._acquainted(query.sight)
        return await self._searching.search(self._searched, await self._located(locality), query)

    async def explain(self, locality: str, query: Query) -> tuple[Explained, ...]:
        """As `Store.explain`."""
        await self._learn(names_of(query.where))
        await self._acquainted(query.sight)
        ran = await self._searching.statements(self._searched, await self._located(locality), query)
        async with self._connection() as connection:
            return tuple([one.explained(await plan(connection, one)) for one in ran])

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
        return await self._resources(await self._searched(*asked))

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
        return await self._resources(await self._searched(*asked))

    async def history(self, locality: str, query: HistoryQuery) -> Page:
        """As `Store.history`."""
        code, eyes = await self._located(locality), await self._eyes(query.sight)
        rid = total = None
        if query.type is not None and query.id is not None:
            current = await self.read(locality, query.type, query.id, query.sight)
            if current is None:
                return Page((), more=False, total=0)
            rid, total = current.key, current.version
            if query.sight is not None:
                text, arguments = self._histories.count(code, query, rid, eyes)
                [(total,)] = await self._fetch(text, *arguments)
        text, arguments = self._histories.keys(code, query, rid, eyes)
        keys = await self._fetch(text, *arguments)
        versions = [(rid, version) for _, rid, version in keys[: query.count]]
        items = await self._page(code, versions, slots(query.sight), eyes)
        return Page(items, more=len(keys) > query.count, total=total)

    async def commit(self, locality: str, unit: Unit) -> tuple[Stored, ...]:
        """As `Store.commit`."""
        for expectation in unit.expectations:
            await self._learn(names_of(expectation.query.where))
            await self._acquainted(expectation.asked.sight)
        code = await self._located(locality)
        parts = (self._indexer, self._names, self._intern, self._said, self._recent)
        prepared = await prepare(code, unit, *parts)
        new = sum(change.change.before is None for change in prepared.changes)
        await self._reserve(code, new)
        rids = [self._next_rid(code) for _ in range(new)]
        moment = 0
        while True:
            try:
                async with self._connection() as connection:
                    versions = await self._store(connection, prepared, rids, moment)
            except _MOVED_ON as moved_on:
                former, moment = moment, await self.exports.last(code)
                if moment > former:
                    continue
                if await self._fetch(_WRITER, prepared.definitions):
                    raise Stale from moved_on
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
        by = (self._clock(), self._names.known(Kind.CLIENT, client), self._names.numbers(Kind.TYPE, types))
        rows = await self._fetch(ACKNOWLEDGE, *of, list(map(pack_id, ids)), *by)
        return frozenset(unpack_id(row[0]) for row in rows)

    async def pending(self) -> Callable[[str], frozenset[str]]:
        """As `Store.pending`."""
        return await self._indexed.pending(partial(self._fetch, MARKS))

    async def _store(
        self, connection: Connection, unit: PreparedUnit, rids: Sequence[int], moment: int
    ) -> tuple[Stored, ...]:
        if not unit.expectations:
            return await self._write(connection, unit, rids, moment)
        async with connection.transaction():
            await wait_turn(connection, unit)
            for expectation in unit.expectations:
                search, asked = self._searches.ids(unit.locality, expectation.asked)
                found = {unpack_id(row[0]) for row in await connection.fetch(search, *asked)}
                if found != expectation.ids:
                    raise Stale
            return await self._write(connection, unit, rids, moment)

    async def _write(
        self, connection: Connection, unit: PreparedUnit, rids: Sequence[int], moment: int
    ) -> tuple[Stored, ...]:
        """Stamps the versions and stores them at once: `searching.MARGIN` counts on it. `moment`: they are later."""
        made = unit.versions(max(self._clock(), moment + 1), iter(rids).__next__)
        text, arguments = statement(unit, made)
        await connection.execute(text, *arguments)
        return made

    async def secret(self, name: str) -> bytes:
        """As `Store.secret`."""
        async with self._connection() as connection:
            await connection.execute(
                "INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                name,
                secrets.token_bytes(SECRET_BYTES),
            )
            return bytes(await connection.fetchval("SELECT value FROM secret WHERE name = $1", name))

    async def ready(self) -> bool:
        """As `Store.ready`."""
        async with self._connection() as connection:
            return await revision(connection) == REVISION

    async def close(self) -> None:
        """As `Store.close`."""
        await self.exports.close()
        await self._lanes.close()
        await self._pool.close()

    async def everything(
        self, locality: str, types: Sequence[str], sight: Sight | None = None
    ) -> AsyncIterator[Stored]:
        """As `Store.everything`, one type after the other."""
        code, sql = await self._located(locality), self._reads.every(slots(sight))
        for type_ in types:
            number = self._names.known(Kind.TYPE, type_)
            walk = {"locality": code, "type": number, "deleted": DELETED, "after": 0, "count": _STRIDE}
            while rows := await self._fetch(sql.text, *sql.ordered(walk | await self._eyes(sight))):
                for one in await self._resources(rows):
                    if one.ground:
                        yield one
                walk["after"] = rows[-1][6]

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.acquire(timeout=PATIENCE) as connection:
                yield connection
        except UNREACHABLE as failure:
            raise unreachable() from failure

    async def _run(self, text: str, *arguments: Any) -> int:
        async with self._connection() as connection:
            done: str = await connection.execute(text, *arguments)
        return int(done.rpartition(" ")[2])

    async def _fetch(self, text: str, *arguments: Any) -> list[Any]:
        try:
            async with self._lanes.connection() as connection:
                return await connection.fetch(text, *arguments)
        except UNREACHABLE as failure:
            raise unreachable() from failure

    async def _searched(self, text: str, arguments: Sequence[Any]) -> list[Any]:
        """The rows of a search's statement, refused where it takes longer than any may."""
        try:
            async with self._lanes.connection() as connection:
                return await connection.fetch(text, *arguments)
        except asyncpg.QueryCanceledError as late:
            raise too_costly() from late
        except UNREACHABLE as failure:
            raise unreachable() from failure

    async def _page(
        self, locality: int, keys: list[tuple[int, int]], number: int, eyes: Mapping[str, Any]
    ) -> tuple[Stored, ...]:
        """The versions with these rids and numbers, in their order."""
        if not keys:
            return ()
        rids, numbers = zip(*keys, strict=True)
        found: dict[tuple[int, int], Stored] = {}
        # Current first: a version that is superseded in between is then found superseded.
        seen, further = numbered("r", number, _TAKEN)
        for table in ("resource", "resource_version"):
            text = _READ_PAGE.format(seen=seen, table=table)
            rows = await self._fetch(text, locality, rids, numbers, *(eyes[name] for name in further))
            found |= {(one.key, one.version): one for one in await self._resources(rows) if one.ground}
        return tuple(found[key] for key in keys if key in found)

    async def _resources(self, rows: Sequence[Any]) -> tuple[Stored, ...]:
        await self._authors(rows)
        return tuple(stored(row, self._names.text(Kind.TYPE, row[0]), self._names) for row in rows)

    def _visible(self, found: Sequence[Stored]) -> Stored | None:
        return found[0] if found and found[0].ground else None

    async def _reserve(self, locality: int, count: int) -> None:
        """Makes sure that `count` rids can be taken without asking the database."""
        blocks = self._rids.setdefault(locality, [])
        missing = count - sum(map(len, blocks))
        if missing <= 0:
            return
        size = max(RID_BLOCK, missing)
        rows = await self._fetch(
            "UPDATE locality_keys SET next_rid = next_rid + $2 WHERE locality = $1 RETURNING next_rid",
            locality,
            size,
        )
        blocks.append(range(rows[0][0] - size, rows[0][0]))

    def _next_rid(self, locality: int) -> int:
        blocks = self._rids[locality]
        rid = blocks[0][0]
        blocks[0] = blocks[0][1:]
        if not blocks[0]:
            del blocks[0]
        return rid

    async def _learn(self, names: set[Name]) -> None:
        """Looks up names that another process may have numbered since."""
        for kind, text in self._names.unknown(names):
            self._names.learn(await self._fetch(_NAME, kind, text))

    async def _intern(self, names: set[Name]) -> None:
        """Gives numbers to those of the names that have none yet."""
        async with self._interning:
            if unknown := self._names.unknown(names):
                await self._number(unknown)

    async def _number(self, names: set[Name]) -> None:
        async with self._connection() as connection, connection.transaction():
            # Numbers are given out by one process at a time; the lock goes with the transaction.
            await connection.execute("LOCK TABLE name IN SHARE ROW EXCLUSIVE MODE")
            for kind, text in sorted(names):
                await connection.execute(
                    "INSERT INTO name (kind, code, text)"
                    " SELECT $1, coalesce(max(code), 0) + 1, $2 FROM name WHERE kind = $1"
                    " ON CONFLICT DO NOTHING",
                    kind,
                    text,
                )
                if kind is Kind.LOCALITY:
                    await connection.execute(
                        "INSERT INTO locality_keys (locality, next_rid)"
                        " SELECT code, 1 FROM name WHERE kind = $1 AND text = $2 ON CONFLICT DO NOTHING",
                        kind,
                        text,
                    )
            learnt = [await connection.fetchrow(_NAME, kind, text) for kind, text in names]
        self._names.learn(tuple(row) for row in learnt if row is not None)
