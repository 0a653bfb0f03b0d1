"""One entry of a Bundle carried out as the interaction it stands for, by itself.

Source: https://hl7.org/fhir/R4/http.html#brules
"""

from __future__ import annotations

from dataclasses import replace

from service.access.needs import require
from service.fhir.problems import Problem
from service.interactions.context import Act, Answer, Context
from service.interactions.create import create
from service.interactions.criteria import pairs_of
from service.interactions.delete import conditional_delete, delete
from service.interactions.entries import Entry, read_patch
from service.interactions.history import history
from service.interactions.looking import looking
from service.interactions.noting import Deed, note
from service.interactions.patch import conditional_patch, patch
from service.interactions.read import read, vread
from service.interactions.search import search
from service.interactions.update import conditional_update, update


async def perform(context: Context, act: Act, entry: Entry) -> Answer:
    """What the entry's interaction answers.

    Raises:
        InsufficientScope: the caller's token does not allow it.
        Problem: as the interaction does.
    """
    return await _perform(looking(context, act, entry.needs), act, entry)


async def perform_told(context: Context, act: Act, entry: Entry) -> Answer:
    """As `perform`, and the audit is told what came of it.

    Raises:
        Problem: as the interaction does.
    """
    own = looking(context, act, entry.needs)
    try:
        answer = await _perform(own, act, entry)
    except Problem as problem:
        await note(own, act, _deed(entry), problem.status, problem)
        raise
    await note(own, act, _deed(entry), answer.status)
    return answer


async def tell_unchanged(context: Context, act: Act, entry: Entry, answer: Answer) -> None:
    """Tells the audit of an entry of a transaction that stored nothing: no version tells of it."""
    own = looking(context, act, entry.needs)
    found = answer.stored
    if found is not None and found.child:
        own.seen.note(found.child, found.ground)
    await note(own, act, _deed(entry), answer.status)


async def refuse_told(context: Context, act: Act, entry: Entry, problem: Problem) -> Problem:
    """The problem, for which the entry is not looked at; the audit is told."""
    await note(context, act, _deed(entry), problem.status, problem)
    return problem


def _deed(entry: Entry) -> Deed:
    target = entry.target
    address = "/".join(part for part in (*(target.within or ()), target.type) if part)
    is_listed = target.interaction.startswith(("search", "history"))
    query = f"{address}?{target.query}" if target.query else address if is_listed else ""
    return Deed(target.interaction, target.type, target.id, target.version, query)


async def _perform(context: Context, act: Act, entry: Entry) -> Answer:
    require(act.caller, entry.needs)
    answer = await (_change(context, act, entry) if entry.changes else _look(context, act, entry))
    # HEAD is GET without what it would show.
    return replace(answer, document=None) if entry.method == "HEAD" else answer


async def _change(context: Context, act: Act, entry: Entry) -> Answer:
    target = entry.target
    match target.interaction, entry.criteria:
        case "create", if_none_exist:
            return await create(context, act, target.type, entry.body, if_none_exist=if_none_exist)
        case "update", None:
            return await update(context, act, target.type, target.id, entry.body, if_match=entry.if_match)
        case "update", str(criteria):
            return await conditional_update(
                context, act, target.type, criteria, entry.body, if_match=entry.if_match
            )
        case "patch", None:
            return await patch(
                context, act, target.type, target.id, read_patch(entry), if_match=entry.if_match
            )
        case "patch", str(criteria):
            return await conditional_patch(
                context, act, target.type, criteria, read_patch(entry), if_match=entry.if_match
            )
        case _, str(criteria):
            return await conditional_delete(context, act, target.type, criteria, several=True)
        case _:
            return await delete(context, act, target.type, target.id, if_match=entry.if_match)


async def _look(context: Context, act: Act, entry: Entry) -> Answer:
    target = entry.target
    pairs = pairs_of(target.query or "")
    match target.interaction:
        case "read":
            return await read(
                context,
                act,
                target.type,
                target.id,
                if_none_match=entry.if_none_match,
                if_modified_since=entry.if_modified_since,
                pairs=pairs,
            )
        case "vread":
            return await vread(context, act, target.type, target.id, target.version, pairs=pairs)
        case "search-type" | "search-system":
            return await search(context, act, target.type, pairs, within=target.within)
        case _:
            return await history(context, act, target.type or None, target.id or None, pairs)
