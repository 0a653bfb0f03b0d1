"""A check that finds nothing is worth nothing until it was seen to find something."""

from __future__ import annotations

import sqlite3

import asyncpg
import pytest

from service.storage.checking import check
from service.storage.open import sqlite_path
from service.storage.store import Store
from tests.storage.builders import LOCALITY, deletion, patient, score, stored, unit, update

DAMAGE = {
    "an index row is lost": (
        "DELETE FROM index_reference WHERE rid = 2",
        "the rows of Observation.",
    ),
    "an index row is left over": (
        """INSERT INTO index_token (locality, parameter, code, system, rid)
        SELECT locality, parameter, 'other', system, rid FROM index_token WHERE rid = 2 LIMIT 1""",
        "the rows of Observation.",
    ),
    "an index row says something else": (
        "UPDATE index_token SET code = 'other' WHERE rid = 2 AND code = 'final'",
        "the rows of Observation.status in index_token are not those",
    ),
    "a superseded version is lost": ("DELETE FROM resource_version", "superseded versions"),
    "a version has no resource": ("UPDATE resource_version SET rid = 99 WHERE rid = 1", "has no resource"),
    "a body is another's": (
        "UPDATE resource SET body = (SELECT body FROM resource WHERE rid = 1) WHERE rid = 2",
        "names another resource",
    ),
    "a body is no JSON": ("UPDATE resource SET body = id WHERE rid = 2", "cannot be read"),
    "an audit entry is lost": ("DELETE FROM audit_entry WHERE rid = 1 AND version = 2", "audit entries"),
}


async def execute(database_url: str, statement: str) -> None:
    if database_url.startswith("sqlite"):
        with sqlite3.connect(sqlite_path(database_url)) as connection:
            connection.execute(statement)
        connection.close()
        return
    server = await asyncpg.connect(database_url)
    await server.execute(statement)
    await server.close()


async def cohort(store: Store) -> None:
    first = await stored(store, patient("a"))
    await stored(store, score("s", "a"))
    await store.commit(LOCALITY, unit(update(first, patient("a", "2"))))
    third = await stored(store, patient("b"))
    await store.commit(LOCALITY, unit(deletion(third)))


async def test_a_sound_database_is_told_sound(store: Store, database_url, registry, extractor):
    await cohort(store)
    report = await check(database_url, registry, extractor)
    assert report.faults == []
    assert report.sound
    assert (report.resources, report.versions) == (3, 5)
    assert report.index_rows >= 5


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_is_found(store: Store, database_url, registry, extractor, damage: str):
    await cohort(store)
    statement, told = DAMAGE[damage]
    await execute(database_url, statement)
    report = await check(database_url, registry, extractor)
    assert not report.sound
    assert any(told in fault for fault in report.faults), report.faults
