"""Sifting: a page of those candidates that belong on a list, where only a look at each can tell.

Candidates come in the order of their keys, in which they were first stored and which never
changes, and each is judged when its page is made. Pages share the keys out among them, so
that what belongs on the list while it is read stands on exactly one page, whatever else is
written meanwhile.

What an entry is judged by is several resources, read one after the other. Before it is
shown they are read once more: where one of them has another version by now, the entry is
judged anew. So each was true of one moment, and half of somebody's transaction is never seen.

Source: docs/operations/worklist.md, ADR 0014
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from service.fhir.search.expressions import And, Ids, Query, Reference
from service.outcomes.reasons import Reason
from service.storage.store import Key, Store, Stored

LOOKED_AT: Final = 1_000
"""Units: candidates. With so many the page ends, full or not, and the next one goes on from there."""

_ROUNDS: Final = 5  # that an entry is judged anew at most; it was true of some moment in any case
_REFERRING_AT_ONCE: Final = 1_000  # resources
_READ_AT_ONCE: Final = 500  # databases bound the parameters of one statement
_LEAST: Final = 0  # keys of resources count from 1


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: behind the key, or before it where `backward`. Without a key at that end of the list."""

    key: int | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry: the resource, why it is on the list, what explains it, and the versions that it was judged by."""

    stored: Stored
    reasons: tuple[Reason, ...]
    beside: tuple[Stored, ...] = ()
    judged_by: tuple[Stored, ...] = ()


Judge = Callable[[Sequence[Stored]], Awaitable[list[Listed]]]


@dataclass(frozen=True, slots=True)
class Sieve:
    """What a list is made from: the candidates, in no order but that of keys, and what picks from them.

    Several searches of one type find the candidates, each of which may be found by more than one: each
    by itself is led by an index, where one of alternatives would look at everybody. `judge` keeps
    their order. `at_once` candidates are judged together, where there are so many.
    """

    candidates: tuple[Query, ...]
    judge: Judge
    at_once: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page, in the order of keys. `before` and `behind` are where those beside it begin, None where none is."""

    items: tuple[Listed, ...]
    before: Place | None
    behind: Place | None


async def sift(store: Store, locality: str, sieve: Sieve, place: Place, count: int) -> Sheet:
    """The page of `count` entries at the place; fewer where `LOOKED_AT` candidates held no more."""
    found: list[Listed] = []
    edge, more, looked_at = place.key, True, 0
    while more and len(found) <= count and looked_at < LOOKED_AT:
        size = max(sieve.at_once, count + 1 - len(found))
        candidates, more = await _next(store, locality, sieve, Place(edge, place.backward), size)
        if candidates:
            judged = await _confirmed(store, locality, sieve, sorted(candidates, key=_key))
            found += reversed(judged) if place.backward else judged
            edge = candidates[-1].key
            looked_at += len(candidates)
    shown = found[:count]
    if len(found) > count:
        end: int | None = shown[-1].stored.key
    else:
        end = edge if more else None
    return _sheet(shown, place, end)


def _key(stored: Stored) -> int:
    return stored.key


async def _next(
    store: Store, locality: str, sieve: Sieve, place: Place, size: int
) -> tuple[list[Stored], bool]:
    """So many candidates from the place on, in its direction, each once, and whether others lie beyond them."""
    found: dict[int, Stored] = {}
    more = False
    for query in sieve.candidates:
        asked = replace(query, count=size, after=place.key, backward=place.backward)
        page = await store.search(locality, asked)
        found |= {one.key: one for one in page.items}
        more = more or page.more
    # Each search gave the first of its own, so that among them are the first of all.
    ordered = sorted(found.values(), key=_key, reverse=place.backward)
    return ordered[:size], more or len(ordered) > size


def _sheet(shown: list[Listed], place: Place, end: int | None) -> Sheet:
    """The page of the keys between its place and `end`, which it holds; None where it holds all to that end."""
    if place.backward:
        before = None if end is None else Place(end, backward=True)
        behind = None if place.key is None else Place(place.key - 1)
        return Sheet(tuple(reversed(shown)), before, behind)
    is_first = place.key is None or place.key <= _LEAST
    before = None if is_first or place.key is None else Place(place.key + 1, backward=True)
    return Sheet(tuple(shown), before, None if end is None else Place(end))


async def _confirmed(store: Store, locality: str, sieve: Sieve, candidates: Sequence[Stored]) -> list[Listed]:
    """The entries among the candidates, each true of one moment."""
    judged = {each.stored.key: each for each in await sieve.judge(candidates)}
    unsure = list(judged.values())
    for _ in range(_ROUNDS):
        ids = await _moved(store, locality, unsure)
        if not ids:
            break
        for key in [key for key, each in judged.items() if each.stored.id in ids]:
            del judged[key]
        again: dict[int, Stored] = {}
        for query in sieve.candidates:
            where = And((query.where, Ids(ids)))
            page = await store.search(locality, replace(query, where=where, count=len(ids)))
            again |= {one.key: one for one in page.items}
        unsure = await sieve.judge(sorted(again.values(), key=_key))
        judged |= {each.stored.key: each for each in unsure}
    return [judged[key] for key in sorted(judged)]


async def _moved(store: Store, locality: str, judged: Sequence[Listed]) -> frozenset[str]:
    """The ids of entries of which something that they were judged by has another version by now."""
    versions = {(one.type, one.id): one.version for each in judged for one in each.judged_by}
    now = {key: stored.version for key, stored in (await read_all(store, locality, list(versions))).items()}
    return frozenset(
        each.stored.id
        for each in judged
        if any(now.get((one.type, one.id)) != one.version for one in each.judged_by)
    )


async def read_all(store: Store, locality: str, keys: Sequence[Key]) -> dict[Key, Stored]:
    """The current versions of those of the keys that were ever used, however many they are."""
    found: dict[Key, Stored] = {}
    for start in range(0, len(keys), _READ_AT_ONCE):
        found |= await store.read_many(locality, keys[start : start + _READ_AT_ONCE])
    return found


async def referring_all(
    store: Store, locality: str, targets: Sequence[Key], parameters: Sequence[tuple[str, str]]
) -> list[Stored]:
    """Everything that refers to any of the targets by any of the parameters, however much it is, each once.

    In one look where it is no more than `_REFERRING_AT_ONCE`; else for fewer targets at a time.
    """
    found = await store.referring(locality, targets, parameters, _REFERRING_AT_ONCE + 1)
    if len(found) <= _REFERRING_AT_ONCE:
        return list(found)
    if len(targets) > 1:
        middle = len(targets) // 2
        halves = [
            await referring_all(store, locality, part, parameters)
            for part in (targets[:middle], targets[middle:])
        ]
        return list({one.key: one for half in halves for one in half}.values())
    [(type_, id_)] = targets
    return [
        one
        for source, parameter in parameters
        for one in await search_all(
            store, locality, Query(source, Reference(parameter, type_, id_), _REFERRING_AT_ONCE)
        )
    ]


async def search_all(store: Store, locality: str, query: Query) -> list[Stored]:
    """Everything that the query finds, a page of its count at a time."""
    found: list[Stored] = []
    while True:
        page = await store.search(locality, query)
        found += page.items
        if not page.more or not page.items:
            return found
        query = replace(query, after=page.items[-1].key)
