"""`python -m benchmarks.volume`: build a store of many resources quickly, to search in.

The base cohort of about 100,000 resources goes through the store's own units. Its rows are then
multiplied by SQL, each clone under ids of its own, so that bodies, keys and index rows of every
clone agree: `thrive-fhir check` finds nothing. The sessions of all clones lie between each
other, as those of many young people do in a service: rids grow with the days.

Source: docs/performance.md; ADR 0002
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from benchmarks import population
from benchmarks.cloning import (
    AGENCIES,
    AUDITED,
    Postgres,
    Sqlite,
    agency_rows,
    clone_rows,
    filling,
)
from service import asgi
from service.access.rule import sharing_rule
from service.storage import sealing
from service.storage.open import migrate, open_store
from service.storage.store import AuditEntry, Change, Unit
from service.storage.tables import (
    INDEXES,
    index_writer,
    indexed_parameter,
    locality_keys,
    name,
    resource,
    secret,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from sqlalchemy import Table

    from benchmarks.population import Session
    from service.storage.store import Store

LOCALITY = "default"
AUDIT = AuditEntry(client="benchmark", agency="benchmark", interaction="create", request_id="0" * 16)
# Changes of one unit; a unit is of one day, because it has one time.
UNIT = 60
MORNING = 8 * 3_600_000  # milliseconds after midnight at which a day's first unit is stored
SECOND = 1_000  # milliseconds between two units
FAR = 4_102_444_800_000  # milliseconds since 1970: the year 2100, when all of it is old

MULTIPLIED: tuple[Table, ...] = (resource, *AUDITED, *INDEXES)
COPIED: tuple[Table, ...] = (name, secret, locality_keys, indexed_parameter, index_writer)

# Page cache in KiB while a file is filled (negative is SQLite's way to say KiB).
CACHE = -1_000_000

Place = tuple[int, int, int]  # rid in the base, its session's first rid, its session's size


class Clock:
    """Tells the time at which each unit is stored: on its session's day, one second after the other."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        """Return milliseconds since 1970."""
        return self.now

    def turn_to(self, day: str) -> None:
        """Go on to the next second, or to that day's morning."""
        morning = round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) + MORNING
        self.now = max(self.now + SECOND, morning)


def units(sessions: Sequence[Session]) -> Iterator[tuple[Session, ...]]:
    """Yield whole sessions of one day, put together to about UNIT resources."""
    for _, of_day in itertools.groupby(sessions, key=lambda session: session.day):
        unit: list[Session] = []
        for session in of_day:
            unit.append(session)
            if sum(len(one.resources) for one in unit) >= UNIT:
                yield tuple(unit)
                unit = []
        if unit:
            yield tuple(unit)


@contextlib.asynccontextmanager
async def opened(url: str, clock: Callable[[], int]) -> AsyncIterator[Store]:
    """Yield the store at the URL, with our definitions and our rule."""
    parts = asgi.kernel("http://127.0.0.1:8080/fhir")
    rule = sharing_rule(parts.registry, parts.base_url)
    store = await open_store(url, parts.registry, parts.extractor, clock, rule=rule)
    try:
        yield store
    finally:
        await store.close()


async def store_base(url: str, sessions: Sequence[Session]) -> list[Place]:
    """Store the sessions in the migrated, empty store and return where each resource lies."""
    migrate(url)
    clock = Clock()
    async with opened(url, clock) as store:
        return await _store(store, clock, sessions)


async def seal(url: str) -> None:
    """Seal the audit, as servers would have done while it grew: the first one that starts has nothing to catch up on."""
    begun = time.perf_counter()
    async with opened(url, lambda: FAR) as store:
        blocks = await sealing.seal(store.audit, lambda: FAR)
    told(f"audit_block: {blocks:,} rows", begun)


async def _store(store: Store, clock: Clock, sessions: Sequence[Session]) -> list[Place]:
    places: list[Place] = []
    for unit in units(sessions):
        clock.turn_to(unit[0].day)
        changes = tuple(
            Change(one["resourceType"], one["id"], "POST", None, None, one)
            for session in unit
            for one in session.resources
        )
        keys = iter([stored.key for stored in await store.commit(LOCALITY, Unit(changes, AUDIT))])
        for session in unit:
            own = sorted(next(keys) for _ in session.resources)
            places += [(key, own[0], len(own)) for key in own]
    if sorted(place[0] for place in places) != list(range(1, len(places) + 1)):
        raise ValueError("the store that was to be filled was not empty")
    return places


def told(what: str, begun: float) -> None:
    """Print what was done and how long it took."""
    print(f"{what:44}{time.perf_counter() - begun:9.1f} s", flush=True)


def build_sqlite(path: Path, sessions: Sequence[Session], clones: int, kept: Path | None = None) -> None:
    """Build the store in a new file; the base is kept in `kept`, and used again where it is there already.

    Raises:
        FileExistsError: the file is there already.
    """
    if path.exists():
        raise FileExistsError(f"{path} is there already")
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        base = kept or Path(folder) / "base.db"
        if not base.exists():
            _build_base(base, sessions)
            told("base", begun)
        migrate(f"sqlite:///{path}")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = {CACHE}"):
                connection.execute(f"PRAGMA {pragma}")
            connection.execute("ATTACH ? AS base", (str(base),))
            connection.execute(
                "CREATE TEMP TABLE clone (number INTEGER PRIMARY KEY, prefix TEXT, packed BLOB)"
            )
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO clone VALUES (?, ?, ?)", clone_rows(clones))
            connection.execute(
                "CREATE TEMP TABLE agency (code INTEGER, number INTEGER, own INTEGER, PRIMARY KEY (code, number))"
            )
            _fill_sqlite(connection, clones)
            connection.execute("COMMIT")
            connection.execute("DETACH base")
            connection.execute("PRAGMA journal_mode = WAL")
    asyncio.run(seal(f"sqlite:///{path}"))
    told(f"{path.stat().st_size / 1e9:.2f} GB, in all", begun)


def _build_base(base: Path, sessions: Sequence[Session]) -> None:
    places = asyncio.run(store_base(f"sqlite:///{base}", sessions))
    with closing(sqlite3.connect(base)) as connection:
        connection.execute("CREATE TABLE place (rid INTEGER PRIMARY KEY, start INTEGER, size INTEGER)")
        connection.executemany("INSERT INTO place VALUES (?, ?, ?)", places)
        connection.execute("CREATE INDEX place_start ON place (start, rid, size)")
        connection.commit()


def _fill_sqlite(connection: sqlite3.Connection, clones: int) -> None:
    for table in COPIED:
        connection.execute(f"DELETE FROM main.{table.name}")  # noqa: S608 - our own names
        connection.execute(f"INSERT INTO main.{table.name} SELECT * FROM base.{table.name}")  # noqa: S608 - our own names
    connection.execute(
        "UPDATE main.locality_keys SET next_rid = (SELECT count(*) FROM base.place) * ? + 1", (clones,)
    )
    agencies = agency_rows(connection.execute(AGENCIES).fetchall(), clones)
    connection.executemany("INSERT INTO agency VALUES (?, ?, ?)", (one[:3] for one in agencies))
    connection.executemany("INSERT OR IGNORE INTO main.name VALUES (?, ?, ?)", (one[3:] for one in agencies))
    for table in MULTIPLIED:
        begun = time.perf_counter()
        indexes = connection.execute(
            "SELECT name, sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?",
            (table.name,),
        ).fetchall()
        for index, _ in indexes:
            connection.execute(f"DROP INDEX main.{index}")
        statement = filling(table, clones, Sqlite())
        count = connection.execute(statement.replace("INSERT INTO ", "INSERT INTO main.", 1)).rowcount
        for _, definition in indexes:
            connection.execute(definition)
        told(f"{table.name}: {count:,} rows", begun)


async def build_postgres(url: str, sessions: Sequence[Session], clones: int) -> None:
    """Build the store in an empty database. Raises ValueError where it is not empty."""
    begun = time.perf_counter()
    places = await store_base(url, sessions)
    told(f"base of {len(places):,} resources", begun)
    connection = await asyncpg.connect(url)
    try:
        for setting in ("work_mem = '256MB'", "maintenance_work_mem = '512MB'", "synchronous_commit = off"):
            await connection.execute(f"SET {setting}")
        await _set_base_aside(connection, places, clones)
        for table in MULTIPLIED:
            await _fill_postgres(connection, table, clones)
        await connection.execute("UPDATE locality_keys SET next_rid = $1", len(places) * clones + 1)
        await connection.execute("DROP SCHEMA base CASCADE")
        await connection.execute("DROP TABLE clone, agency")
        await seal(url)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
    finally:
        await connection.close()
    told(f"{size / 1e9:.2f} GB, in all", begun)


async def _set_base_aside(connection: asyncpg.Connection, places: Sequence[Place], clones: int) -> None:
    await connection.execute("CREATE SCHEMA base")
    for table in MULTIPLIED:
        await connection.execute(f"CREATE TABLE base.{table.name} AS TABLE {table.name}")
        await connection.execute(f"TRUNCATE {table.name}")
    await connection.execute("CREATE TABLE base.place (rid bigint PRIMARY KEY, start bigint, size bigint)")
    await connection.copy_records_to_table("place", schema_name="base", records=places)
    await connection.execute("CREATE TEMP TABLE clone (number bigint, prefix text, packed bytea)")
    await connection.copy_records_to_table("clone", records=clone_rows(clones))
    await connection.execute(
        "CREATE TEMP TABLE agency (code bigint, number bigint, own bigint, PRIMARY KEY (code, number))"
    )
    agencies = agency_rows([(code, text) for code, text in await connection.fetch(AGENCIES)], clones)
    await connection.copy_records_to_table("agency", records=[one[:3] for one in agencies])
    await connection.executemany(
        "INSERT INTO name VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", [one[3:] for one in agencies]
    )
    await connection.execute("ANALYZE")


async def _fill_postgres(connection: asyncpg.Connection, table: Table, clones: int) -> None:
    begun = time.perf_counter()
    constraints = await connection.fetch(
        "SELECT conname AS name, pg_get_constraintdef(oid) AS text FROM pg_constraint"
        " WHERE conrelid = $1::regclass AND contype IN ('p', 'u')",
        table.name,
    )
    for one in constraints:
        await connection.execute(f"ALTER TABLE {table.name} DROP CONSTRAINT {one['name']}")
    indexes = await connection.fetch(
        "SELECT indexname AS name, indexdef AS text FROM pg_indexes WHERE schemaname = 'public' AND tablename = $1",
        table.name,
    )
    for one in indexes:
        await connection.execute(f"DROP INDEX {one['name']}")
    done = await connection.execute(filling(table, clones, Postgres()))
    for one in constraints:
        await connection.execute(f"ALTER TABLE {table.name} ADD CONSTRAINT {one['name']} {one['text']}")
    for one in indexes:
        await connection.execute(one["text"])
    told(f"{table.name}: {int(done.split()[-1]):,} rows", begun)


def arguments() -> argparse.ArgumentParser:
    """Return what the command line understands."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volume", description=__doc__)
    parser.add_argument(
        "--resources", type=int, default=1_000_000, help="about so many; whole clones of the base"
    )
    parser.add_argument("--patients", type=int, default=population.PATIENTS, help="young people in the base")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--file", type=Path, help="a new SQLite file")
    where.add_argument("--url", help="an empty PostgreSQL database")
    parser.add_argument("--base", type=Path, help="an SQLite file that keeps the base for the next store")
    return parser


def main(given: Sequence[str] | None = None) -> int:
    """Build the store and return 0."""
    parser = arguments()
    options = parser.parse_args(given)
    sessions = population.read_along(population.sessions(options.patients))
    clones = max(1, round(options.resources / sum(len(one.resources) for one in sessions)))
    print(f"{clones} clones of {options.patients} young people")
    try:
        if options.file:
            build_sqlite(options.file, sessions, clones, options.base)
        else:
            asyncio.run(build_postgres(options.url, sessions, clones))
    except (FileExistsError, ValueError) as fault:
        parser.exit(2, f"{fault}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
