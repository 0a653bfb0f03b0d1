"""What an invariant comes to as far as the names of an object's elements alone decide it.

Most of R4's invariants ask only which elements are there (`code.empty() or
system.exists()`), and all objects with the same names answer alike; so the acceptor asks
once for each shape, and evaluates only what hangs on values.

Source: https://hl7.org/fhirpath/N1/#boolean-logic, https://hl7.org/fhirpath/N1/#existence
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from service.fhir.paths.syntax import Binary, Call, Expression, Literal, Member, Subscript, TypeTest

# Functions that give nothing for nothing.
_KEEP_EMPTINESS: Final = frozenset(
    {"where", "select", "first", "last", "single", "tail", "skip", "take", "intersect", "ofType", "as"}
    | {"trace", "distinct", "resolve", "extension", "descendants", "children", "repeat", "exclude"}
)


def settled(expression: Expression | None, names: AbstractSet[str]) -> bool | None:
    """Whether the expression holds of every sound object that has just these elements; None where values decide.

    `names` are names of elements without the type of a choice.
    """
    match expression:
        case Literal(bool() as value):
            return value
        case Call(target, "empty", ()):
            return _negated(_is_present(target, names))
        case Call(target, "exists", ()):
            return _is_present(target, names)
        case Call(target, "exists" | "all", (_,)):
            absent = _is_present(target, names) is False
            return (expression.name == "all") if absent else None
        case Call(target, "hasValue", ()):
            return False if _is_present(target, names) is False else None
        case Call(target, "not", ()):
            return _negated(settled(target, names))
        case Binary(operator, left, right):
            return _combined(operator, settled(left, names), settled(right, names))
        case _:
            return None


def _is_present(path: Expression | None, names: AbstractSet[str]) -> bool | None:
    """Whether the path leads to anything; None where that hangs on values."""
    match path:
        case Member(None, name):
            return name in names
        case Member(target) | Subscript(target) | TypeTest(_, target):
            return False if _is_present(target, names) is False else None
        case Call(target, name) if name in _KEEP_EMPTINESS:
            return False if _is_present(target, names) is False else None
        case _:
            return None


def _negated(truth: bool | None) -> bool | None:  # noqa: FBT001 - a truth value, not a switch
    return None if truth is None else not truth


def _combined(operator: str, left: bool | None, right: bool | None) -> bool | None:  # noqa: FBT001 - truth values
    """Two truths combined; one side alone may decide."""
    match operator:
        case "and":
            return False if left is False or right is False else _both(left, right, left and right)
        case "or":
            return True if left or right else _both(left, right, False)
        case "implies":
            return True if left is False or right else _both(left, right, right)
        case "xor" | "!=":
            return _both(left, right, left is not right)
        case "=":
            return _both(left, right, left is right)
        case _:
            return None


def _both(left: bool | None, right: bool | None, truth: bool | None) -> bool | None:  # noqa: FBT001 - truth values
    return None if left is None or right is None else truth
