"""System values: what FHIR elements become where an operator or function wants a value.

Source: https://hl7.org/fhir/R4/fhirpath.html#types, https://hl7.org/fhirpath/N1/#conversion
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from service.fhir.paths.dates import Date, DateTime, Time, parse_date, parse_datetime, parse_time
from service.fhir.paths.nodes import Item, Node
from service.fhir.paths.quantities import Quantity, quantity_of
from service.fhir.paths.types import (
    BOOLEAN,
    DATE,
    DATETIME,
    DECIMAL,
    INTEGER,
    QUANTITIES,
    QUANTITY,
    STRING,
    TIME,
    TYPE_INFO,
)

Reader = Callable[[Item], Any]


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """What type() tells: the namespace, the name and the full name of the base type."""

    namespace: str
    name: str
    base_type: str


_SYSTEM_TYPES: dict[type, str] = {
    bool: BOOLEAN, str: STRING, int: INTEGER, Decimal: DECIMAL, Date: DATE, DateTime: DATETIME, Time: TIME,
    Quantity: QUANTITY, TypeInfo: TYPE_INFO,
}  # fmt: skip


def system_type(value: Any) -> str:
    """The System type of a system value."""
    return _SYSTEM_TYPES[type(value)]


def kind(value: Any) -> str:
    """What faults call a value: `Integer`, or a complex element."""
    return (
        "a complex element" if isinstance(value, dict | list) else system_type(value).removeprefix("System.")
    )


def json_value(value: Any) -> Any:
    """The JSON of a system value: text for dates and times, a FHIR Quantity for a quantity."""
    match value:
        case Date() | DateTime() | Time():
            return str(value)
        case Quantity():
            return value.json()
        case TypeInfo():
            return {"namespace": value.namespace, "name": value.name}
        case _:
            return value


def exported(item: Item, raw: str | None) -> Node:
    """The item as a node for the caller, a system value with its JSON value."""
    if item.__class__ is Node:
        return item
    return Node(system_type(item), json_value(item)) if raw is None else Node(raw, item)


def item_type(item: Item, raw: str | None) -> str:
    """The type of an item: a Node's own, the raw type of a raw element, or that of a system value."""
    if item.__class__ is Node:
        return str(item.type)
    return raw if raw is not None else system_type(item)


def system_value(item: Item, raw: str | None) -> Any:
    """The system value of an item; a complex element that has none stays its JSON object.

    None for a primitive that has extensions and no value. Text that is no date where a
    date is due stays text, so that it equals no date.
    """
    if item.__class__ is Node:
        raw, item = item.type, item.value
    if raw is None or item is None:
        return item
    reader = _READERS.get(raw)
    return item if reader is None else reader(item)


def reader(raw: str | None) -> Reader:
    """A function that gives the system value of items of the raw type, or of Nodes."""

    def read(item: Item) -> Any:
        return system_value(item, raw)

    return read


def _parsed(parse: Callable[[str], Any]) -> Reader:
    """A reader of text of a certain form."""

    def read(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        value = parse(text)
        return text if value is None else value

    return read


def _quantity(value: Any) -> Any:
    """A FHIR Quantity as a system quantity, or as it is where it is none (no value, or a comparator)."""
    quantity = quantity_of(value)
    return value if quantity is None else quantity


_READERS: dict[str, Reader] = {
    "date": _parsed(parse_date),
    "dateTime": _parsed(parse_datetime),
    "instant": _parsed(parse_datetime),
    "time": _parsed(parse_time),
    **dict.fromkeys(QUANTITIES, _quantity),
}

# FHIR types whose JSON is not the system value yet.
CONVERTED = frozenset(_READERS)
