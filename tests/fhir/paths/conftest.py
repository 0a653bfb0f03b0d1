"""What tests of paths share: an evaluator, and a resource with something of everything."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from service.fhir.paths import Dialect, Environment, Services, compile_path
from service.fhir.paths.types import TypeModel
from service.fhir.registry import Registry

Evaluate = Callable[..., list[Any]]


@pytest.fixture(scope="session")
def model(registry: Registry) -> TypeModel:
    return TypeModel(registry)


@pytest.fixture(scope="session")
def evaluate(model: TypeModel) -> Evaluate:
    """Gives the JSON values of an expression on a resource (an empty Basic where none is given)."""

    def values(
        expression: str,
        resource: dict[str, Any] | None = None,
        type_: str | None = "",
        *,
        services: Services | None = None,
        dialect: Dialect | None = None,
        environment: Environment | None = None,
    ) -> list[Any]:
        resource = {"resourceType": "Basic"} if resource is None else resource
        context = resource.get("resourceType") if type_ == "" else type_
        path = compile_path(
            expression, model, context, services=services or Services(), dialect=dialect or Dialect()
        )
        return [node.value for node in path.values(resource, environment or Environment())]

    return values


@pytest.fixture
def observation() -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {
            "coding": [
                {"system": "http://loinc.org", "code": "1"},
                {"system": "http://snomed.info/sct", "code": "2"},
            ]
        },
        "subject": {"reference": "Patient/p1"},
        "performer": [
            {"reference": "#c1"},
            {"reference": "https://example.org/fhir/Practitioner/2/_history/1"},
        ],
        "effectivePeriod": {"start": "2026-01-12", "end": "2026-01-13T10:00:00Z"},
        "valueQuantity": {"value": Decimal("7.10"), "system": "http://unitsofmeasure.org", "code": "mg"},
        "contained": [{"resourceType": "Organization", "id": "c1", "name": "Example school"}],
        "component": [
            {"code": {"text": "first"}, "valueString": "seven"},
            {"code": {"text": "second"}, "valueInteger": 4},
            {
                "code": {"text": "third"},
                "_valueString": {"extension": [{"url": "http://example.org/why", "valueCode": "asked"}]},
            },
        ],
    }


@pytest.fixture
def patient() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "active": True,
        "name": [
            {"use": "official", "family": "Testfamily", "given": ["Testgiven", "Second"]},
            {
                "use": "usual",
                "given": ["Nick", None],
                "_given": [
                    None,
                    {"extension": [{"url": "http://example.org/absent", "valueCode": "unknown"}]},
                ],
            },
        ],
        "birthDate": "2010-05-06",
        "_birthDate": {
            "id": "b1",
            "extension": [{"url": "http://example.org/time", "valueDateTime": "2010-05-06T04:00:00Z"}],
        },
        "deceasedBoolean": False,
    }
