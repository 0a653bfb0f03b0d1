"""What a chart shows: panels, one a goal, with lines, one a rater.

Source: domain facts sections 1 and 7
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from service.outcomes.series import Kind, Rater

State = Literal["open", "on-hold", "completed", "ended"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One rating: on which day (a date ordinal), and what; 0 is a rating."""

    day: int
    value: Decimal


@dataclass(frozen=True, slots=True)
class Line:
    """One person's ratings of a goal, oldest first; `missed` are days on which they were asked and gave none.

    `number` tells persons with the same part apart, 1 for the first of them; 0 where there is one alone.
    """

    rater: Rater
    marks: tuple[Mark, ...]
    missed: tuple[int, ...] = ()
    number: int = 0


@dataclass(frozen=True, slots=True)
class Panel:
    """One goal: its lines in the order in which raters are named, and the days of sessions that were missed.

    `wording` is empty where it is left out, `language` where it is not known; `slot` is None for a
    goal that holds none. `band` is how far from the first rating a change begins to count, in
    points; None where there is no such rule.
    """

    kind: Kind
    lines: tuple[Line, ...]
    wording: str = ""
    language: str = ""
    slot: int | None = None
    state: State = "open"
    missed: tuple[int, ...] = ()
    band: Decimal | None = None

    @property
    def drawn(self) -> tuple[Line, ...]:
        """The lines that have a mark."""
        return tuple(line for line in self.lines if line.marks)

    def days(self) -> Iterator[int]:
        """The days on which something was rated."""
        for line in self.lines:
            for mark in line.marks:
                yield mark.day


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels from top to bottom, and how they shall look.

    Units: `width` and `height` in CSS pixels; without a height it is as high as it needs to be.
    `locale` and `palette` are names of `words.LOCALES` and `palettes.PALETTES`.
    """

    panels: tuple[Panel, ...]
    width: int
    height: int | None = None
    locale: str = "en-GB"
    palette: str = "okabe-ito"
