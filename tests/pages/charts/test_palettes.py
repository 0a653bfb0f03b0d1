"""Colours can be told apart by whoever sees them, and stand out from paper and band."""

from __future__ import annotations

from itertools import combinations

import pytest

from service.outcomes.series import RATERS
from service.pages.charts import palettes
from service.pages.charts.palettes import PALETTES, PATTERNS, SHAPES

# What is left of colours without one of the three kinds of cones, in linear RGB.
# Source: Viénot, Brettel and Mollon 1999 (https://doi.org/10.1002/(SICI)1520-6378(199908)24:4<243::AID-COL5>3.0.CO;2-3);
# tritanopia: Machado, Oliveira and Fernandes 2009 (https://doi.org/10.1109/TVCG.2009.113)
SIGHT = {
    "all three": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.11238, 0.88762, 0), (0.11238, 0.88762, 0), (0.00401, -0.00401, 1)),
    "deuteranopia": ((0.29275, 0.70725, 0), (0.29275, 0.70725, 0), (-0.02234, 0.02234, 1)),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}
# Two colours of fine lines are told apart from about this far in CIELAB.
APART = 15.0


def linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Source: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: list[float]) -> list[float]:
    red, green, blue = (min(max(each, 0), 1) for each in rgb)
    x = (0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505
    y = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    z = (0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089
    x, y, z = (each ** (1 / 3) if each > 0.008856 else 7.787 * each + 16 / 116 for each in (x, y, z))
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


def distance(one: str, other: str, sight: str) -> float:
    seen = [
        lab(
            [
                sum(share * part for share, part in zip(row, linear(colour), strict=True))
                for row in SIGHT[sight]
            ]
        )
        for colour in (one, other)
    ]
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


@pytest.mark.parametrize("name", PALETTES)
def test_every_rater_has_a_colour_that_stands_out(name):
    palette = PALETTES[name]
    assert set(palette.colours) == set(RATERS)
    for colour in palette.colours.values():
        assert contrast(colour, palettes.PAPER) >= 3
        assert contrast(colour, palette.band) >= 3
    assert contrast(palettes.QUIET, palettes.PAPER) >= 4.5
    assert contrast(palettes.QUIET, palette.band) >= 4.5
    assert contrast(palettes.INK, palette.band) >= 7


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", sorted(PALETTES.keys() - {"greyscale"}))
def test_colours_are_told_apart_in_every_colour_vision(name, sight):
    for one, other in combinations(PALETTES[name].colours.values(), 2):
        assert distance(one, other, sight) >= APART, (one, other)


def test_in_grey_the_pattern_tells_too():
    assert PALETTES["greyscale"].patterned
    assert len(set(PATTERNS)) == len(RATERS)


def test_never_by_colour_alone():
    assert len({SHAPES[rater] for rater in RATERS}) == len(RATERS)
