"""Collections taken together and apart: union, combine, intersect, exclude, subsetting, subscripts.

Source: https://hl7.org/fhirpath/N1/#combining, https://hl7.org/fhirpath/N1/#subsetting
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from service.fhir.paths.compiled import Compiled, Focus, Many, One, lifted, like, of_many, of_one, only
from service.fhir.paths.compiler import Compiler, Function, Invocation, Operator
from service.fhir.paths.equality import equality
from service.fhir.paths.faults import PathError
from service.fhir.paths.nodes import Item, Items, Scope
from service.fhir.paths.scalars import WHOLE, value_of
from service.fhir.paths.syntax import Binary, Subscript


def alike(left: Compiled, right: Compiled) -> tuple[Compiled, Compiled]:
    """Both sides with items of the same kind: raw of one type, or saying their own types."""
    if left.raw == right.raw:
        return left, right
    return lifted(left), lifted(right)


def either_types(left: Compiled, right: Compiled) -> frozenset[str] | None:
    """The types of items that come from one side or the other."""
    return None if left.types is None or right.types is None else left.types | right.types


def united(left: Compiled, right: Compiled) -> Compiled:
    """The items of both sides, each once."""
    left, right = alike(left, right)
    first, second, distinct = left.many, right.many, equality(left, left).distinct

    def many(this: Item, scope: Scope) -> Items:
        one, other = first(this, scope), second(this, scope)
        if not other:
            return distinct(one)
        return distinct([*one, *other]) if one else distinct(other)

    return of_many(many, left.raw, either_types(left, right))


def combined(left: Compiled, right: Compiled) -> Compiled:
    """The items of both sides, however often."""
    left, right = alike(left, right)
    first, second = left.many, right.many
    return of_many(
        lambda this, scope: [*first(this, scope), *second(this, scope)], left.raw, either_types(left, right)
    )


def _union_operator(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    return united(compiler.compile(expression.left, focus), compiler.compile(expression.right, focus))


def _union(call: Invocation) -> Compiled:
    return united(call.target, call.argument(0))


def _combine(call: Invocation) -> Compiled:
    return combined(call.target, call.argument(0))


def _intersect(call: Invocation) -> Compiled:
    other = call.argument(0)
    source, others = call.target.many, other.many
    finder, distinct = equality(call.target, other).finder, equality(call.target, call.target).distinct

    def many(this: Item, scope: Scope) -> Items:
        items = source(this, scope)
        if not items:
            return items
        wanted = finder(others(this, scope))
        return distinct([item for item in items if wanted(item)])

    return like(call.target, many)


def _exclude(call: Invocation) -> Compiled:
    other = call.argument(0)
    source, others, finder = call.target.many, other.many, equality(call.target, other).finder

    def many(this: Item, scope: Scope) -> Items:
        items = source(this, scope)
        if not items:
            return items
        unwanted = finder(others(this, scope))
        return [item for item in items if not unwanted(item)]

    return like(call.target, many)


def _in_order(call: Invocation) -> Many:
    """The items of the target, whose order must have a meaning.

    Raises:
        PathError: the order is that of children() or descendants(), which has none.
    """
    if not call.target.ordered:
        raise PathError(f"{call.name}() asks for an order, and children have none.", call.position)
    return call.target.many


def _picked(call: Invocation, pick: Callable[[Items], Item]) -> Compiled:
    """A function that gives one item of those that there are."""
    source = _in_order(call)

    def one(this: Item, scope: Scope) -> Item:
        items = source(this, scope)
        return pick(items) if items else None

    return _single(call.target, one)


def _single(target: Compiled, one: One) -> Compiled:
    """At most one item of the target."""
    compiled = of_one(one, None)
    return replace(compiled, raw=target.raw, types=target.types)


def _first(call: Invocation) -> Compiled:
    return _picked(call, lambda items: items[0])


def _last(call: Invocation) -> Compiled:
    return _picked(call, lambda items: items[-1])


def _only(call: Invocation) -> Compiled:
    return _single(call.target, only(call.target.many))


def _tail(call: Invocation) -> Compiled:
    source = _in_order(call)
    return like(call.target, lambda this, scope: source(this, scope)[1:])


def _sliced(call: Invocation, cut: Callable[[Items, int], Items]) -> Compiled:
    """A function that cuts the collection at a number."""
    source = _in_order(call)
    number = value_of(call.argument(0), WHOLE, f"{call.name}()", call.position)

    def many(this: Item, scope: Scope) -> Items:
        at = number(this, scope)
        return [] if at is None else cut(source(this, scope), max(0, at))

    return like(call.target, many)


def _skip(call: Invocation) -> Compiled:
    return _sliced(call, lambda items, at: items[at:])


def _take(call: Invocation) -> Compiled:
    return _sliced(call, lambda items, at: items[:at])


def _subscript(compiler: Compiler, expression: Subscript, focus: Focus) -> Compiled:
    target = compiler.compile(expression.target, focus)
    if not target.ordered:
        raise PathError("A subscript asks for an order, and children have none.")
    place = value_of(compiler.compile(expression.index, focus), WHOLE, "A subscript", None)
    source = target.many

    def one(this: Item, scope: Scope) -> Item:
        at = place(this, scope)
        items = source(this, scope)
        return items[at] if at is not None and 0 <= at < len(items) else None

    return _single(target, one)


def _distinct(call: Invocation) -> Compiled:
    source, distinct = call.target.many, equality(call.target, call.target).distinct
    return like(call.target, lambda this, scope: distinct(source(this, scope)))


COLLECTION_OPERATORS: dict[str, Operator] = {"|": _union_operator, "[]": _subscript}
COLLECTIONS = {
    "union": Function(_union, 1, 1),
    "combine": Function(_combine, 1, 1),
    "intersect": Function(_intersect, 1, 1),
    "exclude": Function(_exclude, 1, 1),
    "distinct": Function(_distinct),
    "single": Function(_only),
    "first": Function(_first),
    "last": Function(_last),
    "tail": Function(_tail),
    "skip": Function(_skip, 1, 1),
    "take": Function(_take, 1, 1),
}
