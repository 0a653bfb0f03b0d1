"""One function for each interaction: from a request to the interaction's arguments, and its answer back.

Source: https://hl7.org/fhir/R4/http.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from service.fhir.problems import Malformed
from service.interactions import create as creating
from service.interactions import delete as deleting
from service.interactions import history as histories
from service.interactions import patch as patching
from service.interactions import read as reading
from service.interactions import search as searching
from service.interactions import transaction
from service.interactions import update as updating
from service.interactions.context import Answer, Context
from service.rest.conditions import if_none_match
from service.rest.requests import Request
from service.rest.responses import Reply

Handler = Callable[[Context, Request], Awaitable[Answer | Reply]]


async def create(context: Context, request: Request) -> Answer:
    """201 or 200: POST Type."""
    return await creating.create(
        context,
        request.act,
        request.type,
        await request.resource(),
        if_none_exist=request.if_none_exist,
        provenance=request.provenance,
    )


async def read(context: Context, request: Request) -> Answer:
    """200 or 304: GET Type/id."""
    tags = request.fields.get(b"if-none-match")
    if tags is None:
        since = request.if_modified_since
        return await reading.read(
            context, request.act, request.type, request.id, if_modified_since=since, pairs=request.pairs
        )
    answer = await reading.read(context, request.act, request.type, request.id, pairs=request.pairs)
    return _unless_held(answer, tags)


async def vread(context: Context, request: Request) -> Answer:
    """200 or 304: GET Type/id/_history/version."""
    answer = await reading.vread(
        context, request.act, request.type, request.id, request.version, pairs=request.pairs
    )
    tags = request.fields.get(b"if-none-match")
    return answer if tags is None else _unless_held(answer, tags)


def _unless_held(answer: Answer, tags: bytes) -> Answer:
    versions = if_none_match(tags)
    held = answer.stored is not None and (versions is None or answer.stored.version in versions)
    return replace(answer, status=304) if held else answer


def _refuse_if_none_match(request: Request) -> None:
    """Lets an update go on that does not ask to be a create only.

    Passing over a condition that guards what is stored would overwrite it.
    """
    if b"if-none-match" in request.fields:
        raise Malformed(
            "if-none-match-on-update",
            "If-None-Match is for reading; create with POST and If-None-Exist instead.",
        )


async def update(context: Context, request: Request) -> Answer:
    """200 or 201: PUT Type/id."""
    _refuse_if_none_match(request)
    return await updating.update(
        context,
        request.act,
        request.type,
        request.id,
        await request.resource(),
        if_match=request.if_match,
        provenance=request.provenance,
    )


async def conditional_update(context: Context, request: Request) -> Answer:
    """200 or 201: PUT Type?criteria."""
    _refuse_if_none_match(request)
    return await updating.conditional_update(
        context,
        request.act,
        request.type,
        request.criteria,
        await request.resource(),
        if_match=request.if_match,
        provenance=request.provenance,
    )


async def patch(context: Context, request: Request) -> Answer:
    """200: PATCH Type/id."""
    return await patching.patch(
        context,
        request.act,
        request.type,
        request.id,
        await request.patch(),
        if_match=request.if_match,
        provenance=request.provenance,
    )


async def conditional_patch(context: Context, request: Request) -> Answer:
    """200: PATCH Type?criteria."""
    return await patching.conditional_patch(
        context,
        request.act,
        request.type,
        request.criteria,
        await request.patch(),
        if_match=request.if_match,
        provenance=request.provenance,
    )


async def delete(context: Context, request: Request) -> Answer:
    """204: DELETE Type/id."""
    return await deleting.delete(
        context,
        request.act,
        request.type,
        request.id,
        if_match=request.if_match,
        provenance=request.provenance,
    )


async def conditional_delete(context: Context, request: Request) -> Answer:
    """204: DELETE Type?criteria. The configured limit says how many it may take; one makes it single."""
    return await deleting.conditional_delete(
        context,
        request.act,
        request.type,
        request.criteria,
        several=True,
        provenance=request.provenance,
    )


async def history(context: Context, request: Request) -> Answer:
    """200: GET _history of everything, a type or a resource."""
    return await histories.history(
        context, request.act, request.type or None, request.id or None, request.pairs
    )


async def search(context: Context, request: Request) -> Answer:
    """200: GET Type?parameters, or POST Type/_search; of all types, GET or POST _search at the base."""
    return await searching.search(context, request.act, request.type, request.pairs, lenient=request.lenient)


async def bundle(context: Context, request: Request) -> Answer:
    """200: POST of a batch or transaction to the base."""
    return await transaction.bundle(
        context,
        request.act,
        await request.resource(),
        representation=request.form.preference.returns == "representation",
    )
