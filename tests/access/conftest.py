"""An authorization server on a real store, with a clock that moves when told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from service.access.authority import Authority
from service.access.fetching import Documents, Unfetched
from service.access.issuers import Issuers
from service.access.signing import Signer
from service.access.tokens import Surroundings, Tokens
from tests.access.vendors import Vendor
from tests.conftest import BASE_URL

SECRET = bytes(range(32))


@dataclass
class Elsewhere:
    """Other servers: what stands under which address, how often each was asked, and the seconds that pass."""

    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    now: float = 1000.0

    async def fetch(self, address: str) -> dict[str, Any]:
        self.asked.append(address)
        if address not in self.documents:
            raise Unfetched
        return self.documents[address]

    def elapsed(self) -> float:
        return self.now


@pytest.fixture
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def documents(elsewhere) -> Documents:
    return Documents(elsewhere.fetch, elsewhere.elapsed)


@pytest.fixture
def surroundings(registry, clock, ids, elsewhere) -> Surroundings:
    return Surroundings(registry, BASE_URL, clock, ids, elsewhere.elapsed)


@pytest.fixture
def signer() -> Signer:
    return Signer(SECRET)


@pytest.fixture
def make_tokens(surroundings, signer, store, documents):
    """Another worker's view of the same tokens."""
    return lambda issuers=(): Tokens(
        surroundings, signer, store.registrations, Issuers(issuers, documents, BASE_URL)
    )


@pytest.fixture
def tokens(make_tokens) -> Tokens:
    return make_tokens()


@pytest.fixture
def authority(surroundings, signer, store, tokens, documents) -> Authority:
    return Authority(surroundings, signer, store.registrations, tokens, documents)


@pytest.fixture
async def vendor(store) -> Vendor:
    """A vendor whose client is registered."""
    made = Vendor()
    assert await store.registrations.add(made.registration())
    return made
