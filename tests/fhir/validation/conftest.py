from __future__ import annotations

import pytest

from service.fhir import codec
from service.fhir.registry import Registry
from service.fhir.validation.validator import Validator
from tests.conftest import SHARED

EXAMPLES = SHARED / "suites" / "r4-examples"


@pytest.fixture(scope="session")
def validator(registry: Registry) -> Validator:
    return Validator(registry)


@pytest.fixture(scope="session")
def examples() -> dict[str, dict]:
    """The official examples of our types by file name."""
    if not EXAMPLES.exists():
        pytest.skip("the official examples are not in ../shared/suites")
    return {path.stem: codec.decode(path.read_bytes()) for path in sorted(EXAMPLES.glob("*.json"))}
