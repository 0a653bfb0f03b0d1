"""Migration 0005 of a store in use: nothing of it changes, nobody may sign in yet, and clients can be kept.

Source: ADR 0021
"""

from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.config import Config

from service.storage.open import migrate, migrations, session
from service.storage.registrations import Registration, Registrations

BEFORE = "0004"
CLIENT = Registration("epr", "default", "camhs", "An EPR", "system/*.rs", keys="{}", sectors=("nhs",))


@pytest.fixture
async def in_use(database_url: str) -> str:
    """A database of the revision before, with a row in it."""

    def to_before() -> None:
        config = Config()
        config.set_main_option("script_location", str(migrations()))
        config.attributes["database_url"] = database_url
        command.upgrade(config, BEFORE)

    await asyncio.to_thread(to_before)
    async with session(database_url) as own:
        await own.run("INSERT INTO secret (name, value) VALUES ($1, $2)", "page-links", b"x" * 32)
    return database_url


async def test_what_was_there_stands_and_nobody_is_registered(in_use):
    migrate(in_use)
    async with session(in_use) as own:
        assert await own.fetch("SELECT name, value FROM secret") == [("page-links", b"x" * 32)]
        for table in ("client", "used_assertion", "revoked_token"):
            assert await own.fetch(f"SELECT count(*) FROM {table}") == [(0,)]


async def test_clients_can_be_kept(in_use):
    migrate(in_use)
    async with session(in_use) as own:
        registrations = Registrations(own.fetch, own.run)
        assert await registrations.add(CLIENT)
        assert await registrations.all() == (CLIENT,)
        assert await registrations.use(b"a", 5)
        assert not await registrations.use(b"a", 5)
