"""Quantity parameters: numbers with a unit.

A quantity that is more than one number (a Range, a comparator, sampled data) is indexed
by its two ends, infinite where it is open, so that each prefix finds it by the end that
decides.

Source: https://hl7.org/fhir/R4/search.html#quantity
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from service.fhir.search import refusals
from service.fhir.search.asked import Asked, any_code, prefixed
from service.fhir.search.derived import CANONICAL
from service.fhir.search.escapes import split, unescape
from service.fhir.search.expressions import Expression, Quantity
from service.fhir.search.numbers import Convert, approximate, implied, real
from service.fhir.search.units import UCUM, conversion

MODIFIERS = ()

Quantities = list[tuple[str, str, float]]  # system, code, value

_FORM = (
    "give `number`, `number|system|code` or `number||unit`, after a prefix such as `ge` where one is meant"
)

# Source: https://hl7.org/fhir/R4/datatypes.html#Money (currency is a code of ISO 4217)
CURRENCIES = "urn:iso:std:iso:4217"


def _quantity(value: Mapping[str, Any]) -> Quantities:
    if "value" not in value:
        return []
    number = real(value["value"])
    numbers = _compared(number, value["comparator"]) if "comparator" in value else (number,)
    return _in_unit(value, numbers)


def _in_unit(value: Mapping[str, Any], numbers: Iterable[float]) -> Quantities:
    """The numbers under the quantity's coded unit and, where that reads otherwise, under the unit's text."""
    system = value.get("system", "")
    code = value.get("code", "")
    unit = value.get("unit", code)
    found = [(system, code, number) for number in numbers] if code or unit == code else []
    if unit != code:
        found += [("", unit, number) for number in numbers]
    return found


def _compared(number: float, comparator: str) -> tuple[float, float]:
    """The two ends of what a comparator leaves open; the bound itself only where it is included."""
    match comparator:
        case "<":
            return -math.inf, math.nextafter(number, -math.inf)
        case "<=":
            return -math.inf, number
        case ">=":
            return number, math.inf
        case _:
            return math.nextafter(number, math.inf), math.inf


def _money(value: Mapping[str, Any]) -> Quantities:
    if "value" not in value:
        return []
    currency = value.get("currency", "")
    return [(CURRENCIES if currency else "", currency, real(value["value"]))]


def _range(value: Mapping[str, Any]) -> Quantities:
    low, high = value.get("low", {}), value.get("high", {})
    if "value" not in low and "value" not in high:
        return []
    known = low if "value" in low else high
    found = _quantity(low) or _in_unit(known, (-math.inf,))
    return found + (_quantity(high) or _in_unit(known, (math.inf,)))


def _sampled(value: Mapping[str, Any]) -> Quantities:
    """The lowest and the highest sample, in the unit of the origin."""
    origin = value.get("origin", {})
    if "value" not in origin:
        return []
    zero, factor = real(origin["value"]), real(value.get("factor", 1))
    samples = [zero + factor * sample for sample in _samples(value.get("data", ""))]
    samples += [
        real(value[limit]) for limit, mark in _LIMITS if limit in value and mark in value.get("data", "")
    ]
    return _in_unit(origin, (min(samples), max(samples))) if samples else []


# Samples beyond what the device measures are written as letters.
# Source: https://hl7.org/fhir/R4/datatypes.html#SampledData
_LIMITS = (("lowerLimit", "L"), ("upperLimit", "U"))
_SAMPLE = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)", re.ASCII)  # digits are read in one way only


def _samples(data: str) -> list[float]:
    return [float(sample) for sample in data.split() if _SAMPLE.fullmatch(sample)]


READERS: Mapping[str, Callable[[Any], Quantities]] = {
    "Quantity": _quantity, "Age": _quantity, "Count": _quantity, "Distance": _quantity, "Duration": _quantity,
    "Money": _money, "Range": _range, "SampledData": _sampled,
}  # fmt: skip


def _canonical(value: Mapping[str, Any]) -> Quantities:
    """The quantity in the canonical unit of its dimension; none of a unit that has no other beside it."""
    found = conversion(value.get("system", ""), value.get("code", ""))
    if found is None or "value" not in value:
        return []
    number = found(value["value"])
    numbers = _compared(number, value["comparator"]) if "comparator" in value else (number,)
    return [(UCUM, found.code, number) for number in numbers]


def _canonical_range(value: Mapping[str, Any]) -> Quantities:
    low, high = value.get("low", {}), value.get("high", {})
    lower, upper = _canonical(low), _canonical(high)
    known = lower or upper
    if not known or ("value" in low and not lower) or ("value" in high and not upper):
        return []
    code = known[0][1]
    return (lower or [(UCUM, code, -math.inf)]) + (upper or [(UCUM, code, math.inf)])


def _canonical_samples(value: Mapping[str, Any]) -> Quantities:
    origin = value.get("origin", {})
    found = conversion(origin.get("system", ""), origin.get("code", ""))
    if found is None:
        return []
    return [(UCUM, found.code, found(number)) for system, _, number in _sampled(value) if system == UCUM]


# What a quantity is in the canonical unit of its dimension, where it has one.
CANONICAL_READERS: Mapping[str, Callable[[Any], Quantities]] = {
    "Quantity": _canonical, "Age": _canonical, "Count": _canonical, "Distance": _canonical, "Duration": _canonical,
    "Range": _canonical_range, "SampledData": _canonical_samples,
}  # fmt: skip


def read(asked: Asked) -> Expression:
    """The condition that a quantity states; one in a unit of UCUM is asked for in every unit of its dimension.

    Raises:
        Malformed: it is not a number with, or without, system and code.
    """
    parts = [unescape(part) for part in split(asked.text, "|")]
    prefix, text = prefixed(parts[0])
    system, code = parts[1:] if len(parts) == 3 else ("", "")
    known = conversion(system, code)
    convert: Convert = float if known is None else known
    found = approximate(text, convert) if prefix == "ap" else implied(text, convert)
    if found is None or len(parts) not in {1, 3}:
        raise refusals.unreadable(asked.name, "search-value-quantity", _FORM)
    if known is None:
        return Quantity(asked.code, prefix, *found, system or None, code or None)
    return any_code(asked, CANONICAL, lambda code: Quantity(code, prefix, *found, UCUM, known.code))
