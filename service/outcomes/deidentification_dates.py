"""Dates that are shifted: to the day, or to the month or year that they told.

Of a time the day is kept that its own text says, which is the day on which it was for those who met.

Source: https://hl7.org/fhir/R4/datatypes.html#dateTime, docs/deidentification.md
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

_YEAR: Final = 4
_MONTH: Final = 7
_DAY: Final = 10
MIDNIGHT: Final = "T00:00:00Z"
"""An instant tells a time, and must: of a shifted one it is this."""

Json = dict[str, Any]


def shifted(text: Any, days: int) -> str | None:
    """The date, dateTime or instant so many days later, without its time; None where that is no date.

    A month or year is shifted by its middle.
    """
    if not isinstance(text, str):
        return None
    length = min(len(text), _DAY)
    whole = text[:_DAY] if length == _DAY else f"{text}-15" if length == _MONTH else f"{text}-07-02"
    try:
        moved = date.fromisoformat(whole) + timedelta(days)
    except (ValueError, OverflowError):
        return None
    return moved.isoformat()[:length]


def shifted_instant(text: Any, days: int) -> str | None:
    """As `shifted`, as an instant."""
    found = shifted(text, days)
    return None if found is None or len(found) < _DAY else found + MIDNIGHT


def shifted_period(period: Mapping[str, Any], days: int) -> Json | None:
    """The period so many days later; None where nothing is left of it."""
    ends = {
        name: moved
        for name in ("start", "end")
        if name in period and (moved := shifted(period[name], days)) is not None
    }
    if len(ends) == len(("start", "end")):
        # The middle of a month may come to lie before a day of it.
        length = min(len(ends["start"]), len(ends["end"]))
        if ends["end"][:length] < ends["start"][:length]:
            ends["end"] = ends["start"]
    return ends or None


def year_of_birth(text: Any, days: int) -> int | None:
    """The year of a date that is shifted by so many days; None where it is no date."""
    found = shifted(text, days)
    return None if found is None else int(found[:_YEAR])
