"""Puts a cohort into a store by the way that everybody's resources go: admission, units of work, audit.

Source: docs/adr/0002-resources-as-bytes-with-index-rows.md
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from service.access.callers import SANDBOX_CALLER
from service.fhir.guide import KINDS
from service.interactions import transaction
from service.interactions.context import Act, Context
from service.storage.store import HistoryQuery

UNIT = 400  # resources of one transaction: large enough to share its commit, small enough to be quick

Resource = dict[str, Any]


async def is_empty(context: Context) -> bool:
    """Whether nothing but the guide's artefacts was ever stored in the sandbox's locality."""
    for type_ in sorted(context.registry.served.keys() - set(KINDS)):
        page = await context.store.history(SANDBOX_CALLER.locality, HistoryQuery(type_, None, 1))
        if page.items:
            return False
    return True


async def load(context: Context, batches: Iterable[list[Resource]], loaded: Callable[[int], None]) -> int:
    """How many resources were stored; `loaded` is told after every unit how many batches that were.

    A batch is never split, so that references within it hold in one transaction.

    Raises:
        Problem: a unit was refused; those before it are stored.
    """
    # How large a bundle may be is a limit for clients.
    roomy = replace(context, limits=replace(context.limits, bundle_entries=sys.maxsize))
    count = 0
    for number, (size, resources) in enumerate(_units(batches)):
        act = Act(SANDBOX_CALLER, f"sandbox-{number}")
        await transaction.bundle(roomy, act, _bundle(resources))
        count += len(resources)
        loaded(size)
    return count


def _units(batches: Iterable[list[Resource]]) -> Iterator[tuple[int, list[Resource]]]:
    """Whole batches put together to about UNIT resources, with the number of batches."""
    size = 0
    unit: list[Resource] = []
    for batch in batches:
        size += 1
        unit += batch
        if len(unit) >= UNIT:
            yield size, unit
            size, unit = 0, []
    if unit:
        yield size, unit


def _bundle(resources: list[Resource]) -> Resource:
    entries = [
        {
            "resource": resource,
            "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
        }
        for resource in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
