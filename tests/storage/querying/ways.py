"""Statements of `service.storage.querying` run by hand: any plan on any store, and what SQLite says of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from service.fhir.registry import Registry
from service.fhir.search.expressions import Expression, Query
from service.storage.names import Names
from service.storage.querying import plans
from service.storage.querying.pages import Pages
from service.storage.querying.plans import Plan
from service.storage.querying.ranks import drives, parts, scans
from service.storage.querying.searches import Searches
from service.storage.querying.shapes import Shape, Shaping
from service.storage.querying.wanted import Wanted
from service.storage.sqlite import SqliteStore
from service.storage.statements import compiled
from service.storage.store import Store
from tests.storage.builders import LOCALITY

KEY = 6  # the column of the resource's key in a page
# Behind the key stand the author, the child and the number of the decision, then the values by the sort keys.
VALUES = KEY + 4


def shape_of(registry: Registry, type_: str, where: Expression) -> Shape:
    """The shape of the condition, for those who do not look at its values."""
    return Shaping(Numbered(), registry).shape(where, type_)


class Numbered(Names):
    """Names that know every parameter and type: each has a number as soon as it is asked for."""

    def code(self, kind, text):
        """Its number."""
        if super().code(kind, text) is None:
            self.learn([(kind, len(self.texts(kind)) + 1, text)])
        return super().code(kind, text)

    known = code


def every_plan(shape: Shape, *, is_sorted: bool) -> list[Plan]:
    """All the ways that lead to what the shape asks for, good ones and bad."""
    several = parts(shape)
    found = [Plan("sorted walk" if is_sorted else "walk")]
    for index, part in enumerate(several):
        if drives(part):
            found.append(Plan("collect", index))
            if plans.streamed(part) and not is_sorted:
                found.append(Plan("stream", index))
        if scans(part) and not is_sorted:
            found.append(Plan("scan", index))
    return found


async def fetched(store: Store, text: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The rows of a statement."""
    if isinstance(store, SqliteStore):
        return await store._reader.searched(text, arguments)
    return [tuple(row) for row in await store._searched(text, arguments)]


async def page(
    store: Store, plan: Plan, wanted: Wanted, values: dict[str, Any], *, narrow: bool = False
) -> list[tuple[Any, ...]]:
    """The page by that plan."""
    searches = store._searches
    statement = Pages(postgresql=searches._dialect.name == "postgresql").page(plan, wanted, narrow=narrow)
    sql = compiled(statement, searches._dialect)
    return await fetched(store, sql.text, sql.ordered(values))


async def counted(store: Store, query: Query, locality: str = LOCALITY) -> None:
    """Lets the store count what could drive the query, as `Store.search` does."""
    searches, code = store._searches, store._locality(locality)
    asked = searches.questions(code, query)
    if asked is not None:
        [row] = await fetched(store, *asked)
        searches.answered(code, query, row)


def explained(connection: sqlite3.Connection, searches: Searches, query: Query, **how: Any) -> list[str]:
    """What SQLite says of the query's page: one line for each loop, those of the innermost statement first."""
    text, arguments = searches.page(1, query, **how)
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", arguments)]
