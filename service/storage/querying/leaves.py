"""Conditions on one parameter as conditions on rows of its index table.

The rows of a leaf are reached in one of three ways (`Way`): by value, which gives them in the
order of the index; by resource, which finds those of one resource; or one after the other
in the order of resource keys.

Source: ADR 0004, ADR 0013
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

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
    any_,
    bindparam,
    func,
    not_,
    or_,
    select,
)

from service.fhir.search import expressions as tree
from service.storage import tables
from service.storage.querying.constructs import ONE, Among, Condition, CrossJoin, Hidden, Path, there_is
from service.storage.querying.decision import visible
from service.storage.querying.shapes import Shape

LOCALITY: ColumnElement[int] = bindparam("locality", type_=SmallInteger)

TABLE_OF_TYPE: dict[str, Table] = {
    "token": tables.index_token,
    "reference": tables.index_reference,
    "string": tables.index_string,
    "date": tables.index_date,
    "number": tables.index_number,
    "quantity": tables.index_quantity,
    "uri": tables.index_uri,
    "composite": tables.index_composite,
}
_TABLE_OF_KIND: dict[str, Table] = {
    "Token": tables.index_token,
    "Reference": tables.index_reference,
    "String": tables.index_string,
    "Date": tables.index_date,
    "Number": tables.index_number,
    "Quantity": tables.index_quantity,
    "Uri": tables.index_uri,
    "Composite": tables.index_composite,
    "Words": tables.index_text,
    "Near": tables.index_number,
    "Within": tables.index_reference,
}


# Their index by value finds the rows of one value and one resource as well.
_VALUE_AND_RESOURCE = frozenset({"Token", "Reference", "Composite"})


class Way(Enum):
    """How the rows of a leaf are reached."""

    BY_VALUE = "by one value, in order of resource keys"
    BY_RANGE = "by a range of values"
    BY_RESOURCE = "by resource"
    IN_ORDER = "in order of resource keys"


class Rows(NamedTuple):
    """Rows of an index table: those of the parameter that meet the conditions.

    `reach` are conditions that an index serves and that may let through more than
    `conditions`, which tell exactly.
    """

    table: FromClause
    reach: list[Condition]
    conditions: list[Condition]

    @property
    def all(self) -> list[Condition]:
        """Everything that must hold of a row."""
        return [*self.reach, *self.conditions]


def value(at: int, type_: Any) -> Any:
    """The parameter for the value at that place."""
    return bindparam(f"p{at}", type_=type_)


def rows(shape: Shape, way: Way, *, postgresql: bool) -> Rows:
    """The rows that meet the leaf."""
    leaf = shape[3] if shape[0] == "Set" else shape
    table = _TABLE_OF_KIND[leaf[0]].alias()
    # Where rows are not come to by value, no condition on a value may tempt the planner to another index.
    by_value = way in (Way.BY_VALUE, Way.BY_RANGE)
    by_value = by_value or (way is Way.BY_RESOURCE and shape[0] in _VALUE_AND_RESOURCE)
    c = _Columns(table, hidden=not by_value, ranged=way is Way.BY_RANGE)
    own = [table.c.locality == LOCALITY, table.c.parameter == value(shape[1], SmallInteger)]
    reach, conditions = _set(shape, c) if shape[0] == "Set" else _leaf(shape, c, postgresql=postgresql)
    return Rows(table, [*own, *reach], conditions)


def on_row(shape: Shape, table: Any) -> list[Condition]:
    """The condition on dates as one on a row of their index, with all that it implies for either end."""
    _, at, prefix, _ = shape
    start, end = value(at + 1, BigInteger), value(at + 2, BigInteger)
    reach, conditions = _date(_Columns(table, hidden=False), prefix, start, end)
    implied = {
        "eq": [table.c.high > start, table.c.high <= end],
        "sa": [table.c.high > end],
        "eb": [table.c.low < start],
    }
    return [*reach, *conditions, *implied.get(prefix, [])]


class _Columns:
    """The columns of a table, hidden from indexes where they are to be."""

    def __init__(self, table: FromClause, *, hidden: bool, ranged: bool = False) -> None:
        self._table = table
        self._hidden = hidden
        self.ranged = ranged

    def __getattr__(self, name: str) -> Any:
        return self.named(name)

    def named(self, name: str) -> Any:
        """The column of that name."""
        found = self._table.c[name]
        return Hidden(found) if self._hidden else found

    def all_aside(self) -> _Columns:
        """The columns, each hidden."""
        return _Columns(self._table, hidden=True)

    def aside(self, name: str) -> Any:
        """The column where another leads: compared, but never what an index is chosen for."""
        return Hidden(self._table.c[name])


Both = tuple[list[Condition], list[Condition]]


def _leaf(shape: Shape, c: _Columns, *, postgresql: bool) -> Both:
    match shape:
        case ("Token", at, has_code, has_system, _):
            return _coded(c, at + 1, code=has_code, system=has_system), []
        case ("Reference" | "Within", *_):
            return _referring(shape, c, postgresql=postgresql)
        case ("Composite", at, has_code, has_system, second):
            coded = _coded(c, at + 1, code=has_code, system=has_system)
            if c.ranged and is_ranged(shape):
                # An index lists the numbers of a code.
                coded += _number(c.value, second[1] + 1, second[2])[0]
            return coded, _second(second, c, postgresql=postgresql)
        case ("String", at, match):
            return _string(c, at + 1, match, postgresql=postgresql)
        case ("Uri", at, match, count):
            return _uri(c.uri, c.aside("uri"), at + 1, match, count)
        case ("Near", at):
            low, high = value(at + 7, Double), value(at + 8, Double)
            return [c.value.between(low, high)], [_near(c, at)]
        case ("Words", at, count):
            words = [value(at + 1 + word, Text) for word in range(count)]
            return [], [_within(c.words, word, postgresql=postgresql) for word in words]
        case _:
            return _ranged(shape, c)


def _ranged(shape: Shape, c: _Columns) -> Both:
    match shape:
        case ("Date", at, prefix, _):
            return _date(c, prefix, value(at + 1, BigInteger), value(at + 2, BigInteger))
        case ("Number", at, prefix):
            return _number(c.value, at + 1, prefix)
        case ("Quantity", at, prefix, has_code, has_system):
            reach, conditions = _number(c.value, at + 1, prefix)
            return reach, conditions + _coded(c, at + 4, code=has_code, system=has_system)
        case _:
            raise ValueError(f"no such shape: {shape[0]}")


def _set(shape: Shape, c: _Columns) -> Both:
    """Any of many values of one parameter."""
    _, at, slots, leaf = shape
    token = leaf[0] == "Token"
    of, beside = ("code", "system") if token else ("target", "target_type")
    types: tuple[Any, ...] = (Text, Integer) if token else (LargeBinary, SmallInteger)
    both = leaf[3] if token else leaf[2]
    if not both:
        return [c.named(of).in_([value(at + 1 + slot, types[0]) for slot in range(slots)])], []
    pairs = [
        (value(at + 1 + 2 * slot, types[0]), value(at + 2 + 2 * slot, types[1])) for slot in range(slots)
    ]
    # An index is chosen for lists of single values alone; which of them go together is looked at afterwards.
    together = Among((c.aside(of), c.aside(beside)), pairs)
    return [c.named(of).in_([first for first, _ in pairs])], [together]


def _near(c: _Columns, at: int) -> Condition:
    """Whether the point whose x the row has lies within the chord: its other coordinates are looked up.

    The order of operations is that of `service.fhir.search.sphere.apart`.
    """
    y, z = tables.index_number.alias(), tables.index_number.alias()
    looked = select(ONE).select_from(CrossJoin(y, z))
    for axis, table in enumerate((y, z), 1):
        looked = looked.where(
            table.c.locality == LOCALITY,
            table.c.parameter == value(at + axis, SmallInteger),
            table.c.rid == c.aside("rid"),
        )
    points = zip((c.aside("value"), y.c.value, z.c.value), range(at + 3, at + 6), strict=True)
    x2, y2, z2 = ((its - value(place, Double)) * (its - value(place, Double)) for its, place in points)
    return there_is(looked.where(x2 + y2 + z2 <= value(at + 6, Double)).correlate_except(y, z))


def _coded(c: _Columns, at: int, *, code: bool, system: bool) -> list[Condition]:
    conditions: list[Condition] = []
    if code:
        conditions.append(c.code == value(at, Text))
    if system:
        conditions.append(c.system == value(at + code, Integer))
    return conditions


def _within(text: Any, part: Any, *, postgresql: bool) -> Condition:
    found: Condition = (func.strpos if postgresql else func.instr)(text, part) > 0
    return found


def _string(c: _Columns, at: int, match: str, *, postgresql: bool) -> Both:
    match match:
        case "starts":
            return [c.folded >= value(at, Text), c.folded < value(at + 1, Text)], []
        case "same":
            return [c.folded == value(at + 1, Text)], [c.original == value(at, Text)]
        case "exact":
            return [], [c.original == value(at, Text)]
        case _:
            return [], [_within(c.folded, value(at, Text), postgresql=postgresql)]


def _uri(uri: Any, aside: Any, at: int, match: tree.UriMatch, count: int) -> Both:
    match match:
        case "exact":
            return [uri == value(at, Text)], []
        case "above":
            return [uri.in_([value(at + part, Text) for part in range(count)])], []
        case "below":
            first, below, behind = (value(at + place, Text) for place in range(3))
            return [uri >= first, uri < behind], [or_(aside == first, aside >= below)]


def _date(c: _Columns, prefix: tree.Prefix, start: Any, end: Any) -> Both:
    """How a stored range [low, high), which is never empty, stands to the search range [start, end)."""
    low, high = c.aside("low"), c.aside("high")
    within = and_(low >= start, high <= end)
    conditions: dict[tree.Prefix, Both] = {
        "eq": ([c.low >= start, c.low < end], [high <= end]),
        "ne": ([], [not_(within)]),
        "gt": ([c.high > end], []),
        "lt": ([c.low < start], []),
        "ge": ([c.high > start], [or_(high > end, within)]),
        "le": ([c.low < end], [or_(low < start, within)]),
        "sa": ([c.low >= end], []),
        "eb": ([c.high <= start], []),
        "ap": ([c.high > start], [low < end]),
    }
    return conditions[prefix]


def _number(stored: Any, at: int, prefix: tree.Prefix) -> Both:
    asked, low, high = (value(at + place, Double) for place in range(3))
    conditions: dict[tree.Prefix, Both] = {
        "eq": ([stored >= low, stored < high], []),
        "ne": ([], [or_(stored < low, stored >= high)]),
        "gt": ([stored > asked], []),
        "lt": ([stored < asked], []),
        "ge": ([stored >= asked], []),
        "le": ([stored <= asked], []),
    }
    # A number has no width; `ap` has its range from the grammar.
    alike: dict[tree.Prefix, tree.Prefix] = {"sa": "gt", "eb": "lt", "ap": "eq"}
    return conditions[alike.get(prefix, prefix)]


def _second(shape: Shape, c: _Columns, *, postgresql: bool) -> list[Condition]:
    """The second part of a composite, in the columns that it has there."""
    match shape:
        case ("Token", at, has_code, has_system, _):
            return _unit(c, at + 1, code=has_code, system=has_system)
        case ("Quantity", at, prefix, has_code, has_system):
            reach, conditions = _number(c.aside("value"), at + 1, prefix)
            return [*reach, *conditions, *_unit(c, at + 4, code=has_code, system=has_system)]
        case ("Reference", at, whole):
            same: Condition = c.text == value(at + 1, Text)
            return [same if whole else or_(same, _ends(c.text, value(at + 2, Text)))]
        case ("String", at, "starts"):
            return [c.text >= value(at + 1, Text), c.text < value(at + 2, Text)]
        case ("String", at, "contains"):
            return [_within(c.text, value(at + 1, Text), postgresql=postgresql)]
        case ("Uri", at, match, count):
            reach, conditions = _uri(c.text, c.text, at + 1, match, count)
            return [*reach, *conditions]
        case _:
            reach, conditions = _ranged(shape, c.all_aside())
            return [*reach, *conditions]


def _referring(shape: Shape, c: _Columns, *, postgresql: bool) -> Both:
    """References to one resource, or to any of a hierarchy."""
    at = shape[1]
    of_type: Condition = c.target_type == value(at + 2, SmallInteger)
    if shape[0] == "Reference":
        return [c.target == value(at + 1, LargeBinary)], ([of_type] if shape[2] else [])
    among = _hierarchy(at, shape[2], shape[3], postgresql=postgresql)
    # As an array PostgreSQL cannot join with it, and so looks up each in the index.
    one = c.target == any_(func.array(among.scalar_subquery())) if postgresql else c.target.in_(among)
    return [one], [of_type]


def _hierarchy(at: int, direction: tree.Direction, slots: int, *, postgresql: bool) -> Select[Any]:
    """The id of the resource and of all that is above or below it; UNION lets a circle end.

    It leads along no resource that eyes of so many slots do not see.
    """
    id_, type_, part_of = (
        value(at + place, of) for place, of in ((1, LargeBinary), (2, SmallInteger), (3, SmallInteger))
    )
    known = select(id_.label("id")).cte(recursive=True, nesting=True)
    refers, to = tables.index_reference.alias(), tables.resource.alias()
    parts = (
        refers.c.locality == LOCALITY,
        refers.c.parameter == part_of,
        refers.c.target_type == type_,
    )
    path = Path(known, postgresql)
    seen = [visible(to.c, slots)] if slots else []
    if direction == "below":
        part = path.then(refers, *parts, refers.c.target == known.c.id)
        further = path.then(to, to.c.locality == LOCALITY, to.c.rid == part.rid, *seen, take=("id",)).id
    else:
        itself = (to.c.locality == LOCALITY, to.c.type == type_, to.c.id == known.c.id, *seen)
        one = path.then(to, *itself)
        further = path.then(refers, *parts, refers.c.rid == one.rid, take=("target",)).target
    return select(known.union(path.select(further)).c.id)


def is_ranged(shape: Shape) -> bool:
    """Whether the shape is a composite of a code and a range of numbers."""
    match shape:
        case ("Composite", _, has_code, _, ("Quantity" | "Number", _, prefix, *_)):
            return bool(has_code and prefix != "ne")
        case _:
            return False


def _unit(c: _Columns, at: int, *, code: bool, system: bool) -> list[Condition]:
    conditions: list[Condition] = [c.text == value(at, Text)] if code else []
    if system:
        conditions.append(c.text_system == value(at + code, Integer))
    return conditions


def _ends(text: Any, ending: Any) -> Condition:
    """Type/id with that id: no id has a slash, and every address has two."""
    ends = func.substr(text, func.length(text) - func.length(ending) + 1) == ending
    return and_(ends, not_(text.like("%/%/%")))
