"""What every test may ask for: a real store on each database, a clock, and ids.

A test that takes `store` runs twice, on SQLite and on PostgreSQL; the latter is a private
server that is started once a session, and its tests are skipped with a reason where
PostgreSQL is not installed.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from service.access.rule import sharing_rule
from service.fhir import artefacts, codec
from service.fhir.guide import Guide
from service.fhir.registry import Registry, load
from service.fhir.search.definitions import in_force
from service.fhir.search.extraction import Extractor
from service.fhir.terminology import Terminology
from service.storage.open import open_store
from service.storage.store import Store
from tests.databases import DATABASES, Databases
from tests.postgres import PostgresAbsent, cluster
from tests.storage.file_stores import bucket, files, folder, s3_server  # noqa: F401 - fixtures: found by being here

# The machine is shared, so how long an example takes says nothing; and what fails once
# must fail again.
settings.register_profile("checked", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("long", deadline=None, max_examples=10_000)
settings.load_profile("checked")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On many processes the files with slow tests begin first, so that none is left alone with one at the end."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Twenty thousand tests and what they import are never garbage: collectors need not look at them again."""
    gc.collect()
    gc.freeze()


BASE_URL = "http://127.0.0.1:8080/fhir"
SHARED = Path(__file__).parents[2] / "shared"

LOCALITIES = ("default", "elsewhere")


@pytest.fixture(scope="session")
def registry(guide: Guide) -> Registry:
    """R4's definitions with our own search parameters in force, as the service has them."""
    return in_force(load(), guide).registry


@pytest.fixture(scope="session")
def extractor(registry: Registry) -> Extractor:
    return Extractor(registry, BASE_URL)


@pytest.fixture(scope="session")
def guide() -> Guide:
    """Our own artefacts, as the service ships them."""
    return artefacts.load()


@pytest.fixture(scope="session")
def domain_facts() -> dict[str, Any]:
    """The facts of the field, numbers with their own digits."""
    path = SHARED / "data" / "domain_facts.json"
    if not path.exists():
        pytest.skip("the facts of the field are not beside this checkout (../shared/data/domain_facts.json)")
    return codec.decode(path.read_bytes())


@pytest.fixture(scope="session")
def terminology(registry: Registry, guide: Guide) -> Terminology:
    return Terminology(registry, guide)


class TestClock:
    """Milliseconds that only move when told, a millisecond a look."""

    __test__ = False

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"00000000-0000-7000-8000-{next(numbers):012d}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with ExitStack() as stack:
        try:
            url = stack.enter_context(cluster())
        except PostgresAbsent as absent:
            pytest.skip(f"no PostgreSQL here: {absent}")
        yield url


@pytest.fixture(scope="session")
def databases(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    registry: Registry,
    extractor: Extractor,
) -> Databases:
    """What makes a test's database."""

    async def opened(url: str) -> None:
        rule = sharing_rule(registry, BASE_URL)
        await (await open_store(url, registry, extractor, lambda: 1, LOCALITIES, rule)).close()

    return Databases(
        tmp_path_factory.mktemp("databases"),
        lambda: request.getfixturevalue("postgres_server"),
        opened,
    )


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    """The database of `store` or `migrated_url`; for a test that asks for neither an empty one, not migrated."""
    if "store" in request.fixturenames:
        return databases.opened(request.param, tmp_path)
    makes = databases.migrated if "migrated_url" in request.fixturenames else databases.empty
    return makes(request.param, tmp_path)


@pytest.fixture
def migrated_url(database_url: str) -> str:
    """A migrated database, in which no store was opened yet."""
    return database_url


@pytest.fixture
async def store(
    database_url: str, registry: Registry, extractor: Extractor, clock: TestClock
) -> AsyncIterator[Store]:
    rule = sharing_rule(registry, BASE_URL)
    opened = await open_store(database_url, registry, extractor, clock, localities=LOCALITIES, rule=rule)
    yield opened
    await opened.close()
