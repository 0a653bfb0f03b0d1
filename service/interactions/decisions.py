"""From a decision to an answer: what an interaction comes to, and how it is stored.

An interaction reads what is stored, decides, and commits its decision. Where the store
has moved on in between, nothing was stored and it decides anew on what is there now.

Source: ADR 0002, https://hl7.org/fhir/R4/http.html#concurrency
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from service.fhir import codec
from service.fhir.problems import Conflict, Issue
from service.interactions.context import Act, Answer, Context
from service.interactions.provenance import attest
from service.storage.store import AuditEntry, Change, Expectation, Stale, Stored, Unit

# So many writers of one resource at the same moment do not occur in a clinic; a client that
# loses 20 times in a row is told so. The waits grow from 1 ms to a quarter of a second.
_TRIES = 20
_LONGEST_WAIT = 0.25

# What is stored was within the limit when it came; the limit may have been lowered since.
_ANY_DEPTH = 10_000


@dataclass(frozen=True, slots=True)
class Decision:
    """What an interaction comes to, before it is stored.

    Without changes nothing is stored, and the answer is about `current`.
    """

    status: int
    changes: tuple[Change, ...] = ()
    current: Stored | None = None
    expectations: tuple[Expectation, ...] = ()
    issues: tuple[Issue, ...] = ()

    def answer(self, stored: Sequence[Stored]) -> Answer:
        """The answer, `stored` being the new versions of the changes in their order."""
        about = stored[0] if len(stored) == 1 else self.current
        location = None
        if about is not None and not about.deleted:
            location = f"{about.type}/{about.id}/_history/{about.version}"
        return Answer(self.status, about, location, issues=self.issues)


def content(stored: Stored) -> dict[str, Any]:
    """The resource that a version holds."""
    return codec.decode(stored.body, max_depth=_ANY_DEPTH)


class Storable(Protocol):
    """Anything decided that can be stored as one unit."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What is to be stored."""
        ...

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What must still hold when it is."""
        ...


Decided = TypeVar("Decided", bound=Storable)


async def settle(
    context: Context, act: Act, interaction: str, decide: Callable[[], Awaitable[Decided]]
) -> tuple[Decided, tuple[Stored, ...]]:
    """The decision that was stored, and the new versions in the order of its changes.

    Raises:
        Conflict: the store moved on under every try; nothing was stored.
    """
    audit = AuditEntry(act.caller.client, act.caller.agency, interaction, act.request_id)
    for attempt in range(_TRIES):
        decided = await decide()
        if not decided.changes:
            return decided, ()
        try:
            stored = await context.store.commit(
                act.caller.locality, Unit(decided.changes, audit, decided.expectations)
            )
        except Stale:
            await asyncio.sleep(_wait(attempt))
            continue
        return decided, stored
    raise Conflict("contended", "Others keep changing the same resources; nothing was stored. Try again.")


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
    """
    if provenance is None:
        decision, stored = await settle(context, act, interaction, decide)
        return decision.answer(stored)

    async def decide_with_provenance() -> Decision:
        decision = await decide()
        if not decision.changes:
            return decision
        change, issues = attest(context, provenance, decision.changes)
        return Decision(
            decision.status,
            (*decision.changes, change),
            decision.current,
            decision.expectations,
            decision.issues + issues,
        )

    decision, stored = await settle(context, act, interaction, decide_with_provenance)
    return decision.answer(stored[:-1])
