"""Changes that befall a locality while its pages are turned: between pages, or between the statements of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from service.fhir.search.expressions import Query
from service.storage.store import Store
from tests.agreement.remembered import Remembered, Resource
from tests.conftest import TestClock

# Further back than any version that a sorted page must look at twice. Units: milliseconds.
LONG_AGO = 60_000


class Changes:
    """Changes of what some queries look for, for the most part of what they find."""

    def __init__(
        self,
        record: Remembered,
        queries: Sequence[Query],
        random: Random,
        spare: Sequence[Resource],
        clock: TestClock,
    ) -> None:
        """`spare` are resources to be written that are not there yet."""
        self.record, self.queries, self.random, self.clock = record, queries, random, clock
        self.spare = spare
        self.calm = random.random() < 0.3

    def found(self) -> set[int]:
        """The keys of what the queries find now."""
        return {key for query in self.queries for key in self.record.ordered(query, None)}

    async def befall(self) -> None:
        """None, one or two changes: a value that moves, a deletion, something new, or what was gone again."""
        random, record = self.random, self.record
        for _ in range(0 if self.calm else random.choice((0, 1, 1, 2))):
            self.clock.now += random.choice((0, 5, LONG_AGO // 20))
            type_ = random.choice(self.queries).type
            there = [key for key in record.there if key[0] == type_]
            bodies = [one for one in self.spare if one["resourceType"] == type_] + self._others(there)
            match random.random():
                case chance if chance < 0.2 and there:
                    await record.delete(*random.choice(there))
                case _ if bodies:
                    await record.put(random.choice(bodies))

    def _others(self, there: list[tuple[str, str]]) -> list[Resource]:
        """The content of one resource under the id of another: every value moves."""
        if len(there) < 2:
            return []
        (_, id_), other = self.random.sample(there, 2)
        return [{**self.record.content(*other), "id": id_}]


@contextmanager
def between_statements(store: Store, changes: Changes, steady: set[int]) -> Iterator[None]:
    """Changes befall before each statement of a search; what no longer matches is taken from `steady`."""
    on: Any = store._reader if hasattr(store, "_reader") else store
    name = "searched" if hasattr(store, "_reader") else "_searched"
    statement = getattr(on, name)

    async def after_changes(text: str, arguments: Sequence[Any]) -> Any:
        await changes.befall()
        steady.intersection_update(changes.found())
        return await statement(text, arguments)

    setattr(on, name, after_changes)
    yield
    setattr(on, name, statement)
