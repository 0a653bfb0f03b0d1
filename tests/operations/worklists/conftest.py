"""A worklist asked for as a client does, and resources put into the store as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from service.fhir.parameters import read as read_inputs
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.operations.operation import Call
from service.operations.worklist import OPERATION, REASON
from service.storage.store import AuditEntry, Change, Unit
from tests.interactions.builders import body

Json = dict[str, Any]
Keep = Callable[..., Awaitable[None]]
Pairs = list[tuple[str, str]]

ON = "2026-11-27"
AUDIT = AuditEntry("epr", "camhs", "update", "request-1")


async def store_all(context: Context, act: Act, *resources: Json) -> None:
    """Stores the resources as one unit, whatever versions they have."""
    locality = act.caller.locality
    changes = []
    for resource in resources:
        before = await context.store.read(locality, resource["resourceType"], resource["id"])
        former = None if before is None or before.deleted else content(before)
        changes.append(Change(resource["resourceType"], resource["id"], "PUT", before, former, resource))
    await context.store.commit(locality, Unit(tuple(changes), AUDIT))


async def remove(context: Context, act: Act, type_: str, id_: str) -> None:
    before = await context.store.read(act.caller.locality, type_, id_)
    assert before is not None
    change = Change(type_, id_, "DELETE", before, content(before), None)
    await context.store.commit(act.caller.locality, Unit((change,), AUDIT))


async def page(context: Context, act: Act, pairs: Pairs) -> Json:
    answer = await OPERATION.perform(context, act, Call("", "", read_inputs(OPERATION.inputs, pairs, None)))
    assert answer.status == 200
    return body(answer)


async def follow(context: Context, act: Act, bundle: Json, relation: str) -> Json | None:
    """The page that a link leads to; None where there is no such link."""
    for link in bundle["link"]:
        if link["relation"] == relation:
            return await page(context, act, parse_qsl(urlsplit(link["url"]).query))
    return None


async def walked(context: Context, act: Act, bundle: Json, relation: str = "next") -> list[list[str]]:
    """The ids of the matches of all pages from this one on, a list for each."""
    pages = [shown(bundle)]
    while (following := await follow(context, act, bundle, relation)) is not None:
        bundle = following
        pages.append(shown(bundle))
    return pages


def shown(bundle: Json, mode: str = "match") -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == mode]


def reasons(bundle: Json) -> dict[str, list[Json]]:
    """By the id of each match, its reasons: the parts of each by name."""
    found: dict[str, list[Json]] = {}
    for entry in bundle.get("entry", ()):
        for extension in entry["search"].get("extension", ()):
            assert extension["url"] == REASON
            said: Json = {"about": []}
            for part in extension["extension"]:
                [value] = [value for name, value in part.items() if name != "url"]
                if part["url"] == "about":
                    said["about"].append(value["reference"])
                else:
                    said[part["url"]] = value
            found.setdefault(entry["resource"]["id"], []).append(said)
    return found


def codes(bundle: Json) -> dict[str, list[str]]:
    return {id_: [reason["reason"] for reason in said] for id_, said in reasons(bundle).items()}


@pytest.fixture
def keep(context: Context, act: Act) -> Keep:
    async def keeping(*resources: Json) -> None:
        await store_all(context, act, *resources)

    return keeping


@pytest.fixture
def ask(context: Context, act: Act) -> Callable[..., Awaitable[Json]]:
    async def asking(list_: str, on: str = ON, **more: Any) -> Json:
        further = [(name.replace("count", "_count"), str(value)) for name, value in more.items()]
        return await page(context, act, [("list", list_), ("on", on), *further])

    return asking
