"""create: a new resource under an id of the server's choosing.

A response to one of our forms has an id that is a function of it, and is created once
however often it is sent.

Source: https://hl7.org/fhir/R4/http.html#create, https://hl7.org/fhir/R4/http.html#ccreate, ADR 0016
"""

from __future__ import annotations

from typing import Any

from service.fhir.problems import Conflict
from service.interactions.admission import Admitted
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.criteria import find_one
from service.interactions.decisions import Decision, carry_out
from service.interactions.response_ids import plain, response_id
from service.interactions.standing import fit
from service.storage.store import Change, Expectation, Stored


def plan(type_: str, id_: str, admitted: Admitted, expectations: tuple[Expectation, ...] = ()) -> Decision:
    """The decision to store a new resource under a new id."""
    change = Change(type_, id_, "POST", None, None, admitted.resource)
    return Decision(201, (change,), expectations=expectations, issues=admitted.issues)


def plan_existing(match: Stored) -> Decision:
    """The decision to leave it at the one resource that meets If-None-Exist."""
    return Decision(200, current=match)


def plan_again(before: Stored, admitted: Admitted | None = None) -> Decision:
    """The decision to leave it at what was stored when the same was sent before.

    `admitted` is a response, which must be there as it is sent now; what came with it need not.

    Raises:
        Conflict: it was deleted, or is another by now.
    """
    if not before.deleted and (admitted is None or _says(before, admitted)):
        return plan_existing(before)
    what = f"{before.type}/{before.id}"
    if before.deleted:
        text = f"This was sent before; {what} was deleted since. PUT it there to bring it back."
    else:
        text = f"This was sent before, and {what} says otherwise. PUT a correction there."
    raise Conflict("response-posted-already", text, before.type)


def _says(before: Stored, admitted: Admitted) -> bool:
    """Whether a version says what is sent; 7.0 is 7 here, as the same may have been written in another way."""
    return plain(content(before)) == plain(admitted.resource)


async def create(
    context: Context,
    act: Act,
    type_: str,
    resource: dict[str, Any],
    *,
    if_none_exist: str | None = None,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """201 with the new resource, or 200 with the one that meets If-None-Exist, or that was made of the same response.

    Raises:
        Malformed: the body is of another type, or the criteria cannot be read.
        Invalid: the body breaks rules.
        Precondition: several resources meet If-None-Exist.
        Conflict: it is a response that was posted before, and is another by now.
    """
    known = response_id(context, act, type_, resource)
    id_ = context.ids() if known is None else known
    admitted = await fit(context, act, type_, resource, id_)

    async def decide() -> Decision:
        expectations: tuple[Expectation, ...] = ()
        if if_none_exist is not None:
            match, expectation = await find_one(context, act, type_, if_none_exist)
            if match is not None:
                return plan_existing(match)
            expectations = (expectation,)
        before = None if known is None else await context.store.read(act.caller.locality, type_, known)
        if before is not None:
            return plan_again(before, admitted)
        return plan(type_, id_, admitted, expectations)

    return await carry_out(context, act, "create", decide, provenance)
