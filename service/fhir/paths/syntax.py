"""The syntax tree of a FHIRPath expression: frozen values, as written, nothing resolved yet.

Source: https://hl7.org/fhirpath/N1/grammar.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any
from typing import Literal as OneOf

BinaryOperator = OneOf[
    "*", "/", "div", "mod", "+", "-", "&", "|", "<=", "<", ">", ">=",
    "=", "~", "!=", "!~", "in", "contains", "and", "or", "xor", "implies",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Empty:
    """`{}`: nothing."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A literal: `value` is a system value (str, bool, int, Decimal, Date, DateTime, Time, Quantity)."""

    value: Any


@dataclass(frozen=True, slots=True)
class Variable:
    """`%name`, given by the environment."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class This:
    """`$this`, or what an expression without a leading target starts from."""


@dataclass(frozen=True, slots=True)
class Index:
    """`$index`, the place of $this in the collection that is walked."""


@dataclass(frozen=True, slots=True)
class Total:
    """`$total`, what aggregate() has come to so far."""


@dataclass(frozen=True, slots=True)
class Member:
    """`target.name`; target None at the head of a path."""

    target: Expression | None
    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """`target.name(arguments)`; target None at the head of a path."""

    target: Expression | None
    name: str
    arguments: tuple[Expression, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Subscript:
    """`target[index]`."""

    target: Expression
    index: Expression


@dataclass(frozen=True, slots=True)
class Polarity:
    """`-operand` or `+operand`."""

    negative: bool
    operand: Expression
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: BinaryOperator
    left: Expression
    right: Expression
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as written: `Quantity`, `FHIR.Quantity`, `System.Quantity`."""

    namespace: str | None
    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeTest:
    """`operand is type` or `operand as type`."""

    operator: OneOf["is", "as"]
    operand: Expression
    type: TypeName


Expression = (
    Empty | Literal | Variable | This | Index | Total | Member | Call | Subscript | Polarity | Binary | TypeTest
)  # fmt: skip


def functions(expression: object) -> Iterator[Call]:
    """Every function call in the expression, outer ones first."""
    if isinstance(expression, Call):
        yield expression
    if isinstance(expression, tuple):
        for part in expression:
            yield from functions(part)
    elif is_dataclass(expression):
        for part in fields(expression):
            yield from functions(getattr(expression, part.name))


# Functions whose arguments are evaluated with the items of their target as $this, or name a type.
_OWN_FOCUS = frozenset(
    {"all", "as", "exists", "iif", "is", "ofType", "repeat", "repeatAll", "select", "sort", "where"}
)


def is_fixed(expression: Expression) -> bool:
    """Whether the expression gives the same for every $this: it starts from %variables and literals alone."""
    match expression:
        case Literal() | Empty() | Variable():
            return True
        case Member(target) | Subscript(target, Literal()):
            return target is not None and is_fixed(target)
        case Polarity(_, operand) | TypeTest(_, operand):
            return is_fixed(operand)
        case Binary(_, left, right):
            return is_fixed(left) and is_fixed(right)
        case Call(target, name, arguments):
            own = name in _OWN_FOCUS or all(map(is_fixed, arguments))
            return target is not None and own and is_fixed(target)
        case _:
            return False
