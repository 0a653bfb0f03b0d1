"""A whole chart: what every reader of SVG needs, and that nothing in a wording can break out of it."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.outcomes.series import RATERS
from service.pages.charts import alternative, drawing, lettering
from service.pages.charts.drawing import TooLow
from service.pages.charts.languages import LOCALES
from service.pages.charts.lettering import Style
from service.pages.charts.palettes import PALETTES
from service.pages.charts.pictures import Chart, Line, Mark, Panel
from tests.pages.charts.drawings import SVG, day, named, panel, parsed, rated, texts

KNOWN = {"svg", "title", "desc", "g", "rect", "line", "path", "circle", "polygon", "text"}
ONE = panel(rated(2, 3, 6), wording="Get to school")


def test_a_reader_of_screens_is_told_all():
    root = parsed(Chart((ONE,), 720))
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    title, described = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert root.get("aria-labelledby") == title.get("id")
    assert root.get("aria-describedby") == described.get("id")
    assert title.text == "Progress of goals: Goal 1"
    assert "first 2 on 5 Mar 2026; latest 6 on 19 Mar 2026; change +4" in described.text
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en-GB"


def test_two_charts_in_one_page_have_names_of_their_own():
    names = {parsed(Chart((one,), 720)).find(f"{SVG}title").get("id") for one in (ONE, panel(rated(2, 3, 5)))}
    assert len(names) == 2


def test_it_refers_to_nothing_outside():
    text = drawing.svg(drawing.draw(Chart((ONE, ONE), 720))).decode()
    assert re.findall(r"https?://[^\"' ]+", text) == [drawing.NAMESPACE]
    assert not re.search(r"href|url\(|@import|<style|<script|<image|<!|on\w+=", text)


@pytest.mark.parametrize(
    "wording",
    [
        "</text><script>alert(1)</script>",
        "]]> --> <![CDATA[ & &amp; &#0; <!DOCTYPE svg>",
        "\" onload='alert(1)' x=\"",
        "{} %s {0}",
    ],
)
def test_markup_in_a_wording_is_only_a_wording(wording):
    root = parsed(Chart((panel(rated(2, 3), wording=wording),), 720))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= KNOWN
    assert " ".join(texts(root)[1:]).startswith(wording)
    assert wording in root.find(f"{SVG}desc").text


def test_the_wording_can_be_left_out():
    shown = drawing.svg(drawing.draw(Chart((panel(rated(2, 3)),), 720))).decode()
    assert "school" not in shown
    assert "In these words" not in shown


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_in_the_smallest_and_widest_chart(locale):
    panels = tuple(
        panel(*(rated(2, 3, 6, rater=rater) for rater in RATERS), kind=kind, missed=(day("2026-03-15"),))
        for kind in ("score", "level")
    )
    for width in (drawing.NARROWEST, drawing.WIDEST):
        root = parsed(Chart(panels, width, locale=locale))
        for each in named(root, "text"):
            style = Style(float(each.get("font-size")), bold=each.get("font-weight") == "700")
            wide = lettering.width(each.text, style)
            left = float(each.get("x")) - {"middle": wide / 2, "end": wide}.get(each.get("text-anchor"), 0)
            assert left >= 0, each.text
            assert left + wide <= width, each.text


def test_without_a_height_it_is_as_high_as_it_needs_to_be():
    one, three = (int(parsed(Chart((ONE,) * number, 720)).get("height")) for number in (1, 3))
    assert 300 < one < 500
    assert 800 < three < 1_100


def test_with_a_height_the_plots_share_it():
    root = parsed(Chart((ONE, ONE), 720, 700))
    assert root.get("viewBox") == "0 0 720 700"
    tops = [float(each.get("y1")) for each in named(root, "line", "scale")]
    assert tops[2] - tops[0] == pytest.approx(tops[5] - tops[3], abs=0.11)
    notes = float(named(root, "text")[-1].get("y"))
    assert 660 < notes < 700


def test_too_low_says_how_high():
    with pytest.raises(TooLow) as caught:
        drawing.draw(Chart((ONE, ONE), 720, 300))
    least = caught.value.least
    assert int(parsed(Chart((ONE, ONE), 720, least)).get("height")) == least
    with pytest.raises(TooLow):
        drawing.draw(Chart((ONE, ONE), 720, least - 1))


def test_all_goals_share_one_line_of_time():
    early, late = panel(rated(2, 3)), panel(rated(5, 6, start="2026-06-04"))
    root = parsed(Chart((early, late), 720))
    across = [[float(mark.get("cx")) for mark in each] for each in named(root, "g", "marks")]
    assert max(across[0]) < min(across[1])


def test_no_goals():
    root = parsed(Chart((), 720))
    assert texts(root) == ["No goals to show"]
    assert int(root.get("height")) >= 100


@pytest.mark.parametrize("name", PALETTES)
def test_a_palette_gives_the_colours(name):
    shown = drawing.svg(drawing.draw(Chart((panel(rated(2, 4)),), 720, palette=name))).decode()
    assert PALETTES[name].colours["young-person"] in shown
    assert PALETTES[name].band in shown


VALUES = {"score": st.decimals(0, 10, places=1), "level": st.integers(-2, 2).map(Decimal)}


@st.composite
def panels(draw):
    kind = draw(st.sampled_from(["score", "level"]))
    days = st.integers(day("2024-01-01"), day("2026-12-31"))
    lines = []
    for number in range(draw(st.integers(0, 5))):
        chosen = sorted(draw(st.lists(days, max_size=8)))
        marks = tuple(Mark(each, draw(VALUES[kind])) for each in chosen)
        lines.append(
            Line(
                draw(st.sampled_from(RATERS)), marks, tuple(sorted(draw(st.lists(days, max_size=3)))), number
            )
        )
    return Panel(
        kind,
        tuple(lines),
        wording=draw(st.text(max_size=200)),
        slot=draw(st.sampled_from([None, 1, 2, 3])),
        state=draw(st.sampled_from(["open", "on-hold", "completed", "ended"])),
        missed=tuple(sorted(draw(st.lists(days, max_size=5)))),
        band=draw(st.sampled_from([None, Decimal(3)])),
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(panels(), max_size=4),
    st.integers(drawing.NARROWEST, drawing.WIDEST),
    st.sampled_from(sorted(LOCALES)),
)
def test_whatever_was_rated_and_written_it_is_a_picture(found, width, locale):
    chart = Chart(tuple(found), width, locale=locale)
    root = parsed(chart)
    height = int(root.get("height"))
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= KNOWN
    assert root.find(f"{SVG}desc").text == alternative.description(chart, LOCALES[locale])
    # Every rating is a mark, and nothing lies outside the picture.
    assert sum(len(list(each)) for each in named(root, "g", "marks")) == sum(
        len(line.marks) for one in found for line in one.lines
    )
    for each in root.iter():
        for name, bound in (
            ("x", width),
            ("cx", width),
            ("x1", width),
            ("x2", width),
            ("y", height),
            ("cy", height),
            ("y1", height),
            ("y2", height),
        ):
            if each.get(name) is not None:
                assert 0 <= float(each.get(name)) <= bound
