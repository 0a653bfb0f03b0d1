"""The operators that compare: = != ~ !~ < <= > >= in contains, and comparable().

Source: https://hl7.org/fhirpath/N1/#equality, https://hl7.org/fhirpath/N1/#comparison
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from service.fhir.paths.compiled import Compiled, Condition, Focus, Link, of_one
from service.fhir.paths.compiler import Compiler, Operator
from service.fhir.paths.dates import Date, DateTime, Time, compare, compare_texts
from service.fhir.paths.equality import (
    equal_collections,
    equality,
    equivalent_collections,
    equivalent_values,
    same_items,
)
from service.fhir.paths.faults import EvaluationError, PathError
from service.fhir.paths.nodes import Item, Node, Scope
from service.fhir.paths.quantities import Quantity, compare_quantities, ratio
from service.fhir.paths.scalars import MEASURE, TEMPORAL, TEXT, Argument, scalar, value_of
from service.fhir.paths.syntax import Binary, Literal
from service.fhir.paths.types import BOOLEAN, QUANTITY, STRING, SYSTEM_OF
from service.fhir.paths.values import kind, system_value

_ORDERED = MEASURE | TEMPORAL | TEXT

# FHIR types whose text is a date or an instant.
_DATES = frozenset({"date", "dateTime", "instant"})


def _sides(compiler: Compiler, expression: Binary, focus: Focus) -> tuple[Compiled, Compiled]:
    return compiler.compile(expression.left, focus), compiler.compile(expression.right, focus)


def _equality(compiler: Compiler, expression: Binary, focus: Focus) -> Condition:
    """Whether the two sides are equal."""
    left, right = _sides(compiler, expression, focus)
    if left.single and right.single:
        if not (_is_text(left) and _is_text(right)):
            return _equal_items(left, right)
        equal = _equal_texts(left, right)
        match left.links, expression.right:
            case (Link(key, primitive=True, repeats=False),), Literal(str(text)):
                return _member_equal(key, text, equal)
            case _:
                return equal
    first, second, same = left.many, right.many, same_items(left, right)
    return lambda this, scope: equal_collections(first(this, scope), second(this, scope), same)


def _is_text(side: Compiled) -> bool:
    """Whether the side is text that is compared as it stands."""
    return side.types == frozenset({STRING}) or (SYSTEM_OF.get(side.raw or "") == STRING)


def _equal_texts(left: Compiled, right: Compiled) -> Condition:
    first, second = left.one, right.one

    def one(this: Item, scope: Scope) -> bool | None:
        a, b = first(this, scope), second(this, scope)
        if a.__class__ is Node:
            a = a.value
        if b.__class__ is Node:
            b = b.value
        return None if a is None or b is None else bool(a == b)

    return one


def _member_equal(key: str, text: str, otherwise: Condition) -> Condition:
    """Whether a member of $this is the text: `system = '…' and code = '…'` is what most rules ask."""
    sibling = f"_{key}"

    def one(this: Item, scope: Scope) -> bool | None:
        if this.__class__ is not dict or sibling in this:
            return otherwise(this, scope)
        value = this.get(key)
        if value.__class__ is str:
            return bool(value == text)
        return None if value is None else otherwise(this, scope)

    return one


def _equal_items(left: Compiled, right: Compiled) -> Condition:
    first, second, same = left.one, right.one, same_items(left, right)

    def one(this: Item, scope: Scope) -> bool | None:
        a, b = first(this, scope), second(this, scope)
        return None if a is None or b is None else same(a, b)

    return one


def _equivalence(compiler: Compiler, expression: Binary, focus: Focus) -> Condition:
    """Whether the two sides are equivalent."""
    left, right = _sides(compiler, expression, focus)
    first, second = left.many, right.many
    raw, other_raw = left.raw, right.raw

    def same(a: Item, b: Item) -> bool:
        return equivalent_values(system_value(a, raw), system_value(b, other_raw))

    return lambda this, scope: equivalent_collections(first(this, scope), second(this, scope), same)


def _affirmed(build: Callable[[Compiler, Binary, Focus], Condition]) -> Operator:
    return lambda compiler, expression, focus: of_one(build(compiler, expression, focus), BOOLEAN)


def _denied(build: Callable[[Compiler, Binary, Focus], Condition]) -> Operator:
    """The operator that says the opposite."""

    def operator(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
        test = build(compiler, expression, focus)

        def one(this: Item, scope: Scope) -> bool | None:
            answer = test(this, scope)
            return None if answer is None else not answer

        return of_one(one, BOOLEAN)

    return operator


def order(left: Any, right: Any) -> int | None:
    """-1, 0 or 1 as left comes before, with or after right; None where units or precision cannot tell.

    Raises:
        EvaluationError: values of these types have no order among them.
    """
    match left, right:
        case (bool(), _) | (_, bool()):
            pass
        case (str(), str()) | (int() | Decimal(), int() | Decimal()):
            return int(left > right) - int(left < right)
        case (int() | Decimal() | Quantity(), int() | Decimal() | Quantity()):
            return compare_quantities(left, right)
        case (Date() | DateTime(), Date() | DateTime()) | (Time(), Time()):
            return compare(left, right)
        case _:
            pass
    raise EvaluationError(f"{kind(left)} and {kind(right)} have no order among them.")


def _comparison(holds: Callable[[int], bool]) -> Operator:
    """An operator that asks for the order of two single values."""

    def build(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
        left, right = _sides(compiler, expression, focus)
        where = f"'{expression.operator}'"
        first = value_of(left, _ORDERED, where, expression.position)
        second = value_of(right, _ORDERED, where, expression.position)
        if not any(left.may_be(kinds) and right.may_be(kinds) for kinds in (MEASURE, TEMPORAL, TEXT)):
            raise PathError(f"{where} compares values of one kind.", expression.position)
        if left.raw in _DATES and right.raw in _DATES:
            return of_one(_date_order(left, right, holds), BOOLEAN)

        def one(this: Item, scope: Scope) -> bool | None:
            a, b = first(this, scope), second(this, scope)
            if a is None or b is None:
                return None
            found = order(a, b)
            return None if found is None else holds(found)

        return of_one(one, BOOLEAN)

    return build


def _date_order(left: Compiled, right: Compiled, holds: Callable[[int], bool]) -> Condition:
    """The comparison of two dates or instants as text, which is parsed only where it must be."""
    first, second = left.one, right.one

    def one(this: Item, scope: Scope) -> bool | None:
        a, b = first(this, scope), second(this, scope)
        if a.__class__ is Node:
            a = a.value
        if b.__class__ is Node:
            b = b.value
        if a.__class__ is not str or b.__class__ is not str:
            return None
        found = compare_texts(a, b)
        return None if found is None else holds(found)

    return one


def _membership(item: Compiled, collection: Compiled) -> Compiled:
    """Whether the only item is among the collection; nothing where there is none."""
    one, many, same = item.one, collection.many, same_items(item, collection)
    if collection.place is not None:
        return of_one(_remembered_membership(item, collection, collection.place), BOOLEAN)

    def test(this: Item, scope: Scope) -> bool | None:
        wanted = one(this, scope)
        return None if wanted is None else any(same(wanted, found) for found in many(this, scope))

    return of_one(test, BOOLEAN)


def _remembered_membership(item: Compiled, collection: Compiled, place: int) -> Condition:
    """As above, in a collection that is asked again and again, and made ready for that once."""
    one, many, finder = item.one, collection.many, equality(item, collection).finder

    def test(this: Item, scope: Scope) -> bool | None:
        wanted = one(this, scope)
        if wanted is None:
            return None
        finds = scope.finders.get(place)
        if finds is None:
            finds = scope.finders[place] = finder(many(this, scope))
        return finds(wanted)

    return test


def _in(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    left, right = _sides(compiler, expression, focus)
    return _membership(left, right)


def _contains(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    left, right = _sides(compiler, expression, focus)
    return _membership(right, left)


def _comparable(left: Quantity, right: Quantity) -> bool:
    return ratio(left, right) is not None


COMPARISONS: dict[str, Operator] = {
    "=": _affirmed(_equality),
    "!=": _denied(_equality),
    "~": _affirmed(_equivalence),
    "!~": _denied(_equivalence),
    "<": _comparison(lambda found: found < 0),
    "<=": _comparison(lambda found: found <= 0),
    ">": _comparison(lambda found: found > 0),
    ">=": _comparison(lambda found: found >= 0),
    "in": _in,
    "contains": _contains,
}

COMPARISON_FUNCTIONS = {
    "comparable": scalar(_comparable, frozenset({QUANTITY}), BOOLEAN, Argument(frozenset({QUANTITY}))),
}
