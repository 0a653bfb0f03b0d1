"""Utility functions and aggregates: trace, now, today, timeOfDay, aggregate, type, boundaries.

Source: https://hl7.org/fhirpath/N1/#utility-functions, https://hl7.org/fhirpath/N1/#aggregates
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from service.fhir.paths.boundaries import high_boundary, low_boundary, precision
from service.fhir.paths.compiled import Compiled, lifted, like, of_many, of_one
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.dates import Date, DateTime, Time
from service.fhir.paths.faults import EvaluationError
from service.fhir.paths.filtering import counted
from service.fhir.paths.nodes import Item, Items, Scope
from service.fhir.paths.scalars import MEASURE, TEMPORAL, TEXT, WHOLE, Argument, scalar, value_of
from service.fhir.paths.types import DATE, DATETIME, INTEGER, SYSTEM_TYPES, TIME, TYPE_INFO, TypeModel
from service.fhir.paths.values import TypeInfo, exported, item_type

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(scope: Scope) -> DateTime:
    """The instant of the evaluation, in UTC and to the millisecond.

    Raises:
        EvaluationError: the environment has no clock.
    """
    if scope.environment.now is None:
        raise EvaluationError("The environment has no clock.")
    at = _EPOCH + timedelta(milliseconds=scope.environment.now)
    second = Decimal(at.second * 1000 + at.microsecond // 1000).scaleb(-3)
    return DateTime((at.year, at.month, at.day, at.hour, at.minute, second), 0)


def _now(call: Invocation) -> Compiled:
    call.compiler.scoped = call.compiler.outward = True
    return of_one(lambda _this, scope: _moment(scope), DATETIME)


def _today(call: Invocation) -> Compiled:
    call.compiler.scoped = call.compiler.outward = True
    return of_one(lambda _this, scope: Date(tuple(int(part) for part in _moment(scope).parts[:3])), DATE)


def _time_of_day(call: Invocation) -> Compiled:
    call.compiler.scoped = call.compiler.outward = True
    return of_one(lambda _this, scope: Time(_moment(scope).parts[3:]), TIME)


def _trace(call: Invocation) -> Compiled:
    """The items unchanged, after the environment was told of them."""
    call.compiler.scoped = call.compiler.outward = True
    source = call.target.many
    name = value_of(call.argument(0), TEXT, "trace()", call.position)
    shown = lifted(call.criterion(1)).many if len(call.arguments) > 1 else None
    raw = call.target.raw

    def many(this: Item, scope: Scope) -> Items:
        items = source(this, scope)
        tell = scope.environment.trace
        if tell is not None:
            seen = items if shown is None else [found for item in items for found in shown(item, scope)]
            tell(str(name(this, scope)), [exported(item, raw if shown is None else None) for item in seen])
        return items

    return like(call.target, many)


def _aggregate(call: Invocation) -> Compiled:
    """What the aggregator makes of the items one after the other, $total being what it made so far."""
    call.compiler.scoped = True
    target = lifted(call.target)
    step = lifted(call.compiler.compile_inner(call.arguments[0], target.focus)).many
    start = lifted(call.argument(1)).many if len(call.arguments) > 1 else None
    source = target.many

    def many(this: Item, scope: Scope) -> Items:
        outer = scope.total
        total = [] if start is None else start(this, scope)
        for item in counted(source(this, scope), scope):
            scope.total = total
            total = step(item, scope)
        scope.total = outer
        return total

    return of_many(many, None, None)


def _type(call: Invocation) -> Compiled:
    source, raw, model = call.target.many, call.target.raw, call.compiler.model
    return of_many(
        lambda this, scope: [_type_info(model, item_type(item, raw)) for item in source(this, scope)],
        None,
        frozenset({TYPE_INFO}),
    )


def _type_info(model: TypeModel, type_: str) -> TypeInfo:
    """What is told of a type; a backbone element has no type name of its own."""
    if type_ in SYSTEM_TYPES:
        return TypeInfo("System", type_.removeprefix("System."), "System.Any")
    lineage = [f"FHIR.{name}" for name in model.ancestry(type_)]
    name = lineage[1].removeprefix("FHIR.") if "." in type_ else type_
    return TypeInfo("FHIR", name, lineage[1] if len(lineage) > 1 else "System.Any")


_PRECISION = Argument(WHOLE, optional=True)

UTILITY = {
    "now": Function(_now),
    "today": Function(_today),
    "timeOfDay": Function(_time_of_day),
    "trace": Function(_trace, 1, 2),
    "aggregate": Function(_aggregate, 1, 2),
    "type": Function(_type),
    "lowBoundary": scalar(low_boundary, MEASURE | TEMPORAL, None, _PRECISION),
    "highBoundary": scalar(high_boundary, MEASURE | TEMPORAL, None, _PRECISION),
    "precision": scalar(precision, MEASURE | TEMPORAL, INTEGER),
}
