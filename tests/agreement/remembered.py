"""A locality of a real store, and all that was ever written there, remembered: what its pages must show.

`Remembered` writes to the store and keeps every version of every resource. From these it tells
the pages of a search as `Query` and ADR 0014 describe them: what matches now, in the order of the
places that each resource had at the moment which the pages go by.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from service.fhir.matching import Candidate
from service.fhir.registry import Registry
from service.fhir.search.derived import stands_alone
from service.fhir.search.expressions import Query, SortKey, SortValue
from service.fhir.search.extraction import Extractor
from service.fhir.search.places import order, place
from service.fhir.search.values import SearchValues
from service.storage import searching
from service.storage.names import Kind
from service.storage.querying import plans
from service.storage.searching import kept
from service.storage.store import Change, Found, Store, Stored
from tests.agreement.neighbours import Neighbours
from tests.storage.builders import creation, deletion, unit, update

Resource = dict[str, Any]

# What an order can be by: kinds of parameter whose values stand in an index of their own.
SORTABLE = ("token", "reference", "string", "date", "number", "quantity", "uri")
MICROSECONDS = 1_000  # in a millisecond


class Remembered:
    """What was written to one locality of a store, by this object alone."""

    def __init__(self, store: Store, locality: str, extractor: Extractor) -> None:
        """`locality` must be empty and known to the store."""
        self.store = store
        self.locality = locality
        self._extractor = extractor
        self._kept = kept(store._names)
        self.current: dict[tuple[str, str], Stored] = {}
        self._content: dict[tuple[str, str], Resource | None] = {}
        self._versions: dict[int, list[tuple[Stored, SearchValues]]] = {}

    async def write(self, *changes: Change) -> None:
        """Commits the changes as one unit."""
        made = await self.store.commit(self.locality, unit(*changes))
        for change, stored in zip(changes, made, strict=True):
            values = SearchValues() if change.resource is None else self._extractor.values(change.resource)
            self.current[stored.type, stored.id] = stored
            self._content[stored.type, stored.id] = change.resource
            self._versions.setdefault(stored.key, []).append((stored, values))

    async def put(self, *resources: Resource) -> None:
        """Writes the resources, new or anew."""
        changes = []
        for resource in resources:
            before = self.current.get((resource["resourceType"], resource["id"]))
            changes.append(creation(resource) if before is None else update(before, resource))
        if changes:
            await self.write(*changes)

    async def delete(self, type_: str, id_: str) -> None:
        """Deletes the resource, which must be there."""
        await self.write(deletion(self.current[type_, id_]))

    def content(self, type_: str, id_: str) -> Resource:
        """The resource as it was last written; it must be there."""
        content = self._content[type_, id_]
        assert content is not None
        return content

    @property
    def there(self) -> list[tuple[str, str]]:
        """Type and id of what is there now."""
        return [key for key, stored in self.current.items() if not stored.deleted]

    def around(self) -> Neighbours:
        """What is there now, for the in-memory matcher."""
        return Neighbours(
            Candidate(
                *key, self.current[key].updated * MICROSECONDS, self._versions[self.current[key].key][-1][1]
            )
            for key in self.there
        )

    def place(self, key: int, query: Query, as_of: int | None) -> tuple[SortValue, ...]:
        """The resource's place at that time, or by its first version where that is later; None: by its last.

        One that the query pins to a version has the place of that.
        """
        versions = self._versions[key]
        stored, values = versions[-1] if as_of is None else versions[0]
        pinned = dict(query.pins).get(key)
        for later in versions[1:] if as_of is not None else ():
            if later[0].version == pinned or (pinned is None and later[0].updated <= as_of):
                stored, values = later
        return place(values, stored.id, stored.updated, query.sort, self._kept)

    def ordered(self, query: Query, as_of: int | None, direction: int = 1) -> list[int]:
        """The keys of all that the query finds, in order: those before `direction` changes none but a sort."""
        found = [self.current[query.type, id_].key for id_ in self.around().found(query)]
        return sorted(found, key=lambda key: self._order(key, query, as_of, direction))

    def page(self, query: Query, as_of: int | None, direction: int = 1) -> tuple[list[int], bool]:
        """The keys on the page of the query, and whether others lie beyond it."""
        keys = self.ordered(query, as_of, direction)
        if query.after is not None:
            here = self._order(query.after, query, as_of, direction)
            keys = [
                key for key in keys if (self._order(key, query, as_of, direction) < here) == query.backward
            ]
            keys = [key for key in keys if key != query.after]
        more = len(keys) > query.count
        return (keys[-query.count :] if query.backward else keys[: query.count]), more

    def _order(self, key: int, query: Query, as_of: int | None, direction: int) -> Any:
        if not query.sort:
            return key * direction
        return order(self.place(key, query, as_of), query.sort, key)


async def remembered(store: Store, locality: str, extractor: Extractor) -> Remembered:
    """A locality of the store that is new."""
    await store._intern({(Kind.LOCALITY, locality)})
    return Remembered(store, locality, extractor)


def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a handful of resources be so many that searches go the ways that they go in large and busy stores, too."""
    monkeypatch.setattr(plans, "BROAD", 4)
    monkeypatch.setattr(plans, "BROAD_ALONE", 2)
    monkeypatch.setattr(searching, "MOST_PINS", 2)


def keys_of(found: Found) -> list[int]:
    """The store's numbers of the resources on a page, in the order of the page."""
    return [stored.key for stored in found.items]


def sortable(registry: Registry, type_: str) -> list[SortKey]:
    """The type's parameters as rules of an order, upwards."""
    known = registry.search_parameters(type_)
    keys = [
        SortKey(code, one.type)  # type: ignore[arg-type] # kinds, as said
        for code, one in sorted(known.items())
        if one.type in SORTABLE and stands_alone(registry, one)
    ]
    plain = [key for key in keys if key.parameter not in {"_id", "_lastUpdated"}]
    return [SortKey("_id", "_id"), SortKey("_lastUpdated", "_lastUpdated"), *plain]


def some_order(random: Random, keys: list[SortKey], most: int = 3) -> tuple[SortKey, ...]:
    """One to three rules upwards or downwards, no parameter twice."""
    chosen = random.sample(keys, random.randint(1, min(most, len(keys))))
    return tuple(SortKey(key.parameter, key.kind, random.random() < 0.5) for key in chosen)
