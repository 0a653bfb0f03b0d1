"""Shapes as SQL: which resources a condition leads to, and whether one resource meets it.

A leaf is asked in one of two ways: as the driver ("which resources have it": the rows of
its index lead to the resources) or as a probe ("has this one it": one look into the
index). One leaf of a search drives, the one that leaves fewest; the others probe.
Rows of the index tables are of current resources alone, so that whoever comes from them
need not ask whether the resource is deleted, or of which type it is.

Source: ADR 0004, ADR 0013
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    SmallInteger,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
    true,
    union_all,
)

from service.storage.querying.constructs import (
    ONE,
    Condition,
    Hidden,
    Path,
    fenced,
    there_is,
    there_is_none,
)
from service.storage.querying.decision import unwithheld, visible
from service.storage.querying.leaves import LOCALITY, TABLE_OF_TYPE, Way, rows, value
from service.storage.querying.ranks import drives, rank
from service.storage.querying.shapes import Shape
from service.storage.tables import DELETED, index_reference, resource

# So many resources are taken to refer to one that a chain leads through, when it is weighed.
FAN_OUT = 10

# What may be asked of a resource that a path has come to.
_TAKEN = ("rid", "type", "id", "updated", "author", "child", "label")

OWN_TYPE: ColumnElement[int] = bindparam("type", type_=SmallInteger)


class Of(NamedTuple):
    """The resource that is asked about: its key, and its columns where they are at hand."""

    rid: Any
    row: Any = None


class Clauses:
    """Makes conditions and drivers for one database, for eyes of so many slots (`decision.slots`).

    No chain leads along a resource that these do not see.
    """

    def __init__(self, *, postgresql: bool, slots: int = 0) -> None:
        self.postgresql = postgresql
        self.slots = slots

    def condition(self, shape: Shape, of: Of) -> Condition:
        """The shape as a condition on a current resource."""
        match shape:
            case ("Everything" | "Nothing" as kind,):
                return true() if kind == "Everything" else false()
            case ("And", *several):
                return and_(true(), *(self.condition(part, of) for part in several))
            case ("Or", *several):
                return or_(false(), *(self.condition(part, of) for part in several))
            case ("Not", part):
                # Nothing here is ever NULL, so that NOT is the opposite.
                return ~self.condition(part, of)
            case ("Ids" | "About" | "LastUpdated" | "Unwithheld", *_):
                return self._of_itself(shape, of)
            case ("Whole", part):
                return Clauses(postgresql=self.postgresql).condition(part, of)
            case _:
                return self._looked_up(shape, of)

    def _looked_up(self, shape: Shape, of: Of) -> Condition:
        """The resource has a row, or a neighbour, that meets the condition: looked up for it."""
        match shape:
            case ("Missing", at, type_, missing):
                return self._missing(at, type_, of, missing=missing)
            case ("Chain" | "Has", *_):
                return self._along(shape, of)
            case _:
                table, *_ = found = rows(shape, Way.BY_RESOURCE, postgresql=self.postgresql)
                looked = select(ONE).select_from(table).where(*found.all, table.c.rid == of.rid)
                return there_is(looked.correlate_except(table))

    def _of_itself(self, shape: Shape, of: Of) -> Condition:
        if of.row is not None:
            return itself(shape, of.row, self.slots)
        other = resource.alias()
        looked = select(ONE).where(
            other.c.locality == LOCALITY, other.c.rid == of.rid, itself(shape, other.c, self.slots)
        )
        return there_is(looked.correlate_except(other))

    def _missing(self, at: int, type_: str, of: Of, *, missing: bool) -> Condition:
        table = TABLE_OF_TYPE[type_].alias()
        conditions = [table.c.locality == LOCALITY, table.c.parameter == value(at, SmallInteger)]
        if type_ == "composite":
            # Its rows are found by value alone; this is asked of it hardly ever.
            any_: Condition = of.rid.in_(select(table.c.rid).where(*conditions))
            return ~any_ if missing else any_
        looked = select(ONE).where(*conditions, table.c.rid == of.rid).correlate_except(table)
        return there_is_none(looked) if missing else there_is(looked)

    def _along(self, shape: Shape, of: Of) -> Condition:
        """A chain or reverse chain with those within it: one look along all their references.

        They are not nested in one another, because SQLite's parser has a stack of a hundred
        (https://sqlite.org/limits.html, YYSTACKDEPTH).
        """
        path = Path(None, self.postgresql)
        mine: list[FromClause] = []
        while shape[0] in ("Chain", "Has"):
            at = shape[1]
            refers, to = index_reference.alias(), resource.alias()
            mine += [refers, to]
            if shape[0] == "Chain":
                target = path.then(refers, *_references(refers, at, of.rid), take=("target",)).target
                current = _current(to, value(at + 1, SmallInteger), target)
                row = path.then(to, *current, *self._seen(to), take=_TAKEN)
                of = Of(row.rid, row)
            else:
                own = of.row or path.then(to, to.c.locality == LOCALITY, to.c.rid == of.rid, take=("id",))
                of = Of(path.then(refers, *_referring(refers, at, own.id)).rid)
                if self.slots:
                    one = resource.alias()
                    mine.append(one)
                    of = self._looked_at(path, one, of.rid)
            shape = shape[-1]
        path.where(self.condition(shape, of))
        return there_is(path.select(ONE).correlate_except(*mine))

    def _seen(self, row: Any) -> list[Condition]:
        """Whether the resource that the columns of a table are of is seen."""
        return [visible(row.c, self.slots)] if self.slots else []

    def _looked_at(self, path: Path, one: Any, rid: Any) -> Of:
        """The resource of that key, where it is seen. What is asked of its indexes is asked before it is looked at."""
        row = path.then(one, one.c.locality == LOCALITY, one.c.rid == rid, *self._seen(one), take=_TAKEN)
        return Of(rid, row)

    def rids(self, shape: Shape, type_: Any = OWN_TYPE) -> Select[Any]:
        """The keys of the resources that the shape, which must drive, leads to: in any order, more than once."""
        match shape:
            case ("And", *several):
                driver = min((part for part in several if drives(part)), key=rank)
                others = [part for part in several if part is not driver]
                led = self.rids(driver, type_).subquery().c.rid
                return select(led).where(*(self.condition(part, Of(led)) for part in others))
            case ("Or", *several):
                either = union_all(*(select(self.rids(part, type_).subquery().c.rid) for part in several))
                return select(either.subquery().c.rid)
            case ("Ids" | "LastUpdated", *_):
                other = resource.alias()
                of_type = (other.c.locality == LOCALITY, other.c.type == type_, other.c.method != DELETED)
                return select(Hidden(other.c.rid).label("rid")).where(*of_type, itself(shape, other.c))
            case ("Chain" | "Has", *_):
                path, rid = self._chained(shape) if shape[0] == "Chain" else self._referred(shape)
                return path.select(rid)
            case _:
                found = rows(shape, Way.BY_RANGE, postgresql=self.postgresql)
                # Hidden: else SQLite walks through the whole parameter to have the keys in order.
                return select(Hidden(found.table.c.rid).label("rid")).where(*found.all)

    def _begun(self, where: Shape, type_: Any, *, once: bool) -> tuple[Path, Any]:
        """A path from the resources where it holds; `once`: from each once, since many lead on from it."""
        match where:
            case ("Chain", *_):
                return self._chained(where)
            case ("Has", *_) if not once:
                return self._referred(where)
            case _:
                found = self.rids(where, type_)
                few = found.distinct() if where[0] in ("Has", "Or") else found
                start = fenced(few, postgresql=self.postgresql).subquery()
                return Path(start, self.postgresql), start.c.rid

    def _chained(self, shape: Shape) -> tuple[Path, Any]:
        """From the resources where it holds to those that refer to them."""
        _, at, _, where = shape
        path, rid = self._begun(where, value(at + 1, SmallInteger), once=True)
        to, refers = resource.alias(), index_reference.alias()
        held = (to.c.locality == LOCALITY, to.c.rid == rid, to.c.method != DELETED, *self._seen(to))
        target = path.then(to, *held, take=("id",))
        return path, path.then(refers, *_referring(refers, at, target.id)).rid

    def _referred(self, shape: Shape) -> tuple[Path, Any]:
        """From the resources where it holds to those that they refer to."""
        path, rid = self._referring(shape)
        if self.slots:
            rid = self._looked_at(path, resource.alias(), rid).rid
        return path, self._target(path, shape[1], rid)

    def _referring(self, shape: Shape) -> tuple[Path, Any]:
        _, at, where = shape
        return self._begun(where, value(at + 2, SmallInteger), once=False)

    def _target(self, path: Path, at: int, rid: Any) -> Any:
        refers, to = index_reference.alias(), resource.alias()
        target = path.then(refers, *_references(refers, at, rid), take=("target",)).target
        return path.then(to, *_current(to, value(at + 1, SmallInteger), target)).rid

    def pairs(self, shape: Shape) -> Select[Any]:
        """The keys of the resources that a reverse chain leads to, as `rid`, and of what refers to them, as `source`.

        Whether the sources are seen is not looked at: `seen` tells.
        """
        path, source = self._referring(shape)
        rid = self._target(path, shape[1], source)
        return path.select(rid.label("rid"), source.label("source"))

    def seen(self, rid: Any) -> Condition:
        """Whether the resource of that key is seen."""
        one = resource.alias()
        looked = select(ONE).where(one.c.locality == LOCALITY, one.c.rid == rid, *self._seen(one))
        return there_is(looked.correlate_except(one))

    def weight(self, shape: Shape, most: Any, type_: Any = OWN_TYPE) -> ColumnElement[int]:
        """How many rows the shape would have a search look at, as far as `most` of each of its leaves."""
        match shape:
            case ("And", *several):
                return self.weight(min((part for part in several if drives(part)), key=rank), most, type_)
            case ("Or", *several):
                total = self.weight(several[0], most, type_)
                for part in several[1:]:
                    total = total + self.weight(part, most, type_)
                return total
            case ("Chain", at, _, where):
                return self.weight(where, most, value(at + 1, SmallInteger)) * FAN_OUT
            case ("Has", at, where):
                return self.weight(where, most, value(at + 2, SmallInteger))
            case ("Ids" | "LastUpdated", *_):
                reached = self.rids(shape, type_).limit(most)
            case _:
                found = rows(shape, Way.BY_RANGE, postgresql=self.postgresql)
                reached = select(ONE.label("one")).select_from(found.table).where(*found.reach).limit(most)
        return select(func.count()).select_from(reached.subquery()).scalar_subquery()


def itself(shape: Shape, row: Any, slots: int = 0) -> Condition:
    """The conditions on the resource itself, on its columns."""
    match shape:
        case ("Ids", at, count):
            among: Condition = row.id.in_([value(at + index, LargeBinary) for index in range(count)])
            return among
        case ("About", at, unlabelled):
            # Of what is about nobody the column is NULL, and a condition here never is.
            theirs = and_(row.child.is_not(None), row.child == value(at, LargeBinary))
            return and_(theirs, row.label == 0) if unlabelled else theirs
        case ("LastUpdated", at, prefix):
            within: Condition = row.updated.between(value(at, BigInteger), value(at + 1, BigInteger))
            return ~within if prefix == "ne" else within
        case ("Unwithheld",):
            return unwithheld(row, slots)
        case _:
            raise ValueError(f"no condition on the resource itself: {shape[0]}")


def _current(to: Any, type_: Any, id_: Any) -> list[Condition]:
    """The current resource of that type and id."""
    return [to.c.locality == LOCALITY, to.c.type == type_, to.c.id == id_, to.c.method != DELETED]


def _references(refers: Any, at: int, rid: Any) -> list[Condition]:
    """References of the resource by the parameter to resources of the type that stands behind it."""
    return [
        refers.c.locality == LOCALITY,
        refers.c.rid == rid,
        refers.c.parameter == value(at, SmallInteger),
        refers.c.target_type == value(at + 1, SmallInteger),
    ]


def _referring(refers: Any, at: int, id_: Any) -> list[Condition]:
    """References by the parameter to the resource with that id, of the type that stands behind the parameter."""
    return [
        refers.c.locality == LOCALITY,
        refers.c.parameter == value(at, SmallInteger),
        refers.c.target == id_,
        refers.c.target_type == value(at + 1, SmallInteger),
    ]
