"""Opens the store that a database URL names, and migrates it.

`sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or `postgresql://…`.

Source: ADR 0002
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, closing
from importlib.resources import files
from pathlib import Path

import asyncpg

from service.fhir.registry import Registry
from service.fhir.search.derived import index_codes
from service.fhir.search.digests import definitions
from service.fhir.search.extraction import Extractor
from service.storage.indexed import Indexed
from service.storage.names import Kind, Name
from service.storage.postgres import PostgresStore
from service.storage.postgres_connections import connect as connect_postgres
from service.storage.postgres_connections import revision as postgres_revision
from service.storage.sessions import Session, postgres_session, sqlite_session
from service.storage.sharing import NO_RULE, Rule
from service.storage.sqlite import PLENTY, Room, SqliteStore
from service.storage.sqlite import revision as sqlite_revision
from service.storage.store import Store
from service.storage.tables import REVISION

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")


class UnknownDatabase(ValueError):  # noqa: N818 - reads as what it is
    """The URL names no database that we know."""


class NotMigrated(RuntimeError):  # noqa: N818 - reads as what it is
    """The database's schema is not the one this program knows; `thrive-fhir migrate` makes it so."""


async def open_store(
    database_url: str,
    registry: Registry,
    extractor: Extractor,
    clock: Callable[[], int],
    localities: Iterable[str] = ("default",),
    rule: Rule = NO_RULE,
    room: Room = PLENTY,
) -> Store:
    """The store, ready for use; `clock` gives milliseconds since 1970.

    `rule` tells who may see what; by default nobody but the author of a resource. `room` is that of
    whoever reads an SQLite file.

    Raises:
        UnknownDatabase: the URL's scheme is not ours.
        NotMigrated: the schema is missing or of another version.
        Unavailable: the database cannot be reached.
    """
    needed = _names(registry, localities)
    indexed = Indexed(definitions(registry), lambda: session(database_url))
    store: SqliteStore | PostgresStore
    if database_url.startswith(_POSTGRESQL):
        pool = await _connected(database_url)
        store = PostgresStore(pool, registry, extractor, clock, indexed, rule, url=database_url)
    else:
        _require(await current_revision(database_url))
        store = SqliteStore(sqlite_path(database_url), registry, extractor, clock, indexed, rule, room)
    await store.start(needed)
    return store


async def _connected(database_url: str) -> asyncpg.Pool:
    """The store's connections, the first of which asks for the revision: another would cost more than the question."""
    pool = await connect_postgres(database_url)
    try:
        async with pool.acquire() as connection:
            _require(await postgres_revision(connection))
    except BaseException:
        await pool.close()
        raise
    return pool


def _require(found: str | None) -> None:
    if found != REVISION:
        raise NotMigrated("The database is not at this program's version; run `thrive-fhir migrate`.")


def session(database_url: str) -> AbstractAsyncContextManager[Session]:
    """A connection of one's own to the database that the URL names.

    Raises:
        UnknownDatabase: the URL's scheme is not ours.
        Unavailable: the database cannot be reached.
    """
    if database_url.startswith(_POSTGRESQL):
        return postgres_session(database_url)
    return sqlite_session(sqlite_path(database_url))


async def current_revision(database_url: str) -> str | None:
    """The revision that the database is at, None where it was never migrated."""
    if database_url.startswith(_POSTGRESQL):
        pool = await connect_postgres(database_url)
        async with pool.acquire() as connection:
            found = await postgres_revision(connection)
        await pool.close()
        return found
    path = sqlite_path(database_url)
    if not path.exists():
        return None
    with closing(sqlite3.connect(path)) as connection:
        return sqlite_revision(connection)


def migrate(database_url: str) -> None:
    """Brings the database to this program's schema; does nothing where it is there already.

    Raises:
        UnknownDatabase: the URL's scheme is not ours.
        Unavailable: the database cannot be reached.
    """
    # In a thread of its own, because an event loop may be running in this one.
    with ThreadPoolExecutor(max_workers=1) as thread:
        if thread.submit(lambda: asyncio.run(current_revision(database_url))).result() == REVISION:
            return
        thread.submit(_upgrade, database_url).result()


def sqlite_path(database_url: str) -> Path:
    """The file that an SQLite URL names.

    Raises:
        UnknownDatabase: it is no SQLite URL.
    """
    if not database_url.startswith(_SQLITE):
        raise UnknownDatabase("A database URL begins with sqlite:/// or postgresql://.")
    return Path(database_url.removeprefix(_SQLITE))


def migrations() -> Path:
    """The folder of the migration scripts: in the package where installed, beside it in a checkout."""
    packaged = Path(str(files("service.storage"))) / "migrations"
    return packaged if packaged.is_dir() else Path(str(files("service"))).parent / "migrations"


def _upgrade(database_url: str) -> None:
    # Alembic is loaded only where there is something to migrate: a start does without it.
    from alembic import command  # noqa: PLC0415 - as said above
    from alembic.config import Config  # noqa: PLC0415 - as said above

    if database_url.startswith(_SQLITE):
        sqlite_path(database_url).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")


def _names(registry: Registry, localities: Iterable[str]) -> set[Name]:
    names: set[Name] = {(Kind.LOCALITY, locality) for locality in localities}
    for type_ in registry.served:
        names.add((Kind.TYPE, type_))
        names.update((Kind.PARAMETER, f"{type_}.{code}") for code in index_codes(registry, type_))
    return names
