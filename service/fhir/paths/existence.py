"""Existence: empty, exists, all, count, isDistinct and their like.

Source: https://hl7.org/fhirpath/N1/#existence
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from service.fhir.paths.compiled import Compiled, Condition, condition, of_one
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.equality import equality
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.filtering import counted
from service.fhir.paths.nodes import Item, Scope
from service.fhir.paths.types import BOOLEAN, INTEGER
from service.fhir.paths.values import system_value


def presence(target: Compiled) -> Condition:
    """Whether the collection has any item."""
    if target.choice is not None and (quick := _choice_presence(target)) is not None:
        return quick
    many, one = target.many, target.one
    if target.single:
        return lambda this, scope: one(this, scope) is not None
    return lambda this, scope: bool(many(this, scope))


def _choice_presence(target: Compiled) -> Condition | None:
    """Whether $this has any JSON property of a choice element; None where the choice is not $this's own."""
    if target.choice is None or target.choice[0].links != ():
        return None
    alternatives = target.choice[1].alternatives
    keys = {name for key, _, sibling in alternatives for name in (key, sibling) if name is not None}
    absent = frozenset(keys).isdisjoint
    return lambda this, _scope: this.__class__ is dict and not absent(this)


def _empty(call: Invocation) -> Compiled:
    present = presence(call.target)
    return of_one(lambda this, scope: not present(this, scope), BOOLEAN)


def _exists(call: Invocation) -> Compiled:
    if not call.arguments:
        return of_one(presence(call.target), BOOLEAN)
    return of_one(_quantified(call, any), BOOLEAN)


def _all(call: Invocation) -> Compiled:
    return of_one(_quantified(call, all), BOOLEAN)


def _quantified(call: Invocation, quantifier: Callable[[Iterable[bool | None]], bool]) -> Condition:
    """Whether the criterion holds of any, or of all, of the items."""
    criterion, counts = call.counting(0)
    source, truth = call.target.many, condition(criterion)

    def test(this: Item, scope: Scope) -> bool:
        items = source(this, scope)
        if not items:
            return quantifier(())
        return quantifier(truth(item, scope) for item in (counted(items, scope) if counts else items))

    return test


def _not(call: Invocation) -> Compiled:
    truth = condition(call.target)

    def one(this: Item, scope: Scope) -> bool | None:
        answer = truth(this, scope)
        return None if answer is None else not answer

    return of_one(one, BOOLEAN)


def _count(call: Invocation) -> Compiled:
    if call.target.size is not None:
        return of_one(call.target.size, INTEGER)
    many = call.target.many
    return of_one(lambda this, scope: len(many(this, scope)), INTEGER)


def _truths(quantifier: Callable[[Iterable[bool]], bool], wanted: bool) -> Callable[[Invocation], Compiled]:  # noqa: FBT001 - four functions that differ in just this
    """allTrue, anyTrue, allFalse or anyFalse."""

    def build(call: Invocation) -> Compiled:
        source, raw = call.target.many, call.target.raw

        def one(this: Item, scope: Scope) -> bool:
            return quantifier([_boolean(item, raw) is wanted for item in source(this, scope)])

        return of_one(one, BOOLEAN)

    return build


def _boolean(item: Item, raw: str | None) -> bool:
    """The item as a Boolean.

    Raises:
        EvaluationError: it is none.
    """
    value = system_value(item, raw)
    if not isinstance(value, bool):
        raise EvaluationError("Every item must be a Boolean here.")
    return value


def _subset(call: Invocation) -> Compiled:
    return _contained(call.target, call.argument(0))


def _superset(call: Invocation) -> Compiled:
    return _contained(call.argument(0), call.target)


def _contained(inner: Compiled, outer: Compiled) -> Compiled:
    """Whether every item of the inner collection is in the outer one."""
    first, second, finder = inner.many, outer.many, equality(inner, outer).finder

    def one(this: Item, scope: Scope) -> bool:
        return all(map(finder(second(this, scope)), first(this, scope)))

    return of_one(one, BOOLEAN)


def _is_distinct(call: Invocation) -> Compiled:
    many, distinct = call.target.many, equality(call.target, call.target).distinct

    def one(this: Item, scope: Scope) -> bool:
        items = many(this, scope)
        return len(distinct(items)) == len(items)

    return of_one(one, BOOLEAN)


EXISTENCE = {
    "empty": Function(_empty),
    "exists": Function(_exists, 0, 1),
    "all": Function(_all, 1, 1),
    "allTrue": Function(_truths(all, True)),
    "anyTrue": Function(_truths(any, True)),
    "allFalse": Function(_truths(all, False)),
    "anyFalse": Function(_truths(any, False)),
    "subsetOf": Function(_subset, 1, 1),
    "supersetOf": Function(_superset, 1, 1),
    "not": Function(_not),
    "count": Function(_count),
    "isDistinct": Function(_is_distinct),
}
