"""That a copied database is what a migrated one would be, and that what is done to it is done to it alone."""

from __future__ import annotations

from typing import Any

import pytest

from service.storage.names import Kind
from service.storage.open import current_revision, migrate, open_store, session
from service.storage.store import Store
from service.storage.tables import REVISION, metadata
from tests.conftest import LOCALITIES
from tests.databases import DATABASES
from tests.storage.builders import LOCALITY, patient, stored


@pytest.fixture(params=DATABASES)
def kind(request) -> str:
    return request.param


async def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of each table; of names without their numbers, which go by who came first."""
    async with session(url) as ours:
        found = {
            name: sorted(map(tuple, await ours.fetch(f"SELECT * FROM {name}")))
            for name in metadata.tables
            if name != "name"
        }
        found["name"] = sorted(map(tuple, await ours.fetch("SELECT kind, text FROM name")))
    return found


async def test_an_empty_one_is_not_migrated(databases, kind, tmp_path):
    assert await current_revision(databases.empty(kind, tmp_path)) is None


async def test_a_migrated_one_is_as_if_migrated_here(databases, kind, tmp_path):
    for name in ("copied", "here"):
        (tmp_path / name).mkdir()
    copied, here = databases.migrated(kind, tmp_path / "copied"), databases.empty(kind, tmp_path / "here")
    migrate(here)
    assert await current_revision(copied) == REVISION
    assert await contents(copied) == await contents(here)


async def test_an_opened_one_is_as_if_opened_here(databases, kind, tmp_path, registry, extractor):
    for name in ("copied", "here"):
        (tmp_path / name).mkdir()
    copied, here = databases.opened(kind, tmp_path / "copied"), databases.migrated(kind, tmp_path / "here")
    await (await open_store(here, registry, extractor, lambda: 1, LOCALITIES)).close()
    found = await contents(copied)
    assert (Kind.LOCALITY, LOCALITY) in found["name"]
    assert found == await contents(here)


async def test_what_is_stored_in_one_is_in_no_other(store: Store, databases, kind, tmp_path):
    await stored(store, patient("a"))
    (tmp_path / "other").mkdir()
    assert (await contents(databases.opened(kind, tmp_path / "other")))["resource"] == []
