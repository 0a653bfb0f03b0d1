"""The context of the interactions' tests, and one with a small guide, published into the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from service.fhir.parameters import Inputs
from service.fhir.terminology import Terminology
from service.interactions.context import Act, Context
from service.operations.operation import Call, Operation
from service.storage.store import AuditEntry, Change, Unit
from tests.fhir.terminology import guides
from tests.interactions.builders import body
from tests.interactions.conftest import (  # noqa: F401 - fixtures: pytest finds them by being here
    act,
    admin,
    context,
    database,
    elsewhere,
    localities,
    migrated,
    school,
    store,
    validator,
    workers,
)

Ask = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
def kinds_of_help() -> Terminology:
    return guides.terminology(
        guides.value_set("help", {"system": guides.HELP}),
        guides.value_set("talking", guides.filtered("concept", "is-a", "talking")),
        guides.value_set("open", {"system": guides.SNOMED}),
    )


@pytest.fixture
def helps(context: Context, kinds_of_help: Terminology) -> Context:  # noqa: F811 - the fixture above
    """The context with the guide of the terminology's tests."""
    return replace(context, guide=kinds_of_help.guide, terminology=kinds_of_help)


@pytest.fixture
def ask(helps: Context, act: Act) -> Ask:  # noqa: F811 - the fixture above
    """Asks for an operation of a type, or of the resource of an `id_`, and gives the resource that is the answer."""

    async def asked(operation: Operation, id_: str = "", **inputs: Any) -> dict[str, Any]:
        [type_] = operation.types
        values = {
            name.replace("_", "-"): value if isinstance(value, tuple) else (value,)
            for name, value in inputs.items()
        }
        answer = await operation.perform(helps, act, Call(type_, id_, Inputs(values)))
        assert answer.status == 200
        return body(answer)

    return asked


@pytest.fixture
def publish(helps: Context, act: Act) -> Callable[..., Awaitable[None]]:  # noqa: F811 - the fixture above
    """Stores resources as they are, as the service itself stores its guide."""

    async def publishing(*resources: dict[str, Any]) -> None:
        changes = tuple(
            Change(resource["resourceType"], resource["id"], "PUT", None, None, resource)
            for resource in resources
        )
        entry = AuditEntry("thrive-fhir", "thrive-fhir", "publish", "request-1")
        await helps.store.commit(act.caller.locality, Unit(changes, entry))

    return publishing


def told(parameters: dict[str, Any]) -> dict[str, Any]:
    """What a Parameters resource says, by name; each name stands once."""
    shown = {}
    for each in parameters["parameter"]:
        assert each["name"] not in shown
        [shown[each["name"]]] = [value for name, value in each.items() if name.startswith("value")]
    return shown
