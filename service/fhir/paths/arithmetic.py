"""The operators that calculate: + - * / div mod & and the sign.

Source: https://hl7.org/fhirpath/N1/#math, https://hl7.org/fhirpath/N1/#datetime-arithmetic
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from service.fhir.paths.compiled import Compiled, Focus, of_one
from service.fhir.paths.compiler import Compiler, Operator
from service.fhir.paths.date_arithmetic import shift
from service.fhir.paths.dates import Date, DateTime, Time
from service.fhir.paths.faults import EvaluationError, PathError
from service.fhir.paths.mathematics import whole
from service.fhir.paths.nodes import Item, Scope
from service.fhir.paths.quantities import ARITHMETIC, Quantity, add, as_quantity, calculated, multiply
from service.fhir.paths.scalars import MEASURE, NUMBER, TEMPORAL, TEXT, Kinds, value_of
from service.fhir.paths.syntax import Binary, Polarity
from service.fhir.paths.types import QUANTITY, STRING, SYSTEM_OF, SYSTEM_TYPES
from service.fhir.paths.values import kind

Calculation = Callable[[Any, Any], Any]


def _sum(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    return _total(left, right, 1, operator.add, ARITHMETIC.add)


def _difference(left: Any, right: Any) -> Any:
    return _total(left, right, -1, operator.sub, ARITHMETIC.subtract)


def _total(left: Any, right: Any, sign: int, integers: Calculation, decimals: Calculation) -> Any:
    """The sum or difference of numbers, quantities, or a date and a duration."""
    if isinstance(left, Date | DateTime | Time) and isinstance(right, Quantity):
        return shift(left, right, sign)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        if _are_measures(left, right):
            return add(as_quantity(left), as_quantity(right), sign)
    elif _are_measures(left, right):
        return _number(left, right, integers, decimals)
    raise _mismatch(left, right)


def _product(left: Any, right: Any) -> Any:
    if not _are_measures(left, right):
        raise _mismatch(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return multiply(as_quantity(left), as_quantity(right), 1)
    return _number(left, right, operator.mul, ARITHMETIC.multiply)


def _quotient(left: Any, right: Any) -> Any:
    if not _are_measures(left, right):
        raise _mismatch(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return multiply(as_quantity(left), as_quantity(right), -1)
    return calculated(ARITHMETIC.divide, Decimal(left), Decimal(right))


def _whole_quotient(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    quotient = calculated(ARITHMETIC.divide_int, Decimal(left), Decimal(right))
    return None if quotient is None else whole(quotient)


def _remainder(left: Any, right: Any) -> Any:
    if right == 0:
        return None
    remainder = calculated(ARITHMETIC.remainder, Decimal(left), Decimal(right))
    both_whole = isinstance(left, int) and isinstance(right, int)
    return int(remainder) if remainder is not None and both_whole else remainder


def _number(left: Any, right: Any, integers: Calculation, decimals: Calculation) -> Any:
    """The result for two integers or for two decimals."""
    if isinstance(left, int) and isinstance(right, int):
        return whole(Decimal(integers(left, right)))
    return calculated(decimals, Decimal(left), Decimal(right))


def _are_measures(left: Any, right: Any) -> bool:
    return all(
        isinstance(side, int | Decimal | Quantity) and not isinstance(side, bool) for side in (left, right)
    )


def _mismatch(left: Any, right: Any) -> EvaluationError:
    return EvaluationError(f"{kind(left)} and {kind(right)} cannot be calculated with together.")


def _calculates(takes: Kinds, run: Calculation) -> Operator:
    """An operator on two single values, which gives nothing where either is missing."""

    def build(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
        left = compiler.compile(expression.left, focus)
        right = compiler.compile(expression.right, focus)
        first = value_of(left, takes, f"'{expression.operator}'", expression.position)
        second = value_of(right, takes, f"'{expression.operator}'", expression.position)
        _check_dates(left, right, expression)

        def one(this: Item, scope: Scope) -> Any:
            a, b = first(this, scope), second(this, scope)
            return None if a is None or b is None else run(a, b)

        return of_one(one, None, _result_types(left, right))

    return build


def _check_dates(left: Compiled, right: Compiled, expression: Binary) -> None:
    """Refuses a date with anything but a duration on its right, so far as types tell.

    Raises:
        PathError: such an operand.
    """
    systems = None if left.types is None else {SYSTEM_OF.get(type_, type_) for type_ in left.types}
    if systems and systems <= TEMPORAL and not right.may_be(frozenset({QUANTITY})):
        raise PathError(
            f"'{expression.operator}' moves a date by a duration such as 7 days.", expression.position
        )


def _result_types(left: Compiled, right: Compiled) -> frozenset[str] | None:
    """The types of the result where both sides are of one System type, otherwise unknown."""
    if left.types is None or left.types != right.types or len(left.types) != 1:
        return None
    return left.types if left.types <= SYSTEM_TYPES & frozenset({STRING}) else None


def _concatenation(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    sides = (compiler.compile(expression.left, focus), compiler.compile(expression.right, focus))
    first, second = (value_of(side, TEXT, "'&'", expression.position) for side in sides)
    return of_one(lambda this, scope: (first(this, scope) or "") + (second(this, scope) or ""), STRING)


def _polarity(compiler: Compiler, expression: Polarity, focus: Focus) -> Compiled:
    operand = compiler.compile(expression.operand, focus)
    value = value_of(operand, MEASURE, "A sign", expression.position)
    if not expression.negative:
        return operand

    def one(this: Item, scope: Scope) -> Any:
        number = value(this, scope)
        if isinstance(number, Quantity):
            return replace(number, value=-number.value)
        return None if number is None else -number

    return of_one(one, None, operand.types if operand.raw is None else None)


ARITHMETIC_OPERATORS: dict[str, Operator] = {
    "+": _calculates(MEASURE | TEXT | TEMPORAL, _sum),
    "-": _calculates(MEASURE | TEMPORAL, _difference),
    "*": _calculates(MEASURE, _product),
    "/": _calculates(MEASURE, _quotient),
    "div": _calculates(NUMBER, _whole_quotient),
    "mod": _calculates(NUMBER, _remainder),
    "&": _concatenation,
    "polarity": _polarity,
}
