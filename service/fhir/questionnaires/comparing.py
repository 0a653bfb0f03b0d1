"""Equality and order of two answers of one type.

A date compares as far as both say: 2022-06-30 is not after 2022-06. Quantities compare
where UCUM converts their units, and where their units are written alike.

Source: https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.operator
"""

from __future__ import annotations

from collections.abc import Hashable
from decimal import Decimal
from typing import Any, Final

from service.fhir import codec
from service.fhir.paths import dates
from service.fhir.paths.quantities import compare_quantities, quantity_of

DATES: Final = frozenset({"valueDate", "valueDateTime", "valueInstant"})


def is_number(value: Any) -> bool:
    """Whether it is a number of JSON."""
    return type(value) is int or (type(value) is Decimal and value.is_finite())


def order(key: str, left: Any, right: Any) -> int | None:
    """-1, 0 or 1 as left is less than, the same as or greater than right; None where that cannot be told.

    `key` is the JSON name of the value on the left, such as `valueDate`.
    """
    if is_number(left):
        return (left > right) - (left < right) if is_number(right) else None
    if isinstance(left, dict):
        one, other = quantity_of(left), quantity_of(right)
        return None if one is None or other is None else compare_quantities(one, other)
    if not (isinstance(left, str) and isinstance(right, str)):
        return None
    if key in DATES:
        return _temporal(dates.parse_datetime(left), dates.parse_datetime(right))
    if key == "valueTime":
        return _temporal(dates.parse_time(left), dates.parse_time(right))
    return (left > right) - (left < right)


def _temporal(left: dates.Temporal | None, right: dates.Temporal | None) -> int | None:
    return None if left is None or right is None else dates.compare(left, right)


def same(key: str, left: Any, right: Any) -> bool:
    """Whether two answers are equal: codings by system and code, references by what they point to."""
    if identity(key, left) == identity(key, right):
        return True
    return key not in {"valueString", "valueCoding", "valueReference"} and order(key, left, right) == 0


def identity(key: str, value: Any) -> Hashable:
    """What two answers must share to be the same one; what is written beside it (a display) does not count.

    A number is the same however many zeros it ends in. Strings and the texts of codings are told apart by case.
    """
    if isinstance(value, dict):
        if key == "valueCoding":
            code = value.get("code")
            return ("code", _text(value.get("system")), _text(code)) if code is not None else _display(value)
        if key == "valueReference" and "reference" in value:
            return ("reference", _text(value["reference"]))
        return codec.encode(value)
    if isinstance(value, bool):
        return ("boolean", value)
    return value if isinstance(value, Hashable) else None


def _display(value: dict[str, Any]) -> Hashable:
    return ("display", _text(value.get("system")), _text(value.get("display")))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
