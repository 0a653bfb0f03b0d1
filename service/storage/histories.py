"""History as SQL: which versions stand on a page, newest first.

Only the versions' keys are put in order here; their bodies are read after, for the page
alone, so that a page of a whole locality's history costs no more than its own bodies.

Source: https://hl7.org/fhir/R4/http.html#history
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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

from service.fhir.registry import Registry
from service.fhir.search.sight import Sight
from service.storage.names import Kind, Names
from service.storage.querying.clauses import Clauses, Of
from service.storage.querying.constructs import ONE, is_postgresql, there_is
from service.storage.querying.decision import slots, visible
from service.storage.querying.shapes import Shape, Shaping, about_alone
from service.storage.statements import Sql, compiled
from service.storage.store import HistoryQuery
from service.storage.tables import DELETED, resource, resource_version


class Histories:
    """The histories of one database: SQL text by the shape of what is asked."""

    def __init__(self, registry: Registry, names: Names, dialect: Dialect) -> None:
        self._registry = registry
        self._names = names
        self._dialect = dialect
        self._texts: dict[tuple[object, ...], Sql] = {}

    def keys(
        self,
        locality: int,
        query: HistoryQuery,
        rid: int | None,
        eyes: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[str, list[Any]]:
        """SQL and arguments of the keys (updated, rid, version) of a page and one more, newest first.

        `rid` is that of the one resource, None where the query is of a type or of all. `eyes` are
        the values of `decision` for the query's sight.
        """
        values = {"locality": locality, **_arguments(query), **eyes}
        types, seen = self._types(query, values), slots(query.sight)
        if rid is not None:
            values["rid"] = rid
        wanted = tuple(self._wanted(query.sight, type_, values) for type_ in types)
        given = (query.since is None, query.until is None, query.at is None, query.after is None)
        shape = (rid is None, len(types), seen, wanted, *given)
        sql = self._texts.get(shape)
        if sql is None:
            looked = _Looked(seen, Clauses(postgresql=is_postgresql(self._dialect)))
            sql = self._texts[shape] = compiled(_keys(query, wanted, looked), self._dialect)
        return sql.text, sql.ordered(values)

    def count(
        self, locality: int, query: HistoryQuery, rid: int, eyes: Mapping[str, Any]
    ) -> tuple[str, list[Any]]:
        """SQL and arguments of how many versions of the one resource are seen, in all its history."""
        values = {"locality": locality, "rid": rid, **eyes}
        types, seen = self._types(query, values), slots(query.sight)
        wanted = tuple(self._wanted(query.sight, type_, values) for type_ in types)
        shape = ("count", seen, wanted)
        sql = self._texts.get(shape)
        if sql is None:
            looked = _Looked(seen, Clauses(postgresql=is_postgresql(self._dialect)))
            each = [
                select(func.count())
                .where(
                    table.c.locality == bindparam("locality"),
                    table.c.rid == bindparam("rid", type_=BigInteger),
                    *looked.conditions(table, *wanted),
                )
                .scalar_subquery()
                for table in (resource, resource_version)
            ]
            sql = self._texts[shape] = compiled(select(each[0] + each[1]), self._dialect)
        return sql.text, sql.ordered(values)

    def _types(self, query: HistoryQuery, values: dict[str, Any]) -> list[str]:
        """The types that are asked for and seen; their numbers are put among the values."""
        types = [query.type] if query.type is not None else self._names.texts(Kind.TYPE)
        types = [type_ for type_ in types if query.sight is None or query.sight.reads(type_)] or types[:1]
        for index, type_ in enumerate(types):
            values[f"type{index}"] = self._names.known(Kind.TYPE, type_)
        return types

    def _wanted(self, sight: Sight | None, type_: str, values: dict[str, Any]) -> Shape | None:
        """What current resources of the type must meet to be seen, as a shape; None where it is nothing."""
        if sight is None:
            return None
        if not sight.reads(type_):
            return ("Nothing",)
        narrowed = sight.narrowed.get(type_)
        if narrowed is None:
            return None
        begun = sum(name.startswith("p") and name[1:].isdigit() for name in values)
        shaping = Shaping(self._names, self._registry, [None] * begun)
        shape = shaping.shape(narrowed, type_)
        values |= {f"p{place}": value for place, value in enumerate(shaping.values) if place >= begun}
        return shape


@dataclass(frozen=True, slots=True)
class _Looked:
    """With whose eyes: how many slots they have, and what makes conditions of shapes."""

    slots: int
    clauses: Clauses

    def conditions(self, table: Table, wanted: Shape | None) -> list[ColumnElement[bool]]:
        """Whether a version is seen: as it is, and as its resource is now."""
        found: list[ColumnElement[bool]] = []
        if self.slots:
            found.append(visible(table.c, self.slots))
        if table is resource:
            if wanted is not None:
                found += [table.c.method != DELETED, self.clauses.condition(wanted, Of(table.c.rid, table.c))]
            return found
        if not self.slots and wanted is None:
            return found
        now = resource.alias("now")
        conditions = [now.c.locality == table.c.locality, now.c.rid == table.c.rid]
        if self.slots:
            conditions.append(visible(now.c, self.slots))
        if wanted is not None:
            found.append(self.clauses.condition(about_alone(wanted), Of(table.c.rid, table.c)))
            conditions += [now.c.method != DELETED, self.clauses.condition(wanted, Of(now.c.rid, now.c))]
        return [*found, there_is(select(ONE).where(*conditions).correlate_except(now))]


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


def _keys(query: HistoryQuery, wanted: Sequence[Shape | None], looked: _Looked) -> CompoundSelect[Any]:
    """Keys (updated, rid, version) of a page and one more: of resource `rid`, else of types `type0`, `type1`.

    `wanted` is by type what the resource must meet now.
    """
    wholes: list[tuple[str, ColumnElement[Any]]] = (
        [("rid", bindparam("rid", type_=BigInteger))]
        if query.id is not None
        else [("type", bindparam(f"type{index}")) for index in range(len(wanted))]
    )
    parts: list[Select[Any]] = []
    for (column, value), must in zip(wholes, wanted, strict=True):
        for table in (resource, resource_version):
            newest = (
                select(table.c.updated, table.c.rid, table.c.version)
                .where(
                    table.c.locality == bindparam("locality"),
                    table.c[column] == value,
                    *_bounds(table, query),
                    *looked.conditions(table, must),
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
