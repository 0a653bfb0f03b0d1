"""Conversions: iif, and the toX() and convertsToX() functions.

Source: https://hl7.org/fhirpath/N1/#conversion
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from service.fhir.paths.collections import alike, either_types
from service.fhir.paths.compiled import Compiled, condition, of_many, of_one
from service.fhir.paths.compiler import Function, Invocation
from service.fhir.paths.dates import Date, DateTime, Time, parse_date, parse_datetime, parse_time
from service.fhir.paths.faults import PathError
from service.fhir.paths.mathematics import whole
from service.fhir.paths.nodes import Item, Items, Scope
from service.fhir.paths.quantities import CALENDAR_UNITS, Quantity, convert
from service.fhir.paths.scalars import TEXT, Argument, scalar
from service.fhir.paths.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    QUANTITY,
    STRING,
    SYSTEM_TYPES,
    TIME,
)

# Source of the texts and forms below: https://hl7.org/fhirpath/N1/#conversion
_TRUE = frozenset({"true", "t", "yes", "y", "1", "1.0"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "0.0"})
_INTEGER = re.compile(r"[+-]?\d+")
_DECIMAL = re.compile(r"[+-]?\d+(?:\.\d+)?")
_QUANTITY = re.compile(r"(?P<value>[+-]?\d+(?:\.\d+)?)\s*(?:'(?P<unit>[^']+)'|(?P<word>[a-zA-Z]+))?")


def to_boolean(value: Any) -> bool | None:
    """The value as a Boolean, None where it is none."""
    match value:
        case bool():
            return value
        case str():
            text = value.lower()
            return True if text in _TRUE else False if text in _FALSE else None
        case int() | Decimal():
            return bool(value) if value in {0, 1} else None
        case _:
            return None


def to_integer(value: Any) -> int | None:
    """The value as an Integer, None where it is none."""
    match value:
        case bool() | int():
            return int(value)
        case str():
            return whole(Decimal(value)) if _INTEGER.fullmatch(value) else None
        case _:
            return None


def to_decimal(value: Any) -> Decimal | None:
    """The value as a Decimal, None where it is none."""
    match value:
        case bool() | int():
            return Decimal(int(value))
        case Decimal():
            return value
        case str():
            return Decimal(value) if _DECIMAL.fullmatch(value) else None
        case _:
            return None


def to_quantity(value: Any, wanted: str | None = None) -> Quantity | None:
    """The value as a quantity, in the wanted unit where one is given; None where it is none."""
    quantity = _quantity(value)
    return quantity if quantity is None or wanted is None else convert(quantity, wanted)


def _quantity(value: Any) -> Quantity | None:
    match value:
        case Quantity():
            return value
        case bool() | int() | Decimal():
            return Quantity(Decimal(int(value)) if isinstance(value, bool) else Decimal(value), "1")
        case str():
            return _quantity_text(value)
        case _:
            return None


def _quantity_text(text: str) -> Quantity | None:
    """The quantity that the text says: `4 days`, `10 'mg'`, `1.5`."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, unit, word = Decimal(match["value"]), match["unit"], match["word"]
    if word is not None:
        return Quantity(number, word, calendar=True) if word in CALENDAR_UNITS else None
    return Quantity(number, unit or "1")


def to_string(value: Any) -> str | None:
    """The value as text, None where it has none."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | Quantity() | Date() | DateTime() | Time():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case _:
            return None


def to_date(value: Any) -> Date | None:
    """The value as a Date, None where it is none."""
    match value:
        case Date():
            return value
        case DateTime():
            return Date(tuple(int(part) for part in value.parts[:3]))
        case str():
            return parse_date(value)
        case _:
            return None


def to_datetime(value: Any) -> DateTime | None:
    """The value as a DateTime, None where it is none."""
    match value:
        case DateTime():
            return value
        case Date():
            return DateTime(value.parts)
        case str():
            return parse_datetime(value)
        case _:
            return None


def to_time(value: Any) -> Time | None:
    """The value as a Time, None where it is none."""
    match value:
        case Time():
            return value
        case str():
            return parse_time(value)
        case _:
            return None


def _iif(call: Invocation) -> Compiled:
    """The branch that the criterion chooses; the other is not evaluated."""
    target = call.target
    criterion = call.criterion(0)
    if criterion.types and criterion.types <= SYSTEM_TYPES - {BOOLEAN}:
        raise PathError("The criterion of iif() is no Boolean.", call.position)
    truth = condition(criterion)
    chosen, other = alike(call.criterion(1), _otherwise(call))
    first, second = chosen.many, other.many
    on = target.one

    def many(this: Item, scope: Scope) -> Items:
        item = on(this, scope)
        return first(item, scope) if truth(item, scope) else second(item, scope)

    return of_many(many, chosen.raw, either_types(chosen, other), ordered=chosen.ordered and other.ordered)


def _otherwise(call: Invocation) -> Compiled:
    if len(call.arguments) > 2:
        return call.criterion(2)
    return of_one(lambda _this, _scope: None, None, frozenset())


_WRITTEN = frozenset(
    {"date", "dateTime", "instant", "time"}
)  # FHIR writes them as text, which they are as text


def _to_string(call: Invocation) -> Compiled:
    """The text of the only item; that of a FHIR date or time as it was written."""
    target, converted = call.target, scalar(to_string, None, STRING).build(call)
    if target.raw not in _WRITTEN:
        return converted
    on, convert_one = target.one, converted.one

    def one(this: Item, scope: Scope) -> Item:
        item = on(this, scope)
        return item if item.__class__ is str else convert_one(this, scope)

    return of_one(one, None, frozenset({STRING}))


def _pair(name: str, type_: str, run: Callable[..., Any], *arguments: Argument) -> Mapping[str, Function]:
    """The functions toX() and convertsToX() of one type."""

    def converts(value: Any, *given: Any) -> bool:
        return run(value, *given) is not None

    return {
        f"to{name}": scalar(run, None, type_, *arguments),
        f"convertsTo{name}": scalar(converts, None, BOOLEAN, *arguments),
    }


CONVERSIONS = {
    "iif": Function(_iif, 2, 3),
    **_pair("Boolean", BOOLEAN, to_boolean),
    **_pair("Integer", INTEGER, to_integer),
    **_pair("Decimal", DECIMAL, to_decimal),
    **_pair("Quantity", QUANTITY, to_quantity, Argument(TEXT, optional=True)),
    **_pair("String", STRING, to_string),
    "toString": Function(_to_string, 0, 0),
    **_pair("Date", DATE, to_date),
    **_pair("DateTime", DATETIME, to_datetime),
    **_pair("Time", TIME, to_time),
}
