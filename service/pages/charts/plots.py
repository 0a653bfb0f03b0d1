"""Plots: the scales of a goal, the band round its first rating, and its lines.

Source: domain facts sections 1 (0, 5 and 10 on the scale; the national rule of 3 points) and 7
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from service.outcomes.series import SCORE
from service.pages.charts import lettering, marks, scales
from service.pages.charts.lettering import Style
from service.pages.charts.marks import Drawn, Spot
from service.pages.charts.markup import Element, element
from service.pages.charts.palettes import FAINT, GRID, INK, QUIET, Palette
from service.pages.charts.pictures import Panel
from service.pages.charts.placing import Box, Paper
from service.pages.charts.scales import Timeline, Upright
from service.pages.charts.words import Words

_NUMBER: Final = Style(12.5, colour=INK)
_WORD: Final = Style(11, colour=QUIET)
_DAY: Final = Style(11.5, colour=QUIET)
_VALUE: Final = Style(12.5, bold=True, colour=INK, halo=True)
_NONE: Final = Style(15, colour=QUIET)

# Left of the plot: the numbers of the scale, and their meaning where the chart is wide enough.
_NUMBERS, _MEANINGS = 34, 98
_ENOUGH: Final = 460
_WORD_LINE: Final = 13
# Room at the ends of the plot, so that no mark lies on its edge.
_INSET: Final = 22
# How far lines are moved aside from each other: in marks' sizes, and in all.
_ASIDE, _MOST_ASIDE = 1.5, 30.0
# Under the plot: what is marked on the axis, crosses, the days, and the year below them.
_TICK, _CROSSES, _DAYS, _YEARS, _AXIS = 5, 10, 28, 42, 48
_APART: Final = 56
_CROSS: Final = 3.6
# So many pixels from mark to mark that each can have its value written beside it.
_VALUES_APART: Final = 19


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the plot of a panel lies, and whether the meanings of its numbers have room beside it. Unit: pixels."""

    left: float
    right: float
    top: float
    bottom: float
    has_meanings: bool


def frame(width: float, margin: float, top: float, height: float) -> Frame:
    """The frame of a plot of that height in a chart of that width."""
    has_meanings = width >= _ENOUGH
    beside = _NUMBERS + (_MEANINGS if has_meanings else 0)
    return Frame(margin + beside, width - margin, top, top + height, has_meanings)


def height(plot: float) -> float:
    """How much room a plot of that height takes with its axis."""
    return plot + _AXIS


def timeline(place: Frame, first: int, last: int) -> Timeline:
    """The days of a plot."""
    return Timeline(place.left + _INSET, place.right - _INSET, first, last)


def placed(panel: Panel, palette: Palette, place: Frame, line: Timeline) -> tuple[Drawn, ...]:
    """The lines of the panel, a little aside from each other so that equal ratings are all seen."""
    upright = scales.upright(panel.kind, place.top, place.bottom)
    size = marks.radius(panel.drawn, line)
    further = len(panel.drawn) - 1
    aside = min(_ASIDE * size, _MOST_ASIDE / max(further, 1))
    return tuple(
        marks.drawn(one, palette, line, upright, aside=(index - further / 2) * aside, radius=size)
        for index, one in enumerate(panel.drawn)
    )


def draw(
    panel: Panel, lines: Sequence[Drawn], palette: Palette, place: Frame, line: Timeline, words: Words
) -> list[Element]:
    """The plot of the panel: what lies behind first."""
    upright = scales.upright(panel.kind, place.top, place.bottom)
    return [
        *_band(panel, palette, place, upright),
        *_scale(panel, place, upright, words),
        *_axis(place, line, words),
        *_crosses(panel, place, line),
        *_lines(panel, lines, words),
        *(_values(panel, lines, place, words) if lines else _nothing(place, words)),
    ]


def _band(panel: Panel, palette: Palette, place: Frame, upright: Upright) -> Iterator[Element]:
    """What is nearer to the first rating than a change that counts."""
    if panel.band is None or not panel.drawn:
        return
    first = panel.drawn[0].marks[0].value
    edges = [first + panel.band, first - panel.band]
    above, below = (upright.at(upright.kept(edge)) for edge in edges)
    yield element(
        "rect",
        class_="band",
        x=place.left,
        y=above,
        width=place.right - place.left,
        height=below - above,
        fill=palette.band,
    )
    for edge in edges:
        if edge == upright.kept(edge):
            yield _rule(place, upright.at(edge), palette.edge, 1, class_="band-edge", pattern="5 4")


def _scale(panel: Panel, place: Frame, upright: Upright, words: Words) -> Iterator[Element]:
    """The lines of the scale, its numbers and, where there is room, what they mean."""
    named: Mapping[int, str] = words.score_ends if panel.kind == SCORE else words.level_ends
    for value, meaning in named.items():
        y = upright.at(Decimal(value))
        strong = panel.kind == SCORE or value == 0
        yield _rule(place, y, GRID if strong else FAINT, 1.2, class_="scale")
        number = words.number(Decimal(value)) if panel.kind == SCORE else words.signed(Decimal(value))
        yield lettering.written(number, place.left - 8, y + 4.4, _NUMBER, anchor="end")
        if place.has_meanings:
            lines = lettering.wrap(meaning, _WORD, _MEANINGS - 6, 2)
            first = y + 3.8 - (len(lines) - 1) * _WORD_LINE / 2
            for index, text in enumerate(lines):
                yield lettering.written(
                    text, place.left - _NUMBERS, first + index * _WORD_LINE, _WORD, anchor="end"
                )


def _rule(
    place: Frame, y: float, colour: str, wide: float, *, class_: str, pattern: str | None = None
) -> Element:
    return element(
        "line",
        class_=class_,
        x1=place.left,
        x2=place.right,
        y1=y,
        y2=y,
        stroke=colour,
        stroke_width=wide,
        stroke_dasharray=pattern,
    )


def _axis(place: Frame, line: Timeline, words: Words) -> Iterator[Element]:
    """The days that are named, under the plot."""
    for tick in scales.ticks(line, _APART):
        x = line.at(tick.day)
        named = date.fromordinal(tick.day)
        month = words.months[named.month - 1]
        text = f"{named.day} {month}" if tick.with_day else month
        yield element(
            "line", x1=x, x2=x, y1=place.bottom, y2=place.bottom + _TICK, stroke=GRID, stroke_width=1
        )
        anchor = _anchor(x, place)
        yield lettering.written(text, x, place.bottom + _DAYS, _DAY, anchor=anchor)
        if tick.year:
            yield lettering.written(str(named.year), x, place.bottom + _YEARS, _DAY, anchor=anchor)


def _anchor(x: float, place: Frame) -> str:
    return "end" if x > place.right - _INSET - 4 else "middle"


def _crosses(panel: Panel, place: Frame, line: Timeline) -> Iterator[Element]:
    for day in crossed(panel):
        if line.first <= day <= line.last:
            yield marks.cross(line.at(day), place.bottom + _CROSSES, _CROSS, QUIET)


def crossed(panel: Panel) -> tuple[int, ...]:
    """The days on which a session was missed or the goal not rated by whom it was asked of, each once."""
    return tuple(sorted({*panel.missed, *(day for line in panel.lines for day in line.missed)}))


def _lines(panel: Panel, lines: Sequence[Drawn], words: Words) -> Iterator[Element]:
    """Lines, and on them all marks; the first, which is the young person's where there is one, on top."""
    for one in reversed(lines):
        missed = (*panel.missed, *one.line.missed)
        yield element("g", *marks.strokes(one, missed), class_=f"line {one.line.rater}")
    for one in reversed(lines):
        shown = [_mark(panel, one, spot, words) for spot in one.spots]
        yield element("g", *shown, class_=f"marks {one.line.rater}")


def _mark(panel: Panel, one: Drawn, spot: Spot, words: Words) -> Element:
    who = words.who(one.line.rater, one.line.number)
    value = words.number(spot.mark.value) if panel.kind == SCORE else words.signed(spot.mark.value)
    told = element("title", f"{who}, {words.day(spot.mark.day)}: {value}")
    return marks.symbol(one, spot.x, spot.y, one.radius, told)


def _values(panel: Panel, lines: Sequence[Drawn], place: Frame, words: Words) -> Iterator[Element]:
    """Values beside marks: the latest and the first of every line, and all of a line by itself that has room."""
    paper = Paper(Box(place.left + 2, place.top - 16, place.right - 1, place.bottom - 1))
    for one in lines:
        for spot in one.spots:
            paper.mark(spot.x, spot.y, one.radius)
    for spot, size in _chosen(lines):
        text = words.number(spot.mark.value) if panel.kind == SCORE else words.signed(spot.mark.value)
        box = paper.place(spot.x, spot.y, lettering.width(text, _VALUE) * lettering.ROOM, _VALUE.size, size)
        if box is not None:
            yield lettering.written(
                text, (box.left + box.right) / 2, box.bottom - 1.6, _VALUE, anchor="middle"
            )


def _chosen(lines: Sequence[Drawn]) -> Iterator[tuple[Spot, float]]:
    for one in lines:
        yield one.spots[-1], one.radius
    for one in lines:
        if len(one.spots) > 1:
            yield one.spots[0], one.radius
    if len(lines) == 1:
        [one] = lines
        near = min(
            (later.x - earlier.x for earlier, later in zip(one.spots, one.spots[1:], strict=False)), default=0
        )
        if near >= _VALUES_APART:
            yield from ((spot, one.radius) for spot in one.spots[1:-1])


def _nothing(place: Frame, words: Words) -> Iterator[Element]:
    middle = (place.left + place.right) / 2
    yield lettering.written(words.none, middle, (place.top + place.bottom) / 2 - 14, _NONE, anchor="middle")
