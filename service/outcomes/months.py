"""Months: whole calendar months, numbered one after the other, which is what reports go by.

Units: a month is its year times twelve and the months of the year before it; days are Python's
date ordinals.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Final

_OF_A_YEAR: Final = 12


def month_of(day: int) -> int:
    """The month that the day is in."""
    found = date.fromordinal(day)
    return found.year * _OF_A_YEAR + found.month - 1


def first_day(month: int) -> int:
    """The month's first day."""
    return date(month // _OF_A_YEAR, month % _OF_A_YEAR + 1, 1).toordinal()


def last_day(month: int) -> int:
    """The month's last day."""
    year, number = month // _OF_A_YEAR, month % _OF_A_YEAR + 1
    return date(year, number, monthrange(year, number)[1]).toordinal()
