"""The Boolean operators, three-valued: and, or, xor, implies.

Source: https://hl7.org/fhirpath/N1/#boolean-logic
"""

from __future__ import annotations

from service.fhir.paths.compiled import Compiled, Condition, Focus, condition, of_one
from service.fhir.paths.compiler import Compiler, Operator
from service.fhir.paths.nodes import Item, Scope
from service.fhir.paths.syntax import Binary
from service.fhir.paths.types import BOOLEAN


def _operands(compiler: Compiler, expression: Binary, focus: Focus) -> tuple[Condition, Condition]:
    left = compiler.compile(expression.left, focus)
    right = compiler.compile(expression.right, focus)
    return condition(left), condition(right)


def _and(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    left, right = _operands(compiler, expression, focus)

    def one(this: Item, scope: Scope) -> bool | None:
        first = left(this, scope)
        if first is False:
            return False
        second = right(this, scope)
        return False if second is False else None if first is None else second

    return of_one(one, BOOLEAN)


def _or(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    left, right = _operands(compiler, expression, focus)

    def one(this: Item, scope: Scope) -> bool | None:
        first = left(this, scope)
        if first is True:
            return True
        second = right(this, scope)
        return True if second is True else None if first is None else second

    return of_one(one, BOOLEAN)


def _xor(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    left, right = _operands(compiler, expression, focus)

    def one(this: Item, scope: Scope) -> bool | None:
        first, second = left(this, scope), right(this, scope)
        return None if first is None or second is None else first is not second

    return of_one(one, BOOLEAN)


def _implies(compiler: Compiler, expression: Binary, focus: Focus) -> Compiled:
    left, right = _operands(compiler, expression, focus)

    def one(this: Item, scope: Scope) -> bool | None:
        first = left(this, scope)
        if first is False:
            return True
        second = right(this, scope)
        return True if second is True else None if first is None else second

    return of_one(one, BOOLEAN)


LOGIC: dict[str, Operator] = {"and": _and, "or": _or, "xor": _xor, "implies": _implies}
