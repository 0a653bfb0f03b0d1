"""patch: a part of a resource changed, under its id or under criteria.

Source: https://hl7.org/fhir/R4/http.html#patch, https://hl7.org/fhir/R4/fhirpatch.html, RFC 6902
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from service.fhir.patching import fhirpath_patch, json_patch
from service.fhir.problems import Invalid, Missing
from service.interactions.admission import admit
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.criteria import find_one
from service.interactions.decisions import Decision, carry_out
from service.interactions.permission import require_whole
from service.interactions.preconditions import require_version
from service.interactions.read import require_current
from service.interactions.update import revise
from service.storage.store import Stored


@dataclass(frozen=True, slots=True)
class JsonPatch:
    """A JSON Patch document: its list of operations."""

    operations: list[Any]


@dataclass(frozen=True, slots=True)
class PathPatch:
    """A FHIRPath Patch document: its Parameters resource."""

    parameters: dict[str, Any]


Patch = JsonPatch | PathPatch


def plan(
    context: Context,
    type_: str,
    id_: str,
    before: Stored | None,
    patch_: Patch,
    if_match: int | None,
    *,
    keep: bool = True,
) -> Decision:
    """The decision to store `before` with the patch applied; with `keep`, to stay there if that changes nothing.

    Raises:
        Missing, Gone: there is nothing to patch.
        Precondition: If-Match names another version.
        Malformed: the patch cannot be read.
        Invalid: it cannot be applied, changes type or id, or leaves what breaks rules.
        Forbidden: a part of what is there is withheld from the caller.
    """
    current = require_current(before, type_, id_)
    require_whole(current)
    require_version(type_, id_, current, if_match)
    former = content(current)
    patched = apply(context, former, patch_)
    if patched.get("resourceType") != type_ or patched.get("id") != id_:
        raise Invalid(
            "patch-changes-identity", "A patch cannot change the type or the id of its resource.", type_
        )
    return revise(current, former, admit(context, type_, patched, id_), "PATCH", keep=keep)


def apply(context: Context, resource: dict[str, Any], patch_: Patch) -> dict[str, Any]:
    """The resource with the patch applied; the given one is left as it is.

    Raises:
        Malformed: the patch cannot be read.
        Invalid: it cannot be applied to this resource.
    """
    match patch_:
        case JsonPatch(operations):
            return json_patch.apply(resource, operations)
        case PathPatch(parameters):
            return fhirpath_patch.apply(resource, parameters, context.registry)


async def patch(
    context: Context,
    act: Act,
    type_: str,
    id_: str,
    patch: Patch,
    *,
    if_match: int | None = None,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """200 with the new version, the present one where the patch changes nothing.

    Raises:
        Missing, Gone: there is nothing to patch.
        Precondition: If-Match names another version.
        Malformed: the patch cannot be read.
        Invalid: it cannot be applied, changes type or id, or leaves what breaks rules.
    """

    async def decide() -> Decision:
        before = await context.store.read(act.caller.locality, type_, id_)
        return plan(context, type_, id_, before, patch, if_match)

    return await carry_out(context, act, "patch", decide, provenance)


async def conditional_patch(
    context: Context,
    act: Act,
    type_: str,
    criteria: str,
    patch: Patch,
    *,
    if_match: int | None = None,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """As `patch`, for the one resource that the criteria mean.

    Raises:
        Missing: they mean none.
        Precondition: they mean several, or If-Match names another version.
        Malformed: the patch or the criteria cannot be read.
        Invalid: it cannot be applied, changes type or id, or leaves what breaks rules.
    """

    async def decide() -> Decision:
        match, expectation = await find_one(context, act, type_, criteria)
        if match is None:
            raise unmatched(type_)
        decision = plan(context, type_, match.id, match, patch, if_match)
        return decision._replace(expectations=(expectation,))

    return await carry_out(context, act, "patch", decide, provenance)


def unmatched(type_: str) -> Missing:
    """The refusal of a conditional patch that means no resource."""
    return Missing("criteria-unmatched", f"No {type_} matches the criteria; there is nothing to patch.")
