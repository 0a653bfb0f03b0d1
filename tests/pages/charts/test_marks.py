"""Lines are whole between ratings and open over missed sessions; persons differ in mark and pattern."""

from __future__ import annotations

import pytest

from service.pages.charts import marks, scales
from service.pages.charts.palettes import PALETTES
from service.pages.charts.scales import Timeline
from tests.pages.charts.drawings import day, rated

START = day("2026-03-05")
TIME = Timeline(0, 280, START, START + 28)
UP = scales.upright("score", 0, 100)


def drawn(line, palette="okabe-ito", aside=0.0, radius=5.0):
    return marks.drawn(line, PALETTES[palette], TIME, UP, aside=aside, radius=radius)


def strokes(line, *missed):
    return [
        (dict(each.attributes)["class"], dict(each.attributes)["d"])
        for each in marks.strokes(drawn(line), [START + number for number in missed])
    ]


def test_a_line_goes_through_its_marks():
    assert strokes(rated(0, 5, 10)) == [("line", "M0 100L70 50L140 0")]


def test_over_a_missed_session_it_is_dotted():
    assert strokes(rated(0, 5, 10, 10), 10) == [
        ("gap", "M70 50L140 0"),
        ("line", "M0 100L70 50"),
        ("line", "M140 0L210 0"),
    ]


@pytest.mark.parametrize("missed", [0, 7, 14, -3, 20])
def test_a_day_on_which_it_was_rated_or_before_or_after_all_is_no_gap(missed):
    assert [kind for kind, _ in strokes(rated(0, 5, 10), missed)] == ["line"]


def test_a_rating_by_itself_has_no_line():
    assert strokes(rated(4)) == []
    assert [kind for kind, _ in strokes(rated(4, 5), 3)] == ["gap"]


def test_two_ratings_on_a_day_stand_over_each_other():
    assert strokes(rated(2, 5, every=0)) == [("line", "M0 80L0 50")]


@pytest.mark.parametrize(
    ("rater", "name"),
    [("young-person", "circle"), ("parent-or-carer", "rect"), ("clinician", "polygon"), ("other", "polygon")],
)
def test_each_rater_has_a_mark(rater, name):
    one = drawn(rated(3, rater=rater))
    symbol = marks.symbol(one, 50, 50, 5)
    assert symbol.name == name
    assert dict(symbol.attributes)["fill"] == PALETTES["okabe-ito"].colours[rater]


def test_triangle_and_diamond_differ():
    corners = {
        rater: dict(marks.symbol(drawn(rated(3, rater=rater)), 50, 50, 4).attributes)["points"]
        for rater in ("clinician", "other")
    }
    assert corners == {"clinician": "50,45 55,53.4 45,53.4", "other": "50,45 55,50 50,55 45,50"}


def test_further_persons_have_hollow_marks_and_patterns():
    first, second, third = (
        drawn(rated(3, 4, rater="parent-or-carer", number=number)) for number in (1, 2, 3)
    )
    assert [one.hollow for one in (first, second, third)] == [False, True, False]
    assert len({one.pattern for one in (first, second, third)}) == 3
    assert first.pattern == drawn(rated(3)).pattern == ""
    symbol = dict(marks.symbol(second, 0, 0, 5).attributes)
    assert (symbol["fill"], symbol["stroke"]) == ("#ffffff", PALETTES["okabe-ito"].colours["parent-or-carer"])


def test_in_grey_raters_have_patterns():
    raters = ("young-person", "parent-or-carer", "clinician", "other")
    assert len({drawn(rated(3, rater=rater), "greyscale").pattern for rater in raters}) == 4


def test_marks_shrink_where_there_are_many():
    assert marks.radius([rated(1, 2, 3)], TIME) == 5
    dense = marks.radius([rated(*[1] * 28, every=1)], TIME)
    assert 2.5 < dense < 4
    assert marks.radius([rated(*[1] * 60, every=1)], Timeline(0, 100, START, START + 59)) == 2.5
    assert marks.radius([rated(4)], TIME) == 5
    assert marks.radius([rated(4, 4, every=0)], TIME) == 5


def test_beyond_the_scale_a_mark_stays_on_the_paper():
    assert drawn(rated(12)).spots[0].y == 0


def test_a_cross():
    assert dict(marks.cross(10, 20, 3, "#000000").attributes)["d"] == "M7 17L13 23M7 23L13 17"
