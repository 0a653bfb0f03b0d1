"""The audit entries that there were are taken over: every version has its own, and the chain begins with them."""

from __future__ import annotations

import asyncio

import pytest
from alembic import command
from alembic.config import Config

from service.fhir import registry as registries
from service.fhir.search.extraction import Extractor
from service.storage import audit
from service.storage.checking import check
from service.storage.ledger import Asked
from service.storage.open import migrate, migrations, open_store, session
from service.storage.sealing import OLD, WAIT, seal
from tests.conftest import BASE_URL

BEFORE = "0005"
REGISTRY = registries.load()
AT = 1_700_000_000_000

NAMES = [
    (1, 1, "default"),
    (2, 1, "Patient"),
    (5, 1, "epr"),
    (6, 1, "camhs"),
    (7, 1, "create"),
    (7, 2, "delete"),
]
# rid, version, method (1 POST, 2 PUT, 4 DELETE), table; of the first there are three versions, of the second one.
VERSIONS = [
    (1, 3, 4, "resource"),
    (1, 1, 1, "resource_version"),
    (1, 2, 2, "resource_version"),
    (2, 1, 2, "resource"),
]


def to_before(database_url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.attributes["database_url"] = database_url
    command.upgrade(config, BEFORE)


@pytest.fixture
async def in_use(database_url):
    """A database of the version before, with four versions and their entries."""
    await asyncio.to_thread(to_before, database_url)
    async with session(database_url) as old:
        await old.run_many("INSERT INTO name (kind, code, text) VALUES ($1, $2, $3)", NAMES)
        for rid, version, method, table in VERSIONS:
            id_, body = f"p{rid}".encode(), b"" if method == 4 else _body(rid, version)
            await old.run(
                f"INSERT INTO {table} (locality, rid, type, id, version, updated, method, author, child, label, body)"
                " VALUES (1, $1, 1, $2, $3, $4, $5, 1, $6, 0, $7)",
                rid, id_, version, AT + version, method, b"\x00", body,
            )  # fmt: skip
            await old.run(
                "INSERT INTO audit_entry (locality, rid, version, at, client, agency, interaction, request)"
                " VALUES (1, $1, $2, $3, 1, 1, $4, $5)",
                rid, version, AT + version, 2 if method == 4 else 1, f"request-{rid}-{version}",
            )  # fmt: skip


def _body(rid: int, version: int) -> bytes:
    time = f"2023-11-14T22:13:20.{version:03d}Z"
    return b'{"resourceType":"Patient","id":"p%d","meta":{"versionId":"%d","lastUpdated":"%b"}}' % (
        rid,
        version,
        time.encode(),
    )


async def test_each_version_has_the_entry_that_it_had(database_url, in_use):
    await asyncio.to_thread(migrate, database_url)
    store = await open_store(database_url, REGISTRY, Extractor(REGISTRY, BASE_URL), lambda: AT)
    entries, _ = await store.audit.found("default", Asked(10, rising=True))
    said = [
        (
            one.event.id,
            one.event.version,
            audit.ACTIONS[one.event.action],
            one.event.status,
            one.event.what,
            one.event.request,
        )
        for one in entries
    ]
    assert said == [
        ("p1", 1, "C", 201, "create", "request-1-1"),
        ("p2", 1, "C", 201, "create", "request-2-1"),
        ("p1", 2, "U", 200, "create", "request-1-2"),
        ("p1", 3, "D", 204, "delete", "request-1-3"),
    ]
    assert {(one.event.client, one.event.agency, one.event.children) for one in entries} == {
        ("epr", "camhs", ())
    }
    assert [one.serial for one in entries] == [
        audit.version_serial(rid, version) for rid, version in ((1, 1), (2, 1), (1, 2), (1, 3))
    ]
    await store.close()


async def test_what_was_taken_over_is_whole_and_is_sealed(database_url, in_use):
    await asyncio.to_thread(migrate, database_url)
    store = await open_store(database_url, REGISTRY, Extractor(REGISTRY, BASE_URL), lambda: AT)
    assert await seal(store.audit, lambda: AT + OLD + WAIT + 10) == 1
    await store.close()
    report = await check(database_url, REGISTRY, Extractor(REGISTRY, BASE_URL))
    assert report.audit.faults == []
    assert (report.audit.entries, report.audit.unsealed) == (4, 0)
