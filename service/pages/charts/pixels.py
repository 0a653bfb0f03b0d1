"""Pixels: draws one chart as PNG, in a process of its own.

What draws holds Python up while it works, a tenth of a second and more, in which a server would
answer nobody. So this module runs as a program that takes an order from its input (`raster.Order`,
as JSON) and gives the picture to its output. It imports nothing that takes time to start.

Source: https://docs.rs/resvg
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import resvg_py


def drawn(svg: str, scale: int, family: str, fonts: Sequence[str], *, machine: bool) -> bytes:
    """The picture as PNG: `scale` pixels to one of the SVG, in these fonts and, with `machine`, those of the machine."""
    return resvg_py.svg_to_bytes(
        svg_string=svg,
        zoom=scale,
        skip_system_fonts=not machine,
        font_files=list(fonts),
        font_family=family,
        sans_serif_family=family,
    )


def main() -> None:
    """Reads an order and writes the picture."""
    sys.stdout.buffer.write(drawn(**json.loads(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
