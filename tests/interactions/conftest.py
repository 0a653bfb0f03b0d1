"""A context around the real store, and who acts in it.

Each database is migrated once; every test acts in localities of its own, which no test
sees across. So a test costs an opened store, and not a database.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from service.access.callers import Caller
from service.access.rule import sharing_rule
from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from service.interactions.context import Act, Context, Limits
from service.storage.open import open_store
from service.storage.store import Store
from tests.conftest import BASE_URL, DATABASES, TestClock
from tests.databases import Databases
from tests.interactions.seeing import Desk, desk

LINK_KEY = b"0123456789abcdef0123456789abcdef"


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def migrated(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """The URL of the session's database of a kind."""
    urls: dict[str, str] = {}

    def url_of(kind: str) -> str:
        if kind not in urls:
            urls[kind] = databases.migrated(kind, tmp_path_factory.mktemp("interactions"))
        return urls[kind]

    return url_of


@pytest.fixture
def localities() -> tuple[str, str]:
    """Two localities that only this test knows."""
    number = next(_numbers)
    return f"here-{number}", f"elsewhere-{number}"


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, migrated: Callable[[str], str]) -> str:
    """The URL of the session's database, of each kind."""
    return migrated(request.param)


@pytest.fixture
async def store(
    database: str,
    localities: tuple[str, str],
    registry: Registry,
    extractor: Extractor,
    clock: TestClock,
) -> AsyncIterator[Store]:
    rule = sharing_rule(registry, BASE_URL)
    opened = await open_store(database, registry, extractor, clock, localities, rule)
    yield opened
    await opened.close()


@pytest.fixture
async def workers(
    context: Context,
    database: str,
    localities: tuple[str, str],
    registry: Registry,
    extractor: Extractor,
    clock: TestClock,
) -> AsyncIterator[tuple[Context, Context]]:
    """The contexts of two workers on one database."""
    rule = sharing_rule(registry, BASE_URL)
    second = await open_store(database, registry, extractor, clock, localities, rule)
    yield context, replace(context, store=second)
    await second.close()


@pytest.fixture(scope="session")
def validator(registry: Registry, terminology: Terminology) -> Validator:
    return Validator(registry, terminology.guide, terminology)


@pytest.fixture
def context(
    store: Store,
    registry: Registry,
    validator: Validator,
    extractor: Extractor,
    clock: TestClock,
    ids: Callable[[], str],
    terminology: Terminology,
) -> Context:
    return Context(
        registry=registry,
        validator=validator,
        store=store,
        clock=clock,
        ids=ids,
        base_url=BASE_URL,
        limits=Limits(bundle_entries=6000, page=50, page_default=10, conditional_matches=5),
        link_key=LINK_KEY,
        extractor=extractor,
        guide=terminology.guide,
        terminology=terminology,
    )


@pytest.fixture
def act(localities: tuple[str, str]) -> Act:
    return Act(Caller(client="epr", agency="camhs", locality=localities[0]), request_id="request-1")


@pytest.fixture
def elsewhere(localities: tuple[str, str]) -> Act:
    """The same client in another locality."""
    return Act(Caller(client="epr", agency="camhs", locality=localities[1]), request_id="request-2")


@pytest.fixture
def admin(context: Context, act: Act) -> Desk:
    """The desk of who sees everything."""
    return desk(context, act, "service", administrator=True)


@pytest.fixture
def school(context: Context, act: Act) -> Desk:
    """The desk of a school, whose client chooses ids."""
    return desk(context, act, "school", chooses_ids=True)


@pytest.fixture
def bare(registry: Registry, validator: Validator, extractor: Extractor, terminology: Terminology) -> Context:
    """A context without a store, for what asks none."""
    return Context(
        registry,
        validator,
        None,
        lambda: 1,
        str,
        BASE_URL,
        Limits(),
        bytes(32),
        extractor,
        terminology.guide,
        terminology,
    )
