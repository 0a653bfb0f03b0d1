"""batch: interactions that arrive together and have nothing to do with each other.

Each has its own unit and its own outcome. They run in the order of a transaction's verbs,
those of one verb side by side.

Source: https://hl7.org/fhir/R4/http.html#brules
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from service.fhir.problems import Malformed, Problem
from service.interactions.bundles import bundle, refusal_entry
from service.interactions.context import Act, Answer, Context
from service.interactions.entries import Entry, Reading, read_entries
from service.interactions.pauses import breathe
from service.interactions.performing import perform_told, refuse_told
from service.interactions.references import Directory, find_slots
from service.interactions.room import Room, too_much

Item = TypeVar("Item")

# Enough to share commits and to keep a database busy; few enough that one batch takes no more
# than its share of connections.
_SIDE_BY_SIDE = 8
_STEPS = (frozenset({"DELETE"}), frozenset({"POST"}), frozenset({"PUT", "PATCH"}), frozenset({"GET", "HEAD"}))


async def batch(context: Context, act: Act, resource: dict[str, Any], *, representation: bool) -> Answer:
    """200 with a batch-response Bundle, whatever became of the entries.

    Raises:
        Invalid: the Bundle around its entries breaks rules.
    """
    reading = await read_entries(context, resource)
    await _refuse_links(context, reading)
    responses: dict[int, bytes] = {}
    room = Room(context.limits.answer_bytes)

    async def carry_out(entry: Entry) -> None:
        try:
            if room.full and not entry.changes:
                raise await refuse_told(context, act, entry, too_much())
            answer = await perform_told(context, act, entry)
            shown = entry.method == "GET" or (representation and act.caller.may(entry.target.type, "r"))
            responses[entry.index] = room.fitted(
                context.base_url, answer, representation=shown, looked=not entry.changes
            )
        except Problem as problem:
            responses[entry.index] = refusal_entry(problem)

    for methods in _STEPS:
        entries = [entry for entry in reading.entries if entry.method in methods]
        await side_by_side([entry for entry in entries if entry.index not in reading.faults], carry_out)
    for index, problem in reading.faults.by_entry():
        responses[index] = refusal_entry(problem)
    shown = bundle("batch-response", (responses[index] for index in range(reading.count)))
    return Answer(200, document=shown)


async def side_by_side(items: Iterable[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    """Returns when `work` is done on every item, a bounded number at a time, begun in order."""
    waiting = iter(items)

    async def work_on() -> None:
        for item in waiting:
            await work(item)

    async with asyncio.TaskGroup() as group:
        for _ in range(_SIDE_BY_SIDE):
            group.create_task(work_on())


async def _refuse_links(context: Context, reading: Reading) -> None:
    """Adds to the faults every reference to what another entry creates: a batch does not know its id."""
    created = Directory.of((entry for entry in reading.entries if entry.method == "POST"), context.base_url)
    if not created.by_url:
        return
    for done, entry in enumerate(entry for entry in reading.entries if entry.resource is not None):
        base = created.base_of(entry.full_url)
        for slot in find_slots(context.registry, entry, created):
            if slot.kind == "reference" and created.lookup(slot.text, base) is not None:
                text = "In a batch no entry can refer to what another creates; a transaction can."
                reading.faults.add(entry.index, Malformed("batch-reference", text, slot.expression))
        await breathe(done)
