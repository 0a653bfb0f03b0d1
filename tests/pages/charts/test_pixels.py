"""PNG, looked at pixel by pixel; what must be the same everywhere is drawn with our own fonts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from service.pages.charts import drawing, raster
from service.pages.charts.palettes import PALETTES
from service.pages.charts.pictures import Chart
from tests.pages.charts.drawings import Picture, named, panel, parsed, png, rated

BLUE = (0x00, 0x72, 0xB2)


def near(one, other):
    return all(abs(a - b) <= 6 for a, b in zip(one, other, strict=True))


def test_marks_lie_where_the_svg_has_them():
    chart = Chart((panel(rated(2, 0, 10, 6), wording="Get to school"),), 400)
    picture, root = Picture(png(chart)), parsed(chart)
    assert (picture.width, picture.height) == (400, int(root.get("height")))
    [marks] = named(root, "g", "marks")
    for mark in marks:
        assert near(picture.at(float(mark.get("cx")), float(mark.get("cy"))), BLUE)
    [band] = named(root, "rect", "band")
    assert picture.at(float(band.get("x")) + 3, float(band.get("y")) + 3) == tuple(
        bytes.fromhex(PALETTES["okabe-ito"].band[1:])
    )
    assert picture.at(2, 2) == (255, 255, 255)


def test_twice_as_many_pixels():
    chart = Chart((panel(rated(2, 6)),), 400)
    one, two = Picture(png(chart), 1), Picture(png(chart, 2), 1)
    assert (two.width, two.height) == (2 * one.width, 2 * one.height)


@pytest.mark.parametrize(
    "wording",
    [
        "Cael hwyl gyda ffrindiau Ŵŷ",
        "أريد أن أنام بشكل أفضل",
        "میں وقت پر سکول جانا چاہتا ہوں",
        "ללכת לבית הספר",
        "আমি স্কুলে যেতে চাই",
        "मैं स्कूल जाना चाहता हूँ",
        "હું શાળાએ જવા માંગુ છું",
        "ਮੈਂ ਸਕੂਲ ਜਾਣਾ ਹੈ",
        "நான் பள்ளிக்கு செல்ல",
        "Хочу ходити до школи",
        "😊 👍🏽 🐶",
    ],
)
def test_every_script_is_drawn_and_not_as_boxes(wording):
    picture = Picture(png(Chart((panel(rated(2, 6), wording=wording),), 480)), 62)
    boxes = Picture(png(Chart((panel(rated(2, 6), wording="\U000e0fff" * len(wording)),), 480)), 62)
    line = (20, 38, 460, 62)
    assert picture.inked(*line) > 60
    # What no font has is a box or nothing; a script that came out so would look the same.
    assert picture.inked(*line) != boxes.inked(*line)
    # Nothing is drawn beyond the margins.
    assert picture.inked(0, 38, 18, 62) == picture.inked(464, 38, 480, 62) == 0


def test_a_wording_from_right_to_left_ends_at_the_right():
    picture = Picture(png(Chart((panel(rated(2, 6), wording="أريد أن أنام 8 ساعات"),), 480)), 62)
    assert picture.inked(400, 38, 461, 62) > 30
    assert picture.inked(20, 38, 200, 62) == 0


def test_the_same_picture_twice():
    chart = Chart((panel(rated(2, 6), wording="Get to school 😊 أنام"),), 720)
    assert png(chart) == png(chart)


def test_as_a_program():
    order = raster.order(drawing.draw(Chart((panel(rated(2, 6)),), 320)), 1)
    done = subprocess.run(
        [sys.executable, "-m", "service.pages.charts.pixels"],
        input=order.written(),
        capture_output=True,
        check=True,
    )
    assert Picture(done.stdout, 1).width == 320
