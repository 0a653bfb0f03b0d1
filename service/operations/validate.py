"""validate: what a write of a resource would be told, and nothing stored.

Without mode a resource is held to R4, to our rules and to every profile that is due. With
`create`, `update` or `delete` it is taken as far as that interaction goes before it stores:
so no errors means that the write would be accepted now. Of a transaction that means all its
entries. `profile` holds a stored resource to the profile named. What is told of the store is what that
write would be told: it takes the write's scopes, and looks with the write's eyes.

Source: https://hl7.org/fhir/R4/resource-operation-validate.html, docs/operations/validate.md
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from service.access.needs import of, require
from service.fhir import codec
from service.fhir.parameters import RESOURCE, Input
from service.fhir.problems import Issue, Malformed, Missing, Problem, TooMany, Unavailable, operation_outcome
from service.interactions import create, delete, transaction, update
from service.interactions.admission import admit
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.decisions import Decision, stand
from service.interactions.identity import require_offered, require_same_id
from service.interactions.looking import looking
from service.interactions.permission import require_choice, require_fitting
from service.interactions.read import require_current
from service.interactions.response_ids import response_id
from service.interactions.standing import fit
from service.operations.operation import Call, Operation
from service.storage.store import Stored

INPUTS: Final = (Input("resource", RESOURCE), Input("mode", "code"), Input("profile", "uri"))
MODES: Final = ("create", "update", "delete", "profile")
TRANSACTION: Final = "transaction"

Json = dict[str, Any]


async def validate(context: Context, act: Act, call: Call) -> Answer:
    """200 with an OperationOutcome of everything found, or of one issue that says all is well.

    Raises:
        Malformed: the mode is unknown, or cannot be asked in this way; there is no resource to look at.
        Missing: there is no such profile here, or no such resource.
        Gone: the resource was deleted.
    """
    mode: str | None = call.inputs.one("mode")
    resource: Json | None = call.inputs.one("resource")
    profile: str | None = call.inputs.one("profile")
    _require_mode(call, mode, resource, profile)
    if profile is not None and not context.validator.profiles.is_known(profile):
        raise Missing("profile-unknown", "This server does not hold that profile.")
    if mode == "delete":
        attempt = _as_delete(context, act, await _stored(context, act, call))
    else:
        body = content(await _stored(context, act, call)) if resource is None else resource
        attempt = _as_write(context, act, call, mode, body, () if profile is None else (profile,))
    return Answer(200, document=codec.encode(operation_outcome(await _issues(attempt))))


def _require_mode(call: Call, mode: str | None, resource: Json | None, profile: str | None) -> None:
    """Lets a call go on whose mode fits where it is asked and what it is asked with.

    Raises:
        Malformed: it does not.
    """
    if mode is not None and mode not in MODES:
        raise Malformed("operation-mode-unknown", f"The mode is one of {', '.join(MODES)}.")
    named = bool(call.id) or (mode == "update" and resource is not None and "id" in resource)
    if mode in {"update", "delete", "profile"} and not named:
        text = f"The mode {mode} is asked of one resource: Type/id/$validate."
        raise Malformed("operation-mode-place", text)
    if mode == "profile" and resource is not None:
        text = "The mode profile is about the resource that is stored: send none, or leave the mode out."
        raise Malformed("operation-mode-place", text)
    if mode == "profile" and profile is None:
        raise Malformed("operation-parameter-missing", "The mode profile needs the parameter profile.")
    if resource is None and not call.id:
        raise Malformed("operation-parameter-missing", "There is no resource to look at.")


async def _stored(context: Context, act: Act, call: Call) -> Stored:
    current = await context.store.read(act.caller.locality, call.type, call.id)
    return require_current(current, call.type, call.id)


async def _issues(attempt: Awaitable[Sequence[Issue]]) -> tuple[Issue, ...]:
    """What was found; a refusal of the write is what this operation was asked for, not its failure."""
    try:
        return tuple(await attempt)
    except (TooMany, Unavailable):
        raise
    except Problem as problem:
        return tuple(problem.issues)


async def _as_delete(context: Context, act: Act, stored: Stored) -> Sequence[Issue]:
    """What there is to say of deleting the resource.

    Raises:
        Problem: it would be refused.
    """
    require_offered(context.registry, stored.type, "delete")
    context = _as_writer(context, act, "delete", stored.type)
    decision = delete.plan(stored.type, stored.id, stored, None)
    return (await stand(context, act, decision)).issues


def _as_writer(context: Context, act: Act, mode: str, type_: str) -> Context:
    """The context with the eyes that the write itself would have.

    Raises:
        Forbidden: the caller's token does not allow it.
    """
    needs = of(mode, type_)
    require(act.caller, needs)
    return looking(context, act, needs, context.seen)


async def _as_write(
    context: Context, act: Act, call: Call, mode: str | None, body: Json, profiles: Sequence[str]
) -> Sequence[Issue]:
    """What there is to say of the resource, warnings where it would be accepted.

    Raises:
        Problem: it would be refused; with everything found.
    """
    type_ = call.type or _type_of(body)
    if type_ == "Bundle" and mode is not None and body.get("type") == TRANSACTION:
        return await transaction.rehearse(context, act, body)
    if mode is None or mode == "profile" or type_ == "Bundle":
        return admit(context, type_, body, call.id or None, profiles).issues
    require_offered(context.registry, type_, mode)
    context = _as_writer(context, act, mode, type_)
    decision = await _decide(context, act, call, mode, body, profiles)
    require_fitting(context, act, decision.changes)
    return (await stand(context, act, decision)).issues if decision.changes else decision.issues


async def _decide(
    context: Context, act: Act, call: Call, mode: str, body: Json, profiles: Sequence[str]
) -> Decision:
    """What a create, or an update, of the resource would come to.

    Raises:
        Problem: it would be refused.
    """
    type_ = call.type or _type_of(body)
    if mode == "create":
        known = response_id(context, act, type_, body)
        id_ = context.ids() if known is None else known
        admitted = await fit(context, act, type_, body, id_, profiles)
        there = None if known is None else await context.store.read(act.caller.locality, type_, known)
        return create.plan(type_, id_, admitted) if there is None else create.plan_again(there, admitted)
    id_ = call.id or str(body.get("id"))
    require_same_id(body, type_, id_)
    admitted = await fit(context, act, type_, body, id_, profiles, chosen=True)
    before = await context.store.read(act.caller.locality, type_, id_)
    if before is None:
        before = await require_choice(context, act, type_, id_)
    labelled = await update.brought_back(context, act, before, admitted)
    return update.plan(type_, id_, before, labelled, None)


def _type_of(body: Json) -> str:
    """The type that a resource says it is; R4 knows none of any other."""
    return str(body.get("resourceType"))


OPERATION: Final = Operation(
    name="validate",
    definition="http://hl7.org/fhir/OperationDefinition/Resource-validate",
    summary="What a write of the resource would be told; nothing is stored.",
    types=frozenset(),
    further=frozenset({"Bundle"}),
    levels=frozenset({"system", "type", "instance"}),
    readable=frozenset({"instance"}),
    needs=(),
    inputs=INPUTS,
    perform=validate,
    wants_sound=False,
)
