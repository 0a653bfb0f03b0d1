"""A chart made ready to be drawn in pixels, with the fonts that come along.

What draws takes one font for a whole line of text as soon as one character is missing from the
font that is asked for. So lines are cut into runs here, each put where it belongs by its measures.

Source: https://docs.rs/resvg, service/pages/charts/fonts/README.md
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Final

from service.pages.charts import lettering
from service.pages.charts.lettering import Run, Style
from service.pages.charts.markup import Element, number, write
from service.pages.charts.typefaces import BESIDE, BOLD, FOLDER, PLAIN

_FILES: Final = (PLAIN, BOLD, *BESIDE)
# The share of a line that lies left of where it is anchored.
_BEFORE: Final = {"start": 0.0, "middle": 0.5, "end": 1.0}


@dataclass(frozen=True, slots=True)
class Order:
    """What shall be drawn: an SVG, how many pixels to one of it, in which fonts, and whether in the machine's, too."""

    svg: str
    scale: int
    family: str
    fonts: tuple[str, ...]
    machine: bool

    def written(self) -> bytes:
        """The order as the program `pixels` reads it."""
        return json.dumps(asdict(self)).encode()


def order(root: Element, scale: int) -> Order:
    """The order to draw the chart with `scale` pixels to a pixel of its own.

    With nothing but characters that our fonts have, it is the same picture on every machine. For
    others the fonts of the machine are asked.
    """
    families = {run.family for text in _texts(root) for run in _runs(text)}
    fonts = tuple(str(FOLDER / file.name) for file in _FILES if file.family in families)
    return Order(write(_lettered(root)), scale, PLAIN.family, fonts, machine="" in families)


def _texts(one: Element) -> Iterator[Element]:
    if one.name == "text":
        yield one
    for child in one.children:
        if isinstance(child, Element):
            yield from _texts(child)


def _lettered(one: Element) -> Element:
    """The drawing with each line of text in pieces of one typeface."""
    if one.name == "text":
        return _in_pieces(one)
    children = tuple(_lettered(child) if isinstance(child, Element) else child for child in one.children)
    return replace(one, children=children)


def _in_pieces(text: Element) -> Element:
    """A line as a group of pieces; a line in one typeface stays a piece, where it was anchored."""
    runs, attributes = _runs(text), dict(text.attributes)
    if len(runs) == 1:
        own = {} if runs[0].family == PLAIN.family else {"font-family": runs[0].family or PLAIN.family}
        return replace(text, attributes=tuple({**attributes, **own}.items()))
    style = Style(float(attributes["font-size"]), bold=lettering.is_bold(text))
    widths = [lettering.width(run.text, style) for run in runs]
    x = float(attributes["x"]) - _BEFORE[attributes.pop("text-anchor", "start")] * sum(widths)
    from_right = _said(text).startswith(lettering.FROM_RIGHT)
    pieces: list[Element] = []
    for run, width in _in_order(runs, widths, from_right=from_right):
        pieces.append(_piece(run, x, style, attributes, from_right=from_right))
        x += width
    return Element("g", (), tuple(pieces))


def _in_order(runs: tuple[Run, ...], widths: list[float], *, from_right: bool) -> list[tuple[Run, float]]:
    found = list(zip(runs, widths, strict=True))
    return found[::-1] if from_right else found


def _piece(run: Run, x: float, style: Style, attributes: dict[str, str], *, from_right: bool) -> Element:
    """A run without the space at its ends, which is not drawn there; what is left of it moves it on."""
    shown = run.text.strip(" ")
    left = (
        run.text[len(run.text.rstrip(" ")) :]
        if from_right
        else run.text[: -len(run.text.lstrip(" ")) or None]
    )
    text = f"{lettering.FROM_RIGHT}{shown}{lettering.END}" if from_right else shown
    place = number(x + lettering.width(left, style))
    own = {**attributes, "x": place, "font-family": run.family or PLAIN.family}
    return Element("text", tuple(own.items()), (text,))


def _runs(text: Element) -> tuple[Run, ...]:
    said = _said(text).removeprefix(lettering.FROM_RIGHT).removesuffix(lettering.END)
    return lettering.runs(said, bold=lettering.is_bold(text))


def _said(text: Element) -> str:
    return "".join(child for child in text.children if isinstance(child, str))
