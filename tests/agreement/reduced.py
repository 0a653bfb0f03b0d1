"""A world as one caller sees it, and nothing beside it: what a service that held no more would be asked of.

Source: non-interference (Goguen and Meseguer, Security Policies and Security Models, 1982): what is
hidden from somebody makes no difference to anything that they are told.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

from service.fhir import codec
from service.storage import store
from service.storage.store import AuditEntry, Change, HistoryQuery, Store, Stored, Unit
from tests.agreement.masks import masked
from tests.agreement.oracle import CLOSED, NOBODY, Eyes, Oracle, Record, Version

Json = dict[str, Any]

_ALL = 1_000  # versions that are read at a time
_ENTRY = AuditEntry("reduced", "reduced", "transaction", "reduced")


async def everything_written(whole: Store, locality: str, type_of_nobody: frozenset[str]) -> list[Stored]:
    """Every version of a locality, oldest first, without those of types that no agency writes."""
    found: list[Stored] = []
    after = None
    while True:
        page = await whole.history(locality, HistoryQuery(None, None, _ALL, after=after))
        found += page.items
        if not page.more:
            return [stored for stored in reversed(found) if stored.type not in type_of_nobody]
        last = page.items[-1]
        after = (last.updated, last.key, last.version)


def records_of(versions: list[Stored], author_at: Callable[[int], str]) -> list[Record]:
    """The resources of these versions; `author_at` tells which agency wrote at a moment."""
    records: dict[tuple[str, str], Record] = {}
    for stored in versions:
        key = (stored.type, stored.id)
        if key not in records:
            records[key] = Record(stored.type, stored.id, author_at(stored.updated))
        resource = None if stored.deleted else plain(codec.decode(stored.body))
        records[key].versions.append(Version(stored.version, stored.updated, stored.method, resource))
    return list(records.values())


def plain(resource: Json) -> Json:
    """The resource without what the server says of its version."""
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in {"versionId", "lastUpdated"}}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": meta} if meta else rest


class Reduction:
    """What a caller sees of a world at a moment, put into a store of its own."""

    def __init__(self, oracle: Oracle, eyes: Eyes, now: int) -> None:
        self.oracle, self.eyes, self.now = oracle, eyes, now
        self.seen: set[tuple[str, str, int]] = set()
        self.withheld: set[tuple[str, str]] = set()
        for record in oracle.records.values():
            for version in record.versions:
                if oracle.ground(eyes, record, version, now) is not None:
                    self.seen.add((record.type, record.id, version.number))
            if oracle.withheld(eyes, record, record.current, now):
                self.withheld.add((record.type, record.id))

    def sees(self, record: Record, version: Version | None = None) -> bool:
        """Whether a version, the current one where none is named, is seen."""
        number = (version or record.current).number
        return (record.type, record.id, number) in self.seen

    def shown(self, record: Record, version: Version) -> Json | None:
        """What is shown of a version that is seen."""
        if version.resource is None or not self.oracle.withheld(self.eyes, record, version, self.now):
            return version.resource
        return masked(version.resource)

    def _child(self, record: Record, version: Version) -> str | None:
        """Whose it is, as the store is told where the content alone does not tell."""
        child = self.oracle.whose(record, record.said(version))
        return {NOBODY: None, CLOSED: store.CLOSED}.get(child, child)

    async def put(
        self, other: Store, locality: str, order: list[Stored], tell: Callable[[int], None]
    ) -> None:
        """Stores what is seen, version by version, at the times at which it was written (told to `tell`)."""
        before: dict[tuple[str, str], tuple[Stored, Json | None]] = {}
        for at, group in groupby(order, key=lambda stored: stored.updated):
            changes = []
            for stored in sorted(group, key=lambda stored: stored.key):
                record = self.oracle.records[stored.type, stored.id]
                if not self.sees(record):
                    continue
                version = record.versions[stored.version - 1]
                # What is hidden of a resource that is seen has had its number all the same.
                filler = {"resourceType": stored.type, "id": stored.id}
                resource = self.shown(record, version) if self.sees(record, version) else filler
                former = before.get((stored.type, stored.id), (None, None))
                child = self._child(record, version)
                changes.append(Change(stored.type, stored.id, stored.method, *former, resource, child))
            if not changes:
                continue
            tell(at)
            done = await other.commit(locality, Unit(tuple(changes), _ENTRY))
            for change, stored in zip(changes, done, strict=True):
                before[change.type, change.id] = (stored, change.resource)
