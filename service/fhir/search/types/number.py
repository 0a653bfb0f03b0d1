"""Number parameters.

Source: https://hl7.org/fhir/R4/search.html#number
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from service.fhir.search import refusals
from service.fhir.search.asked import Asked, prefixed
from service.fhir.search.expressions import Expression, Number
from service.fhir.search.numbers import approximate, implied, real

MODIFIERS = ()

_FORM = "give a number such as 7, 7.10 or 5.4e-3, after a prefix such as `ge` where one is meant"


def _number(value: float | Decimal) -> list[tuple[float]]:
    return [(real(value),)]


READERS: Mapping[str, Callable[[Any], list[tuple[float]]]] = {
    "decimal": _number, "integer": _number, "positiveInt": _number, "unsignedInt": _number,
    "System.Integer": _number, "System.Decimal": _number,
}  # fmt: skip


def read(asked: Asked) -> Expression:
    """The condition that a number states.

    Raises:
        Malformed: it is no number that a double can hold.
    """
    prefix, text = prefixed(asked.value)
    found = approximate(text) if prefix == "ap" else implied(text)
    if found is None:
        raise refusals.unreadable(asked.name, "search-value-number", _FORM)
    return Number(asked.code, prefix, *found)
