"""The migrations, run on an empty database, end equal to the tables that the program uses."""

from __future__ import annotations

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from service.storage.open import current_revision, migrate, migrations
from service.storage.tables import REVISION, metadata


def _differences(connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, metadata)


async def test_migrated_equals_metadata(database_url: str):
    migrate(database_url)
    if database_url.startswith("sqlite"):
        engine = create_engine(database_url)
        with engine.connect() as connection:
            differences = _differences(connection)
        engine.dispose()
    else:
        server = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://"))
        async with server.connect() as connection:
            differences = await connection.run_sync(_differences)
        await server.dispose()
    assert differences == []


async def test_primary_keys_are_the_same_as_in_metadata(database_url: str):
    """Alembic does not compare primary keys, and ours decide what a search costs."""
    migrate(database_url)
    if not database_url.startswith("postgresql"):
        return
    server = await asyncpg.connect(database_url)
    rows = await server.fetch(
        "SELECT c.relname, array_agg(a.attname::text ORDER BY k.position) FROM pg_index i"
        " JOIN pg_class c ON c.oid = i.indrelid,"
        " unnest(i.indkey) WITH ORDINALITY AS k (number, position),"
        " pg_attribute a WHERE i.indisprimary AND a.attrelid = c.oid AND a.attnum = k.number"
        " AND c.relnamespace = 'public'::regnamespace GROUP BY c.relname"
    )
    await server.close()
    keys = {row[0]: row[1] for row in rows}
    for table in metadata.tables.values():
        assert keys[table.name] == [column.name for column in table.primary_key], table.name


async def test_migrating_twice_does_nothing(database_url: str):
    assert await current_revision(database_url) is None
    migrate(database_url)
    migrate(database_url)
    assert await current_revision(database_url) == REVISION


def test_the_program_knows_the_newest_revision():
    assert ScriptDirectory(str(migrations())).get_current_head() == REVISION
