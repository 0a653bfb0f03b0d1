"""Sort keys in SQL: the value of a resource by a key, what lies beside a place, and the order itself.

What is missing is last in both directions.

Source: https://hl7.org/fhir/R4/search.html#sort, ADR 0013, ADR 0014
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from service.storage import tables
from service.storage.querying.constructs import ONE, Condition, Hidden, fenced, there_is_none
from service.storage.querying.leaves import LOCALITY, value
from service.storage.querying.shapes import Shape
from service.storage.tables import resource


class Kept(NamedTuple):
    """Where the values of a kind lie. `beside` tells rows of one resource and value apart."""

    table: Table
    column: str
    beside: tuple[str, ...]
    type: Any


_KEPT: dict[str, Kept] = {
    "token": Kept(tables.index_token, "code", ("system",), Text),
    "reference": Kept(tables.index_reference, "target", ("target_type",), LargeBinary),
    "string": Kept(tables.index_string, "folded", ("original",), Text),
    "number": Kept(tables.index_number, "value", (), Double),
    "quantity": Kept(tables.index_quantity, "value", ("code", "system"), Double),
    "uri": Kept(tables.index_uri, "uri", (), Text),
    "_id": Kept(resource, "id", (), LargeBinary),
    "_lastUpdated": Kept(resource, "updated", (), BigInteger),
}
_BEGINNING = Kept(tables.index_date, "low", ("high",), BigInteger)
_END = Kept(tables.index_date, "high", ("low",), BigInteger)

OWN = frozenset({"_id", "_lastUpdated"})  # columns of the resource itself, which every resource has


def kept(key: Shape) -> Kept:
    """Where the values of the sort key lie: those of dates by their beginning upwards, by their end downwards."""
    kind, _, descending, _ = key
    if kind == "date":
        return _END if descending else _BEGINNING
    return _KEPT[kind]


def own_value(key: Shape, rid: Any, row: Any, *, postgresql: bool) -> ColumnElement[Any]:
    """The resource's value by the key; `row` are its columns where they are at hand."""
    kind, at, descending, _ = key
    where = kept(key)
    if kind in OWN:
        if row is not None:
            found: ColumnElement[Any] = row[where.column]
            return found
        other = resource.alias()
        looked = select(other.c[where.column]).where(other.c.locality == LOCALITY, other.c.rid == rid)
        return looked.correlate_except(other).scalar_subquery()
    table = where.table.alias()
    column = table.c[where.column]
    conditions = (
        table.c.locality == LOCALITY,
        table.c.rid == rid,
        table.c.parameter == value(at, SmallInteger),
    )
    if not postgresql:
        # Hidden: else SQLite looks for the least of all, in the order of values, until it meets this resource.
        best = func.max(Hidden(column)) if descending else func.min(Hidden(column))
        return select(best).where(*conditions).correlate_except(table).scalar_subquery()
    # PostgreSQL would look for the least of all in the order of values; and it has no least of bytes.
    few = fenced(select(column).where(*conditions).correlate_except(table), postgresql=True).subquery()
    ordered = few.c[where.column].desc() if descending else few.c[where.column]
    return select(few.c[where.column]).order_by(ordered).limit(ONE).scalar_subquery()


def is_first(key: Shape, table: Any) -> Condition:
    """A row of the key's table is the one by which its resource has its place: no other of it stands before."""
    _, at, descending, _ = key
    where = kept(key)
    other = where.table.alias()
    mine, its = table.c[where.column], other.c[where.column]
    earlier: Condition = its > mine if descending else its < mine
    same: Condition = its == mine
    for name in where.beside:
        earlier = or_(earlier, and_(same, other.c[name] < table.c[name]))
        same = and_(same, other.c[name] == table.c[name])
    others = select(other).where(
        other.c.locality == LOCALITY,
        other.c.rid == table.c.rid,
        other.c.parameter == value(at, SmallInteger),
        earlier,
    )
    return there_is_none(others.with_only_columns(ONE).correlate_except(other))


def place(index: int, key: Shape) -> Any:
    """The parameter for the place's value by the key of that index."""
    return bindparam(f"s{index}", type_=kept(key).type)


def beside(
    sort: Sequence[Shape],
    columns: Sequence[Any],
    rid: Any,
    missing: Sequence[bool],
    *,
    backward: bool,
    begin: int = 0,
) -> Condition:
    """Whether a resource lies behind the place, or before it where `backward`, by the keys from `begin` on.

    `columns` are its values by those keys, `missing` tells which of the place's are.
    """
    after = bindparam("after", type_=BigInteger)
    condition: Condition = rid < after if backward else rid > after
    for index in reversed(range(begin, len(sort))):
        column = columns[index - begin]
        if missing[index]:
            same: Condition = and_(column.is_(None), condition)
            condition = or_(column.is_not(None), same) if backward else same
            continue
        mark = place(index, sort[index])
        less = sort[index][2] != backward
        beyond: Condition = column < mark if less else column > mark
        if not backward:
            beyond = or_(beyond, column.is_(None))
        condition = or_(beyond, and_(column == mark, condition))
    return condition


def bound(key: Shape, column: Any, *, backward: bool) -> Condition:
    """What of `beside` the first key alone says, for an index to begin at."""
    mark = place(0, key)
    condition: Condition = column <= mark if key[2] != backward else column >= mark
    return condition


def ordering(
    sort: Sequence[Shape], columns: Sequence[Any], rid: Any, *, backward: bool, indexed: bool = False
) -> list[Any]:
    """The order: by the keys, then by resource key; turned round where `backward`.

    `indexed`: the first column is that of an index, never NULL. PostgreSQL sees the order of an
    index only where nothing is said of NULL.
    """
    terms: list[Any] = []
    for index, (key, column) in enumerate(zip(sort, columns, strict=True)):
        term = column.desc() if key[2] != backward else column.asc()
        if not indexed or index:
            term = term.nulls_first() if backward else term.nulls_last()
        terms.append(term)
        if key[0] == "_id":  # no two have the same
            return terms
    return [*terms, rid.desc() if backward else rid.asc()]
