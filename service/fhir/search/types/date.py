"""Date parameters: ranges of time compared with ranges of time.

Source: https://hl7.org/fhir/R4/search.html#date
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from service.fhir.search import refusals
from service.fhir.search.asked import Asked, prefixed
from service.fhir.search.dates import Range, instant, moment, period, timing, widened
from service.fhir.search.expressions import Date, Expression, LastUpdated, Prefix

MODIFIERS = ()

Ranges = list[Range]

_FORM = (
    "give 2026, 2026-11, 2026-11-22, 2026-11-22T10:30Z or 2026-11-22T10:30:00+01:00, "
    "after a prefix such as `ge` where one is meant"
)

# A `+` that was not percent-encoded arrives as a space; nothing else can stand there.
_LOST_PLUS = re.compile(r"(?<=[\d.]) (?=\d\d:\d\d$)")


def _moment(value: str) -> Ranges:
    return _known(moment(value))


def _instant(value: str) -> Ranges:
    return _known(instant(value))


def _period(value: Mapping[str, Any]) -> Ranges:
    return _known(period(value))


def _timing(value: Mapping[str, Any]) -> Ranges:
    return _known(timing(value))


def _known(range_: Range | None) -> Ranges:
    return [] if range_ is None else [range_]


READERS: Mapping[str, Callable[[Any], Ranges]] = {
    "date": _moment, "dateTime": _moment, "instant": _instant, "Period": _period, "Timing": _timing,
}  # fmt: skip


def read(asked: Asked) -> Expression:
    """The condition that a date value states.

    Raises:
        Malformed: it is no date.
    """
    prefix, (low, high) = _range(asked)
    return Date(asked.code, prefix, low, high)


def read_last_updated(asked: Asked) -> Expression:
    """The condition that a value of `_lastUpdated` states.

    Raises:
        Malformed: it is no date.
    """
    prefix, (low, high) = _range(asked)
    return LastUpdated(prefix, low, high)


def _range(asked: Asked) -> tuple[Prefix, Range]:
    prefix, text = prefixed(asked.value)
    range_ = moment(_LOST_PLUS.sub("+", text))
    if range_ is None:
        raise refusals.unreadable(asked.name, "search-value-date", _FORM)
    return prefix, widened(range_, asked.setting.now) if prefix == "ap" else range_
