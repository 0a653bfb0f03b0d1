"""A chart made ready for PNG: every line in pieces of one typeface, each in its place."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from service.pages.charts import drawing, lettering, raster
from service.pages.charts.lettering import Style
from service.pages.charts.pictures import Chart
from tests.pages.charts.drawings import named, panel, rated


def ready(wording, **more):
    return raster.order(drawing.draw(Chart((panel(rated(2, 6), wording=wording, **more),), 720)), 2)


def pieces(wording, size):
    root = ET.fromstring(ready(wording).svg)
    return [each for each in named(root, "text") if each.get("font-size") == size]


def test_a_line_in_the_first_typeface_stays_as_it_is():
    [one] = pieces("Get to school", "17")
    assert (one.text, one.get("x"), one.get("font-family")) == ("Get to school", "20", None)


def test_a_line_in_another_typeface_stays_where_it_was_anchored():
    wording = "أنام في الليل."
    [one] = pieces(wording, "17.5")
    assert (one.get("x"), one.get("text-anchor")) == ("700", "end")
    assert one.get("font-family") == "Noto Sans Arabic"
    assert one.text == f"{lettering.FROM_RIGHT}{wording}{lettering.END}"


def test_a_smiley_is_a_piece_of_its_own_and_the_rest_follows_it():
    found = pieces("Be more 😊 at school", "17")
    assert [(each.get("font-family"), each.text) for each in found] == [
        ("Noto Sans", "Be more"),
        ("Noto Emoji", "😊"),
        ("Noto Sans", "at school"),
    ]
    style = Style(17, bold=True)
    assert [float(each.get("x")) for each in found] == [
        20,
        pytest.approx(20 + lettering.width("Be more ", style), abs=0.06),
        # The space before it is left free, though it is not drawn.
        pytest.approx(20 + lettering.width("Be more 😊 ", style), abs=0.06),
    ]


def test_a_line_in_the_middle_stays_there():
    root = raster._in_pieces(lettering.written("a 😊 b", 100, 20, Style(10), anchor="middle"))
    wide = lettering.width("a 😊 b", Style(10))
    first = float(dict(root.children[0].attributes)["x"])
    assert first == pytest.approx(100 - wide / 2, abs=0.06)


def test_from_right_to_left_the_first_piece_ends_at_the_right():
    style = Style(17.5)
    found = sorted(pieces("أنام (8) ساعات", "17.5"), key=lambda each: -float(each.get("x")))
    shown = [each.text.strip("\u2067\u2069") for each in found]
    assert "".join(shown).replace(" ", "") == "أنام(8)ساعات"
    assert float(found[0].get("x")) + lettering.width(shown[0], style) == pytest.approx(700, abs=0.06)
    assert float(found[-1].get("x")) == pytest.approx(
        700 - lettering.width("أنام (8) ساعات", style), abs=0.06
    )
    assert all(each.get("text-anchor") is None for each in found)


def test_only_fonts_that_are_needed_are_read():
    names = [font.rpartition("/")[2] for font in ready("Get to school").fonts]
    assert names == ["NotoSans-Regular.ttf", "NotoSans-Bold.ttf", "DejaVuSans.ttf"]
    assert any(font.endswith("NotoSansArabic-Regular.ttf") for font in ready("أنام").fonts)


def test_the_machine_is_asked_only_for_what_our_fonts_have_not():
    assert not ready("Get to school 😊 أنام").machine
    assert ready("我想").machine


def test_an_order_is_written_and_read():
    order = ready("Get to school")
    assert json.loads(order.written()) == {
        "svg": order.svg,
        "scale": 2,
        "family": "Noto Sans",
        "fonts": list(order.fonts),
        "machine": False,
    }
