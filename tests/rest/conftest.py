"""The whole HTTP side on a real store, as a client sees it."""

from __future__ import annotations

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from litestar.types import ASGIApp

from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from service.fhir.terminology import Terminology
from service.fhir.validation.validator import Validator
from service.interactions.context import Clock, Context, IdSource, Limits
from service.rest import logs
from service.rest.application import application
from service.rest.bodies import Bounds
from service.rest.security import closed_gate, open_gate
from service.storage.open import migrate, open_store
from service.storage.store import Store
from tests.conftest import BASE_URL, DATABASES
from tests.postgres import fresh_database
from tests.rest.asking import client_of
from tests.rest.searched import transaction
from tests.rest.searching import Clinic
from tests.rest.serving import serving
from tests.storage.builders import creation, unit

BODY_BYTES = 100_000
JSON_DEPTH = 20


@pytest.fixture(scope="session")
def validator(registry: Registry, terminology: Terminology) -> Validator:
    return Validator(registry, terminology.guide, terminology)


@pytest.fixture
async def context(
    store: Store,
    registry: Registry,
    validator: Validator,
    extractor: Extractor,
    clock: Clock,
    ids: IdSource,
    terminology: Terminology,
) -> Context:
    return Context(
        registry=registry,
        validator=validator,
        store=store,
        clock=clock,
        ids=ids,
        base_url=BASE_URL,
        limits=Limits(bundle_entries=50, conditional_matches=3),
        link_key=await store.secret("page-links"),
        extractor=extractor,
        guide=terminology.guide,
        terminology=terminology,
    )


@pytest.fixture
def log() -> io.BytesIO:
    """What was logged."""
    return io.BytesIO()


@pytest.fixture
def make_app(context: Context, log: io.BytesIO) -> Callable[..., ASGIApp]:
    def make(gate=open_gate, context=context, **limits) -> ASGIApp:
        numbers = itertools.count(1)
        bounds = Bounds(BODY_BYTES, JSON_DEPTH)
        log_ = logs.logger("info", log)
        return application(context, gate, bounds, log_, lambda: f"made-{next(numbers)}", **limits)

    return make


@pytest.fixture
async def client(make_app: Callable[..., ASGIApp]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the sandbox: everybody may come in."""
    async with client_of(make_app()) as made:
        yield made


@pytest.fixture
async def stranger(make_app: Callable[..., ASGIApp]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server that is closed, as it is by default."""
    async with client_of(make_app(closed_gate)) as made:
        yield made


@pytest.fixture(scope="module", params=DATABASES)
def searched_database(request, tmp_path_factory, registry, extractor):
    """A database that is not empty, so that the sandbox brings no people of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('search') / 'thrive.db'}"
    else:
        url = fresh_database(request.getfixturevalue("postgres_server"))
    migrate(url)

    async def begin():
        store = await open_store(url, registry, extractor, lambda: 1)
        organization = {"resourceType": "Organization", "id": "first", "active": False}
        await store.commit("default", unit(creation(organization)))
        await store.close()

    asyncio.run(begin())
    return url


@pytest.fixture(scope="module")
def clinic(tmp_path_factory, searched_database):
    """The clinic of `searched.py` on a real server of two workers."""
    folder = tmp_path_factory.mktemp("served")
    with (
        serving(folder, searched_database, "--sandbox", "--workers", "2") as server,
        httpx.Client(base_url=f"{server.url}/fhir/", timeout=30) as http,
    ):
        posted = http.post(f"{server.url}/fhir", json=transaction())
        assert posted.status_code == 200, posted.text
        yield Clinic(http)
