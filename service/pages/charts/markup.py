"""SVG as text: elements whose texts and attributes cannot break out of their places.

Source: https://www.w3.org/TR/xml/#syntax
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

Value = str | float | int


@dataclass(frozen=True, slots=True)
class Element:
    """An element, its attributes in order, and what is in it: elements and texts."""

    name: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Element | str, ...]


def element(name: str, *children: Element | str, **attributes: Value | None) -> Element:
    """An element; in an attribute's name `_` stands for `-`, and one that is None is left out.

    Numbers are written to a tenth, which is finer than a pixel of any screen.
    """
    written = tuple(
        (
            key.rstrip("_").replace("__", ":").replace("_", "-"),
            number(value) if not isinstance(value, str) else value,
        )
        for key, value in attributes.items()
        if value is not None
    )
    return Element(name, written, children)


def number(value: float) -> str:
    """A number to a tenth, without zeros that say nothing."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def write(root: Element) -> str:
    """The element as XML."""
    return "".join(_written(root))


def _written(one: Element | str) -> Iterator[str]:
    if isinstance(one, str):
        yield escape(one, quote=False)
        return
    attributes = "".join(f' {key}="{_quoted(value)}"' for key, value in one.attributes)
    if not one.children:
        yield f"<{one.name}{attributes}/>"
        return
    yield f"<{one.name}{attributes}>"
    for child in one.children:
        yield from _written(child)
    yield f"</{one.name}>"


def _quoted(value: str) -> str:
    return escape(value, quote=False).replace('"', "&quot;")
