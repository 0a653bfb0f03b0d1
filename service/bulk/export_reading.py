"""What the files of an export are made of: the lines of a slice, of some young people, or of their blocks.

All of it is read in a thread; what the store answers in its event loop alone is asked for there.

Conditions on a resource are met by what it was at the moment: what has not moved on since is searched for, and of
what has, the version of that moment is looked at. What the token narrows is asked of what is there now, as everywhere.

Source: ADR 0025, https://hl7.org/fhir/uv/bulkdata/STU2/export.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

from service.bulk.export_look import Look
from service.fhir import codec
from service.fhir.search.compartments import PATIENT
from service.fhir.search.expressions import Everything, Expression, Ids, Query
from service.fhir.search.sight import Sight
from service.storage.exporting import LAST, Child, Chunk, Record, Slice
from service.storage.jobs import Task
from service.storage.sharing import CLOSED_CHILD, pack_child, unpack_child
from service.storage.store import Stored

# So many young people are looked up together: what there is of a type about them is held in memory.
_PEOPLE: Final = 100
# So many resources make a chunk where they are looked at one by one.
_PAGE: Final = 500
# So many are asked of a search at a time, some megabytes: each page is a statement and two hops between threads.
_FOUND: Final = 2_000
# Units: seconds between two looks whether the task is still ours, while the store is asked.
_LOOK: Final = 0.2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads for a task, in a thread; `loop` is the event loop of the store."""

    look: Look
    task: Task
    loop: asyncio.AbstractEventLoop

    def ask(self, question: Coroutine[Any, Any, T]) -> T:
        """What the store answers.

        Raises:
            Lost: the task is no longer ours.
        """
        asked = asyncio.run_coroutine_threadsafe(question, self.loop)
        while True:
            try:
                return asked.result(_LOOK)
            except NotYet:
                if asked.done():
                    raise
                if self.task.gone.is_set():
                    asked.cancel()
                    self.task.require()

    def slice(self, of: Slice, members: Sequence[str] | None) -> Iterator[Chunk]:
        """The lines of a slice. `members`: the young people whom it is about, None where it is about all.

        What was deleted is told by its id; of what cannot be told whether it was wanted too, but for what the
        token narrows.
        """
        look = self.look
        if look.is_narrowed(of.type):
            records = self.searched(of, look.wanted(of.type))
        else:
            is_plain = of.type not in look.filters and not look.is_changed(of.type)
            if is_plain and not look.in_compartment(of.type):
                return look.view.chunks(of)
            records = look.view.records(of)
        return self.chunks(of.type, filter(self.keeps(of.type, members), records))

    def patients(self) -> Iterator[Record]:
        """The Patients whom the token shows, as they were at the moment; where it shows none, those of the agency.

        They are counted, not told: what is about them may be shown where they are not.
        """
        look, of = self.look, self.look.whole(PATIENT)
        if look.is_narrowed(PATIENT):
            return self.searched(of, look.wanted(PATIENT))
        view = look.view
        if look.sight is not None and not look.reads(PATIENT):
            eyes = look.sight
            whole = Sight(eyes.agency, eyes.sectors, eyes.purpose, every=eyes.every)
            view = self.ask(look.context.store.exports.view(look.locality, whole))
        return view.records(of)

    def gone(self, of: Slice, members: Sequence[str] | None) -> Iterator[Chunk]:
        """What of a slice was deleted."""
        keeps = self.keeps(of.type, members)
        records = (one for one in self.look.view.records(of) if one.deleted and keeps(one))
        return self.chunks(of.type, records)

    def people(self, part: range, members: Sequence[str], type_: str) -> Iterator[Chunk]:
        """The lines of a type about some of the members, in the order of keys for some hundred of them at a time.

        What is about several members is told with the first of them alone.
        """
        places = {member: place for place, member in enumerate(members)}
        compartments = self.look.compartments(type_)
        for start in range(part.start, part.stop, _PEOPLE):
            some = range(start, min(start + _PEOPLE, part.stop))
            found = {}
            for records in self._of_members([members[place] for place in some], type_).values():
                for one in records:
                    first = min(places[member] for member in compartments.of(one) if member in places)
                    if first in some:
                        found[one.key] = one
            yield from self.chunks(type_, [found[key] for key in sorted(found)])

    def blocks(self, patients: Sequence[str], types: Iterable[str]) -> Iterator[Chunk]:
        """The blocks of young people: of each who it is, and all of their record; none where there is nothing."""
        ordered = sorted(types, key=lambda type_: (type_ != PATIENT, type_))
        of_types = {type_: self._of_members(patients, type_) for type_ in ordered}
        for patient in patients:
            chunks = [chunk for type_ in ordered for chunk in self.chunks(type_, of_types[type_][patient])]
            if chunks:
                header = {
                    "name": "header",
                    "valueReference": {"reference": f"{PATIENT}/{self.look.id(PATIENT, patient)}"},
                }
                line = codec.encode({"resourceType": "Parameters", "parameter": [header]})
                children = frozenset[Child]().union(*(chunk.children for chunk in chunks))
                lines = b"".join((line, b"\n", *(chunk.lines for chunk in chunks)))
                yield Chunk(lines, 1 + sum(chunk.count for chunk in chunks), children)

    def _of_members(self, members: Sequence[str], type_: str) -> dict[str, list[Record]]:
        """What of a type is in the compartment of each of these young people, in the order of keys."""
        look, whole = self.look, self.look.whole(type_)
        found: dict[str, dict[int, Record]] = {member: {} for member in members}
        compartments, wanted = look.compartments(type_), look.wanted(type_)
        records = self._settled(whole, sorted(found), sorted(compartments.codes))
        # Asked for afterwards: what moved on in between is found here.
        records += self.moved(whole)
        for one in records:
            whose = compartments.of(one) & found.keys()
            if whose and look.meets(type_, wanted, one):
                for member in whose:
                    found[member][one.key] = one
        return {
            member: [each[key] for key in sorted(each) if each[key].updated > look.since]
            for member, each in found.items()
        }

    def _settled(self, of: Slice, members: Sequence[str], codes: Sequence[str]) -> list[Record]:
        """What refers to one of the members by one of the parameters, or is one, and has not moved on since."""
        store, locality = self.look.store, self.look.locality
        keys = [(PATIENT, member) for member in members]
        found: list[Stored] = []
        if keys and codes:
            found += self.ask(store.referring(locality, keys, [(of.type, code) for code in codes], LAST))
        if of.type == PATIENT:
            found += self.ask(store.read_many(locality, keys)).values()
        return [settled(one) for one in found if one.updated <= of.at and not one.deleted]

    def searched(self, of: Slice, where: Expression) -> Iterator[Record]:
        """What of a slice meets the condition, and what the token narrows, in the order of keys."""
        after, is_more = of.low, True
        while is_more:
            query = Query(of.type, where, _FOUND, after=after, rising=True)
            page = self.ask(self.look.store.search(self.look.locality, query))
            last = page.items[-1].key if page.more else of.high
            is_more = page.more and last < of.high
            part = Slice(of.type, after, min(last, of.high), of.at, of.since)
            found = {
                one.key: settled(one)
                for one in page.items
                if one.key <= of.high and one.updated <= of.at and one.updated > of.since
            }
            # Asked for afterwards: what moved on in between is found here.
            moved = [
                one for one in self.moved(part) if not one.deleted and self.look.meets(of.type, where, one)
            ]
            found |= {one.key: one for one in moved}
            yield from (found[key] for key in sorted(found))
            after = last

    def moved(self, of: Slice) -> list[Record]:
        """What has moved on since the moment, as it was: without deletions, and what the token leaves out now."""
        found = [one for one in self.look.view.records(of, moved=True) if not one.deleted]
        if not self.look.is_narrowed(of.type):
            return found
        allowed = [one for one in found if not self.look.narrowed_out(of.type, unpack_child(one.child))]
        shown: set[str] = set()
        for start in range(0, len(allowed), _PAGE):
            ids = frozenset(one.id for one in allowed[start : start + _PAGE])
            query = Query(of.type, Ids(ids), len(ids))
            page = self.ask(self.look.store.search(self.look.locality, query))
            shown |= {one.id for one in page.items}
        return [one for one in allowed if one.id in shown]

    def keeps(self, type_: str, members: Sequence[str] | None) -> Callable[[Record], bool]:
        """Whether a resource is wanted: it is about who is asked for, and meets the filters."""
        look = self.look
        where = look.wanted(type_)
        belongs = look.compartments(type_).have(members) if look.in_compartment(type_) else _always
        if look.is_narrowed(type_):  # what it is asked for has met them
            return belongs
        if where == Everything():
            return belongs
        return lambda one: belongs(one) and (one.deleted or look.meets(type_, where, one))

    def chunks(self, type_: str, records: Iterable[Record]) -> Iterator[Chunk]:
        """The records as lines."""
        if self.look.deidentifying is not None:
            yield from self.look.deidentifying.chunks(self.look, type_, records)
            return
        line = partial(self.look.line, type_) if self.look.is_changed(type_) else _unchanged
        lines: list[bytes] = []
        children: set[Child] = set()
        deleted: list[str] = []
        size = 0
        for one in records:
            if one.deleted:
                if self.look.is_changes:
                    deleted.append(one.id)
            else:
                lines.append(line(one.body))
                size += 1
            if one.child is not None and one.child != CLOSED_CHILD:
                children.add((one.child, one.ground))
            if size == _PAGE:
                yield _chunk(lines, children, deleted)
                lines, children, deleted, size = [], set(), [], 0
        if lines or deleted:
            yield _chunk(lines, children, deleted)


def _chunk(lines: list[bytes], children: set[Child], deleted: list[str]) -> Chunk:
    text = b"\n".join((*lines, b"")) if lines else b""
    return Chunk(text, len(lines), frozenset(children), tuple(deleted))


def settled(one: Stored) -> Record:
    """What a search found, as a record of what has not moved on."""
    return Record(one.key, one.id, one.updated, pack_child(one.child), one.ground, one.body, moved=False)


def _unchanged(body: bytes) -> bytes:
    return body


def _always(_: Record) -> bool:
    return True
