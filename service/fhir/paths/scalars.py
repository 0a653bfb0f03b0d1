"""How functions of single system values are compiled: one item in, one value out, nothing from nothing.

Source: https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from service.fhir.paths.compiled import Compiled, One, of_one
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.faults import EvaluationError, PathError
from service.fhir.paths.nodes import Item, Node, Scope
from service.fhir.paths.types import (
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    QUANTITY,
    STRING,
    SYSTEM_OF,
    TIME,
)
from service.fhir.paths.values import kind, system_type, system_value

Kinds = frozenset[str]

TEXT: Kinds = frozenset({STRING})
WHOLE: Kinds = frozenset({INTEGER})
NUMBER: Kinds = frozenset({INTEGER, DECIMAL})
MEASURE: Kinds = NUMBER | {QUANTITY}
TEMPORAL: Kinds = frozenset({DATE, DATETIME, TIME})


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a scalar function; `empty_counts` where it is passed on as None when empty."""

    kinds: Kinds
    optional: bool = False
    empty_counts: bool = False


def scalar(run: Callable[..., Any], takes: Kinds | None, gives: str | None, *arguments: Argument) -> Function:
    """A function that applies `run` to the only item's value and those of its arguments.

    `takes` are the System types that it works on, None for any; `gives` is the type of its
    result, None where that depends on the input.
    """

    def build(call: Invocation) -> Compiled:
        one = value_of(call.target, takes, f"{call.name}()", call.position)
        given = [
            (
                value_of(call.argument(place), argument.kinds, f"{call.name}()", call.position),
                argument.empty_counts,
            )
            for place, argument in enumerate(arguments[: len(call.arguments)])
        ]
        types = frozenset({gives}) if gives is not None else None
        return of_one(_applied(run, one, given), None, types)

    least = sum(not argument.optional for argument in arguments)
    return Function(build, least, len(arguments))


def _applied(run: Callable[..., Any], one: One, given: list[tuple[One, bool]]) -> One:
    """The closure of a scalar function, shaped for the number of its arguments."""
    if not given:

        def alone(this: Item, scope: Scope) -> Any:
            value = one(this, scope)
            return None if value is None else run(value)

        return alone

    if len(given) == 1 and not given[0][1]:
        argument = given[0][0]

        def applied_once(this: Item, scope: Scope) -> Any:
            value = one(this, scope)
            if value is None or (other := argument(this, scope)) is None:
                return None
            return run(value, other)

        return applied_once

    def applied(this: Item, scope: Scope) -> Any:
        value = one(this, scope)
        if value is None:
            return None
        values = []
        for argument, empty_counts in given:
            found = argument(this, scope)
            if found is None and not empty_counts:
                return None
            values.append(found)
        return run(value, *values)

    return applied


def value_of(compiled: Compiled, takes: Kinds | None, where: str, position: int | None) -> One:
    """The system value of the only item, which must be of one of the kinds.

    Raises:
        PathError: the expression can never give such a value.
    """
    if takes is not None and not compiled.may_be(takes):
        shown = " or ".join(sorted(kind.removeprefix("System.") for kind in takes))
        raise PathError(f"{where} works on {shown}, and is given {_shown(compiled)}.", position)
    one, raw = compiled.one, compiled.raw
    if compiled.types is not None and takes is not None and compiled.types <= takes:
        return one

    if takes is not None and STRING in takes and SYSTEM_OF.get(raw or "") == STRING:
        return _text_of(one, where)

    def value(this: Item, scope: Scope) -> Any:
        item = one(this, scope)
        if item is None:
            return None
        found = system_value(item, raw)
        if takes is not None and found is not None and not _is_one_of(found, takes):
            raise EvaluationError(f"{where} is given {kind(found)}, on which it does not work.")
        return found

    return value


def _text_of(one: One, where: str) -> One:
    """The text of the only item, which is raw text or a Node of it."""

    def text(this: Item, scope: Scope) -> Any:
        item = one(this, scope)
        found = item.value if item.__class__ is Node else item
        if found is None or found.__class__ is str:
            return found
        raise EvaluationError(f"{where} is given {kind(found)}, on which it does not work.")

    return text


def _is_one_of(value: Any, takes: Kinds) -> bool:
    return not isinstance(value, dict | list) and system_type(value) in takes


def _shown(compiled: Compiled) -> str:
    return " or ".join(sorted(compiled.types or ()))
