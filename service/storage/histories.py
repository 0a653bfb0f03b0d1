"""History as SQL: which versions stand on a page, newest first.

Only the versions' keys are put in order here; their bodies are read after, for the page
alone, so that a page of a whole locality's history costs no more than its own bodies.

Source: https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Select,
    Table,
    bindparam,
    desc,
    func,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql.selectable import CompoundSelect

from service.storage.names import Kind, Names
from service.storage.statements import Sql, compiled
from service.storage.store import HistoryQuery
from service.storage.tables import resource, resource_version


class Histories:
    """The histories of one database: SQL text by the shape of what is asked."""

    def __init__(self, names: Names, dialect: Dialect) -> None:
        self._names = names
        self._dialect = dialect
        self._texts: dict[tuple[object, ...], Sql] = {}

    def keys(self, locality: int, query: HistoryQuery, rid: int | None) -> tuple[str, list[Any]]:
        """SQL and arguments of the keys (updated, rid, version) of a page and one more, newest first.

        `rid` is that of the one resource, None where the query is of a type or of all.
        """
        values = {"locality": locality, **_arguments(query)}
        types: list[str] = []
        if rid is not None:
            values["rid"] = rid
        else:
            types = [query.type] if query.type is not None else self._names.texts(Kind.TYPE)
            for index, type_ in enumerate(types):
                values[f"type{index}"] = self._names.known(Kind.TYPE, type_)
        given = (query.since is None, query.until is None, query.at is None, query.after is None)
        shape = (rid is None, len(types), *given)
        sql = self._texts.get(shape)
        if sql is None:
            sql = self._texts[shape] = compiled(_keys(query, len(types)), self._dialect)
        return sql.text, sql.ordered(values)


def _arguments(query: HistoryQuery) -> dict[str, Any]:
    values: dict[str, Any] = {"count": query.count + 1}
    if query.since is not None:
        values["since"] = query.since
    if query.until is not None:
        values["until"] = query.until
    if query.at is not None:
        values["at_low"], values["at_high"] = query.at
    if query.after is not None:
        values["after_updated"], values["after_rid"], values["after_version"] = query.after
    return values


def _keys(query: HistoryQuery, types: int) -> CompoundSelect[Any]:
    """Keys (updated, rid, version) of a page and one more: of resource `rid`, else of types `type0`, `type1`."""
    wholes: list[tuple[str, ColumnElement[Any]]] = (
        [("rid", bindparam("rid", type_=BigInteger))]
        if query.id is not None
        else [("type", bindparam(f"type{index}")) for index in range(types)]
    )
    parts: list[Select[Any]] = []
    for column, value in wholes:
        for table in (resource, resource_version):
            newest = (
                select(table.c.updated, table.c.rid, table.c.version)
                .where(
                    table.c.locality == bindparam("locality"),
                    table.c[column] == value,
                    *_bounds(table, query),
                )
                .order_by(table.c.updated.desc(), table.c.rid.desc(), table.c.version.desc())
                .limit(bindparam("count"))
                .subquery()
            )
            parts.append(select(newest))
    return (
        union_all(*parts)
        .order_by(*(desc(name) for name in ("updated", "rid", "version")))
        .limit(bindparam("count"))
    )


def _bounds(table: Table, query: HistoryQuery) -> list[ColumnElement[bool]]:
    c = table.c
    bounds: list[ColumnElement[bool]] = []
    if query.since is not None:
        bounds.append(c.updated >= bindparam("since"))
    if query.until is not None:
        bounds.append(c.updated < bindparam("until"))
    if query.at is not None:
        bounds.append(c.updated < bindparam("at_high"))
        if table is resource_version:
            bounds.append(_superseded_at() > bindparam("at_low"))
    if query.after is not None:
        after = tuple_(
            bindparam("after_updated", type_=BigInteger),
            bindparam("after_rid", type_=BigInteger),
            bindparam("after_version", type_=BigInteger),
        )
        bounds.append(tuple_(c.updated, c.rid, c.version) < after)
    return bounds


def _superseded_at() -> ColumnElement[int]:
    """When a superseded version stopped being current: when the next one was stored."""
    v, later = resource_version.c, resource_version.alias("later")
    next_superseded = (
        select(later.c.updated)
        .where(later.c.locality == v.locality, later.c.rid == v.rid, later.c.version == v.version + 1)
        .scalar_subquery()
    )
    current = (
        select(resource.c.updated)
        .where(resource.c.locality == v.locality, resource.c.rid == v.rid)
        .scalar_subquery()
    )
    return func.coalesce(next_superseded, current)
