"""Whether changes can stand: beside what else is stored, and beside each other.

A profile looks at one resource. Here a unit's resources are looked at together with those
that they refer to and those that the same young person has: references must lead somewhere,
and the rules of the clinic must hold.

Source: docs/rules.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

from service.fhir.problems import Invalid, Issue, Problem
from service.interactions import cohort_filters
from service.interactions.admission import Admitted, Unfit, admit
from service.interactions.content import content
from service.interactions.context import Act, Context
from service.interactions.existing import Literals, missing
from service.interactions.extracting import Extraction
from service.interactions.pauses import breathe
from service.interactions.permission import refusals, require_choice
from service.interactions.rulings import case_of, foresee, judge
from service.interactions.surroundings import Surroundings
from service.storage.store import Change, Expectation, Key, Stored

_NO_ISSUES: Final[tuple[Issue, ...]] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What there is to say of changes, by the resource that each is of; and what that was decided on.

    `brought` are the changes that responses among them bring; who may make a change of a response may
    make these. `refusals` are of changes that the caller may not make.
    """

    issues: Mapping[Key, tuple[Issue, ...]]
    expectations: tuple[Expectation, ...]
    relied_on: tuple[Stored, ...]
    brought: tuple[Change, ...] = ()
    refusals: Mapping[Key, Problem] = field(default_factory=dict)

    def of(self, change: Change) -> tuple[Issue, ...]:
        """The issues of a change."""
        return self.issues.get((change.type, change.id), _NO_ISSUES)

    def refuse(self, changes: Iterable[Change]) -> None:
        """Returns where the caller may make these changes.

        Raises:
            Problem: there is one that they may not make.
        """
        for change in changes:
            problem = self.refusals.get((change.type, change.id))
            if problem is not None:
                raise problem


async def examine(
    context: Context,
    act: Act,
    changes: Sequence[Change],
    pending: Iterable[Key] = (),
    unfit: AbstractSet[Key] = frozenset(),
) -> Standing:
    """How the changes stand together; `pending` are resources of the same unit that are not among them.

    `unfit` are those that break rules by themselves.
    """
    around = Surroundings(context, act, changes, pending)
    extraction = Extraction(context, around, changes, unfit)
    locate = around.addresses.target
    brought = Literals(around.addresses)
    cases = []
    for done, change in enumerate(changes):
        literals = brought.new(change) if context.references else []
        case = case_of(change, locate)
        if literals or case is not None or change.type == cohort_filters.GROUP:
            cases.append((change, literals, case))
        await breathe(done)
    wanted = {literal.key for _, literals, _ in cases for literal in literals}
    wanted |= {key for _, _, case in cases if case is not None for key in case.wanted}
    await around.fetch({*wanted, *extraction.wanted}, extraction.possible)
    await foresee((case for _, _, case in cases if case is not None), around)
    refused = await refusals(context, act, changes, around)
    found: dict[Key, tuple[Issue, ...]] = {}
    for done, (change, literals, case) in enumerate(cases):
        issues = missing(change, literals, around.presence, context.registry)
        if case is not None:
            # What is not there for the caller may be there: the rules are not to tell of it.
            issues += await judge(case, around.with_own_eyes() if issues else around)
        issues += await cohort_filters.faults(context, act, change)
        if issues:
            found[change.type, change.id] = tuple(issues)
        await breathe(done)
    extracted = await extraction.carry_out()
    for key, further in extracted.issues.items():
        found[key] = (*found.get(key, ()), *further)
    return Standing(found, around.expectations, around.relied_on, extracted.all_changes, refused)


async def fit(
    context: Context,
    act: Act,
    type_: str,
    body: dict[str, Any],
    id_: str | None,
    profiles: Sequence[str] = (),
    *,
    chosen: bool = False,
) -> Admitted:
    """As `admit`; a refusal tells of everything that is wrong, beside what else is stored as well.

    `chosen`: it is the caller that chose the id.

    Raises:
        Malformed: the body is not of `type_`.
        Invalid: it breaks rules.
        Missing, Conflict: nothing that the caller sees has the id, and they may not choose it.
        Forbidden: they may not change what has it.
    """
    try:
        return admit(context, type_, body, id_, profiles)
    except Unfit as unfit:
        raise await everything_wrong(context, act, unfit, chosen=chosen) from None


async def everything_wrong(context: Context, act: Act, unfit: Unfit, *, chosen: bool = False) -> Problem:
    """The refusal of a body that breaks rules by itself, with those that it breaks beside what is stored.

    What the caller may not do at all is told first, and nothing else of it.
    """
    resource = unfit.resource
    if resource is None:
        return unfit
    type_, id_ = resource["resourceType"], resource.get("id")
    before = await context.store.read(act.caller.locality, type_, id_) if isinstance(id_, str) else None
    try:
        if before is None and chosen:
            before = await require_choice(context, act, type_, str(id_))
        changed = draft(unfit, before)
        standing = await examine(context, act, [changed], unfit=frozenset({(changed.type, changed.id)}))
        standing.refuse([changed])
    except Problem as problem:
        return problem
    return Invalid.of([*unfit.issues, *(issue for issues in standing.issues.values() for issue in issues)])


def draft(unfit: Unfit, before: Stored | None) -> Change:
    """The change that an unfit resource would have been, for its other faults to be told too; it is never stored."""
    resource = unfit.resource or {}
    type_, id_ = resource.get("resourceType", ""), resource.get("id", "")
    former = None if before is None or before.deleted else content(before)
    return Change(type_, id_, "POST" if before is None else "PUT", before, former, resource)
