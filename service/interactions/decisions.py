"""From a decision to an answer: what an interaction comes to, and how it is stored.

An interaction reads what is stored, decides, and commits its decision. Where the store
has moved on in between, nothing was stored and it decides anew on what is there now.

Source: ADR 0002, https://hl7.org/fhir/R4/http.html#concurrency
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from service.fhir.problems import Conflict, Invalid, Issue
from service.interactions.admission import Unfit
from service.interactions.belonging import owned
from service.interactions.context import Act, Answer, Context
from service.interactions.noting import author_of
from service.interactions.permission import require_fitting
from service.interactions.provenance import attest, attesting
from service.interactions.standing import everything_wrong, examine
from service.storage.store import AuditEntry, Change, Expectation, Notice, Stale, Stored, Unit

# So many writers of one resource at the same moment do not occur in a clinic; a client that
# loses 20 times in a row is told so. The waits grow from 1 ms to a quarter of a second.
_TRIES = 20
_LONGEST_WAIT = 0.25


class Decision(NamedTuple):
    """What an interaction comes to, before it is stored.

    `changes` are its own; `beside` are those that are stored with them: what its responses bring,
    and the provenance that came with it. Without changes nothing is stored, and the answer is about
    `current`.
    """

    status: int
    changes: tuple[Change, ...] = ()
    current: Stored | None = None
    expectations: tuple[Expectation, ...] = ()
    issues: tuple[Issue, ...] = ()
    relied_on: tuple[Stored, ...] = ()
    notices: tuple[Notice, ...] = ()
    beside: tuple[Change, ...] = ()

    def answer(self, stored: Sequence[Stored]) -> Answer:
        """The answer, `stored` being the new versions of its own changes in their order."""
        about = stored[0] if len(stored) == 1 else self.current
        location = None
        if about is not None and not about.deleted:
            location = f"{about.type}/{about.id}/_history/{about.version}"
        return Answer(self.status, about, location, issues=self.issues)


class Storable(Protocol):
    """Anything decided that can be stored as one unit."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is to be stored; where there is nothing, nothing beside it is."""
        ...

    @property
    def beside(self) -> tuple[Change, ...]:
        """What is stored with that."""
        ...

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What must still hold when it is."""
        ...

    @property
    def relied_on(self) -> tuple[Stored, ...]:
        """The versions of other resources that must still be current when it is."""
        ...

    @property
    def notices(self) -> tuple[Notice, ...]:
        """Which agencies are told of it."""
        ...


Decided = TypeVar("Decided", bound=Storable)


async def settle(
    context: Context,
    act: Act,
    interaction: str,
    decide: Callable[[], Awaitable[Decided]],
    *,
    awaited: bool = True,
) -> tuple[Decided, tuple[Stored, ...]]:
    """The decision that was stored, and the new versions in the order of its own changes. `awaited` as in `Unit`.

    Raises:
        Conflict: the store moved on under every try; nothing was stored.
    """
    audit = author_of(act, interaction)
    for attempt in range(_TRIES):
        decided = await decide()
        if not decided.changes:
            return decided, ()
        try:
            changes = await owned(context, act.caller.locality, (*decided.changes, *decided.beside))
            stored = await context.store.commit(
                act.caller.locality, _unit(decided, changes, audit, awaited=awaited)
            )
        except Stale:
            await asyncio.sleep(_wait(attempt))
            continue
        context.seen.stored += len(stored)
        return decided, stored[: len(decided.changes)]
    raise Conflict("contended", "Others keep changing the same resources; nothing was stored. Try again.")


def _unit(decided: Storable, changes: tuple[Change, ...], audit: AuditEntry, *, awaited: bool) -> Unit:
    return Unit(changes, audit, decided.expectations, decided.relied_on, decided.notices, awaited)


def _wait(attempt: int) -> float:
    """Seconds to wait after a lost try, spread so that contenders part."""
    longest = min(_LONGEST_WAIT, 0.001 * 2**attempt)
    return random.uniform(0.0, longest)  # noqa: S311 - spreads waits, guards nothing


async def carry_out(
    context: Context,
    act: Act,
    interaction: str,
    decide: Callable[[], Awaitable[Decision]],
    provenance: dict[str, Any] | None = None,
) -> Answer:
    """The answer to a single interaction, stored together with the provenance that came with it.

    A decision that changes nothing stores no provenance either: there is no version to attest.

    Raises:
        Conflict: the store moved on under every try.
        Malformed, Invalid: the provenance cannot be stored.
        Invalid: what is to be stored cannot stand beside what is there.
        Forbidden: the caller may not do it.
    """

    async def decide_wholly() -> Decision:
        try:
            decision = await decide()
        except Unfit as unfit:
            raise await everything_wrong(context, act, unfit) from None
        if not decision.changes:
            return decision
        require_fitting(context, act, decision.changes)
        return await stand(context, act, decision, provenance)

    decision, stored = await settle(context, act, interaction, decide_wholly)
    return decision.answer(stored)


async def stand(
    context: Context, act: Act, decision: Decision, provenance: dict[str, Any] | None = None
) -> Decision:
    """The decision with its provenance, its warnings, and what it relies on of what else is stored.

    Raises:
        Malformed, Invalid: the provenance cannot be stored.
        Invalid: what is to be stored cannot stand beside what is there.
        Forbidden: the caller may not make the changes.
    """
    issues = decision.issues
    attested: tuple[Change, ...] = ()
    if provenance is not None:
        change, further = attest(context, provenance, decision.changes)
        attested = (change,)
        issues += further
    standing = await examine(context, act, (*decision.changes, *attested))
    standing.refuse((*decision.changes, *attested))
    for found in standing.issues.values():
        issues += found
    if any(issue.is_fault for issue in issues):
        raise Invalid.of(list(issues))
    return decision._replace(
        beside=(*standing.brought, *(attesting(change, standing.brought) for change in attested)),
        issues=issues,
        expectations=decision.expectations + standing.expectations,
        relied_on=standing.relied_on,
    )
