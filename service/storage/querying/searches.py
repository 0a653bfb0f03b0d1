"""Searches as SQL text and arguments, ready for a driver.

Source: ADR 0004
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Select,
    SmallInteger,
    bindparam,
    func,
    literal_column,
    select,
)

from service.fhir.registry import Registry
from service.fhir.search.expressions import Query
from service.storage.names import Kind, Names
from service.storage.querying.clauses import Clauses, rank
from service.storage.querying.shapes import Shape, Shaping
from service.storage.statements import CURRENT, Sql, compiled, r
from service.storage.tables import DELETED

# Shapes differ by which parameters are given, not by their values; a client that asks in
# more different ways than this gets its statements built anew.
MOST_SHAPES = 2000


# SQLite would rather walk through a whole type in order of rid than start from the few
# rids of the driver. It uses no index for a column that stands behind a plus sign.
_TYPE: ColumnElement[int] = literal_column("+resource.type", SmallInteger)
_RID: ColumnElement[int] = literal_column("+resource.rid", BigInteger)


class Searches:
    """The searches of one database: SQL text by shape."""

    def __init__(self, registry: Registry, names: Names, dialect: Dialect) -> None:
        self._registry = registry
        self._names = names
        self._dialect = dialect
        self._texts: dict[Shape, Sql] = {}

    def page(self, locality: int, query: Query) -> tuple[str, list[Any]]:
        """SQL and arguments of the query's page and one resource more, in order of rid."""
        shape, values = self._taken_apart(locality, query)
        values["count"] = query.count + 1
        if query.after is not None:
            values["after"] = query.after
        key = ("page", query.after is not None, shape)
        sql = self._texts.get(key) or self._keep(key, _page(shape, after=query.after is not None))
        return sql.text, sql.ordered(values)

    def total(self, locality: int, query: Query) -> tuple[str, list[Any]]:
        """SQL and arguments of how many resources the query finds in all."""
        shape, values = self._taken_apart(locality, query)
        key = ("total", shape)
        sql = self._texts.get(key) or self._keep(key, _found(shape, select(func.count())))
        return sql.text, sql.ordered(values)

    def ids(self, locality: int, query: Query) -> tuple[str, list[Any]]:
        """SQL and arguments of the ids of the first `count` resources and one more."""
        shape, values = self._taken_apart(locality, query)
        values["count"] = query.count + 1
        key = ("ids", shape)
        sql = self._texts.get(key) or self._keep(
            key, _found(shape, select(r.id)).order_by(r.rid).limit(bindparam("count"))
        )
        return sql.text, sql.ordered(values)

    def _taken_apart(self, locality: int, query: Query) -> tuple[Shape, dict[str, Any]]:
        shaping = Shaping(self._names, self._registry)
        shape = shaping.shape(query.where, query.type)
        values: dict[str, Any] = {f"p{index}": value for index, value in enumerate(shaping.values)}
        values["locality"] = locality
        values["type"] = self._names.known(Kind.TYPE, query.type)
        return shape, values

    def _keep(self, key: Shape, statement: Select[Any]) -> Sql:
        if len(self._texts) >= MOST_SHAPES:
            self._texts.clear()
        sql = self._texts[key] = compiled(statement, self._dialect)
        return sql


def _page(shape: Shape, *, after: bool) -> Select[Any]:
    statement = _found(shape, select(*CURRENT))
    if after:
        rid = r.rid if _driver(shape) is None else _RID
        statement = statement.where(rid > bindparam("after", type_=BigInteger))
    return statement.order_by(r.rid).limit(bindparam("count"))


def _found(shape: Shape, statement: Select[Any]) -> Select[Any]:
    driver = _driver(shape)
    clauses = Clauses()
    return statement.select_from(r.rid.table).where(
        r.locality == bindparam("locality"),
        (r.type if driver is None else _TYPE) == bindparam("type", type_=SmallInteger),
        r.method != DELETED,
        *(
            clauses.driver(part, r) if index == driver else clauses.condition(part, r)
            for index, part in enumerate(_parts(shape))
        ),
    )


def _parts(shape: Shape) -> tuple[Shape, ...]:
    return shape[1:] if shape[0] == "And" else (shape,)


def _driver(shape: Shape) -> int | None:
    """Which part leads to the resources, None where they are found by id or by walking through the type."""
    parts = _parts(shape)
    ranks = [(found, index) for index, part in enumerate(parts) if (found := rank(part)) is not None]
    by_id = any(part[0] == "Ids" for part in parts)
    return None if by_id or not ranks else min(ranks)[1]
