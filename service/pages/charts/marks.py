"""Marks and lines of one person's ratings.

A line is whole between ratings that follow each other. Over a session that was missed it is
open: a fine dotted line only leads the eye on.

Source: domain facts section 7, docs/operations/chart.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from service.pages.charts.markup import Element, element, number
from service.pages.charts.palettes import PAPER, PATTERNS, SHAPES, Palette, Shape
from service.pages.charts.pictures import Line, Mark
from service.pages.charts.scales import Timeline, Upright

WIDTH: Final = 2.5
_BRIDGE: Final = "1 5"
_BRIDGE_WIDTH: Final = 1.6
# Marks shrink where there are many, down to what the eye still tells apart.
_LARGEST, _SMALLEST = 5.0, 2.5
_SHARE_OF_GAP: Final = 0.38
# The white edge of a mark, as a share of its size.
_EDGE: Final = 0.24
# How far the corners of triangles and diamonds, and the sides of squares, lie from the middle: so all look equally large.
_CORNER, _FOOT, _SIDE = 1.25, 0.85, 0.92


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a mark is drawn."""

    mark: Mark
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line as it is drawn: its marks' places, its colour, shape, pattern and the size of its marks."""

    line: Line
    spots: tuple[Spot, ...]
    colour: str
    shape: Shape
    pattern: str
    hollow: bool
    radius: float


def drawn(
    line: Line, palette: Palette, timeline: Timeline, upright: Upright, *, aside: float, radius: float
) -> Drawn:
    """A line placed on its scales, `aside` pixels from where it would cover another."""
    spots = tuple(
        Spot(mark, timeline.at(mark.day) + aside, upright.at(upright.kept(mark.value))) for mark in line.marks
    )
    further = max(line.number - 1, 0)
    shapes = list(SHAPES)
    pattern = PATTERNS[(shapes.index(line.rater) if palette.patterned else further) % len(PATTERNS)]
    return Drawn(
        line, spots, palette.colours[line.rater], SHAPES[line.rater], pattern, further % 2 == 1, radius
    )


def radius(lines: Sequence[Line], timeline: Timeline) -> float:
    """How large marks are so that neighbours of one line do not run into each other."""
    gaps = [
        timeline.at(later.day) - timeline.at(earlier.day)
        for line in lines
        for earlier, later in pairwise(line.marks)
        if later.day > earlier.day
    ]
    return min(_LARGEST, max(_SMALLEST, _SHARE_OF_GAP * min(gaps, default=_LARGEST / _SHARE_OF_GAP)))


def strokes(one: Drawn, missed: Sequence[int]) -> Iterator[Element]:
    """The line through the marks: whole in pieces, and dotted over each session that was missed."""
    pieces: list[list[Spot]] = []
    for spot in one.spots:
        if pieces and not _between(missed, pieces[-1][-1].mark.day, spot.mark.day):
            pieces[-1].append(spot)
        else:
            pieces.append([spot])
    for earlier, later in pairwise(pieces):
        yield _stroke(one, (earlier[-1], later[0]), "gap")
    for piece in pieces:
        if len(piece) > 1:
            yield _stroke(one, piece, "line")


def _between(days: Sequence[int], first: int, last: int) -> bool:
    return any(first < day < last for day in days)


def _stroke(one: Drawn, spots: Sequence[Spot], kind: str) -> Element:
    path = "M" + "L".join(f"{number(spot.x)} {number(spot.y)}" for spot in spots)
    is_gap = kind == "gap"
    return element(
        "path",
        class_=kind,
        d=path,
        fill="none",
        stroke=one.colour,
        stroke_width=_BRIDGE_WIDTH if is_gap else WIDTH,
        stroke_linejoin="round",
        stroke_linecap="round",
        stroke_dasharray=_BRIDGE if is_gap else one.pattern or None,
    )


def symbol(one: Drawn, x: float, y: float, size: float, *children: Element) -> Element:
    """The mark of a line, `size` pixels from its middle to its edge; further persons have a hollow one."""
    colours = {
        "fill": PAPER if one.hollow else one.colour,
        "stroke": one.colour if one.hollow else PAPER,
        "stroke_width": 2 if one.hollow else _EDGE * size,
    }
    if one.shape == "circle":
        return element("circle", *children, cx=x, cy=y, r=size, **colours)
    if one.shape == "square":
        side = size * _SIDE
        return element("rect", *children, x=x - side, y=y - side, width=2 * side, height=2 * side, **colours)
    wide, foot = size * _CORNER, size * _FOOT
    corners = [(x, y - wide), (x + wide, y), (x, y + wide), (x - wide, y)]
    if one.shape == "triangle":
        corners = [(x, y - wide), (x + wide, y + foot), (x - wide, y + foot)]
    points = " ".join(f"{number(across)},{number(down)}" for across, down in corners)
    return element("polygon", *children, points=points, stroke_linejoin="round", **colours)


def cross(x: float, y: float, size: float, colour: str) -> Element:
    """The mark of a session that was missed."""
    left, right, top, bottom = (number(each) for each in (x - size, x + size, y - size, y + size))
    path = f"M{left} {top}L{right} {bottom}M{left} {bottom}L{right} {top}"
    return element(
        "path", class_="missed", d=path, fill="none", stroke=colour, stroke_width=1.6, stroke_linecap="round"
    )
