"""A context around the real store, and who acts in it.

Each database is migrated once; every test acts in localities of its own, which no test
sees across. So a test costs an opened store, and not a database.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable

import pytest

from service.access.callers import Caller
from service.access.rule import sharing_rule
from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from service.interactions.context import Act, Context, Limits
from service.storage.open import migrate, open_store
from service.storage.store import Store
from tests.conftest import BASE_URL, DATABASES, TestClock
from tests.postgres import fresh_database

LINK_KEY = b"0123456789abcdef0123456789abcdef"


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def migrated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """The URL of the session's database of a kind."""
    urls: dict[str, str] = {}

    def url_of(kind: str) -> str:
        if kind not in urls:
            if kind == "sqlite":
                urls[kind] = f"sqlite:///{tmp_path_factory.mktemp('interactions') / 'thrive.db'}"
            else:
                urls[kind] = fresh_database(request.getfixturevalue("postgres_server"))
            migrate(urls[kind])
        return urls[kind]

    return url_of


@pytest.fixture
def localities() -> tuple[str, str]:
    """Two localities that only this test knows."""
    number = next(_numbers)
    return f"here-{number}", f"elsewhere-{number}"


@pytest.fixture(params=DATABASES)
async def store(
    request: pytest.FixtureRequest,
    migrated: Callable[[str], str],
    localities: tuple[str, str],
    registry: Registry,
    extractor: Extractor,
    clock: TestClock,
) -> AsyncIterator[Store]:
    rule = sharing_rule(registry, BASE_URL)
    opened = await open_store(migrated(request.param), registry, extractor, clock, localities, rule)
    yield opened
    await opened.close()


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
