"""Filtering and projection: where, select, repeat, ofType, sort, coalesce.

Source: https://hl7.org/fhirpath/N1/#filtering-and-projection
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cmp_to_key
from typing import Any

from service.fhir.paths.collections import combined
from service.fhir.paths.comparisons import order
from service.fhir.paths.compiled import Compiled, Focus, condition, lifted, like, of_many
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.equality import Members
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.narrowing import of_type
from service.fhir.paths.nodes import Item, Items, Scope
from service.fhir.paths.syntax import Polarity
from service.fhir.paths.types import type_specifier
from service.fhir.paths.values import system_value

# More items than any resource has elements; a projection that never ends is stopped here.
MAXIMUM_ITEMS = 100_000


def counted(items: Items, scope: Scope) -> Iterator[Item]:
    """The items one by one, $index set to the place of each while it is looked at."""
    outer = scope.index
    try:
        for index, item in enumerate(items):
            scope.index = index
            yield item
    finally:
        scope.index = outer


def selection(call: Invocation) -> Compiled:
    """The items of the target of which the criterion, the first argument, is true."""
    criterion, counts = call.counting(0)
    source, truth = call.target.many, condition(criterion)
    if counts:
        return like(
            call.target,
            lambda this, scope: [item for item in counted(source(this, scope), scope) if truth(item, scope)],
        )
    return like(call.target, lambda this, scope: [item for item in source(this, scope) if truth(item, scope)])


def _select(call: Invocation) -> Compiled:
    projection, counts = call.counting(0)
    source, project = call.target.many, projection.many

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        items = source(this, scope)
        for item in counted(items, scope) if counts else items:
            found += project(item, scope)
        return found

    compiled = of_many(many, projection.raw, projection.types)
    single = call.target.single and projection.single
    return replace(compiled, single=single, ordered=call.target.ordered and projection.ordered)


def _repetition(call: Invocation, *, once: bool) -> Compiled:
    """What the projection gives, and what it gives of that in turn; `once` where equal items count once."""
    target = lifted(call.target)
    projection = _fixpoint(call, target)
    source, project = target.many, projection.many

    def many(this: Item, scope: Scope) -> Items:
        found: Items = []
        seen = Members()
        waiting = list(source(this, scope))
        while waiting:
            further: Items = []
            for item in waiting:
                for result in project(item, scope):
                    if not once or seen.add(system_value(result, None)):
                        found.append(result)
                        further.append(result)
            if len(found) > MAXIMUM_ITEMS:
                raise EvaluationError(f"{call.name}() came to more than {MAXIMUM_ITEMS} items.")
            waiting = further
        return found

    return of_many(many, None, projection.types, ordered=projection.ordered)


def _fixpoint(call: Invocation, target: Compiled) -> Compiled:
    """The projection, compiled for the types of the target and for those that it gives itself."""
    types = target.types
    while True:
        projection = lifted(call.compiler.compile_inner(call.arguments[0], Focus(None, types)))
        if types is None or (projection.types is not None and projection.types <= types):
            return projection
        types = None if projection.types is None else types | projection.types


def _repeat(call: Invocation) -> Compiled:
    return _repetition(call, once=True)


def _repeat_all(call: Invocation) -> Compiled:
    return _repetition(call, once=False)


def _of_type(call: Invocation) -> Compiled:
    wanted = call.compiler.model.resolve(type_specifier(call.arguments[0]))
    return of_type(call.compiler, call.target, wanted)


def _sort(call: Invocation) -> Compiled:
    """The items in order of their keys; a key with a minus sign turns its order about.

    An item without a key comes before those with one, whichever way they are turned.
    """
    keys = [_key(call, place) for place in range(len(call.arguments))] or [_own_key(call.target)]
    source, signs = call.target.many, [sign for _, sign in keys]

    def by_keys(one: tuple[list[Any], Item], other: tuple[list[Any], Item]) -> int:
        return _rank(one[0], other[0], signs)

    def many(this: Item, scope: Scope) -> Items:
        ranked = [([key(item, scope) for key, _ in keys], item) for item in source(this, scope)]
        ranked.sort(key=cmp_to_key(by_keys))
        return [item for _, item in ranked]

    return like(call.target, many, ordered=True)


Key = tuple[Callable[[Item, Scope], Any], int]


def _key(call: Invocation, place: int) -> Key:
    """The value of a key, and the sign of its order."""
    argument, sign = call.arguments[place], 1
    if isinstance(argument, Polarity) and argument.negative:
        argument, sign = argument.operand, -1
    compiled = call.compiler.compile_inner(argument, call.target.focus)
    one, raw = compiled.one, compiled.raw
    return lambda item, scope: system_value(one(item, scope), raw), sign


def _own_key(target: Compiled) -> Key:
    return lambda item, _scope: system_value(item, target.raw), 1


def _rank(one: list[Any], other: list[Any], signs: list[int]) -> int:
    for left, right, sign in zip(one, other, signs, strict=True):
        if left is None or right is None:
            found = (left is not None) - (right is not None)
        else:
            found = (order(left, right) or 0) * sign
        if found:
            return found
    return 0


def _coalesce(call: Invocation) -> Compiled:
    """The first of the arguments that is not empty."""
    given = [lifted(call.argument(place)) for place in range(len(call.arguments))]
    types = given[0]
    for other in given[1:]:
        types = combined(types, other)

    def many(this: Item, scope: Scope) -> Items:
        return next((items for one in given if (items := one.many(this, scope))), [])

    return of_many(many, None, types.types)


FILTERING = {
    "where": Function(selection, 1, 1),
    "select": Function(_select, 1, 1),
    "repeat": Function(_repeat, 1, 1),
    "repeatAll": Function(_repeat_all, 1, 1),
    "ofType": Function(_of_type, 1, 1),
    "sort": Function(_sort, 0, 8),
    "coalesce": Function(_coalesce, 1, 8),
}
