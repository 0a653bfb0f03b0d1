"""Headings: what stands over the plot of a goal: its name, its wording and its legend with the figures.

Source: docs/operations/chart.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from service.outcomes.series import LEVEL, Kind
from service.pages.charts import lettering
from service.pages.charts.lettering import Style
from service.pages.charts.marks import Drawn, symbol
from service.pages.charts.markup import Element
from service.pages.charts.palettes import INK, QUIET
from service.pages.charts.pictures import Line, Panel
from service.pages.charts.words import Words

_NAME: Final = Style(13, colour=QUIET)
_WORDING: Final = Style(17, bold=True, colour=INK)
# Other scripts have no bold typeface here; a bold numeral in their midst would shout.
_WORDING_PLAIN: Final = Style(17.5, colour=INK)
_ENTRY: Final = Style(13, colour=INK)
_NAME_LINE, _WORDING_LINE, _ENTRY_LINE = 20, 23, 21
# Wording that goes on longer is cut with `…`; it is whole in the text alternative.
MOST_LINES: Final = 4
# As much of a wording as can stand in so many lines of the widest chart.
MOST_LETTERS: Final = 1_500
_SYMBOL, _SYMBOL_ROOM, _BETWEEN = 5.0, 16, 22
_AFTER: Final = 6


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a panel, cut into lines. Unit: `height` in pixels."""

    name: str
    wording: tuple[str, ...]
    style: Style  # of the wording
    rows: tuple[tuple[tuple[int, str], ...], ...]  # of entries: the number of a line, and what is said of it

    @property
    def height(self) -> float:
        """How much room it takes."""
        return _NAME_LINE + _WORDING_LINE * len(self.wording) + _ENTRY_LINE * len(self.rows) + _AFTER


def heading(panel: Panel, words: Words, room: float) -> Heading:
    """The heading of the panel in lines no wider than `room` pixels."""
    state = words.states[panel.state]
    name = " · ".join(part for part in (words.goal_name(panel.slot), state) if part)
    wording = lettering.clean(panel.wording[:MOST_LETTERS])
    style = _WORDING if lettering.is_in_first_typeface(wording) else _WORDING_PLAIN
    said = [entry(line, panel.kind, words) for line in panel.drawn]
    return Heading(name, lettering.wrap(wording, style, room, MOST_LINES), style, _rows(said, room))


def entry(line: Line, kind: Kind, words: Words) -> str:
    """Who rated, the first and the latest value, and the change between them."""
    first, last = line.marks[0].value, line.marks[-1].value
    show = words.signed if kind == LEVEL else words.number
    who = words.who(line.rater, line.number)
    if len(line.marks) == 1:
        return f"{who}: {words.rated_once.format(show(first))}"
    return f"{who}: {show(first)} → {show(last)} ({words.signed(last - first)})"


def _rows(said: Sequence[str], room: float) -> tuple[tuple[tuple[int, str], ...], ...]:
    rows: list[list[tuple[int, str]]] = []
    used = 0.0
    for number, text in enumerate(said):
        wide = _SYMBOL_ROOM + lettering.width(text, _ENTRY) * lettering.ROOM + _BETWEEN
        if not rows or used + wide - _BETWEEN > room:
            rows.append([])
            used = 0.0
        rows[-1].append((number, text))
        used += wide
    return tuple(tuple(row) for row in rows)


def draw(
    one: Heading, lines: Sequence[Drawn], left: float, right: float, top: float, language: str
) -> list[Element]:
    """The heading, with the marks of the lines in its legend. A wording from right to left begins at the right."""
    y = top + _NAME.size
    found = [lettering.written(one.name, left, y, _NAME)]
    y = top + _NAME_LINE
    starts_right = lettering.is_from_right("".join(one.wording))
    for text in one.wording:
        baseline = y + one.style.size
        x = right if starts_right else left
        found.append(
            lettering.written(text, x, baseline, one.style, language=language, from_right=starts_right)
        )
        y += _WORDING_LINE
    for row in one.rows:
        x = left
        for number, text in row:
            found.append(symbol(lines[number], x + _SYMBOL, y + _ENTRY_LINE / 2, _SYMBOL))
            found.append(lettering.written(text, x + _SYMBOL_ROOM, y + _ENTRY_LINE / 2 + 4.6, _ENTRY))
            x += _SYMBOL_ROOM + lettering.width(text, _ENTRY) * lettering.ROOM + _BETWEEN
        y += _ENTRY_LINE
    return found
