"""A whole chart: panels one under the other on one line of time, and what the shading and crosses mean.

Source: docs/operations/chart.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final

from service.pages.charts import alternative, headings, languages, lettering, marks, plots, scales
from service.pages.charts.headings import Heading
from service.pages.charts.lettering import Style
from service.pages.charts.markup import Element, element, write
from service.pages.charts.palettes import FAINT, PALETTES, PAPER, QUIET, Palette
from service.pages.charts.pictures import Chart, Panel
from service.pages.charts.words import Words

NAMESPACE: Final = "http://www.w3.org/2000/svg"

# Bounds of a chart, in CSS pixels: a small phone's width, and what still makes a picture of some megabytes.
NARROWEST, WIDEST = 320, 2_000
LOWEST, HIGHEST = 200, 8_000
# Plots are at least so high that points of the scale can be told apart.
_LOWEST_PLOT: Final = 70
_PLOT, _PLOT_ALONE = 150, 220

_MARGIN, _TOP, _BETWEEN = 20, 18, 30
# Room over the plot for the value beside a mark at the top of the scale.
_OVER: Final = 14
_NOTE: Final = Style(11.5, colour=QUIET)
_NOTE_LINE, _NOTE_MARK, _BEFORE_NOTES, _BOTTOM = 17, 26, 10, 16
_MOST_NOTE_LINES: Final = 8
_EMPTY: Final = Style(16, colour=QUIET)
_EMPTY_ROOM: Final = 80


class TooLow(Exception):  # noqa: N818 - what was found, said to the client, and no fault of the program
    """The goals do not fit into the height. `least` is the height that they need, in pixels."""

    def __init__(self, least: int) -> None:
        super().__init__(f"{least} pixels")
        self.least = least


@dataclass(frozen=True, slots=True)
class _Note:
    """What a sign means: its lines, and the sign."""

    lines: tuple[str, ...]
    sign: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """What a chart is made of before it has a height. Units: pixels; `fixed` is all but the plots."""

    words: Words
    headings: tuple[Heading, ...]
    notes: tuple[_Note, ...]
    fixed: float


def svg(root: Element) -> bytes:
    """A chart that was drawn as an SVG document."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{write(root)}\n'.encode()


def draw(chart: Chart) -> Element:
    """The chart as SVG with its text alternative; it refers to nothing outside itself.

    Raises:
        TooLow: `chart.height` leaves too little room for a plot of each goal.
    """
    words = languages.LOCALES[chart.locale]
    layout = _lay_out(chart, words)
    plot, high = _heights(chart, layout)
    parts = [element("rect", width=chart.width, height=high, fill=PAPER)]
    y = float(_TOP)
    first, last = _days(chart)
    for index, (panel, heading) in enumerate(zip(chart.panels, layout.headings, strict=True)):
        if index:
            line = y - _BETWEEN / 2
            parts.append(
                element("line", x1=_MARGIN, x2=chart.width - _MARGIN, y1=line, y2=line, stroke=FAINT)
            )
        parts.append(_panel(chart, panel, heading, words, (y, plot), (first, last)))
        y += heading.height + _OVER + plots.height(plot) + _BETWEEN
    if not chart.panels:
        parts.append(
            lettering.written(words.no_goals, chart.width / 2, y + _EMPTY_ROOM / 2, _EMPTY, anchor="middle")
        )
        y += _EMPTY_ROOM
    parts += _notes(
        layout.notes, PALETTES[chart.palette], y - (_BETWEEN if chart.panels else 0) + _BEFORE_NOTES
    )
    return _document(chart, words, high, parts)


def _lay_out(chart: Chart, words: Words) -> _Layout:
    room = chart.width - 2 * _MARGIN
    found = tuple(headings.heading(panel, words, room) for panel in chart.panels)
    notes = tuple(_note(text, sign, room) for text, sign in _said(chart, words))
    of_panels = sum(one.height + _OVER + plots.height(0) for one in found) if found else _EMPTY_ROOM
    of_notes = sum(_NOTE_LINE * len(note.lines) for note in notes) + _BEFORE_NOTES
    between = _BETWEEN * max(len(found) - 1, 0)
    return _Layout(words, found, notes, _TOP + of_panels + between + of_notes + _BOTTOM)


def _heights(chart: Chart, layout: _Layout) -> tuple[float, int]:
    """How high each plot is, and the chart."""
    number = len(chart.panels)
    if chart.height is None:
        plot = _PLOT_ALONE if number == 1 else _PLOT
        return plot, round(layout.fixed + plot * number)
    least = round(layout.fixed + _LOWEST_PLOT * number + 0.5)
    if chart.height < least:
        raise TooLow(least)
    return (chart.height - layout.fixed) / number if number else 0, chart.height


def _days(chart: Chart) -> tuple[int, int]:
    """The first and the last day on which anything was rated: all goals share one line of time."""
    days = [day for panel in chart.panels for day in panel.days()]
    return (min(days), max(days)) if days else (scales.NO_DAY, scales.NO_DAY)


def _panel(
    chart: Chart,
    panel: Panel,
    heading: Heading,
    words: Words,
    place: tuple[float, float],
    days: tuple[int, int],
) -> Element:
    top, plot = place
    frame = plots.frame(chart.width, _MARGIN, top + heading.height + _OVER, plot)
    timeline = plots.timeline(frame, *days)
    palette = PALETTES[chart.palette]
    lines = plots.placed(panel, palette, frame, timeline)
    return element(
        "g",
        *headings.draw(heading, lines, _MARGIN, chart.width - _MARGIN, top, panel.language),
        *plots.draw(panel, lines, palette, frame, timeline, words),
        class_="goal",
    )


def _said(chart: Chart, words: Words) -> list[tuple[str, str]]:
    """What the chart has to explain, each with its sign."""
    found: list[tuple[str, str]] = []
    banded = [panel for panel in chart.panels if panel.band is not None and panel.drawn]
    for band in sorted({panel.band for panel in banded if panel.band is not None}):
        whose = dict.fromkeys(
            words.who(panel.drawn[0].rater, panel.drawn[0].number) for panel in banded if panel.band == band
        )
        points = words.number(Decimal(band))
        found.append((words.band.format(points, ", ".join(whose), points), "band"))
    first, last = _days(chart)
    if any(first <= day <= last for panel in chart.panels for day in plots.crossed(panel)):
        found.append((words.missed, "cross"))
    return found


def _note(text: str, sign: str, room: float) -> _Note:
    return _Note(lettering.wrap(text, _NOTE, room - _NOTE_MARK, _MOST_NOTE_LINES), sign)


def _notes(notes: Sequence[_Note], palette: Palette, top: float) -> list[Element]:
    found: list[Element] = []
    y = top
    for note in notes:
        middle = y + _NOTE_LINE / 2
        if note.sign == "band":
            found.append(
                element(
                    "rect",
                    x=_MARGIN,
                    y=middle - 5,
                    width=16,
                    height=10,
                    fill=palette.band,
                    stroke=palette.edge,
                )
            )
        else:
            found.append(marks.cross(_MARGIN + 8, middle, 3.6, QUIET))
        for text in note.lines:
            found.append(lettering.written(text, _MARGIN + _NOTE_MARK, y + 12.6, _NOTE))
            y += _NOTE_LINE
    return found


def _document(chart: Chart, words: Words, high: int, parts: Sequence[Element]) -> Element:
    title, told = alternative.title(chart, words), alternative.description(chart, words)
    body = element("g", *parts)
    # Several charts may stand in one page, and each needs names of its own in it.
    name = "chart-" + sha256(f"{title}\n{told}\n{write(body)}".encode()).hexdigest()[:12]
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", told, id=f"{name}-desc"),
        *parts,
        xmlns=NAMESPACE,
        width=chart.width,
        height=high,
        viewBox=f"0 0 {chart.width} {high}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
        xml__lang=words.language,
        font_family=lettering.FAMILY,
    )
