"""Shapes as SQL conditions on a row of `resource`.

A leaf is asked in one of two ways: as the driver ("which resources have it": the rows of
its index lead to the resources) or as a probe ("has this one it": one look into the
index). One leaf of a search drives, the one that leaves fewest; the others probe.

Source: ADR 0004
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
    true,
    union,
)

from service.fhir.search import expressions as tree
from service.storage import tables
from service.storage.querying.shapes import Shape
from service.storage.tables import DELETED, index_reference, resource

Condition = ColumnElement[bool]

_LOCALITY: ColumnElement[int] = bindparam("locality", type_=SmallInteger)

_TABLE_OF_TYPE: dict[str, Table] = {
    "token": tables.index_token,
    "reference": tables.index_reference,
    "string": tables.index_string,
    "date": tables.index_date,
    "number": tables.index_number,
    "quantity": tables.index_quantity,
    "uri": tables.index_uri,
}

# How few rows a leaf is likely to leave, fewest first; what is not here cannot drive.
_SELECTIVE = (
    "Identifier",
    "Uri",
    "Reference",
    "String",
    "Token",
    "Date",
    "Quantity",
    "Number",
    "LastUpdated",
)


def rank(shape: Shape) -> int | None:
    """How well the shape drives a search (0 best), None where it cannot."""
    kind = shape[0]
    if kind == "LastUpdated" and shape[1]:
        return None
    if kind == "Or":
        ranks = [rank(part) for part in shape[1:]]
        return None if not ranks or None in ranks else max(found for found in ranks if found is not None)
    if kind == "Token":
        kind = "Identifier" if shape[3] else "Token"
    return _SELECTIVE.index(kind) if kind in _SELECTIVE else None


@dataclass(slots=True)
class Clauses:
    """Makes conditions; parameters are named p0, p1 … in the order of the shape's values."""

    bound: int = 0

    def bind(self, type_: Any) -> Any:
        """The next value's parameter."""
        name = f"p{self.bound}"
        self.bound += 1
        return bindparam(name, type_=type_)

    def driver(self, shape: Shape, of: Any) -> Condition:
        """The shape, which must have a rank, as the condition that leads to the resources."""
        found: Condition = of.rid.in_(union(*self._rids(shape)) if shape[0] == "Or" else self._rids(shape)[0])
        return found

    def _rids(self, shape: Shape) -> list[Select[Any]]:
        """What finds the rids that the shape leads to, one statement for each alternative."""
        if shape[0] == "Or":
            return [found for part in shape[1:] for found in self._rids(part)]
        if shape[0] == "LastUpdated":
            first, last = self.bind(BigInteger), self.bind(BigInteger)
            other = resource.alias()
            of_type = other.c.type == bindparam("type", type_=SmallInteger)
            updated = other.c.updated.between(first, last)
            return [select(other.c.rid).where(other.c.locality == _LOCALITY, of_type, updated)]
        table, conditions = self._leaf(shape)
        return [select(table.c.rid).where(table.c.locality == _LOCALITY, *conditions)]

    def condition(self, shape: Shape, of: Any) -> Condition:
        """The shape as a condition on `of`, the columns of `resource` or an alias of it."""
        match shape:
            case ("Everything" | "Nothing" as kind,):
                return true() if kind == "Everything" else false()
            case ("And", *parts):
                return and_(true(), *(self.condition(part, of) for part in parts))
            case ("Or", *parts):
                return or_(false(), *(self.condition(part, of) for part in parts))
            case ("Not", part):
                return not_(self.condition(part, of))
            case _:
                return self._of_resource(shape, of)

    def _of_resource(self, shape: Shape, of: Any) -> Condition:
        match shape:
            case ("Ids", int(count)):
                among: Condition = or_(false(), *(of.id == self.bind(LargeBinary) for _ in range(count)))
                return among
            case ("LastUpdated", outside):
                within: Condition = of.updated.between(self.bind(BigInteger), self.bind(BigInteger))
                return not_(within) if outside else within
            case ("Missing", str(type_), missing):
                return self._missing(type_, of, missing=missing)
            case ("Chain", where):
                return self._chain(where, of)
            case ("Has", where):
                return self._has(where, of)
            case _:
                table, conditions = self._leaf(shape)
                return _probe(table, of, conditions)

    def _leaf(self, shape: Shape) -> tuple[Table, list[Condition]]:
        parameter = self.bind(SmallInteger)
        table, conditions = self._value(shape)
        return table, [table.c.parameter == parameter, *conditions]

    def _value(self, shape: Shape) -> tuple[Table, list[Condition]]:
        match shape:
            case ("Token", has_code, has_system, _):
                return tables.index_token, self._coded(tables.index_token, code=has_code, system=has_system)
            case ("Reference", has_type):
                c = index_reference.c
                conditions = [c.target == self.bind(LargeBinary)]
                if has_type:
                    conditions.append(c.target_type == self.bind(SmallInteger))
                return index_reference, conditions
            case ("String", match):
                return tables.index_string, self._string(match)
            case ("Date", prefix):
                c = tables.index_date.c
                start, end = self.bind(BigInteger), self.bind(BigInteger)
                return tables.index_date, [_compared_ranges(prefix, c.low, c.high, start, end)]
            case ("Number", prefix):
                return tables.index_number, [self._compared(prefix, tables.index_number.c.value)]
            case ("Quantity", prefix, has_code, has_system):
                compared = self._compared(prefix, tables.index_quantity.c.value)
                coded = self._coded(tables.index_quantity, code=has_code, system=has_system)
                return tables.index_quantity, [compared, *coded]
            case ("Uri", match):
                return tables.index_uri, [self._uri(match)]
            case _:
                raise ValueError(f"no such shape: {shape[0]}")

    def _coded(self, table: Table, *, code: bool, system: bool) -> list[Condition]:
        conditions: list[Condition] = []
        if code:
            conditions.append(table.c.code == self.bind(Text))
        if system:
            conditions.append(table.c.system == self.bind(Integer))
        return conditions

    def _string(self, match: tree.StringMatch) -> list[Condition]:
        c = tables.index_string.c
        match match:
            case "starts":
                return [c.folded >= self.bind(Text), c.folded < self.bind(Text)]
            case "exact":
                return [c.original == self.bind(Text)]
            case "contains":
                return [c.folded.like(self.bind(Text), escape="\\")]

    def _uri(self, match: tree.UriMatch) -> Condition:
        uri, value = tables.index_uri.c.uri, self.bind(Text)
        match match:
            case "exact":
                same: Condition = uri == value
                return same
            case "below":
                return or_(uri == value, func.substr(uri, 1, func.length(value) + 1) == value + "/")
            case "above":
                return or_(uri == value, func.substr(value, 1, func.length(uri) + 1) == uri + "/")

    def _compared(self, prefix: tree.Prefix, stored: ColumnElement[float]) -> Condition:
        value, low, high = self.bind(Double), self.bind(Double), self.bind(Double)
        within: Condition = and_(stored >= low, stored < high)
        conditions: dict[tree.Prefix, Condition] = {
            "eq": within,
            "ne": not_(within),
            "gt": stored > value,
            "sa": stored > value,
            "lt": stored < value,
            "eb": stored < value,
            "ge": stored >= value,
            "le": stored <= value,
            "ap": stored.between(low, high),
        }
        return conditions[prefix]

    def _missing(self, type_: str, of: Any, *, missing: bool) -> Condition:
        table = _TABLE_OF_TYPE[type_]
        present = _among(table, of, [table.c.parameter == self.bind(SmallInteger)])
        return not_(present) if missing else present

    def _chain(self, where: Shape, of: Any) -> Condition:
        refers, to = index_reference.alias(), resource.alias()
        parameter, type_ = self.bind(SmallInteger), self.bind(SmallInteger)
        found: Condition = of.rid.in_(
            select(refers.c.rid)
            .select_from(refers.join(to, _is_target(refers, to)))
            .where(
                refers.c.locality == _LOCALITY,
                refers.c.parameter == parameter,
                refers.c.target_type == type_,
                to.c.type == type_,
                to.c.method != DELETED,
                self.condition(where, to.c),
            )
        )
        return found

    def _has(self, where: Shape, of: Any) -> Condition:
        refers, source = index_reference.alias(), resource.alias()
        parameter, own_type, type_ = self.bind(SmallInteger), self.bind(SmallInteger), self.bind(SmallInteger)
        same = and_(source.c.locality == refers.c.locality, source.c.rid == refers.c.rid)
        return exists(
            select(refers.c.rid)
            .select_from(refers.join(source, same))
            .where(
                refers.c.locality == _LOCALITY,
                refers.c.parameter == parameter,
                refers.c.target == of.id,
                refers.c.target_type == own_type,
                source.c.type == type_,
                source.c.method != DELETED,
                self.condition(where, source.c),
            )
        )


def _among(table: Table, of: Any, conditions: list[Condition]) -> Condition:
    """The resource is among those whose rows fulfil the conditions: found from the index."""
    found: Condition = of.rid.in_(select(table.c.rid).where(table.c.locality == _LOCALITY, *conditions))
    return found


def _probe(table: Table, of: Any, conditions: list[Condition]) -> Condition:
    """The resource has a row that fulfils the conditions: looked up for it."""
    return exists(
        select(table.c.rid).where(table.c.locality == _LOCALITY, table.c.rid == of.rid, *conditions)
    )


def _is_target(refers: FromClause, to: FromClause) -> Condition:
    return and_(to.c.locality == refers.c.locality, to.c.id == refers.c.target)


def _compared_ranges(prefix: tree.Prefix, low: Any, high: Any, start: Any, end: Any) -> Condition:
    """How a stored range [low, high) stands to the search range [start, end)."""
    within = and_(low >= start, high <= end)
    conditions: dict[tree.Prefix, Callable[[], Condition]] = {
        "eq": lambda: within,
        "ne": lambda: not_(within),
        "gt": lambda: high > end,
        "lt": lambda: low < start,
        "ge": lambda: or_(high > end, within),
        "le": lambda: or_(low < start, within),
        "sa": lambda: low >= end,
        "eb": lambda: high <= start,
        "ap": lambda: and_(low < end, high > start),
    }
    return conditions[prefix]()
