"""Palettes: the colours of raters, told apart by whoever sees colours otherwise, and never by colour alone.

Each rater has a mark and each further person a pattern of line, so that a copy in grey is read as well.

Source: Okabe and Ito, Color Universal Design (https://jfly.uni-koeln.de/color/); Tol, Colour Schemes, technical
note SRON/EPS/TN/09-002, scheme muted; https://www.w3.org/TR/WCAG22/#non-text-contrast (3 : 1)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from service.outcomes.series import CLINICIAN, OTHER, PARENT_OR_CARER, YOUNG_PERSON, Rater

Shape = Literal["circle", "square", "triangle", "diamond"]

SHAPES: Final[Mapping[Rater, Shape]] = MappingProxyType(
    {YOUNG_PERSON: "circle", PARENT_OR_CARER: "square", CLINICIAN: "triangle", OTHER: "diamond"}
)
# The line of the first, second, … person with the same part, in pixels drawn and left out.
PATTERNS: Final = ("", "9 4", "3 4", "9 4 3 4")


@dataclass(frozen=True, slots=True)
class Palette:
    """The colour of each rater's line, and that of the band and its edge.

    With `patterned` lines differ in their pattern by rater, too.
    """

    colours: Mapping[Rater, str]
    band: str = "#ecf1f9"
    edge: str = "#8ea3c2"
    patterned: bool = False


def _colours(young: str, parent: str, clinician: str, other: str) -> Mapping[Rater, str]:
    return MappingProxyType(
        {YOUNG_PERSON: young, PARENT_OR_CARER: parent, CLINICIAN: clinician, OTHER: other}
    )


PALETTES: Final[Mapping[str, Palette]] = MappingProxyType(
    {
        "okabe-ito": Palette(_colours("#0072b2", "#d55e00", "#009e73", "#000000")),
        "tol-muted": Palette(_colours("#332288", "#cc6677", "#117733", "#882255")),
        "greyscale": Palette(
            _colours("#000000", "#5a5a5a", "#838383", "#333333"), "#eeeeee", "#999999", patterned=True
        ),
    }
)

INK: Final = "#1f2430"
QUIET: Final = "#565d6b"  # less important text: still 4.5 : 1 on white and on the band
PAPER: Final = "#ffffff"
GRID: Final = "#8d94a3"
FAINT: Final = "#dfe3ea"
