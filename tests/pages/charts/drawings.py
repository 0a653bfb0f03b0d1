"""Charts to draw, their elements to look at, and the pixels of a PNG."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import islice
from xml.etree import ElementTree as ET

from service.pages.charts import drawing, raster
from service.pages.charts.pictures import Chart, Line, Mark, Panel

SVG = "{http://www.w3.org/2000/svg}"
BAND = Decimal(3)
Pixel = tuple[int, int, int]


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def line(rater: str, *pairs: tuple[str, str | int], **more) -> Line:
    return Line(rater, tuple(Mark(day(when), Decimal(value)) for when, value in pairs), **more)


def panel(*lines: Line, kind: str = "score", **more) -> Panel:
    return Panel(kind, lines, **{"slot": 1, "band": BAND if kind == "score" else None, **more})


def rated(
    *values: str | int, rater: str = "young-person", start: str = "2026-03-05", every: int = 7, **more
) -> Line:
    """A line of ratings a week, or so many days, apart."""
    first = day(start)
    marks = tuple(Mark(first + every * index, Decimal(value)) for index, value in enumerate(values))
    return Line(rater, marks, **more)


def parsed(chart: Chart) -> ET.Element:
    """The chart as a reader of XML sees it."""
    return ET.fromstring(drawing.svg(drawing.draw(chart)))


def named(root: ET.Element, name: str, class_: str = "") -> list[ET.Element]:
    """The elements of a name, and of a class where one is given."""
    return [
        each for each in root.iter(f"{SVG}{name}") if not class_ or class_ in each.get("class", "").split()
    ]


def texts(root: ET.Element) -> list[str]:
    """What is written, line by line."""
    return [each.text or "" for each in named(root, "text")]


def png(chart: Chart, scale: int = 1) -> bytes:
    """The chart as PNG, drawn here and not in a process of its own."""
    # A library of its own that only PNGs need.
    from service.pages.charts import pixels

    return pixels.drawn(**json.loads(raster.order(drawing.draw(chart), scale).written()))


class Picture:
    """The pixels of a PNG with 8 bits of red, green, blue and opacity each, which is what resvg writes."""

    def __init__(self, png: bytes, rows: int | None = None) -> None:
        """Of so many `rows` at most, from the top."""
        assert png[:8] == b"\x89PNG\r\n\x1a\n"
        chunks = dict(_chunks(png[8:]))
        self.width, self.height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
        assert (depth, kind) == (8, 6)
        self._rows = list(islice(_rows(zlib.decompress(chunks[b"IDAT"]), 4 * self.width), rows))

    def at(self, x: float, y: float) -> Pixel:
        row, across = self._rows[round(y)], 4 * round(x)
        return tuple(row[across : across + 3])

    def inked(self, left: int, top: int, right: int, bottom: int) -> int:
        """How many pixels of a rectangle are darker than half-way."""
        return sum(sum(self.at(x, y)) < 3 * 128 for y in range(top, bottom) for x in range(left, right))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    found: dict[bytes, bytes] = {}
    while data:
        length, kind = struct.unpack(">I4s", data[:8])
        found[kind] = found.get(kind, b"") + data[8 : 8 + length]
        data = data[12 + length :]
    yield from found.items()


def _rows(data: bytes, length: int) -> Iterator[bytearray]:
    """The rows with the filters undone. Source: https://www.w3.org/TR/png/#9Filters"""
    above = bytearray(length)
    for start in range(0, len(data), length + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + length])
        for index in range(length):
            left = row[index - 4] if index >= 4 else 0
            corner = above[index - 4] if index >= 4 else 0
            up = above[index]
            guess = left + up - corner
            near = min((abs(guess - each), place, each) for place, each in enumerate((left, up, corner)))[2]
            row[index] = (row[index] + (0, left, up, (left + up) // 2, near)[kind]) & 255
        yield row
        above = row
