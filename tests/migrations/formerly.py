"""Databases of earlier programs: made at their revision and filled from a store of today."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from service.storage.open import migrations, session
from service.storage.tables import resource, resource_version

Row = dict[str, Any]
Keep = Callable[[str, Row], bool]


async def at_revision(database_url: str, revision: str) -> dict[str, list[str]]:
    """Makes the tables of the revision; their columns by their names."""
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.attributes["database_url"] = database_url
    await asyncio.to_thread(command.upgrade, config, revision)
    found = MetaData()
    if database_url.startswith("sqlite"):
        engine = create_engine(database_url)
        found.reflect(engine)
        engine.dispose()
    else:
        server = create_async_engine(
            database_url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool
        )
        async with server.connect() as connection:
            await connection.run_sync(found.reflect)
        await server.dispose()
    return {
        table.name: [column.name for column in table.columns]
        for table in found.sorted_tables
        if table.name != "alembic_version"
    }


async def filled_from(
    source: str, database_url: str, tables: dict[str, list[str]], keep: Keep = lambda _, __: True
) -> None:
    """Fills the tables with what is in those of the source, and the audit with an entry for each version."""
    async with session(source) as old, session(database_url) as new:
        for table, columns in tables.items():
            if table == "audit_entry":
                continue
            names = ", ".join(columns)
            rows = await old.fetch(f"SELECT {names} FROM {table}")
            rows = [row for row in rows if keep(table, dict(zip(columns, row, strict=True)))]
            slots = ", ".join(f"${number}" for number, _ in enumerate(columns, 1))
            await new.run_many(f"INSERT INTO {table} ({names}) VALUES ({slots})", rows)
        for table in (resource, resource_version):
            await new.run(
                "INSERT INTO audit_entry (locality, rid, version, at, client, agency, interaction, request)"
                f" SELECT locality, rid, version, updated, 1, 1, 1, 'request' FROM {table.name}"
            )


async def contents(database_url: str, tables: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the tables, as far as those columns go."""
    async with session(database_url) as reading:
        return {
            table: sorted(await reading.fetch(f"SELECT {', '.join(columns)} FROM {table}"), key=repr)
            for table, columns in tables.items()
        }
