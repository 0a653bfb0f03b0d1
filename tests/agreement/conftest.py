"""The registry that has a deployer's search parameters too, of kinds that there are none of otherwise."""

from __future__ import annotations

import pytest

from service.fhir.registry import Registry
from service.fhir.search.extraction import Extractor
from tests.agreement.pools import with_own
from tests.conftest import BASE_URL


@pytest.fixture(scope="session")
def own_registry(registry: Registry) -> Registry:
    return with_own(registry)


@pytest.fixture(scope="session")
def own_extractor(own_registry: Registry) -> Extractor:
    return Extractor(own_registry, BASE_URL)
