"""What many operations are asked for in the same way: days from `start` to `end`, and one value of several.

Source: https://hl7.org/fhir/R4/operations.html#request
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from service.fhir.parameters import Inputs
from service.fhir.problems import Malformed
from service.fhir.search.dates import moment
from service.outcomes.days import ALWAYS, Days, days_of

_DATE: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)


def days_asked(inputs: Inputs) -> Days:
    """The days from the first that `start` may mean to the last that `end` may; open where one is not given.

    Raises:
        Malformed: one of them is no date, or `end` is before `start`.
    """
    start, end = (_days(inputs, name) for name in ("start", "end"))
    days = Days(ALWAYS.first if start is None else start.first, ALWAYS.last if end is None else end.last)
    if days.last < days.first:
        raise Malformed("operation-period-inverted", "The parameter end is no earlier day than start.")
    return days


def chosen(inputs: Inputs, name: str, values: Sequence[str]) -> str | None:
    """The value of a parameter that takes these values alone; None where it was not given.

    Raises:
        Malformed: it is none of them.
    """
    given: str | None = inputs.one(name)
    return None if given is None else _require(given, name, values)


def all_chosen(inputs: Inputs, name: str, values: Sequence[str]) -> frozenset[str]:
    """The values of a parameter that repeats and takes these values alone; all where none was given.

    Raises:
        Malformed: one is none of them.
    """
    return frozenset(_require(given, name, values) for given in inputs.all(name)) or frozenset(values)


def _require(given: str, name: str, values: Sequence[str]) -> str:
    if given not in values:
        raise Malformed("operation-parameter-value", f"The parameter {name} is one of: {', '.join(values)}.")
    return given


def _days(inputs: Inputs, name: str) -> Days | None:
    text: str | None = inputs.one(name)
    if text is None:
        return None
    if _DATE.fullmatch(text) is None or moment(text) is None:
        raise Malformed("operation-parameter-type", f"The parameter {name} is a date such as 2026-11-22.")
    return days_of(text)
