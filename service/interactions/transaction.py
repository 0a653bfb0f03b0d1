"""batch and transaction: a Bundle of interactions, each by itself or all or nothing.

A transaction is read, decided in the order of its verbs, linked, admitted and planned
entry by entry with the very functions of the single interactions; then all its changes
are one unit. What is wrong with any entry is told of all entries at once, and nothing is
stored.

Source: https://hl7.org/fhir/R4/http.html#transaction
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from service.access.needs import InsufficientScope, Needs, require, together
from service.fhir.problems import Gone, Invalid, Issue, Malformed, Problem, TooLarge
from service.interactions import create, delete, patch, update
from service.interactions.admission import Unfit, admit
from service.interactions.batch import batch
from service.interactions.bundles import bundle as joined
from service.interactions.bundles import refusal_entry
from service.interactions.context import Act, Answer, Context
from service.interactions.decisions import Decision, settle
from service.interactions.entries import Entry, Reading, read_entries, read_patch
from service.interactions.faults import Faults, entry_path, located
from service.interactions.identity import require_same_id, require_type
from service.interactions.linking import Address, Links, fill_links, find_links
from service.interactions.looking import looking
from service.interactions.patch import Patch
from service.interactions.pauses import breathe
from service.interactions.performing import perform, perform_told, refuse_told, tell_unchanged
from service.interactions.permission import unfitting
from service.interactions.response_ids import RESPONSE, posted_ids
from service.interactions.room import Room, size_of, too_much
from service.interactions.standing import Standing, draft, examine
from service.interactions.subjects import Subject, Subjects, decide_subjects
from service.storage.store import Change, Expectation, Key, Notice, Stored


async def bundle(
    context: Context, act: Act, resource: dict[str, Any], *, representation: bool = False
) -> Answer:
    """200 with the response Bundle; with `representation` it holds the resources that were stored.

    The resource is taken over: references in it are replaced where they stand.

    Raises:
        Malformed: it is no Bundle, or none of type batch or transaction.
        TooLarge: it has more entries than the configured limit.
        TooMany: the caller has sent more than it may.
        Problem: a transaction's entries were refused; nothing was stored.
    """
    type_ = _require_carryable(context, act, resource)
    carry_out = batch if type_ == "batch" else transaction
    return await carry_out(context, act, resource, representation=representation)


def _require_carryable(context: Context, act: Act, resource: dict[str, Any]) -> str:
    """The type of a Bundle that can be carried out: batch or transaction. Each entry counts as a request.

    Raises:
        Malformed: it is no Bundle, or none of these types.
        TooLarge: it has more entries than the configured limit.
        TooMany: the caller has sent more than it may.
    """
    require_type(resource, "Bundle")
    type_: str | None = resource.get("type")
    if type_ not in ("batch", "transaction"):
        raise Malformed(
            "bundle-type", "Only a Bundle of type batch or transaction is carried out.", "Bundle.type"
        )
    entries = resource.get("entry")
    limit = context.limits.bundle_entries
    if isinstance(entries, list) and len(entries) > limit:
        text = f"A Bundle may have {limit} entries, this one has {len(entries)}."
        raise TooLarge("bundle-too-large", text, "Bundle.entry")
    if isinstance(entries, list):
        act.charge(len(entries) - 1)  # the first was counted when it came
    return type_


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a transaction will do, by entry, in the order of the entries."""

    decisions: Mapping[int, Decision]
    conditions: tuple[Expectation, ...]
    relied_on: tuple[Stored, ...]
    beside: tuple[Change, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes of all entries."""
        return tuple(change for decision in self.decisions.values() for change in decision.changes)

    @property
    def expectations(self) -> tuple[Expectation, ...]:
        """What every condition was decided on."""
        return self.conditions

    @property
    def notices(self) -> tuple[Notice, ...]:
        """None: entries are stored as they are sent, and tell nobody."""
        return ()

    def answers(self, stored: Sequence[Stored]) -> dict[int, Answer]:
        """The answer to every entry that could change something; `stored` in the order of `changes`."""
        answers = {}
        start = 0
        for index, decision in self.decisions.items():
            end = start + len(decision.changes)
            answers[index] = decision.answer(stored[start:end])
            start = end
        return answers


@dataclass(frozen=True, slots=True)
class _Transaction:
    """A transaction as read: what does not change however often it is decided."""

    reading: Reading
    patches: Mapping[int, Patch]
    links: Links
    new_ids: Mapping[int, str]
    posted: Mapping[int, str]  # those of them that are functions of what is sent
    pinned: frozenset[int]  # entries that must get a new version, because links name it

    @property
    def needs(self) -> Needs:
        """The scopes that its changes take."""
        return together(entry.needs for entry in self.reading.entries if entry.changes)


async def transaction(
    context: Context, act: Act, resource: dict[str, Any], *, representation: bool
) -> Answer:
    """200 with a transaction-response Bundle, everything stored.

    Raises:
        Problem: everything that is wrong with the entries; nothing was stored.
    """
    read = await _read(context, act, resource)
    context = looking(context, act, read.needs, context.seen)

    async def decide() -> Plan:
        return await _decide(context, act, read)

    plan, stored = await settle(context, act, "transaction", decide)
    answers = plan.answers(stored)
    entries = []
    room = Room(context.limits.answer_bytes)
    for done, entry in enumerate(read.reading.entries):
        answer = answers.get(entry.index)
        if answer is None:
            entries.append(await _look(context, act, entry, room))
        else:
            if not plan.decisions[entry.index].changes:
                await tell_unchanged(context, act, entry, answer)
            shown = representation and act.caller.may(entry.target.type, "r")
            entries.append(room.fitted(context.base_url, answer, representation=shown, looked=False))
        await breathe(done)
    return Answer(200, document=joined("transaction-response", entries))


async def rehearse(context: Context, act: Act, resource: dict[str, Any]) -> list[Issue]:
    """The warnings that the transaction would bring if it were sent now; nothing is stored.

    Raises:
        Problem: everything for which it would be refused.
    """
    _require_carryable(context, act, resource)
    read = await _read(context, act, resource)
    plan = await _decide(looking(context, act, read.needs, context.seen), act, read)
    return [
        issue
        for index, decision in plan.decisions.items()
        if decision.issues
        for issue in located(Problem.of(list(decision.issues)), index).issues
    ]


async def _look(context: Context, act: Act, entry: Entry, room: Room) -> bytes:
    """The response to a GET, which sees what the transaction stored."""
    try:
        if room.full:
            raise await refuse_told(context, act, entry, too_much())
        answer = await perform_told(context, act, entry)
        return room.fitted(context.base_url, answer, representation=entry.method == "GET", looked=True)
    except Problem as problem:
        # It could be done before the commit; somebody else was quicker in between.
        return refusal_entry(problem)


async def _read(context: Context, act: Act, resource: dict[str, Any]) -> _Transaction:
    reading = await read_entries(context, resource)
    _require_scopes(act, reading)
    faults = reading.faults
    _refuse_repeated(reading.entries, faults)
    patches = {}
    for entry in reading.entries:
        if entry.method == "PATCH":
            read_one = faults.attempt(entry.index, partial(read_patch, entry))
            if read_one is not None:
                patches[entry.index] = read_one
    links = await find_links(context.registry, context.base_url, reading.entries, patches, faults)
    _require_scopes_of_links(context, act, links, faults)
    posted = posted_ids(context, act, reading.entries, links)
    new_ids = {
        entry.index: posted.get(entry.index) or context.ids()
        for entry in reading.entries
        if _may_create(entry)
    }
    return _Transaction(reading, patches, links, new_ids, posted, links.pinned)


def _require_scopes(act: Act, reading: Reading) -> None:
    """Lets a transaction go on all of whose entries the caller's token allows; else nothing of it is looked at.

    Raises:
        Problem: it does not; what is wrong with entries that could not be read is told as well.
    """
    needed: list[str] = []
    for entry in reading.entries:
        try:
            require(act.caller, entry.needs)
        except InsufficientScope as problem:
            needed.append(problem.needed)
            reading.faults.add(entry.index, problem, "request")
    _refuse_scopes(needed, reading.faults)


def _require_scopes_of_links(context: Context, act: Act, links: Links, faults: Faults) -> None:
    """Lets a transaction go on whose caller may search for what its conditional references look for.

    Raises:
        Problem: it may not; what else is wrong with the entries so far is told as well.
    """
    needed: list[str] = []
    for slot, needs in links.needs(context.registry.served):
        try:
            require(act.caller, needs)
        except InsufficientScope as problem:
            needed.append(problem.needed)
            [issue] = problem.issues
            faults.add(slot.entry, InsufficientScope.of([replace(issue, expression=slot.expression)]))
    _refuse_scopes(needed, faults)


def _refuse_scopes(needed: Sequence[str], faults: Faults) -> None:
    """Refuses with what is lacking, if anything is."""
    if not needed:
        return
    try:
        faults.refuse()
    except InsufficientScope as problem:
        problem.needed = " ".join(dict.fromkeys(needed))
        raise


def _may_create(entry: Entry) -> bool:
    return entry.method in {"POST", "PUT"} and not entry.target.id


def _refuse_repeated(entries: Sequence[Entry], faults: Faults) -> None:
    """Adds to the faults every fullUrl that an earlier entry has: references to it would be ambiguous."""
    first: dict[str, int] = {}
    for entry in entries:
        if entry.full_url is not None and first.setdefault(entry.full_url, entry.index) != entry.index:
            text = f"Entry {first[entry.full_url]} has the same fullUrl."
            faults.add(entry.index, Malformed("full-url-repeated", text, entry_path(entry.index, "fullUrl")))


async def _decide(context: Context, act: Act, read: _Transaction) -> Plan:
    faults = read.reading.faults.copy()
    entries = read.reading.entries
    changing = [entry for entry in entries if entry.changes]
    subjects = await decide_subjects(context, act, changing, read.new_ids, read.posted, faults)
    conditions = await fill_links(
        context.registry, read.links, _addresses(subjects), subjects.outlook, faults
    )
    decisions: dict[int, Decision] = {}
    drafts: dict[int, Change] = {}
    for done, entry in enumerate(changing):
        try:
            decision = await _plan(context, act, entry, subjects, read)
        except Problem as problem:
            faults.add(entry.index, problem, "request")
            if (
                isinstance(problem, Unfit)
                and problem.resource is not None
                and entry.index in subjects.by_entry
            ):
                drafts[entry.index] = draft(problem, subjects.by_entry[entry.index][0].before)
        else:
            if decision is not None:
                decisions[entry.index] = decision
        await breathe(done)
    standing = await _stand(context, act, read, subjects, decisions, drafts, faults)
    await _look_ahead(context, act, entries, subjects, faults)
    faults.refuse()
    conditions = [*subjects.expectations, *conditions, *standing.expectations]
    return Plan(decisions, tuple(conditions), standing.relied_on, standing.brought)


async def _stand(
    context: Context,
    act: Act,
    read: _Transaction,
    subjects: Subjects,
    decisions: dict[int, Decision],
    drafts: Mapping[int, Change],
    faults: Faults,
) -> Standing:
    """How all changes stand together; faults are added to `faults`, and warnings to their decisions."""
    by_entry = {index: list(decision.changes) for index, decision in decisions.items()}
    by_entry |= {index: [change] for index, change in drafts.items()}
    # What an entry with other faults would store is still what other entries refer to.
    pending = {
        (subject.type, subject.id)
        for entry in read.reading.entries
        if entry.method != "DELETE" and entry.index not in by_entry
        for subject in subjects.by_entry.get(entry.index, ())
    }
    if faults.by_entry():
        pending |= read.links.unmeant
    changes = [change for index in sorted(by_entry) for change in by_entry[index]]
    unfit = frozenset((change.type, change.id) for change in drafts.values())
    standing = await examine(context, act, changes, pending, unfit)
    for index, its_changes in by_entry.items():
        refused = _refused(context, act, its_changes, standing)
        issues = [issue for change in its_changes for issue in standing.of(change)]
        if refused is not None:
            faults.add(index, refused)
        elif any(issue.is_fault for issue in issues):
            faults.add(index, Invalid.of(issues))
        elif issues and index in decisions:
            decisions[index] = decisions[index]._replace(issues=decisions[index].issues + tuple(issues))
    return standing


def _refused(context: Context, act: Act, changes: Iterable[Change], standing: Standing) -> Problem | None:
    """Why the caller may not make an entry's changes."""
    for change in changes:
        problem = unfitting(context, act, change) or standing.refusals.get((change.type, change.id))
        if problem is not None:
            return problem
    return None


def _addresses(subjects: Subjects) -> dict[int, Address]:
    addresses = {}
    for index, (first, *others) in ((index, found) for index, found in subjects.by_entry.items() if found):
        if not others:
            version = 0 if first.before is None else first.before.version
            addresses[index] = Address(first.type, first.id, version if first.met else version + 1)
    return addresses


async def _plan(
    context: Context, act: Act, entry: Entry, subjects: Subjects, read: _Transaction
) -> Decision | None:
    """The decision of an entry; None where its subject is unknown, which is a fault already."""
    found = subjects.by_entry.get(entry.index)
    type_ = entry.target.type
    if found is None:
        if entry.method != "PATCH" and entry.resource is not None:
            admit(context, type_, entry.resource, None)  # its own faults belong in the answer too
        return None
    match entry.target.interaction:
        case "delete" if entry.target.id:
            return delete.plan(type_, entry.target.id, found[0].before, entry.if_match)
        case "delete":
            return delete.plan_all([subject.before for subject in found if subject.before is not None])
        case "create":
            return _plan_create(context, entry, found[0], read)
        case _:
            return await _plan_revision(context, act, entry, found[0], read)


def _plan_create(context: Context, entry: Entry, subject: Subject, read: _Transaction) -> Decision:
    admitted = admit(context, subject.type, entry.body, subject.id)
    if subject.met and subject.before is not None:
        if subject.id == read.posted.get(entry.index):
            return create.plan_again(subject.before, admitted if subject.type == RESPONSE else None)
        return create.plan_existing(subject.before)
    return create.plan(subject.type, subject.id, admitted)


async def _plan_revision(
    context: Context, act: Act, entry: Entry, subject: Subject, read: _Transaction
) -> Decision | None:
    keep = entry.index not in read.pinned
    if entry.method == "PATCH":
        if entry.index not in read.patches:
            return None
        patch_ = read.patches[entry.index]
        return patch.plan(
            context, subject.type, subject.id, subject.before, patch_, entry.if_match, keep=keep
        )
    if entry.target.id:
        require_same_id(entry.body, subject.type, subject.id)
    admitted = admit(context, subject.type, entry.body, subject.id)
    labelled = await update.brought_back(context, act, subject.before, admitted)
    return update.plan(subject.type, subject.id, subject.before, labelled, entry.if_match, keep=keep)


async def _look_ahead(
    context: Context, act: Act, entries: Sequence[Entry], subjects: Subjects, faults: Faults
) -> None:
    """Adds to the faults every GET that cannot be answered: a transaction in which one fails is refused."""
    deletes: dict[Key, bool] = {}
    for entry in entries:
        for subject in subjects.by_entry.get(entry.index, ()):
            deletes[subject.type, subject.id] = entry.method == "DELETE"
    room = Room(context.limits.answer_bytes)
    for entry in entries:
        if entry.changes:
            continue
        target = entry.target
        deleted = deletes.get((target.type, target.id))
        if deleted and target.interaction == "read":
            text = f"Another entry deletes {target.type}/{target.id}."
            faults.add(entry.index, Gone("resource-deleted", text), "request.url")
        if deleted is None:
            try:
                answer = await perform(context, act, entry)
                if entry.method == "GET" and not room.takes(size_of(answer)):
                    raise too_much()
            except Problem as problem:
                faults.add(entry.index, problem, "request.url")
            if room.full:
                return  # the others would only cost more
