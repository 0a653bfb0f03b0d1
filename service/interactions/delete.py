"""delete: a resource is no longer there to read or find; its history stays.

Source: https://hl7.org/fhir/R4/http.html#delete
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from service.fhir.problems import Precondition
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.criteria import ambiguous, find
from service.interactions.decisions import Decision, carry_out
from service.interactions.permission import require_whole
from service.interactions.preconditions import require_version
from service.storage.store import Change, Expectation, Stored


def plan(type_: str, id_: str, before: Stored | None, if_match: int | None) -> Decision:
    """The decision to delete; nothing to do where the resource is deleted already or never was.

    Raises:
        Precondition: If-Match names another version.
    """
    require_version(type_, id_, before, if_match)
    if before is None or before.deleted:
        return Decision(204, current=before)
    return Decision(204, (deletion(before),))


def deletion(before: Stored) -> Change:
    """The change that deletes the resource whose current version is `before`.

    Raises:
        Forbidden: a part of it is withheld from the caller.
    """
    require_whole(before)
    return Change(before.type, before.id, "DELETE", before, content(before), None)


def plan_all(matches: Sequence[Stored], expectations: tuple[Expectation, ...] = ()) -> Decision:
    """The decision to delete every match."""
    return Decision(204, tuple(deletion(before) for before in matches), expectations=expectations)


def require_limit(type_: str, matches: int, limit: int) -> None:
    """Lets a conditional delete of at most `limit` resources go on.

    Raises:
        Precondition: there are more.
    """
    if matches > limit:
        if limit == 1:
            raise ambiguous(type_)
        text = (
            f"The criteria mean more than {limit} resources, the most that one conditional delete may take."
        )
        raise Precondition("criteria-too-wide", text)


async def delete(
    context: Context,
    act: Act,
    type_: str,
    id_: str,
    *,
    if_match: int | None = None,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """204, whether there was something to delete or not.

    Raises:
        Precondition: If-Match names another version.
    """

    async def decide() -> Decision:
        before = await context.store.read(act.caller.locality, type_, id_)
        return plan(type_, id_, before, if_match)

    return await carry_out(context, act, "delete", decide, provenance)


async def conditional_delete(
    context: Context,
    act: Act,
    type_: str,
    criteria: str,
    *,
    several: bool,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """204 after the resources that the criteria mean were deleted, all of them or none.

    Raises:
        Malformed: the criteria cannot be read.
        Precondition: they mean several and `several` is false, or more than the configured limit.
    """
    limit = context.limits.conditional_matches if several else 1

    async def decide() -> Decision:
        found = await find(context, act, type_, criteria, limit + 1)
        require_limit(type_, len(found.matches), limit)
        return plan_all(found.matches, (found.expectation,))

    return await carry_out(context, act, "delete", decide, provenance)
