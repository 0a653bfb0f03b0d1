"""What answers a request for an operation, or for what is in a compartment: a function made for each.

Source: https://hl7.org/fhir/R4/operations.html#request, https://hl7.org/fhir/R4/search.html#2.21.1.2
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from service.fhir import parameters
from service.fhir.problems import Invalid
from service.interactions import search as searching
from service.interactions.context import Answer, Context
from service.operations.operation import Call, Operation
from service.rest.handlers import Handler
from service.rest.requests import Request

ALL: Final = "*"
"""Stands in a path for all types of a compartment."""


def operated(operation: Operation) -> Handler:
    """What answers POST …/$operation: its parameters are in the body, some may be in the query."""

    async def operate(context: Context, request: Request) -> Answer:
        lines = request.lines() if operation.receives else None
        body = None if lines is not None else await request.given()
        if body is not None and operation.wants_sound:
            _require_sound(context, body)
        return await _perform(operation, context, request, body, "POST", lines)

    return operate


def asked(operation: Operation) -> Handler:
    """What answers GET …/$operation: its parameters are in the query."""

    async def ask(context: Context, request: Request) -> Answer:
        return await _perform(operation, context, request, None, "GET")

    return ask


def belonging(member: str) -> Handler:
    """What answers a search for resources of a type (`*`: of all) in the compartment that the path names.

    Nothing is in the compartment of a resource that is not there: R4 asks for no 404.
    """

    async def search(context: Context, request: Request) -> Answer:
        return await searching.search(
            context,
            request.act,
            "" if member == ALL else member,
            request.pairs,
            lenient=request.lenient,
            within=(request.type, request.id),
        )

    return search


async def _perform(
    operation: Operation,
    context: Context,
    request: Request,
    body: dict[str, Any] | None,
    method: str,
    lines: AsyncIterator[bytes] | None = None,
) -> Answer:
    searches = operation.searches or operation.starts
    inputs = parameters.read(operation.inputs, request.pairs, body, searches=searches)
    call = Call(
        request.type,
        request.id,
        inputs,
        request.lenient,
        request.form.media,
        request.if_match if operation.guarded else None,
        method,
        request.criteria,
        request.form.preference.apart,
        lines,
    )
    return await operation.perform(context, request.act, call)


def _require_sound(context: Context, body: dict[str, Any]) -> None:
    issues = context.validator.check(body)
    if any(issue.is_fault for issue in issues):
        raise Invalid.of(issues)
