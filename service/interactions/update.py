"""update: a whole new content for a resource, under its id or under criteria.

Source: https://hl7.org/fhir/R4/http.html#update, https://hl7.org/fhir/R4/http.html#cond-update
"""

from __future__ import annotations

from typing import Any

from service.fhir import stamping
from service.fhir.problems import Conflict, Malformed
from service.interactions.admission import Admitted
from service.interactions.content import content
from service.interactions.context import Act, Answer, Context
from service.interactions.criteria import find_one
from service.interactions.decisions import Decision, carry_out
from service.interactions.identity import require_id, require_same_id
from service.interactions.permission import require_choice, require_whole
from service.interactions.preconditions import require_version
from service.interactions.standing import fit
from service.outcomes import labels
from service.storage.store import Change, Method, Stored


def plan(
    type_: str,
    id_: str,
    before: Stored | None,
    admitted: Admitted,
    if_match: int | None,
    *,
    keep: bool = True,
) -> Decision:
    """The decision to give `before` the admitted content, or to create it where it is absent or deleted.

    `keep` as in `revise`. Sensitive labels stay where the new content says nothing of labels; of what was
    deleted `brought_back` puts them in before.

    Raises:
        Precondition: If-Match names another version.
        Malformed: the id is new and not one that FHIR allows.
        Forbidden: a part of what is there is withheld from the caller.
    """
    require_version(type_, id_, before, if_match)
    if before is None:
        require_id(type_, id_)
    if before is not None:
        require_whole(before)
    if before is None or before.deleted:
        change = Change(type_, id_, "PUT", before, None, admitted.resource)
        return Decision(201, (change,), issues=admitted.issues)
    former = content(before)
    labelled = Admitted(labels.kept(former, admitted.resource), admitted.issues)
    return revise(before, former, labelled, "PUT", keep=keep)


async def brought_back(context: Context, act: Act, before: Stored | None, admitted: Admitted) -> Admitted:
    """The admitted content with the sensitive labels of what was deleted, where it says nothing of labels itself.

    Who puts back a record without knowing of its labels would open it. Anything that was not deleted
    is returned as it is.
    """
    if before is None or not before.deleted:
        return admitted
    last = await context.store.read_version(act.caller.locality, before.type, before.id, before.version - 1)
    if last is None or last.deleted:
        return admitted
    return Admitted(labels.kept(content(last), admitted.resource), admitted.issues)


def revise(
    before: Stored, former: dict[str, Any], admitted: Admitted, method: Method, *, keep: bool
) -> Decision:
    """The decision to store a next version; with `keep`, to stay at `before` where the bytes would be the same."""
    if keep and _is_same(before, former, admitted.resource):
        return Decision(200, current=before, issues=admitted.issues)
    change = Change(before.type, before.id, method, before, former, admitted.resource)
    return Decision(200, (change,), issues=admitted.issues)


def _is_same(before: Stored, former: dict[str, Any], resource: dict[str, Any]) -> bool:
    """Whether storing `resource` would write the same bytes again, version and time apart.

    Equal values are only the cheap first look: 7.1 equals 7.10, which are two contents.
    """
    if any(former.get(name) != value for name, value in resource.items() if name != "meta"):
        return False
    head, tail = stamping.parts(resource)
    return stamping.stamp(head, before.version, before.updated, tail) == before.body


async def update(
    context: Context,
    act: Act,
    type_: str,
    id_: str,
    resource: dict[str, Any],
    *,
    if_match: int | None = None,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """200 with the new version (the present one where nothing differs), or 201 where the id was free.

    Raises:
        Malformed: the body is of another type or id.
        Invalid: the body breaks rules.
        Precondition: If-Match names another version.
        Missing: there is nothing that the caller sees, and they do not choose ids.
        Conflict: there is something that they do not see, and they do.
        Forbidden: they may not change it.
    """
    require_same_id(resource, type_, id_)
    admitted = await fit(context, act, type_, resource, id_, chosen=True)

    async def decide() -> Decision:
        before = await context.store.read(act.caller.locality, type_, id_)
        if before is None:
            before = await require_choice(context, act, type_, id_)
        labelled = await brought_back(context, act, before, admitted)
        return plan(type_, id_, before, labelled, if_match)

    return await carry_out(context, act, "update", decide, provenance)


async def conditional_update(
    context: Context,
    act: Act,
    type_: str,
    criteria: str,
    resource: dict[str, Any],
    *,
    if_match: int | None = None,
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """As `update`, for the one resource that the criteria mean; 201 where they mean none.

    Raises:
        Malformed: the body is of another type, or of another id than the match; unreadable criteria.
        Invalid: the body breaks rules.
        Conflict: nothing matches, but the body's id is taken by a resource that the criteria do not mean.
        Precondition: several match, or If-Match names another version.
        Missing: nothing matches, and the caller does not choose ids.
        Forbidden: they may not change it.
    """
    admitted = await fit(context, act, type_, resource, None, chosen="id" in resource)
    given = resource.get("id")
    new_id = context.ids()

    async def decide() -> Decision:
        match, expectation = await find_one(context, act, type_, criteria)
        id_ = target_id(type_, given, match, new_id)
        before = match
        if match is None and given is not None:
            before = await context.store.read(act.caller.locality, type_, id_)
            if before is None:
                before = await require_choice(context, act, type_, id_)
            require_free(before)
        labelled = await brought_back(context, act, before, named(admitted, id_))
        decision = plan(type_, id_, before, labelled, if_match)
        return decision._replace(expectations=(expectation,))

    return await carry_out(context, act, "update", decide, provenance)


def named(admitted: Admitted, id_: str) -> Admitted:
    """The admitted resource under the id that was decided on."""
    return Admitted({**admitted.resource, "id": id_}, admitted.issues)


def target_id(type_: str, given: str | None, match: Stored | None, new_id: str) -> str:
    """The id that a conditional update is about: the match's, else the body's, else the new one.

    Raises:
        Malformed: the body's id is not the match's.
    """
    if match is None:
        return new_id if given is None else given
    if given is not None and given != match.id:
        text = f"The criteria mean {type_}/{match.id}, the body has another id."
        raise Malformed("id-mismatch", text, f"{type_}.id")
    return match.id


def require_free(taken: Stored | None) -> None:
    """Lets a conditional update that matched nothing create its resource under the id in its body.

    Raises:
        Conflict: the id is taken by a resource that the criteria do not mean.
    """
    if taken is not None and not taken.deleted:
        text = f"{taken.type}/{taken.id} exists, but the criteria do not mean it."
        raise Conflict("id-taken", text, f"{taken.type}.id")
