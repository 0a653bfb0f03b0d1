"""create: a new resource under an id of the server's choosing.

Source: https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R4/http.html#ccreate
"""

from __future__ import annotations

from typing import Any

from service.interactions.admission import Admitted
from service.interactions.context import Act, Answer, Context
from service.interactions.criteria import find_one
from service.interactions.decisions import Decision, carry_out
from service.interactions.standing import fit
from service.storage.store import Change, Expectation, Stored


def plan(type_: str, id_: str, admitted: Admitted, expectations: tuple[Expectation, ...] = ()) -> Decision:
    """The decision to store a new resource under a new id."""
    change = Change(type_, id_, "POST", None, None, admitted.resource)
    return Decision(201, (change,), expectations=expectations, issues=admitted.issues)


def plan_existing(match: Stored) -> Decision:
    """The decision to leave it at the one resource that meets If-None-Exist."""
    return Decision(200, current=match)


async def create(
    context: Context,
    act: Act,
    type_: str,
    resource: dict[str, Any],
    *,
    if_none_exist: str | None = None,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """201 with the new resource, or 200 with the one that meets If-None-Exist.

    Raises:
        Malformed: the body is of another type, or the criteria cannot be read.
        Invalid: the body breaks rules.
        Precondition: several resources meet If-None-Exist.
    """
    id_ = context.ids()
    admitted = await fit(context, act, type_, resource, id_)

    async def decide() -> Decision:
        if if_none_exist is None:
            return plan(type_, id_, admitted)
        match, expectation = await find_one(context, act, type_, if_none_exist)
        if match is not None:
            return plan_existing(match)
        return plan(type_, id_, admitted, (expectation,))

    return await carry_out(context, act, "create", decide, provenance)
