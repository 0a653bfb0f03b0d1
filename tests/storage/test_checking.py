"""A check that finds nothing is worth nothing until it was seen to find something."""

from __future__ import annotations

import sqlite3

import asyncpg
import pytest

from service.fhir.search.extraction import Extractor
from service.storage.checking import check
from service.storage.open import sqlite_path
from service.storage.store import Notice, Store, Unit
from tests.conftest import BASE_URL
from tests.storage.builders import AUDIT, LOCALITY, creation, deletion, patient, score, stored, unit, update
from tests.storage.reindexed import own, registry_with

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
    "an audit entry is lost": ("DELETE FROM audit WHERE version = 2", "audit entries"),
    "a notice is of no version": ("UPDATE notice SET version = 9", "is of no such version"),
    "a notice is of another time": ("UPDATE notice SET at = at + 1", "or of another time"),
    "a notice is to no agency": ("UPDATE notice SET agency = 99", "is to no agency"),
    "a notice was acknowledged by nobody": ("UPDATE notice SET acknowledged = 1", "by nobody"),
    "a notice was acknowledged by no client": (
        "UPDATE notice SET acknowledged = 1, acknowledger = 99",
        "by nobody",
    ),
    "a notice was acknowledged at no time": ("UPDATE notice SET acknowledger = 1", "at no time"),
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
    told = Notice("n1", "school", "began", ("Patient", "c"))
    await store.commit(LOCALITY, Unit((creation(patient("c")),), AUDIT, notices=(told,)))


async def test_a_sound_database_is_told_sound(store: Store, database_url, registry, extractor):
    await cohort(store)
    report = await check(database_url, registry, extractor)
    assert report.faults == []
    assert report.sound
    assert (report.resources, report.versions) == (4, 6)
    assert report.index_rows >= 5
    assert (report.notices, report.waiting) == (1, 1)


async def test_what_a_notice_is_about_may_have_changed_since(store: Store, database_url, registry, extractor):
    await cohort(store)
    before = await store.read(LOCALITY, "Patient", "c")
    await store.commit(LOCALITY, unit(update(before, patient("c", "2"))))
    await store.acknowledge(LOCALITY, "school", "school's system", ["n1"], frozenset({"Patient"}))
    report = await check(database_url, registry, extractor)
    assert report.faults == []
    assert (report.notices, report.waiting) == (1, 0)


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_is_found(store: Store, database_url, registry, extractor, damage: str):
    await cohort(store)
    statement, told = DAMAGE[damage]
    await execute(database_url, statement)
    report = await check(database_url, registry, extractor)
    assert not report.sound
    assert any(told in fault for fault in report.faults), report.faults


async def test_what_waits_for_reindex_is_told_and_is_no_fault(store: Store, database_url, registry):
    """Nobody has opened the store yet with the deployer's file: the names in it have no numbers."""
    await cohort(store)
    known = registry_with(
        own("performer-number", "token", "Observation.performer.identifier"),
        own("note-text", "string", "Observation.note.text"),
    )
    report = await check(database_url, known, Extractor(known, BASE_URL))
    assert report.faults == []
    assert report.pending == 4  # identifiers are asked for by `:text` and `:of-type` too
    await execute(database_url, "DELETE FROM indexed_parameter WHERE name = 'Observation.status'")
    await execute(database_url, "DELETE FROM index_token WHERE code = 'final'")
    assert (await check(database_url, registry, Extractor(registry, BASE_URL))).sound


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (
            "UPDATE index_composite SET value = 5 WHERE rid = 2",
            "Observation.code-value-quantity in index_composite",
        ),
        ("UPDATE index_text SET words = ' other '", "._content in index_text"),
        ("DELETE FROM index_text", "._content in index_text are 0"),
    ],
)
async def test_damage_to_composites_and_words_is_found(
    store: Store, database_url, registry, extractor, damage: str, told: str
):
    noted = score("noted", "a") | {"code": score("noted", "a")["code"] | {"text": "how it went"}}
    await cohort(store)
    await stored(store, noted)
    assert (await check(database_url, registry, extractor)).sound
    await execute(database_url, damage)
    report = await check(database_url, registry, extractor)
    assert any(told in fault for fault in report.faults), report.faults
