"""Plans as statements: which resources a page lists, and in which order.

Inside stands what finds the keys of the page, and sorts and limits them; resources are
looked up for those alone, so that no more bodies are read than are sent.

Source: ADR 0013
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    SmallInteger,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)

from service.storage.querying import orders
from service.storage.querying.clauses import OWN_TYPE, Clauses, Of
from service.storage.querying.constructs import ONE, Condition, Hidden, Path, fenced, there_is
from service.storage.querying.decision import Decision, visible
from service.storage.querying.leaves import LOCALITY, Way, on_row, rows, value
from service.storage.querying.plans import Plan
from service.storage.querying.ranks import parts
from service.storage.querying.said import GROUND
from service.storage.querying.shapes import Shape, leads_on
from service.storage.querying.wanted import AS_OF, COUNT, Wanted, beside, changed, direction, of_type
from service.storage.statements import COLUMNS
from service.storage.tables import DELETED, resource


class Pages:
    """Makes the statements of one database, for eyes of so many slots (`decision.slots`); 0 sees everything.

    `asked`: most of what is found is about the child that is asked about (`decision.values`).
    """

    def __init__(self, *, postgresql: bool, slots: int = 0, asked: bool = False) -> None:
        self._postgresql = postgresql
        self._slots = slots
        self._asked = asked
        self._clauses = Clauses(postgresql=postgresql, slots=slots)

    def page(self, plan: Plan, wanted: Wanted, *, narrow: bool) -> Select[Any]:
        """The resources of the page and one more, each with its values by the sort keys."""
        if wanted.extent == "moved":
            return self._moved(plan, wanted, narrow=narrow)
        if not wanted.sort:
            at_once = self._at_once(plan, wanted)
            if at_once is not None:
                return at_once
            return self._with_resources(self.keys(plan, wanted).limit(COUNT), wanted)
        if plan.kind == "sorted walk":
            return self._with_resources(self._sorted_walk(wanted), wanted)
        if self._slots and (self._postgresql or not leads_on(wanted.shape)):
            return self._sorted_at_once(plan, wanted)
        return self._with_resources(self._sorted(plan, wanted), wanted)

    def ids(self, plan: Plan, wanted: Wanted) -> Select[Any]:
        """The ids of the first resources that are found."""
        keys = self.keys(plan, wanted).limit(COUNT).subquery()
        path, rid = Path(keys, self._postgresql), keys.c.rid
        found = path.then(resource, resource.c.locality == LOCALITY, resource.c.rid == rid, take=("id",))
        return path.select(found.id)

    def total(self, plan: Plan, wanted: Wanted) -> Select[Any]:
        """How many resources are found in all."""
        several = parts(wanted.shape)
        if wanted.shape == ("Everything",) and not self._slots:
            return _whole_type()
        if plan.kind == "stream" and plan.part is not None and several[plan.part][0] != "Or":
            found = self._streamed(several[plan.part], self._others(wanted, plan), [])
        else:
            found = self._unordered(plan, wanted)
        if self._slots and not _walks(plan):  # who walks looks whether each is seen anyhow
            rid = fenced(found, postgresql=self._postgresql).subquery().c.rid
            found = select(rid).where(*self._extent(wanted, Of(rid)))
        total: Select[Any] = select(func.count()).select_from(found.subquery())
        return total

    def estimate(self, shape: Shape, asked: Sequence[int]) -> Select[Any]:
        """How many index rows each of the parts would have a search look at, counted up to a limit."""
        most = bindparam("most", type_=Integer)
        several = parts(shape)
        weights = [self._clauses.weight(several[index], most).label(f"part{index}") for index in asked]
        return select(*weights)  # type: ignore[return-value]  # of as many columns as there are parts

    def keys(self, plan: Plan, wanted: Wanted) -> Select[Any]:
        """The keys of the resources that are found, in their order, without sort keys."""
        others = self._others(wanted, plan)
        if plan.kind == "walk" or plan.part is None:
            r = resource.alias()
            conditions = [self._clauses.condition(part, Of(r.c.rid, r.c)) for part in others]
            extent = self._extent(wanted, Of(r.c.rid, r.c))
            walked: Select[Any] = select(r.c.rid).where(
                *of_type(r.c), *conditions, *extent, *beside(wanted, r.c.rid)
            )
            return walked.order_by(direction(wanted, r.c.rid))
        leaf = parts(wanted.shape)[plan.part]
        if plan.kind == "collect":
            return self._collected(leaf, others, wanted)
        if leaf[0] == "Or":
            return self._streams(leaf, others, wanted)
        return self._in_order(leaf, others, wanted, Way.BY_VALUE if plan.kind == "stream" else Way.IN_ORDER)

    def _at_once(self, plan: Plan, wanted: Wanted) -> Select[Any] | None:
        """The page of who does not see everything, each resource looked at once: whether it is seen, and its content.

        None where each of several streams stops at a page of what is seen.
        """
        if not self._slots or (plan.part is not None and self._joined(plan, wanted)):
            return None
        return self._seen_in_line(self.keys(plan, wanted._replace(seen_later=True)), wanted)

    def _sorted_at_once(self, plan: Plan, wanted: Wanted) -> Select[Any]:
        """As `_at_once`, sorted: put in order first, and looked at as far as the page goes.

        Not along chains on SQLite, whose parser has no room for it so deep.
        """
        found = self._unordered(plan, wanted._replace(seen_later=True))
        rid = fenced(found, postgresql=self._postgresql).subquery().c.rid
        keys = self._own_values(wanted.sort, Of(rid))
        valued = fenced(select(rid, *keys), postgresql=self._postgresql).subquery()
        line = self._in_order_beside(select(*valued.c), list(valued.c)[1:], valued.c.rid, wanted)
        return self._seen_in_line(line, wanted)

    def _seen_in_line(self, line: Select[Any], wanted: Wanted) -> Select[Any]:
        """The first of the resources with these keys, in their order, that are seen; behind them further columns."""
        inner = fenced(line, postgresql=self._postgresql).subquery()
        path, (rid, *further) = Path(inner, self._postgresql), inner.c
        needed = (*COLUMNS, "label")
        row = path.then(resource, resource.c.locality == LOCALITY, resource.c.rid == rid, take=needed)
        seen = Decision(row, self._slots, OWN_TYPE, asked=self._asked).label("seen")
        path.where(*self._regarded(row, wanted._replace(seen_later=True)))
        statement = path.select(*(row[name] for name in COLUMNS), seen, *further)
        if self._postgresql:  # SQLite keeps the order of the keys, and would sort all of them if told to
            statement = statement.order_by(*self._line(wanted, rid, further))
        return self._seen_of(statement).limit(COUNT)

    def _line(self, wanted: Wanted, rid: Any, keys: Sequence[Any]) -> Sequence[Any]:
        if wanted.sort:
            return orders.ordering(wanted.sort, keys, rid, backward=wanted.backward)
        return [direction(wanted, rid)]

    def _seen_of(self, statement: Select[Any]) -> Select[Any]:
        """Those of the resources of a statement that are seen, in their order."""
        # Fenced: else it would be decided once to choose a row, and once more to tell of it.
        each = fenced(statement, postgresql=self._postgresql).subquery()
        of_each = each.c.seen.bitwise_and(literal_column(str(GROUND))) > literal_column("0")
        return select(*each.c).where(of_each)

    def _joined(self, plan: Plan, wanted: Wanted) -> bool:
        """Whether several streams are put together."""
        return plan.kind == "stream" and parts(wanted.shape)[plan.part or 0][0] == "Or"

    def _others(self, wanted: Wanted, plan: Plan) -> list[Shape]:
        return [part for index, part in enumerate(parts(wanted.shape)) if index != plan.part]

    def _in_order(self, leaf: Shape, others: list[Shape], wanted: Wanted, way: Way) -> Select[Any]:
        statement = self._streamed(leaf, others, [], way, wanted)
        rid = statement.selected_columns[0]
        return statement.order_by(direction(wanted, rid))

    def _streamed(
        self,
        leaf: Shape,
        others: list[Shape],
        further: list[Condition],
        way: Way = Way.BY_VALUE,
        wanted: Wanted | None = None,
    ) -> Select[Any]:
        """The keys of the leaf's rows, each once."""
        found = rows(leaf, way, postgresql=self._postgresql)
        rid = found.table.c.rid
        conditions = [self._clauses.condition(part, Of(rid)) for part in others]
        statement = select(rid).where(*found.all, *conditions, *further)
        if wanted is not None:
            statement = statement.where(*self._extent(wanted, Of(rid)), *beside(wanted, rid))
        return statement if is_unique(leaf) else statement.distinct()

    def _streams(self, leaf: Shape, others: list[Shape], wanted: Wanted) -> Select[Any]:
        """The first of each alternative, put together: the first of all are among them."""
        alternatives = [
            select(self._in_order(part, others, wanted, Way.BY_VALUE).limit(COUNT).subquery().c.rid)
            for part in leaf[1:]
        ]
        rid = union_all(*alternatives).subquery().c.rid
        return select(rid).distinct().order_by(direction(wanted, rid))

    def _collected(self, leaf: Shape, others: list[Shape], wanted: Wanted) -> Select[Any]:
        """The keys of the leaf's range, put in order; the other parts are asked only as far as the page goes."""
        ordered = self._in_line(leaf, wanted)
        if not others and wanted.extent == "all" and (wanted.seen_later or not self._slots):
            return ordered
        few = fenced(ordered, postgresql=self._postgresql).subquery().c.rid
        conditions = [self._clauses.condition(part, Of(few)) for part in others]
        statement = select(few).where(*conditions, *self._extent(wanted, Of(few)))
        # SQLite gives the rows in the order of those inside, and would sort all of them once more if told to.
        return statement.order_by(direction(wanted, few)) if self._postgresql else statement

    def _in_line(self, leaf: Shape, wanted: Wanted) -> Select[Any]:
        """The keys of the leaf's range in their order, each once."""
        if leaf[0] != "Has" or not self._slots:
            rid = self._clauses.rids(leaf).subquery().c.rid
            return select(rid).where(*beside(wanted, rid)).distinct().order_by(direction(wanted, rid))
        # Whether what refers to them is seen is looked at only as far as the page goes.
        pairs = self._clauses.pairs(leaf).subquery().c
        every = select(pairs.rid, pairs.source).where(*beside(wanted, pairs.rid))
        line = fenced(every.order_by(direction(wanted, pairs.rid)), postgresql=self._postgresql).subquery().c
        once = select(line.rid).where(self._clauses.seen(line.source)).distinct()
        return once.order_by(direction(wanted, line.rid)) if self._postgresql else once

    def _unordered(self, plan: Plan, wanted: Wanted) -> Select[Any]:
        """All that is found, each once, in any order."""
        if _walks(plan) or plan.part is None:  # the second for mypy
            return self.keys(Plan("walk"), wanted._replace(sort=())).order_by(None)
        leaf, others = parts(wanted.shape)[plan.part], self._others(wanted, plan)
        if leaf[0] not in ("Or", "And", "Ids", "LastUpdated", "Chain", "Has") and (
            plan.kind == "scan" or is_unique(leaf)
        ):
            way = Way.IN_ORDER if plan.kind == "scan" else Way.BY_VALUE
            return self._streamed(leaf, others, [], way)
        rid = self._clauses.rids(leaf).subquery().c.rid
        once = select(rid).distinct()
        if not others:
            return once
        few = fenced(once, postgresql=self._postgresql).subquery().c.rid
        return select(few).where(*(self._clauses.condition(part, Of(few)) for part in others))

    def _sorted(self, plan: Plan, wanted: Wanted) -> Select[Any]:
        """All that is found with its sort keys; then what of it the page wants."""
        found = self._unordered(plan, wanted)
        rid = fenced(found, postgresql=self._postgresql).subquery().c.rid
        keys = self._own_values(wanted.sort, Of(rid))
        valued = fenced(
            select(rid, *keys).where(*self._extent(wanted, Of(rid))), postgresql=self._postgresql
        ).subquery()
        return self._cut(select(*valued.c), list(valued.c)[1:], valued.c.rid, wanted)

    def _cut(
        self,
        statement: Select[Any],
        keys: Sequence[Any],
        rid: Any,
        wanted: Wanted,
        *,
        begin: int = 0,
        indexed: bool = False,
    ) -> Select[Any]:
        """As `_in_order_beside`, as many as the page wants."""
        return self._in_order_beside(statement, keys, rid, wanted, begin=begin, indexed=indexed).limit(COUNT)

    def _in_order_beside(
        self,
        statement: Select[Any],
        keys: Sequence[Any],
        rid: Any,
        wanted: Wanted,
        *,
        begin: int = 0,
        indexed: bool = False,
    ) -> Select[Any]:
        """What lies beside the place by the keys from `begin` on, in their order."""
        sort, backward = wanted.sort, wanted.backward
        if wanted.missing is not None:
            missing = wanted.missing
            statement = statement.where(
                orders.beside(sort, keys, rid, missing, backward=backward, begin=begin)
            )
        return statement.order_by(
            *orders.ordering(sort[begin:], keys, rid, backward=backward, indexed=indexed)
        )

    def _own_values(self, sort: Sequence[Shape], of: Of, begin: int = 0) -> list[Any]:
        return [
            orders.own_value(key, of.rid, of.row, postgresql=self._postgresql).label(f"k{begin + index}")
            for index, key in enumerate(sort)
        ]

    def _sorted_walk(self, wanted: Wanted) -> Select[Any]:
        """What has a value by the first key in the order of its index, then what has none; backward turned round."""
        first = wanted.sort[0]
        if first[0] in orders.OWN:
            return self._valued(wanted)
        placed = wanted.missing is not None and wanted.missing[0]
        backward = wanted.backward
        if wanted.missing is not None and not placed and backward:
            return self._valued(wanted)
        beyond = wanted._replace(missing=None)
        valued = self._valued(beyond if placed else wanted)
        valueless = self._valueless(wanted if placed else beyond)
        if placed and not backward:
            return valueless
        one, other = (valueless, valued) if backward else (valued, valueless)
        both = union_all(select(*one.subquery().c), select(*other.subquery().c)).limit(COUNT).subquery()
        return select(*both.c)

    def _valued(self, wanted: Wanted) -> Select[Any]:
        first, *rest = wanted.sort
        where = orders.kept(first)
        table = where.table.alias()
        several = list(parts(wanted.shape))
        column, rid = table.c[where.column], table.c.rid
        if first[0] in orders.OWN:
            of = Of(rid, table.c)
            conditions = of_type(table.c)
        else:
            of = Of(rid)
            conditions = [
                table.c.locality == LOCALITY,
                table.c.parameter == value(first[1], SmallInteger),
            ]
            if first[3]:  # its only row: what is asked of its dates is asked of this one
                conditions += [met for index in wanted.like for met in on_row(several[index], table)]
                several = [part for index, part in enumerate(several) if index not in wanted.like]
            else:
                conditions.append(orders.is_first(first, table))
        keys = [column, *self._own_values(rest, of, begin=1)]
        statement = select(rid, column.label("k0"), *keys[1:]).where(
            *conditions,
            *(self._clauses.condition(part, of) for part in several),
            *self._extent(wanted, of),
        )
        if wanted.missing is not None:
            statement = statement.where(orders.bound(first, column, backward=wanted.backward))
        return self._cut(statement, keys, rid, wanted, indexed=True)

    def _valueless(self, wanted: Wanted) -> Select[Any]:
        first, *rest = wanted.sort
        r = resource.alias()
        of = Of(r.c.rid, r.c)
        lacking = self._own_values([first], of)[0].element.is_(None)
        keys = [cast(null(), orders.kept(first).type).label("k0"), *self._own_values(rest, of, begin=1)]
        statement = select(r.c.rid, *keys).where(
            *of_type(r.c),
            lacking,
            *(self._clauses.condition(part, of) for part in parts(wanted.shape)),
            *self._extent(wanted, of),
        )
        return self._cut(statement, keys[1:], r.c.rid, wanted, begin=1)

    def _moved(self, plan: Plan, wanted: Wanted, *, narrow: bool) -> Select[Any]:
        """What matches and was changed since: from the narrow part, or from what was changed."""
        wanted = wanted._replace(seen_later=True)
        if not narrow:
            r = resource.alias()
            of = Of(r.c.rid, r.c)
            # Another bound on the time of the change must not be the one that the index begins at.
            aside = Of(r.c.rid, _Aside(r.c))
            conditions = [self._clauses.condition(part, aside) for part in parts(wanted.shape)]
            found = select(r.c.rid, *self._own_values(wanted.sort, of)).where(
                *of_type(r.c), *self._extent(wanted, of), *conditions
            )
            return self._looked_at(found, wanted)
        rid = fenced(self._unordered(plan, wanted), postgresql=self._postgresql).subquery().c.rid
        other = resource.alias()
        # Mostly nothing of the type was changed: then nothing is looked at.
        any_ = there_is(
            select(ONE).where(other.c.locality == LOCALITY, other.c.type == OWN_TYPE, other.c.updated > AS_OF)
        )
        found = select(rid, *self._own_values(wanted.sort, Of(rid))).where(
            any_, *self._extent(wanted, Of(rid))
        )
        return self._looked_at(found, wanted)

    def _looked_at(self, keys: Select[Any], wanted: Wanted) -> Select[Any]:
        """The resources with these keys that are seen, of which nobody has asked yet."""
        statement = self._with_resources(keys, wanted)
        return self._seen_of(statement) if self._slots else statement

    def _extent(self, wanted: Wanted, of: Of) -> list[Condition]:
        """What of the resources is asked for, by when they were changed and by who looks."""
        decided = self._slots > 0 and not wanted.seen_later
        if wanted.extent == "all" and not decided:
            return []
        if of.row is not None:
            return self._regarded(of.row, wanted)
        other = resource.alias()
        looked = select(ONE).where(
            other.c.locality == LOCALITY, other.c.rid == of.rid, *self._regarded(other.c, wanted)
        )
        return [there_is(looked.correlate_except(other))]

    def _regarded(self, row: Any, wanted: Wanted) -> list[Condition]:
        when = [] if wanted.extent == "all" else [changed(row, wanted.extent)]
        decided = self._slots > 0 and not wanted.seen_later
        return [*when, visible(row, self._slots, OWN_TYPE, asked=self._asked)] if decided else when

    def _with_resources(self, keys: Select[Any], wanted: Wanted) -> Select[Any]:
        inner = keys.subquery()
        path, found = Path(inner, self._postgresql), list(inner.c)
        needed = (*COLUMNS, "label") if self._slots else COLUMNS
        r = path.then(resource, resource.c.locality == LOCALITY, resource.c.rid == found[0], take=needed)
        seen = Decision(r, self._slots, OWN_TYPE, asked=self._asked).label("seen")
        statement = path.select(*(r[name] for name in COLUMNS), seen, *found[1:])
        return statement.order_by(*self._line(wanted, found[0], found[1:]))


class _Aside:
    """The columns of a resource, each hidden from indexes."""

    def __init__(self, columns: Any) -> None:
        self._columns = columns

    def __getattr__(self, name: str) -> Any:
        return Hidden(self._columns[name])

    def __getitem__(self, name: str) -> Any:
        return Hidden(self._columns[name])


def is_unique(leaf: Shape) -> bool:
    """Whether no resource has two rows that meet the leaf."""
    match leaf:
        case ("Token", _, has_code, has_system, _):
            return bool(has_code and has_system)
        case ("Reference", _, has_type, _):
            return bool(has_type)
        case ("String", _, match):
            return bool(match == "same")
        case ("Uri", _, match, _):
            return bool(match == "exact")
        case ("Words", *_):
            return True
        case _:
            return False


def _whole_type() -> Select[Any]:
    """How many resources of the type there are, from indexes alone: all that ever were, without the deleted ones."""
    ever = select(func.count()).where(resource.c.locality == LOCALITY, resource.c.type == OWN_TYPE)
    # As it stands in the condition of `resource_deleted`, which serves no value that is bound.
    gone = ever.where(resource.c.method == literal_column(str(DELETED)))
    return select(ever.scalar_subquery() - gone.scalar_subquery())


def _walks(plan: Plan) -> bool:
    return plan.part is None or plan.kind in ("walk", "sorted walk")
