"""The store as a transaction will leave it: what conditions inside the transaction are decided on.

A transaction deletes first, then creates, then updates, then resolves conditional
references; each step sees what the steps before it did. So criteria are asked of the
store, less what the transaction has deleted or replaced, and of the transaction's own
resources, in memory, by the same expression. Criteria that follow references (chains, _has)
are asked of the store alone: references inside the transaction lead nowhere yet.

Source: https://hl7.org/fhir/R4/http.html#trules
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from service.access.needs import of
from service.fhir.matching import Candidate, matches
from service.fhir.search.expressions import (
    And,
    Chain,
    Expression,
    Has,
    Ids,
    Not,
    Or,
    Query,
    Reference,
    Token,
    Within,
)
from service.fhir.search.values import SearchValues
from service.interactions.context import Act, Context
from service.interactions.criteria import read_criteria
from service.interactions.looking import looking
from service.interactions.pauses import breathe
from service.storage.store import Expectation, Stored

_MICROSECONDS = 1000  # in a millisecond
_BY_SEARCH = "reference-conditional"  # the validator's word for a reference that is still a search


@dataclass(frozen=True, slots=True)
class Prospect:
    """A resource that criteria mean: its id, and its version in the store unless it is the transaction's own."""

    id: str
    stored: Stored | None


class Nowhere:
    """No resources to follow references to."""

    def referred(self, _type: str, _id: str) -> Candidate | None:
        """None."""
        return None

    def referring(self, _type: str, _parameter: str, _to: tuple[str, str]) -> Iterable[Candidate]:
        """None at all."""
        return ()


class Shelf:
    """The transaction's own resources of one type, sorted by token and reference for quick picking."""

    __slots__ = ("_by_value", "_new", "_values")

    def __init__(self) -> None:
        self._new: dict[str, dict[str, Any]] = {}
        self._values: dict[str, SearchValues] = {}
        self._by_value: dict[tuple[str, str], set[str]] = {}

    def put(self, id_: str, resource: dict[str, Any]) -> None:
        """Adds a resource; its search values are read when first asked for.

        One that breaks rules has none: it will be refused, and with it the transaction.
        """
        self._new[id_] = resource

    async def matching(self, context: Context, query: Query) -> list[str]:
        """The ids of those for which the query holds, as far as they tell it themselves."""
        await self._sort_new(context, query.type)
        picked = self._picked(query.where)
        now = context.clock() * _MICROSECONDS
        found = []
        for done, id_ in enumerate(sorted(self._values if picked is None else picked)):
            if matches(query.where, query.type, id_, now, self._values[id_], Nowhere()):
                found.append(id_)
            await breathe(done)
        return found

    async def _sort_new(self, context: Context, type_: str) -> None:
        for done, (id_, resource) in enumerate(self._new.items()):
            if is_sound(context, type_, resource):
                values = context.extractor.values({**resource, "id": id_})
                self._values[id_] = values
                for parameter, _, value in values.tokens | values.references:
                    self._by_value.setdefault((parameter, value), set()).add(id_)
            await breathe(done)
        self._new.clear()

    def _picked(self, where: Expression) -> AbstractSet[str] | None:
        """Ids among which all matches are; None where the expression does not narrow them."""
        match where:
            case Token(parameter=parameter, code=str(value)) | Reference(parameter=parameter, id=value):
                return self._by_value.get((parameter, value), set())
            case Ids(ids):
                return ids & self._values.keys()
            case And(parts):
                narrowed = [picked for picked in map(self._picked, parts) if picked is not None]
                return min(narrowed, key=len, default=None)
            case Or(parts):
                alternatives = [picked for picked in map(self._picked, parts) if picked is not None]
                return None if len(alternatives) < len(parts) else frozenset().union(*alternatives)
            case _:
                return None


def is_sound(context: Context, type_: str, resource: dict[str, Any]) -> bool:
    """Whether search values can be read from the resource; references by search may still stand in it."""
    if resource.get("resourceType") != type_:
        return False
    issues = context.validator.check(resource)
    return not any(issue.is_fault and issue.slug != _BY_SEARCH for issue in issues)


class Outlook:
    """What the store will hold, as far as the steps taken so far say."""

    __slots__ = ("_act", "_context", "_deleted", "_replaced", "_shelves")

    def __init__(self, context: Context, act: Act) -> None:
        self._context = context
        self._act = act
        self._deleted: dict[str, set[str]] = {}
        self._replaced: dict[str, set[str]] = {}
        self._shelves: dict[str, Shelf] = {}

    def delete(self, type_: str, id_: str) -> None:
        """Tells that a resource will be gone."""
        self._deleted.setdefault(type_, set()).add(id_)

    def create(self, type_: str, id_: str, resource: dict[str, Any]) -> None:
        """Tells of a resource under an id that the store does not know."""
        self._shelves.setdefault(type_, Shelf()).put(id_, resource)

    def replace(self, type_: str, id_: str, resource: dict[str, Any]) -> None:
        """Tells that a resource will have this content, whatever the store has."""
        self._replaced.setdefault(type_, set()).add(id_)
        self.create(type_, id_, resource)

    async def find(
        self, type_: str, criteria: str, limit: int = 2, *, refers: bool = False
    ) -> tuple[list[Prospect], Expectation]:
        """What the criteria will mean, at most `limit` from the store; and what the store must say at commit.

        Where they stand in a reference (`refers`) they are asked as a search of the type would be: what the
        transaction changes does not widen what may be looked for.

        Raises:
            Malformed: the criteria cannot be read.
        """
        context = self._context
        if refers:
            context = looking(context, self._act, of("search-type", type_), context.seen)
        query = await read_criteria(context, self._act, type_, criteria, limit)
        hidden = self._hidden(query)
        query = replace(query, count=limit + len(hidden))
        page = await context.store.search(self._act.caller.locality, query)
        prospects = [Prospect(stored.id, stored) for stored in page.items if stored.id not in hidden]
        prospects += [Prospect(id_, None) for id_ in await self._own(query)]
        ids = frozenset(stored.id for stored in page.items)
        return prospects, Expectation(query, ids, context.store.sight)

    async def own(self, type_: str, criteria: str) -> list[str]:
        """The ids of the transaction's own resources that the criteria mean.

        Raises:
            Malformed: the criteria cannot be read.
        """
        return await self._own(await read_criteria(self._context, self._act, type_, criteria, 1))

    async def _own(self, query: Query) -> list[str]:
        shelf = self._shelves.get(query.type)
        if shelf is None or follows(query.where):
            return []
        return await shelf.matching(self._context, query)

    def _hidden(self, query: Query) -> AbstractSet[str]:
        """The ids of which the store's word does not count any more."""
        deleted = self._deleted.get(query.type, set())
        if follows(query.where):
            return deleted
        return deleted | self._replaced.get(query.type, set())


def follows(where: Expression) -> bool:
    """Whether an expression follows references to other resources."""
    match where:
        case Chain() | Has() | Within():
            return True
        case Not(part):
            return follows(part)
        case And(parts) | Or(parts):
            return any(map(follows, parts))
        case _:
            return False
