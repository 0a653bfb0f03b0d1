"""The whole HTTP side on a real store, as a client sees it."""

from __future__ import annotations

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
from service.storage.store import Store
from tests.conftest import BASE_URL
from tests.rest.asking import client_of

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
    def make(gate=open_gate, context=context) -> ASGIApp:
        numbers = itertools.count(1)
        bounds = Bounds(BODY_BYTES, JSON_DEPTH)
        return application(context, gate, bounds, logs.logger("info", log), lambda: f"made-{next(numbers)}")

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
