"""Which resources the entries of a transaction are about, decided in the order that FHIR processes them.

Deletions come first, then creations, then updates and patches; conditions of a later
step see what the earlier ones will do. Two entries about one resource are refused, and so
is a conditional creation that another creation of the same transaction would meet: what
comes out must not depend on the order of entries.

Source: https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from service.fhir.problems import Malformed, Problem
from service.interactions.context import Act, Context
from service.interactions.criteria import ambiguous
from service.interactions.delete import require_limit
from service.interactions.entries import Entry
from service.interactions.faults import Faults
from service.interactions.outlook import Outlook, Prospect
from service.interactions.patch import unmatched
from service.interactions.pauses import breathe
from service.interactions.permission import require_choice
from service.interactions.update import require_free, target_id
from service.storage.store import Expectation, Key, Stored

_CRITERIA = {"POST": "request.ifNoneExist"}  # where an entry has its criteria, if not in its address

# Databases bound the number of parameters in one statement; this stays far below.
_READ_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Subject:
    """A resource that an entry is about, and its version in the store (None: the id was never used).

    `met`: a create found it there, by its condition or because the same was sent before, and leaves
    it alone.
    """

    type: str
    id: str
    before: Stored | None
    met: bool = False


@dataclass(frozen=True, slots=True)
class Subjects:
    """The subjects by entry, what the store must still say of conditions at commit, and the outlook after all."""

    by_entry: dict[int, tuple[Subject, ...]]
    expectations: list[Expectation]
    outlook: Outlook


async def decide_subjects(
    context: Context,
    act: Act,
    entries: Sequence[Entry],
    new_ids: Mapping[int, str],
    posted: Mapping[int, str],
    faults: Faults,
) -> Subjects:
    """The subjects of all entries that change something; what is wrong with one is added to `faults`.

    `new_ids` has an id for every entry that may create a resource, `posted` those of them under
    which there is something if the same was sent before.
    """
    current = await _read_named(context, act, entries, posted)
    search = _Search(context, act, Outlook(context, act), faults, current, new_ids)
    await search.delete([entry for entry in entries if entry.method == "DELETE"])
    await search.create([entry for entry in entries if entry.method == "POST"])
    await search.update([entry for entry in entries if entry.method in {"PUT", "PATCH"}])
    search.refuse_overlaps()
    return Subjects(search.subjects, search.expectations, search.outlook)


@dataclass(frozen=True, slots=True)
class _Search:
    """The subjects found so far, step by step."""

    context: Context
    act: Act
    outlook: Outlook
    faults: Faults
    current: Mapping[Key, Stored]
    new_ids: Mapping[int, str]
    subjects: dict[int, tuple[Subject, ...]] = field(default_factory=dict)
    expectations: list[Expectation] = field(default_factory=list)

    async def delete(self, entries: Sequence[Entry]) -> None:
        """Finds what is deleted, and hides it from the steps that follow."""
        await self._each(entries, self._deleted)
        for subject in (subject for subjects in self.subjects.values() for subject in subjects):
            self.outlook.delete(subject.type, subject.id)

    async def create(self, entries: Sequence[Entry]) -> None:
        """Finds what is created, and refuses conditions that depend on the order of creations."""
        await self._each(entries, self._created)
        for entry in entries:
            found = self.subjects.get(entry.index)
            if found is not None and not found[0].met:
                self.outlook.create(entry.target.type, found[0].id, entry.body)
        await self._each(self._decided_by_criteria(entries), self._alone)

    async def update(self, entries: Sequence[Entry]) -> None:
        """Finds what is updated or patched, and refuses conditions that depend on the order of updates."""
        await self._each(entries, self._updated)
        for entry in entries:
            if entry.method == "PUT" and entry.index in self.subjects:
                (subject,) = self.subjects[entry.index]
                self.outlook.replace(subject.type, subject.id, entry.body)
        await self._each(self._decided_by_criteria(entries), self._alone)

    def refuse_overlaps(self) -> None:
        """Refuses entries about a resource that an earlier entry is about."""
        first: dict[Key, int] = {}
        for index in sorted(self.subjects):
            for subject in self.subjects[index]:
                other = first.setdefault((subject.type, subject.id), index)
                if other != index:
                    self.faults.add(index, overlapping(subject, other))

    def _decided_by_criteria(self, entries: Sequence[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.criteria is not None and entry.index in self.subjects]

    async def _each(
        self, entries: Sequence[Entry], find: Callable[[Entry], Awaitable[tuple[Subject, ...]]]
    ) -> None:
        for done, entry in enumerate(entries):
            try:
                self.subjects[entry.index] = await find(entry)
            except Problem as problem:
                self.faults.add(entry.index, problem, _CRITERIA.get(entry.method, "request.url"))
            await breathe(done)

    async def _deleted(self, entry: Entry) -> tuple[Subject, ...]:
        type_, criteria = entry.target.type, entry.criteria
        if criteria is None:
            return (self._named(entry),)
        limit = self.context.limits.conditional_matches
        prospects, expectation = await self.outlook.find(type_, criteria, limit + 1)
        require_limit(type_, len(prospects), limit)
        self.expectations.append(expectation)
        return tuple(Subject(type_, prospect.id, prospect.stored) for prospect in prospects)

    async def _created(self, entry: Entry) -> tuple[Subject, ...]:
        type_ = entry.target.type
        id_ = self.new_ids[entry.index]
        before = self.current.get((type_, id_))
        new = Subject(type_, id_, before, met=before is not None)
        if entry.criteria is None:
            return (new,)
        match = await self._one(type_, entry.criteria)
        return (new if match is None else Subject(type_, match.id, match.stored, met=True),)

    async def _alone(self, entry: Entry) -> tuple[Subject, ...]:
        """The subject of a condition that no other entry's resource meets as well."""
        found = self.subjects[entry.index]
        own = await self.outlook.own(entry.target.type, entry.criteria or "")
        if any(id_ != subject.id for id_ in own for subject in found):
            text = "Another entry's resource meets the criteria too; the result would depend on the entries' order."
            raise Malformed("transaction-overlap", text)
        return found

    async def _updated(self, entry: Entry) -> tuple[Subject, ...]:
        type_, criteria = entry.target.type, entry.criteria
        if criteria is None:
            subject = self._named(entry)
            if entry.method == "PUT" and subject.before is None:
                subject = await self._chosen(subject)
            return (subject,)
        match = await self._one(type_, criteria)
        if match is not None and match.stored is None:
            text = "Another entry creates the resource that the criteria mean."
            raise Malformed("transaction-overlap", text)
        stored = None if match is None else match.stored
        if stored is None and entry.method == "PATCH":
            raise unmatched(type_)
        subject = self._addressed(entry, stored)
        if entry.method == "PUT" and subject.before is None and subject.id == entry.body.get("id"):
            subject = await self._chosen(subject)
            require_free(subject.before)
        return (subject,)

    async def _chosen(self, subject: Subject) -> Subject:
        """The subject that a PUT names, where the caller saw nothing under its id."""
        since = await require_choice(self.context, self.act, subject.type, subject.id)
        return replace(subject, before=since)

    def _addressed(self, entry: Entry, match: Stored | None) -> Subject:
        """The subject of a conditional update: the match, or what it creates."""
        type_ = entry.target.type
        given = entry.body.get("id") if entry.method == "PUT" else None
        id_ = target_id(type_, given, match, self.new_ids.get(entry.index, ""))
        if match is None:
            taken = self.current.get((type_, id_))
            require_free(taken)
            return Subject(type_, id_, taken)
        return Subject(type_, id_, match)

    def _named(self, entry: Entry) -> Subject:
        """The resource that an entry names by its address."""
        key = (entry.target.type, entry.target.id)
        return Subject(*key, self.current.get(key))

    async def _one(self, type_: str, criteria: str) -> Prospect | None:
        """The one resource that criteria mean, as the steps before will leave things."""
        prospects, expectation = await self.outlook.find(type_, criteria)
        if len(prospects) > 1:
            raise ambiguous(type_)
        self.expectations.append(expectation)
        return prospects[0] if prospects else None


def overlapping(subject: Subject, other: int) -> Malformed:
    """The refusal of an entry about a resource that the entry `other` is about."""
    text = f"Entry {other} is about {subject.type}/{subject.id} too; a transaction takes each resource once."
    return Malformed("transaction-overlap", text)


async def _read_named(
    context: Context, act: Act, entries: Sequence[Entry], posted: Mapping[int, str]
) -> dict[Key, Stored]:
    """The current versions of everything that entries name by id, in address or body, or create once."""
    keys: dict[Key, None] = {}
    for entry in entries:
        if entry.index in posted:
            keys[entry.target.type, posted[entry.index]] = None
        if entry.method not in {"POST", "GET", "HEAD"}:
            id_ = entry.target.id or entry.body.get("id")
            if isinstance(id_, str):
                keys[entry.target.type, id_] = None
    named = list(keys)
    current: dict[Key, Stored] = {}
    for start in range(0, len(named), _READ_AT_ONCE):
        current |= await context.store.read_many(act.caller.locality, named[start : start + _READ_AT_ONCE])
    return current
