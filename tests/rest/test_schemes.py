"""What the OpenAPI document says of signing in, and of the scopes that each operation takes."""

from __future__ import annotations

from typing import Any

import pytest

from service.access.needs import NOTHING, Need, Needs, of
from service.fhir.registry import Registry
from service.operations.offered import OPERATIONS
from service.rest.openapi import document
from service.rest.routes import served_routes
from service.rest.schemes import schemes, signing_in, wanted
from tests.contract.test_authentication import OUTSIDE, PUBLIC


@pytest.fixture(scope="module")
def described(registry: Registry) -> dict[str, Any]:
    return document(registry)


def test_operation_declares_the_scopes_that_it_takes() -> None:
    assert wanted(of("update", "Goal", conditional=True)) == [{"smart": ["system/Goal.us"]}]
    assert wanted(of("search-system", "")) == [{"smart": ["system/*.s"]}]
    both = Needs((Need("Patient", "r"), Need("Goal", "s")))
    assert wanted(both) == [{"smart": ["system/Patient.r", "system/Goal.s"]}]
    assert wanted(NOTHING) == [{"smart": []}]


def test_scheme_knows_every_scope_that_is_declared_and_says_what_it_is_for() -> None:
    made = schemes([{"security": wanted(of("create", "Goal", conditional=True))}, {}, {"security": []}])
    assert made["smart"]["flows"] == {
        "clientCredentials": {
            "tokenUrl": "/auth/token",
            "scopes": {"system/Goal.cs": "To create and search Goal."},
        }
    }


def test_every_route_declares_what_it_is_refused_without(
    described: dict[str, Any], registry: Registry
) -> None:
    declared = described["components"]["securitySchemes"]["smart"]["flows"]["clientCredentials"]["scopes"]
    for type_ in registry.served:
        for found in served_routes(registry, type_, OPERATIONS):
            for method in found.methods.keys() - {"HEAD"}:
                operation = described["paths"][found.template][method.lower()]
                assert operation["security"] == wanted(found.needs[method])
                assert set(operation["security"][0]["smart"]) <= declared.keys()
                assert {"401", "403", "429"} <= operation["responses"].keys()
    assert described["security"] == [{"smart": []}]


def test_what_takes_no_token_is_what_is_public(described: dict[str, Any]) -> None:
    free = {
        path
        for path, item in described["paths"].items()
        for operation in item.values()
        if isinstance(operation, dict) and operation.get("security") == []
    }
    assert free == PUBLIC | OUTSIDE
    assert {path for path, _ in signing_in()} <= free
